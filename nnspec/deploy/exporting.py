"""Exports a spec and its weights as an ONNX file: directly, or with a framework's own exporter."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.backend import (
    Can,
    Exportable,
    OnnxBackend,
    OnnxOptions,
    OptionValue,
    Trainable,
    backend_names,
    declared_options,
    get_backend,
    make_options,
    onnx_backend,
    options_in,
)
from nnspec.errors import UsageError, WeightsError
from nnspec.network.loader import AnySpec, Spec, check_any, one_of
from nnspec.support import files

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.network.networks import Networks

DIRECT = "direct"


def exporters() -> tuple[str, ...]:
    """Return what `via` may be: nnspec itself, and the backends whose framework exports."""
    able = [name for name in backend_names() if Can.EXPORT in get_backend(name).can]
    return (DIRECT, *able)


@dataclass(frozen=True, slots=True)
class ExportReport:
    """The result of an export: operators, bytes of the model and its data file, seconds it took."""

    path: Path
    opset: int
    nodes: int
    bytes: int
    seconds: float

    def as_json(self) -> dict[str, object]:
        """Return the report as `nnspec export --json` prints it."""
        return {
            "path": str(self.path),
            "opset": self.opset,
            "nodes": self.nodes,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 4),
        }


def export(
    spec: AnySpec | Networks,
    path: str | Path,
    *,
    model: str | None = None,
    weights: Mapping[str, Array] | str | Path | None = None,
    via: str = DIRECT,
    external_data: bool = False,
    preprocessing: bool = False,
    **options: OptionValue,
) -> ExportReport:
    """Write the network, as at inference, to an .onnx file, whole or not at all.

    model: of several networks, the one that is meant.
    weights: canonical weights or the .safetensors file that holds them; the spec's first weights
    by default. What a training run stored beside them of the preprocessing of raw rows goes into
    the model's metadata.
    via: "direct" needs no framework; a backend's name uses its framework's own exporter, and what
    it writes is run in ONNX Runtime against the source before `path` is written; of first weights
    also what it would write of others, since a bias of 0 hides what is done with it.
    preprocessing: put the preparation into the model itself, which then takes raw columns.
    external_data: put the tensors into a file `path.data`; over 2 GB that is so in any case.
    options: of the ONNX backend, such as opset, fold and batch; an exporter takes the opset alone.
    Raises SpecError, WeightsError, UnsupportedError, UsageError, MissingDependencyError.
    """
    if via != DIRECT and via not in exporters():
        raise UsageError(f'no exporter "{via}": {", ".join(exporters())}')
    onnx = onnx_backend()
    own = make_options(onnx, options)
    assert isinstance(own, OnnxOptions)
    if via != DIRECT:
        _require_exporters(own, onnx, via)
    if Path(path).is_dir():
        raise UsageError(f"{path or '.'} is a folder; give the path of a file")
    start = time.perf_counter()
    checked, path = one_of(check_any(spec), model), files.behind_link(Path(path))
    tensors, record = _weights(checked, weights)
    if preprocessing:
        _require_record(record, via)
    if via == DIRECT:
        written = onnx.compile(checked, own).write_files(
            path,
            tensors,
            external_data=external_data,
            preprocessing=record,
            is_prepared=preprocessing,
        )
    else:
        from nnspec.deploy.export_check import require_same
        from nnspec.verification.samples import exercised_weights

        program = get_backend(via).compile(checked).build(tensors)
        if not (isinstance(program, Trainable) and isinstance(program, Exportable)):
            raise UsageError(f'the backend "{via}" has no ONNX exporter')
        with _folder_beside(path) as folder:
            # The data file that an exporter writes is named after its model.
            file = folder / path.name
            if tensors is None:
                # First biases are 0, which would hide what an exporter does with others.
                first = program.weights()
                program.load_weights(exercised_weights(checked.graph, 0))
                program.export_onnx(file, own.opset)
                require_same(checked, program, file, via)
                program.load_weights(first)
            program.export_onnx(file, own.opset)
            require_same(checked, program, file, via)
            written = onnx.adopt(
                file, path, checked, external_data=external_data, preprocessing=record
            )
    size = sum(file.stat().st_size for file in written.files)
    seconds = time.perf_counter() - start
    return ExportReport(path, written.opset, written.nodes, size, seconds)


def _require_record(record: str | None, via: str) -> None:
    """Raise UsageError where no preparation can be put into the model."""
    if via != DIRECT:
        raise UsageError(
            f"only nnspec's own exporter puts the preprocessing into the model: leave out "
            f"preprocessing, or via {via}"
        )
    if record is None:
        raise UsageError(
            "there is no preprocessing to put into the model: give weights that a training has "
            "written, which hold it"
        )


def _require_exporters(options: OnnxOptions, onnx: OnnxBackend, via: str) -> None:
    """Raise UsageError for an option that only nnspec's own exporter has."""
    for name, declared in declared_options(onnx).items():
        is_own = name not in options_in(OnnxOptions)
        if is_own and getattr(options, name) != declared.default:
            raise UsageError(
                f"only nnspec's own exporter has the option {name}: leave out {name}, or via {via}"
            )


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    """Give a folder to work in, since an exporter may fail half-way, on the disk of `path`."""
    try:
        folder = tempfile.TemporaryDirectory(prefix=".", dir=path.parent)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    with folder as name:
        yield Path(name)


def _weights(
    spec: Spec, weights: Mapping[str, Array] | str | Path | None
) -> tuple[Mapping[str, Array] | None, str | None]:
    from nnspec.weights.canonical import StoredWeights, check_weights, load_weights

    file: str | Path = ""
    if isinstance(weights, str | Path):
        file, weights = weights, load_weights(weights, mapped=True)
    if weights is None:
        return None, None
    check_weights(spec.graph, weights, file=file)
    from nnspec.data.preprocessing import KEY, Preprocessing

    metadata = weights.metadata if isinstance(weights, StoredWeights) else {}
    record = metadata.get(KEY)
    if record is not None and Preprocessing.from_json(record).inputs.keys() != set(
        spec.graph.inputs
    ):
        raise WeightsError(f"{file}: its preprocessing record is of other inputs than the spec's")
    return weights, record
