"""The declaration of the PyTorch backend; its compiler is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.backend import (
    DEFAULTS,
    Backend,
    Can,
    Divergence,
    ExportMemory,
    Options,
    Support,
    options_as,
    require_supported,
)
from nnspec_torch.options import TorchOptions

if TYPE_CHECKING:
    from nnspec.backend import Program
    from nnspec.backend.foreign import Foreign, Reference
    from nnspec.language.losses import Loss
    from nnspec.language.optimizers import Optimizer
    from nnspec.language.schedules import Schedule
    from nnspec.layers import Layer
    from nnspec.layers.initializers import InitializerBase
    from nnspec.network.loader import Spec
    from nnspec.network.networks import Networks
    from nnspec_torch.module import TorchCompiled
    from nnspec_torch.several import TorchNetworks


class TorchBackend(Backend):
    """The entry point `torch` of the group `nnspec.backends`."""

    name = "torch"
    options = TorchOptions
    can = Can.GRADIENTS | Can.TRAINING | Can.EXPORT | Can.NOISE
    packages: Mapping[str, tuple[str, ...]] = {"torch": ("torch",)}
    reads = (".bin", ".pt", ".pt2", ".pth", ".py", ".torchscript", ".ts")
    imports = ("nnspec_torch.runtime",)
    export_memory = ExportMemory(base=2**28, of_weights=6.0)

    @cached_property
    def layers(self) -> Support[Layer]:
        """The tables of `lowerings.py`."""
        from nnspec_torch.lowerings import LOWERINGS, UNSUPPORTED

        return Support(LOWERINGS, UNSUPPORTED)

    @cached_property
    def losses(self) -> Support[Loss]:
        """The tables of `training.py`."""
        from nnspec_torch.losses import LOSSES

        return Support(LOSSES)

    @cached_property
    def optimizers(self) -> Support[Optimizer]:
        """The tables of `training.py`."""
        from nnspec_torch.optimizers import OPTIMIZERS

        return Support(OPTIMIZERS)

    @cached_property
    def schedules(self) -> Support[Schedule]:
        """The tables of `schedules.py`."""
        from nnspec_torch.schedules import SCHEDULES

        return Support(SCHEDULES)

    @cached_property
    def initializers(self) -> Support[InitializerBase]:
        """The tables of `initial.py`."""
        from nnspec_torch.initial import INITIALIZERS

        return Support(INITIALIZERS)

    @cached_property
    def divergences(self) -> Mapping[type[Layer], Divergence]:
        """Running variances, which PyTorch updates by another formula."""
        from nnspec_torch.normalization import DIVERGENCES

        return DIVERGENCES

    def compile(self, spec: Spec, options: Options = DEFAULTS) -> TorchCompiled:
        """Return PyTorch source; raises UnsupportedError, UsageError."""
        from nnspec_torch.module import compile_network

        own = options_as(TorchOptions, options)
        require_supported(self, spec, own)
        return compile_network(spec, own)

    def compile_networks(self, networks: Networks, options: Options = DEFAULTS) -> TorchNetworks:
        """Return PyTorch source of them all; raises UnsupportedError, UsageError."""
        from nnspec.backend.several import require_networks
        from nnspec_torch.several import compile_networks

        own = options_as(Options, options)
        require_networks(self, networks, own)
        return compile_networks(networks, own)

    def open_file(self, reference: Reference) -> Foreign:
        """Open a Python file that makes a torch.nn.Module, a program, or a file of weights."""
        path = Path(reference.path)
        if path.suffix.lower() in (".bin", ".pt", ".pth", ".torchscript", ".ts"):
            from nnspec_torch.archive import is_script

            if is_script(path) or path.suffix.lower() in (".torchscript", ".ts"):
                from nnspec_torch.scripted import open_scripted

                return open_scripted(reference)
            from nnspec_torch.checkpoint import open_checkpoint

            return open_checkpoint(reference)  # type: ignore[return-value]
        if path.suffix.lower() == ".pt2":
            from nnspec_torch.exported import open_exported

            return open_exported(reference)
        from nnspec_torch.foreign import open_file

        return open_file(reference)

    def open_program(self, program: Program) -> Foreign:
        """Return a network that this backend has built as a file's."""
        from nnspec_torch.foreign import open_program

        return open_program(program)


backend = TorchBackend()
