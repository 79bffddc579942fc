"""The functions of the public interface, but for those that need more packages.

They are `export`, `predict` and `train`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nnspec.backend import Compiled, OptionValue, default_backends, get_backend, make_options
from nnspec.network.loader import AnySpec, check
from nnspec.remote.processes import started
from nnspec.verification.settings import Settings
from nnspec.weights.canonical import load_weights

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.show.plot import Picture
    from nnspec.show.summary import Summary
    from nnspec.verification.report import Report

__all__ = ["compile", "plot", "summary", "verify"]


def summary(spec: AnySpec) -> Summary:
    """Return a network's layers with their output shapes, parameters and costs, and the sums.

    Shapes leave the batch axis out. Multiply-adds are of one row, a dynamic axis counted as 1;
    bytes are those of float32. `print` shows a table, `Summary.layers` has its rows.
    Raises SpecError, UsageError (a file that is not there).
    """
    from nnspec.show.summary import summarize

    return summarize(check(spec))


def plot(spec: AnySpec, path: str | Path | None = None) -> Picture:
    """Draw a network as an SVG picture: layers with shapes and parameters, blocks as groups.

    path: an .svg file to write it to. A notebook shows what is returned; `Picture.svg` is its
    text. Raises SpecError, UsageError (a file that is not there, or cannot be written).
    """
    from nnspec.show.plot import Picture, svg

    checked = check(spec)
    picture = Picture(checked.name, svg(checked.graph))
    if path is not None:
        picture.write(path)
    return picture


def compile(
    spec: AnySpec,
    to: str,
    *,
    training: bool = False,
    layout: Literal["spec", "native"] = "spec",
    **options: OptionValue,
) -> Compiled:
    """Return a spec in the language of a backend ("torch", "keras", "onnx"): text, and `build`.

    training: add loss, optimizer, data and a main program. layout: "native" takes and gives
    image-like tensors as the framework's kernels like them. options: those that the backend
    declares, such as `stock` of Keras, `opset` and `fold` of ONNX.
    Raises SpecError, UnsupportedError (a layer the backend cannot express), UsageError.
    """
    backend = get_backend(to)
    made = make_options(backend, options, training=training, layout=layout)
    checked = check(spec)
    if training:
        from nnspec.training.lengths import with_rows_read  # which few specs need

        checked = with_rows_read(checked)
    return backend.compile(checked, made)


def verify(
    spec: AnySpec,
    *,
    weights: Mapping[str, Array] | str | Path | None = None,
    backends: Sequence[str] | None = None,
    steps: int = Settings.steps,
    batch: int = Settings.batch,
    seed: int = Settings.seed,
    exporters: bool = Settings.exporters,
    sizes: Mapping[str, int | Sequence[int]] | None = None,
    memory: int | str | None = None,
    data: str | Path | None = None,
    processes: bool = False,
    progress: Callable[[str], None] | None = None,
    **options: OptionValue,
) -> Report:
    """Compare what the backends compute from a spec: outputs, gradients, training, exports.

    backends: by name, such as "torch" and "onnx"; by default all that are installed.
    weights: canonical weights, or their file; by default seeded ones, none of them trivial.
    steps: optimizer steps of the training check. batch: rows of every batch, at least 2.
    exporters: with ONNX, also what the frameworks' own exporters write.
    sizes: of dynamic axes, by name, instead of found ones: the first is what all is compared at.
    memory: bytes, or "12GB", that an exporter may take, as estimated; by default what is free.
    data: a file of rows, read by the spec's `data` (or arrays of an .npz file named after the
    inputs), for inputs and targets instead of drawn ones.
    processes: run each backend in a process of its own: faster with two cores or more, and one that
    dies is a failed check. What was patched in this process is not in those.
    options: those that the backends declare, such as `stock` (with the framework's own optimizers)
    of Keras, `opset` and `fold` (the model with batch normalisation folded too) of ONNX.
    A difference is no exception: see `Report.passed` and `Report.checks`. Raises SpecError,
    UsageError, WeightsError or DataError before anything is compared.
    """
    from nnspec.verification.memory import bytes_of  # with NumPy, which `compile` does without
    from nnspec.verification.verifier import verify_spec

    settings = Settings(
        backends=tuple(backends if backends is not None else default_backends()),
        weights=load_weights(weights) if isinstance(weights, str | Path) else weights,
        steps=steps,
        batch=batch,
        seed=seed,
        exporters=exporters,
        options=options,
        sizes={
            name: (size,) if isinstance(size, int) else tuple(size)
            for name, size in (sizes or {}).items()
        },
        memory=bytes_of(memory) if isinstance(memory, str) else memory,
        data=data,
        progress=progress,
    )
    checked = check(spec)
    with started(checked, settings.backends, batch) if processes else nullcontext() as workers:
        return verify_spec(checked, settings, workers)
