"""Trains what a spec says, one network or two: the function of the public interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, overload

from nnspec.backend import Precision
from nnspec.data.dataset import Dataset
from nnspec.errors import UsageError
from nnspec.network.loader import AnySpec, Spec, check_any
from nnspec.network.networks import Networks
from nnspec.training import adversarial, epochs
from nnspec.training.epoch import OnStep
from nnspec.training.hardware import Arithmetic, Device, Strategy
from nnspec.training.loggers import Log
from nnspec.training.loop import OnEpoch
from nnspec.training.run import Run
from nnspec.training.versus_runs import VersusEpoch, VersusRun
from nnspec.weights.canonical import Array


@overload
def train(
    spec: Networks,
    backend: str | None = None,
    folder: str | Path = "run",
    *,
    resume: bool = False,
    overwrite: bool = False,
    epochs: int | None = None,
    dtype: Precision | None = None,
    log: Log = (),
    on_step: OnStep | None = None,
    on_epoch: Callable[[VersusEpoch], None] | None = None,
) -> VersusRun: ...
@overload
def train(
    spec: AnySpec,
    backend: str | None = None,
    folder: str | Path = "run",
    *,
    resume: bool = False,
    overwrite: bool = False,
    epochs: int | None = None,
    weights: Mapping[str, Array] | str | Path | None = None,
    dtype: Precision | None = None,
    compiled: bool = False,
    data: Dataset | None = None,
    diagnose: bool = False,
    log: Log = (),
    device: Device | None = None,
    devices: int = 1,
    precision: Arithmetic | None = None,
    strategy: Strategy = "ddp",
    save_every: int | None = None,
    on_step: OnStep | None = None,
    on_epoch: OnEpoch | None = None,
) -> Run: ...
def train(
    spec: AnySpec | Networks,
    backend: str | None = None,
    folder: str | Path = "run",
    **settings: Any,
) -> Run | VersusRun:
    """Train a network by its spec, or a generator against a discriminator, into `folder`.

    backend: what trains, by name; by default the first installed one that can, of a resumed run the
    one that it was trained by last. Another one goes on from the same state.
    dtype: of the arithmetic, "float32" by default. compiled: whether steps run through the
    framework's own compiler: torch.compile, or Keras's jit_compile.
    `epochs` counts from the start, also where a run is resumed; by default the spec's. `weights`,
    or their file, are where a new run starts; by default the spec's own seeded ones. `data` by
    default is what the spec names. diagnose: record every layer before each epoch, which changes
    nothing of the run, and say which vanish, explode or die. log: "tensorboard", "mlflow" or a
    `Logger`, or several, that follow the run. device: "cpu", "cuda", "mps" or "auto", the best that
    is there. devices: processes that share each batch, each with a device of its own; their weights
    are those of one. strategy: "ddp", or "fsdp", by which each holds a share of weights, gradients
    and optimizer. precision: "bf16-mixed" and "16-mixed" let the framework compute in 16 bits what
    allows it. After every epoch the folder holds a state from which `resume` goes on to the
    very weights of a run that was never interrupted; save_every: after so many steps of an epoch
    too, from where random layers draw anew.
    What is diagnosed, compiled, on other hardware, saved within epochs, or starts from given
    weights or data, is one network.

    Raises SpecError, UsageError, DataError, UnsupportedError or MissingDependencyError before the
    first step; TrainingError where the loss is no longer finite; TrainingInterrupted at Ctrl-C.
    """
    checked = check_any(spec)
    if isinstance(checked, Spec):
        return epochs.train(checked, backend, folder, **settings)
    alone = {"compiled": False, "diagnose": False, "devices": 1, "strategy": "ddp"}
    for name in ("weights", "data", "device", "precision", "save_every", *alone):
        usual = alone.get(name)
        # Without ==, by which True is 1, and an array is many.
        if settings.pop(name, usual) is not usual:
            raise UsageError(f"`{name}` is of a network that is trained by itself: leave it out")
    return adversarial.train_networks(checked, backend, folder, **settings)
