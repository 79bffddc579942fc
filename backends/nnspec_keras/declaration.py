"""The declaration of the Keras backend; its compiler is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from nnspec.backend import (
    DEFAULTS,
    Backend,
    Can,
    ExportMemory,
    Options,
    Rounding,
    Support,
    options_as,
    require_supported,
)
from nnspec_keras.options import KerasOptions

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
    from nnspec_keras.module import KerasCompiled
    from nnspec_keras.several import KerasNetworks


class KerasBackend(Backend):
    """The entry point `keras` of the group `nnspec.backends`."""

    name = "keras"
    can = Can.GRADIENTS | Can.TRAINING | Can.EXPORT | Can.NOISE
    options = KerasOptions
    packages: Mapping[str, tuple[str, ...]] = {
        "keras": ("keras",),
        "tensorflow": ("tensorflow", "tensorflow-cpu"),
    }
    reads = (".keras", ".py")
    imports = ("nnspec_keras.runtime",)
    spared = ("sklearn", "scipy", "matplotlib", "pandas")
    """Packages that Keras imports where it finds them, and that nothing emitted uses."""
    # tf2onnx keeps its constants as lists of numbers on the way.
    export_memory = ExportMemory(base=2**28, of_weights=45.0)

    @cached_property
    def layers(self) -> Support[Layer]:
        """The tables of `lowerings.py`."""
        from nnspec_keras.lowerings import LOWERINGS, UNSUPPORTED

        return Support(LOWERINGS, UNSUPPORTED)

    @cached_property
    def losses(self) -> Support[Loss]:
        """The tables of `training.py`."""
        from nnspec_keras.losses import LOSSES

        return Support(LOSSES)

    @cached_property
    def optimizers(self) -> Support[Optimizer]:
        """The tables of `optimizers.py`."""
        from nnspec_keras.optimizers import OPTIMIZERS

        return Support(OPTIMIZERS)

    @cached_property
    def schedules(self) -> Support[Schedule]:
        """The tables of `schedules.py`."""
        from nnspec_keras.schedules import SCHEDULES

        return Support(SCHEDULES)

    @cached_property
    def initializers(self) -> Support[InitializerBase]:
        """The tables of `initial.py`."""
        from nnspec_keras.initial import INITIALIZERS

        return Support(INITIALIZERS)

    @cached_property
    def rounded(self) -> Mapping[type[Layer], Rounding]:
        """Constants that Keras holds in float32."""
        from nnspec_keras.activations import ROUNDED

        return ROUNDED

    @cached_property
    def untrue_twice(self) -> Mapping[type[Layer], str]:
        """The normalisations by TensorFlow's moments."""
        from nnspec_keras.normalization import UNTRUE_TWICE

        return UNTRUE_TWICE

    def compile(self, spec: Spec, options: Options = DEFAULTS) -> KerasCompiled:
        """Return Keras source; raises UnsupportedError, UsageError."""
        from nnspec_keras.module import compile_network

        own = options_as(KerasOptions, options)
        require_supported(self, spec, own)
        return compile_network(spec, own)

    def compile_networks(self, networks: Networks, options: Options = DEFAULTS) -> KerasNetworks:
        """Return Keras source of them all; raises UnsupportedError, UsageError."""
        from nnspec.backend.several import require_networks
        from nnspec_keras.several import compile_networks

        own = options_as(KerasOptions, options)
        require_networks(self, networks, own)
        return compile_networks(networks, own)

    def open_file(self, reference: Reference) -> Foreign:
        """Open a .keras file, or a Python file that makes a keras.Model: see `foreign.py`."""
        from nnspec_keras.foreign import open_file

        return open_file(reference)

    def open_program(self, program: Program) -> Foreign:
        """Return a network that this backend has built as a file's."""
        from nnspec_keras.foreign import open_program

        return open_program(program)


backend = KerasBackend()
