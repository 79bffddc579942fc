"""Trains a spec on any backend: the same rows in the same order, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.backend import (
    Precision,
    Trainable,
    default_trainer,
    get_backend,
    make_options,
)
from nnspec.data.dataset import Dataset
from nnspec.errors import UsageError
from nnspec.network.loader import AnySpec, Spec, check
from nnspec.training.batches import require_batches
from nnspec.training.beforehand import require_trainable, rows_for
from nnspec.training.epoch import OnStep
from nnspec.training.hardware import Arithmetic, Device, Hardware, Strategy
from nnspec.training.lengths import with_steps
from nnspec.training.loggers import Log, Logs
from nnspec.training.loop import Loop, OnEpoch
from nnspec.training.notes import changes_since, notes_on
from nnspec.training.run import Run
from nnspec.training.runs import (
    Begun,
    Checkpoint,
    RunFolder,
    begun,
    identity_of,
)
from nnspec.training.watching import notes_of_undefined
from nnspec.weights.canonical import Array, initial_weights, load_weights

if TYPE_CHECKING:
    from nnspec.training.crew import Crew


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
    log: Log | Logs = (),
    device: Device | None = None,
    devices: int = 1,
    precision: Arithmetic | None = None,
    strategy: Strategy = "ddp",
    save_every: int | None = None,
    on_step: OnStep | None = None,
    on_epoch: OnEpoch | None = None,
) -> Run:
    """Train a network by its spec, and keep what comes of it in `folder`.

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

    Raises SpecError, UsageError, DataError, UnsupportedError or MissingDependencyError before the
    first step; TrainingError where the loss is no longer finite; TrainingInterrupted at Ctrl-C.
    """
    spec = check(spec)
    training = spec.model.training
    if training is None:
        raise UsageError(f'the spec "{spec.name}" has no `training` section')
    total = training.epochs if epochs is None else epochs
    if total < 1:
        raise UsageError(f"at least one epoch is expected, not {total}")
    logs = log if isinstance(log, Logs) else Logs(log)
    paths = RunFolder(folder)
    known = begun(paths.checkpoint) if resume else Begun()
    backend = backend or known.backend or default_trainer()
    dtype = dtype or known.dtype or "float32"
    every = _every(spec, save_every, known, resume=resume, diagnose=diagnose)
    found = get_backend(backend)
    hardware = Hardware.asked(device, devices, precision, strategy)
    alone = {"compiled": compiled, "diagnose": diagnose, "data": data, "dtype": dtype}
    hardware.require(found, alone)
    require_trainable(spec, found)
    data = rows_for(spec, data)
    given, spec = spec, with_steps(spec, len(data.train))
    training = spec.model.training
    assert training is not None
    require_batches(spec.graph, len(data.train), training.batch_size)

    if weights is not None and resume:
        raise UsageError("a resumed run starts from its own weights; leave out `weights`")
    if isinstance(weights, str | Path):
        weights = load_weights(weights)
    notes = [
        *data.notes,
        *changes_since(weights, data),
        *notes_of_undefined(spec.graph, training, data),
        *notes_on(training, data, total),
    ]

    identity = identity_of(spec, dtype, data)
    with paths.entered(resume=resume, overwrite=overwrite) as begin:
        state = None
        if resume:
            state = Checkpoint.load(paths.checkpoint)
            state = replace(state, optimizer=hardware.remembered(state.optimizer))
            state.require(identity, paths.path)
            paths.require_within(len(state.history), total)
            weights = state.weights
        chosen = {**({"compile": True} if compiled else {}), **hardware.options}
        options = make_options(found, chosen, training=True)
        program = found.compile(spec, options).build(
            initial_weights(spec.graph, training.seed) if weights is None else weights,
            dtype=dtype,
        )
        if not isinstance(program, Trainable):
            raise UsageError(f'the backend "{backend}" runs networks, and trains none')
        others: AbstractContextManager[Crew | None] = nullcontext()
        if hardware.is_shared:
            from nnspec.training.crew import crew_of  # which few runs need

            others = crew_of(given, backend, dtype, program, hardware, data)
        with others as crew:
            begin()
            loop = Loop(spec, training, backend, program, data, paths, identity, crew)
            loop.notes += notes
            loop.every = every
            loop.hardware = hardware.record(program)
            if diagnose:
                from nnspec.training.diagnosis import recorder_of  # which few runs need

                loop.recorder = recorder_of(spec, found, program, data, program.weights())
            if state is None:
                paths.clear()
            else:
                loop.go_on_from(state)
            if crew is not None:
                has_steps = state is not None and (state.history or len(state.taken))
                crew.begin(identity, state.optimizer if state and has_steps else {})
            loop.begin(logs)
            return loop.run(total, on_step, on_epoch)


def _every(
    spec: Spec, every: int | None, known: Begun, *, resume: bool, diagnose: bool
) -> int | None:
    """Return the steps between two saves within an epoch; raises UsageError."""
    if every is not None and every < 1:
        raise UsageError(f"save_every: at least one step is expected, not {every}")
    if resume and every is None:
        every = known.every
    if every is not None and diagnose:
        raise UsageError("a diagnosis is of whole epochs: leave out save_every, or the diagnosis")
    if resume and every != known.every and spec.graph.is_random:
        before = "after whole epochs" if known.every is None else f"every {known.every} steps"
        raise UsageError(
            f"the run was saved {before}, and its random layers would draw others if it were saved "
            f"every {every} steps now: leave out save_every"
        )
    return every
