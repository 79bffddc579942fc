"""Exports a spec and its weights as an ONNX file: directly, or with a framework's own exporter."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, cast

from nnspec.backend import Options, Trainable, get_backend
from nnspec.errors import UsageError, WeightsError
from nnspec.language.schema import Model
from nnspec.network.loader import Spec, check
from nnspec.support import files

if TYPE_CHECKING:
    from nnspec.backend import Array

Via = Literal["direct", "torch", "keras"]
EXPORTERS: tuple[Via, ...] = ("direct", "torch", "keras")


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written: operators, bytes of the model and of its data file, seconds it took."""

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


class Written(NamedTuple):
    """A model that a backend put in its place; `files` are the model and its data file."""

    opset: int
    nodes: int
    files: tuple[Path, ...]


class _Compiled(Protocol):
    def write_files(
        self,
        path: Path,
        weights: Mapping[str, Array] | None,
        *,
        external_data: bool,
        preprocessing: str | None,
    ) -> Written: ...


class _OnnxBackend(Protocol):
    """What the backend "onnx" has beside what every backend has."""

    def adopt(
        self,
        model: Path,
        path: Path,
        spec: Spec,
        *,
        external_data: bool,
        preprocessing: str | None,
    ) -> Written: ...


def export(
    spec: Spec | Model | str | Path,
    path: str | Path,
    *,
    weights: Mapping[str, Array] | str | Path | None = None,
    via: Via = "direct",
    opset: int = 21,
    external_data: bool = False,
    fold: bool = False,
    batch: int | None = None,
) -> ExportReport:
    """Write the network, as at inference, to an .onnx file, whole or not at all.

    weights: canonical weights or the .safetensors file that holds them; the spec's first weights
    by default. What a training run stored beside them of the preprocessing of raw rows goes into
    the model's metadata.
    via: "direct" needs no framework; "torch" and "keras" use the framework's own exporter, and what
    it writes is run in ONNX Runtime against the source before `path` is written; of first weights
    also what it would write of others, since a bias of 0 hides what is done with it.
    external_data: put the tensors into a file `path.data`; over 2 GB that is so in any case.
    fold: fold batch normalisation into the layer that feeds it, where that is exact.
    batch: the number of rows, for runtimes that want it fixed; any number by default.
    Raises SpecError, WeightsError, UnsupportedError, UsageError, MissingDependencyError.
    """
    if via not in EXPORTERS:
        raise UsageError(f'no exporter "{via}": {", ".join(EXPORTERS)}')
    if fold and via != "direct":
        raise UsageError(f"only nnspec's own exporter folds: leave out fold, or via {via}")
    if batch is not None and via != "direct":
        raise UsageError(
            f"only nnspec's own exporter fixes the batch: leave out batch, or via {via}"
        )
    if Path(path).is_dir():
        raise UsageError(f"{path or '.'} is a folder; give the path of a file")
    start = time.perf_counter()
    checked, path = check(spec), files.behind_link(Path(path))
    tensors, preprocessing = _weights(checked, weights)
    onnx = get_backend("onnx")
    if via == "direct":
        compiled = cast(
            "_Compiled", onnx.compile(checked, Options(opset=opset, fold=fold, batch=batch))
        )
        written = compiled.write_files(
            path, tensors, external_data=external_data, preprocessing=preprocessing
        )
    else:
        from nnspec.deploy.export_check import require_same
        from nnspec.verification.samples import exercised_weights

        program = get_backend(via).compile(checked).build(tensors)
        if not isinstance(program, Trainable):
            raise UsageError(f'the backend "{via}" has no ONNX exporter')
        with _folder_beside(path) as folder:
            # The data file that an exporter writes is named after its model.
            model = folder / path.name
            if tensors is None:
                # First biases are 0, which would hide what an exporter does with others.
                first = program.weights()
                program.load_weights(exercised_weights(checked.graph, 0))
                program.export_onnx(model, opset)
                require_same(checked, program, model, via)
                program.load_weights(first)
            program.export_onnx(model, opset)
            require_same(checked, program, model, via)
            written = cast("_OnnxBackend", onnx).adopt(
                model, path, checked, external_data=external_data, preprocessing=preprocessing
            )
    size = sum(file.stat().st_size for file in written.files)
    seconds = time.perf_counter() - start
    return ExportReport(path, written.opset, written.nodes, size, seconds)


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
