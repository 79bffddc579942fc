"""The folder of a training run: what is in it, and how an interrupted run goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from nnspec.data.dataset import Dataset
from nnspec.data.preprocessing import KEY
from nnspec.errors import NnspecError, UsageError, WeightsError
from nnspec.language.training_schema import Data, Training
from nnspec.network.loader import Spec
from nnspec.support import files
from nnspec.support.plain_json import json_text
from nnspec.training.history import Epoch
from nnspec.training.within import Taken
from nnspec.weights.canonical import load_weights, save_weights

_locks: Any = None
with suppress(ImportError):  # Windows has none
    import fcntl as _locks

if TYPE_CHECKING:
    from nnspec.backend import Precision

Array = NDArray[np.generic]

EVENTS = "events.out.tfevents."
"""By which TensorBoard knows a file of its own."""
_WEIGHTS, _OPTIMIZER = "weights/", "optimizer/"
_LOSSES, _SIZES = "taken/losses", "taken/sizes"


class RunFolder:
    """Paths of a run's files."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.checkpoint = self.path / "checkpoint.safetensors"
        self.last = self.path / "last.safetensors"
        self.best = self.path / "best.safetensors"
        self.history = self.path / "history.json"
        self.picture = self.path / "history.png"
        self.confusion = self.path / "confusion.png"
        self.curves = self.path / "curves.png"
        self.predictions = self.path / "predictions.png"
        self.reconstructions = self.path / "reconstructions.png"
        self.samples = self.path / "samples.png"
        self.diagnosis = self.path / "diagnosis.png"
        self.record = self.path / "run.json"
        self.mlflow = self.path / "mlflow.json"

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that a run writes."""
        return (
            self.checkpoint, self.last, self.best, self.history, self.picture, self.confusion,
            self.curves, self.predictions, self.reconstructions, self.samples, self.diagnosis,
            self.record, *self.logs,
        )  # fmt: skip

    @property
    def logs(self) -> tuple[Path, ...]:
        """The files that `log` keeps: those of TensorBoard, and the run's name in MLflow."""
        return (*sorted(self.path.glob(f"{EVENTS}*.nnspec")), self.mlflow)

    def require(self, *, resume: bool, overwrite: bool) -> None:
        """Raise UsageError where the folder holds a run that must stay, or none to resume."""
        if resume and overwrite:
            raise UsageError("a run is either resumed or overwritten, not both")
        if self.path.is_symlink() and not self.path.exists():
            target = os.path.realpath(self.path)
            raise UsageError(f"{self.path} is a link to {target}, which does not exist")
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path} is a file; give a folder")
        if resume and not self.checkpoint.exists():
            raise UsageError(f"{self.path} holds no run to resume")
        held = [path.name for path in self.files if path.exists()]
        if held and not (resume or overwrite):
            raise UsageError(
                f"{self.path} already holds a run ({held[0]}); resume it (--resume), "
                "replace it (--overwrite), or give another folder"
            )

    @contextmanager
    def held(self, *, new: bool = False) -> Iterator[None]:
        """Keep the folder for this process; raises UsageError where another trains into it.

        new: make the folder. The system lets go of it when the process ends, however it ends, so
        that no lock outlives a crash.
        """
        try:
            if new:
                self._make()
            folder = os.open(self.path, os.O_RDONLY) if _locks is not None else None
        except OSError as error:
            raise UsageError(f"{self.path}: {error.strerror or error}") from None
        if folder is None:  # on Windows a folder cannot be locked so
            yield
            return
        try:
            try:
                _locks.flock(folder, _locks.LOCK_EX | _locks.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    f"another process is training into {self.path}; wait for it, or give another "
                    "folder"
                ) from None
            except OSError:
                pass  # a file system that has no locks
            yield
        finally:
            os.close(folder)

    @contextmanager
    def entered(self, *, resume: bool, overwrite: bool) -> Iterator[Callable[[], None]]:
        """Keep the folder for this process while it trains; raises UsageError as `require` does.

        What it gives is to be called when all that could be refused has been: only then is a new
        folder made.
        """
        with ExitStack() as stack:
            is_new = not self.path.is_dir()
            if not is_new:
                stack.enter_context(self.held())
            self.require(resume=resume, overwrite=overwrite)

            def begin() -> None:
                if is_new:
                    stack.enter_context(self.held(new=True))
                    self.require(resume=resume, overwrite=overwrite)
                self.sweep()

            yield begin

    def require_within(self, epochs: int, total: int) -> None:
        """Raise UsageError where the run in the folder is longer than it is asked to be."""
        if epochs > total:
            raise UsageError(f"{self.path} has trained for {epochs} epochs, more than {total}")

    def _make(self) -> None:
        """Make the folder and those around it; raises OSError, UsageError."""
        for each in (self.path, *self.path.parents):
            if each.is_symlink() and not each.exists():
                raise UsageError(f"{each} is a link to {each.readlink()}, and nothing is there")
        self.path.mkdir(parents=True, exist_ok=True)

    def sweep(self) -> None:
        """Remove what kills have left of files that were being written."""
        for path in self.files:
            for left in self.path.glob(f".{path.stem}.{'[0-9a-f]' * 12}{path.suffix}"):
                left.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove what an earlier run wrote in the folder, and nothing else."""
        try:
            for path in self.files:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(f"{self.path}: {error.strerror or error}") from None


class Begun(NamedTuple):
    """The backend and precision that a run goes on with, where nothing else is asked for.

    every: steps between two saves within an epoch.
    """

    backend: str | None = None
    dtype: Precision | None = None
    every: int | None = None


def begun(path: Path) -> Begun:
    """Return what the run of a checkpoint was trained with last, as far as the file says."""
    try:
        metadata = load_weights(path, mapped=True).metadata
        every = json.loads(metadata.get("every", "null"))
        return Begun(metadata["backend"], json.loads(metadata["identity"])["dtype"], every)
    except (NnspecError, KeyError, TypeError, ValueError):
        return Begun()


@dataclass(frozen=True)
class Checkpoint:
    """All that a run needs to go on as if it had never stopped, on any backend.

    backend: what has trained last. taken: steps of the epoch after these, if it was saved within.
    every: steps between two such saves.
    """

    identity: dict[str, Any]
    backend: str
    history: tuple[Epoch, ...]
    weights: dict[str, Array]
    optimizer: dict[str, Array]
    taken: Taken = field(default_factory=Taken)
    every: int | None = None

    def save(self, path: Path) -> None:
        """Write everything as one file, so that no kill can leave halves of two epochs."""
        tensors = {
            **{f"{_WEIGHTS}{name}": array for name, array in self.weights.items()},
            **{f"{_OPTIMIZER}{name}": array for name, array in self.optimizer.items()},
        }
        if len(self.taken):
            tensors[_LOSSES] = np.array(self.taken.losses)
            tensors[_SIZES] = np.array(self.taken.sizes)
        history = [epoch.as_json() for epoch in self.history]
        record = {
            "identity": json.dumps(self.identity),
            "backend": self.backend,
            "history": json.dumps(history),
            **({"every": json.dumps(self.every)} if self.every is not None else {}),
        }
        save_weights(path, tensors, record, dtype=None)

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read what `save` wrote; raises WeightsError for anything else."""
        stored = load_weights(path)
        try:
            identity = dict(json.loads(stored.metadata["identity"]))
            # Once a run was its backend's, and in float32.
            backend = stored.metadata.get("backend") or str(identity.pop("backend"))
            identity.setdefault("dtype", "float32")
            history = tuple(map(Epoch.from_json, json.loads(stored.metadata["history"])))
            every = json.loads(stored.metadata.get("every", "null"))
            losses, sizes = (stored.get(name, np.zeros(0)) for name in (_LOSSES, _SIZES))
            taken = Taken([*map(float, losses)], [*map(int, sizes)])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WeightsError(f"{path} is no checkpoint of a run: {error!r}") from None
        weights, optimizer = _under(_WEIGHTS, stored), _under(_OPTIMIZER, stored)
        return cls(identity, backend, history, weights, optimizer, taken, every)

    def require(self, identity: Mapping[str, Any], folder: Path) -> None:
        """Raise UsageError unless the network, the data and the settings are the same."""
        require_identity(self.identity, identity, folder)


def require_identity(own: Mapping[str, Any], identity: Mapping[str, Any], folder: Path) -> None:
    """Raise UsageError unless the network, the data and the settings of a run are these."""
    differing = []
    for name in sorted({*own, *identity}):
        # A setting that came later was then at its default.
        before = own[name] if name in own else _default(name)
        known, given = _differing(before, identity.get(name))
        if known != given:
            differing.append(f"{name} was {_shown(known)} and is {_shown(given)}")
    if differing:
        raise UsageError(
            f"{folder} holds another run, which cannot be resumed as this one: "
            + "; ".join(differing)
        )


def _default(name: str) -> Any:
    """Return the default of a setting as an identity has it, or None where it has none."""
    section, _, field = name.partition(".")
    kinds: dict[str, type[BaseModel]] = {"training": Training, "data": Data}
    found = kinds[section].model_fields.get(field) if section in kinds else None
    if found is None or found.is_required():
        return None
    return to_jsonable_python(found.get_default(call_default_factory=True))


def _under(prefix: str, tensors: Mapping[str, Array]) -> dict[str, Array]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _differing(known: Any, given: Any) -> tuple[Any, Any]:
    """Return two settings, those within them left out that are the same in both."""
    if not isinstance(known, Mapping) or not isinstance(given, Mapping):
        return known, given
    pairs = {
        name: _differing(known.get(name), given.get(name))
        for name in sorted({*known, *given})
        if known.get(name) != given.get(name)
    }
    return (
        {name: pair[0] for name, pair in pairs.items() if name in known},
        {name: pair[1] for name, pair in pairs.items() if name in given},
    )


def _shown(value: Any) -> str:
    text = json.dumps(value)
    is_hash = isinstance(value, str) and len(value) == 64
    # The end may be what differs.
    return f"{text[:13]}..." if is_hash else text if len(text) <= 400 else f"{text[:400]}..."


def identity_of(spec: Spec, dtype: Precision, data: Dataset) -> dict[str, Any]:
    """Return what decides a run's weights, by name: all but how many epochs there are."""
    identity: dict[str, Any] = {
        "the network": spec.sha256, "dtype": dtype, "the data": data.sha256,
    }  # fmt: skip
    for section, skipped in (("training", {"epochs", "stop"}), ("data", {"source", "query"})):
        settings = getattr(spec.model, section)
        if settings is not None:
            dumped = settings.model_dump(mode="json", exclude=skipped)
            if isinstance(dumped.get("metrics"), list):
                dumped["metrics"] = [*map(_bare, dumped["metrics"])]
            identity |= {f"{section}.{name}": value for name, value in dumped.items()}
    if data.fold is not None:
        identity["the fold"] = f"{data.fold.number + 1} of {data.fold.folds}"
    # As the checkpoint will give it back, lists for tuples.
    return dict(json.loads(json.dumps(identity)))


def _bare(record: Any) -> Any:
    """Return a record that has nothing but its type as that."""
    return record["type"] if isinstance(record, dict) and list(record) == ["type"] else record


def weights_metadata(spec: Spec, epoch: int, data: Dataset | None = None) -> dict[str, str]:
    """Return what a weights file says of itself; data: the rows that are prepared for it."""
    return {
        "spec_name": spec.name,
        "spec_sha256": spec.sha256,
        "inference_sha256": spec.inference_sha256,
        "epoch": str(epoch),
        **({KEY: data.preprocessing.to_json()} if data is not None else {}),
    }


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    files.write_text(path, json_text(record) + "\n")
