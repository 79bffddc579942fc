"""The functions of the public interface, but for those that need more packages.

They are `export`, `predict` and `train`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from nnspec.backend import Compiled, OptionValue, default_backends, get_backend, make_options
from nnspec.network.loader import AnySpec, Spec, check_any, loads_any, one_of, read_text
from nnspec.remote.processes import started
from nnspec.verification.settings import Settings
from nnspec.weights.canonical import load_weights

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.backend.versus import CompiledNetworks
    from nnspec.certificate.certifying import Certificate
    from nnspec.network.networks import Networks
    from nnspec.show.plot import Picture
    from nnspec.show.summary import Summary
    from nnspec.verification.report import Report
    from nnspec.verification.several import Reports

__all__ = ["certify", "compile", "plot", "summary", "verify"]


def summary(spec: AnySpec | Networks, *, model: str | None = None) -> Summary:
    """Return a network's layers with their output shapes, parameters and costs, and the sums.

    Shapes leave the batch axis out. Multiply-adds are of one row, a dynamic axis counted as 1;
    bytes are those of float32. `print` shows a table, `Summary.layers` has its rows. model: of
    several networks, the one that is meant.
    Raises SpecError, UsageError (a file that is not there).
    """
    from nnspec.show.summary import summarize

    return summarize(one_of(check_any(spec), model))


def plot(
    spec: AnySpec | Networks, path: str | Path | None = None, *, model: str | None = None
) -> Picture:
    """Draw a network as an SVG picture: layers with shapes and parameters, blocks as groups.

    path: an .svg file to write it to. A notebook shows what is returned; `Picture.svg` is its
    text. model: of several networks, the one that is meant. Raises SpecError, UsageError (a file
    that is not there, or cannot be written).
    """
    from nnspec.show.plot import Picture, svg

    checked = one_of(check_any(spec), model)
    picture = Picture(checked.name, svg(checked.graph))
    if path is not None:
        picture.write(path)
    return picture


@overload
def compile(
    spec: Networks,
    to: str,
    *,
    training: bool = False,
    layout: Literal["spec", "native"] = "spec",
    **options: OptionValue,
) -> CompiledNetworks: ...
@overload
def compile(
    spec: AnySpec,
    to: str,
    *,
    training: bool = False,
    layout: Literal["spec", "native"] = "spec",
    **options: OptionValue,
) -> Compiled: ...
def compile(
    spec: AnySpec | Networks,
    to: str,
    *,
    training: bool = False,
    layout: Literal["spec", "native"] = "spec",
    **options: OptionValue,
) -> Compiled | CompiledNetworks:
    """Return a spec in the language of a backend ("torch", "keras", "onnx"): text, and `build`.

    training: add loss, optimizer, data and a main program. layout: "native" takes and gives
    image-like tensors as the framework's kernels like them. options: those that the backend
    declares, such as `stock` of Keras, `opset` and `fold` of ONNX. Several networks are one text.
    Raises SpecError, UnsupportedError (a layer the backend cannot express), UsageError.
    """
    backend = get_backend(to)
    made = make_options(backend, options, training=training, layout=layout)
    checked = check_any(spec)
    if not isinstance(checked, Spec):
        return backend.compile_networks(checked, made)
    if training:
        from nnspec.training.lengths import with_rows_read  # which few specs need

        checked = with_rows_read(checked)
    return backend.compile(checked, made)


@overload
def verify(spec: Networks, *, model: None = None, **settings: Any) -> Reports: ...
@overload
def verify(
    spec: AnySpec | Networks,
    *,
    model: str | None = None,
    weights: Mapping[str, Array] | str | Path | None = None,
    backends: Sequence[str] | None = None,
    steps: int = Settings.steps,
    batch: int = Settings.batch,
    seed: int = Settings.seed,
    exporters: bool = Settings.exporters,
    sizes: Mapping[str, int | Sequence[int]] | None = None,
    memory: int | str | None = None,
    data: str | Path | None = None,
    levels: Sequence[str] | str | None = None,
    require: Sequence[str] | str | None = None,
    processes: bool = False,
    device: str | None = None,
    progress: Callable[[str], None] | None = None,
    **options: OptionValue,
) -> Report: ...
def verify(
    spec: AnySpec | Networks,
    *,
    model: str | None = None,
    weights: Mapping[str, Array] | str | Path | None = None,
    backends: Sequence[str] | None = None,
    steps: int = Settings.steps,
    batch: int = Settings.batch,
    seed: int = Settings.seed,
    exporters: bool = Settings.exporters,
    sizes: Mapping[str, int | Sequence[int]] | None = None,
    memory: int | str | None = None,
    data: str | Path | None = None,
    levels: Sequence[str] | str | None = None,
    require: Sequence[str] | str | None = None,
    processes: bool = False,
    device: str | None = None,
    progress: Callable[[str], None] | None = None,
    **options: OptionValue,
) -> Report | Reports:
    """Compare what the backends compute from a spec: outputs, gradients, training, exports.

    Of several networks each is verified, and their training; or the one that `model` names.
    backends: by name, such as "torch" and "onnx"; by default all that are installed.
    weights: canonical weights, or their file; by default seeded ones, none of them trivial.
    steps: optimizer steps of the training check. batch: rows of every batch, at least 2.
    exporters: with ONNX, also what the frameworks' own exporters write.
    sizes: of dynamic axes, by name, instead of found ones: the first is what all is compared at.
    memory: bytes, or "12GB", that an exporter may take, as estimated; by default what is free.
    data: a file of rows, read by the spec's `data` (or arrays of an .npz file named after the
    inputs), for inputs and targets instead of drawn ones.
    levels: what is checked, of "interface", "outputs", "gradients", "training" and "meaning"; by
    default all. The rest is listed as not checked. require: levels of which nothing may be left
    unchecked: else the report has not passed, and its `unmet` says why.
    processes: run each backend in a process of its own: faster with two cores or more, and one that
    dies is a failed check. What was patched in this process is not in those.
    device: "cuda" or "mps": compare what the frameworks compute there, in processes of its own,
    with the processor: in double precision, in float32, and on "cuda" in float32 with TF32 too.
    options: those that the backends declare, such as `stock` (with the framework's own optimizers)
    of Keras, `opset` and `fold` (the model with batch normalisation folded too) of ONNX.
    A difference is no exception: see `Report.passed` and `Report.checks`. Raises SpecError,
    UsageError, WeightsError or DataError before anything is compared.
    """
    from nnspec.verification.verifier import verify_spec

    settings = _settings(
        weights, backends, sizes, memory, levels, require,
        steps=steps, batch=batch, seed=seed, exporters=exporters, options=options, data=data,
        progress=progress, device=device,
    )  # fmt: skip
    checked = check_any(spec)
    if isinstance(checked, Spec) or model is not None:
        checked = one_of(checked, model)
    first = checked if isinstance(checked, Spec) else next(iter(checked.models.values()))
    is_apart = processes or device is not None
    with started(first, settings.backends, batch) if is_apart else nullcontext() as workers:
        if isinstance(checked, Spec):
            return verify_spec(checked, settings, workers)
        from nnspec.verification.several import verify_networks  # which few calls need

        return verify_networks(checked, settings, workers)


def certify(
    spec: AnySpec | Networks,
    path: str | Path,
    *,
    model: str | None = None,
    weights: Mapping[str, Array] | str | Path | None = None,
    backends: Sequence[str] | None = None,
    steps: int = Settings.steps,
    batch: int = Settings.batch,
    seed: int = Settings.seed,
    exporters: bool = Settings.exporters,
    sizes: Mapping[str, int | Sequence[int]] | None = None,
    memory: int | str | None = None,
    data: str | Path | None = None,
    levels: str | Sequence[str] | None = None,
    require: str | Sequence[str] | None = None,
    processes: bool = False,
    progress: Callable[[str], None] | None = None,
    sign: str | Path | None = None,
    external_data: bool = False,
    **options: OptionValue,
) -> Certificate:
    """Verify a network, and write a certificate that can be replayed without nnspec.

    path: the statement, a .json file; its files go into the folder of that name beside it, with the
    program that replays them. sign: a private key in a .pem file, for OpenSSF model-signing.
    external_data: put the model's tensors into a file of their own. The other arguments are those
    of `verify`.
    No certificate is written, and `Certificate.reason` says why, where the network does not verify,
    or where a fault that was put in on purpose is not found. Raises SpecError, UsageError,
    WeightsError, DataError or MissingDependencyError before anything is compared.
    """
    from nnspec.certificate.certifying import certify as run
    from nnspec.certificate.signing import signer

    settings = _settings(
        weights, backends, sizes, memory, levels, require,
        steps=steps, batch=batch, seed=seed, exporters=exporters, options=options, data=data,
        progress=progress,
    )  # fmt: skip
    text = None
    if isinstance(spec, str) and "\n" in spec:
        text, spec = spec, loads_any(spec)
    elif isinstance(spec, str | Path):
        text = read_text(spec)
        spec = loads_any(text, path=spec)
    checked = one_of(check_any(spec), model)
    signing = signer(sign) if sign is not None else None
    with started(checked, settings.backends, batch) if processes else nullcontext() as workers:
        return run(
            checked, path, settings, workers, text=text, sign=signing, external_data=external_data
        )


def _settings(
    weights: Mapping[str, Array] | str | Path | None,
    backends: Sequence[str] | None,
    sizes: Mapping[str, int | Sequence[int]] | None,
    memory: int | str | None,
    levels: str | Sequence[str] | None,
    require: str | Sequence[str] | None,
    **others: Any,
) -> Settings:
    """Return the settings of a verification, of what its callers may give in several forms."""
    from nnspec.verification.levels import chosen
    from nnspec.verification.memory import bytes_of  # with NumPy, which `compile` does without

    taken, required = chosen(levels, require)
    return Settings(
        levels=taken,
        require=required,
        backends=tuple(backends if backends is not None else default_backends()),
        weights=load_weights(weights) if isinstance(weights, str | Path) else weights,
        sizes={
            name: (size,) if isinstance(size, int) else tuple(size)
            for name, size in (sizes or {}).items()
        },
        memory=bytes_of(memory) if isinstance(memory, str) else memory,
        **others,
    )
