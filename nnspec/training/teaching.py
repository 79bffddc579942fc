"""Targets that another network gives: a trained teacher, which is run once on all rows.

Hinton, Vinyals and Dean 2015: the student learns softmax(z / T) of the teacher's logits z.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.backend import Options, default_trainer, get_backend
from nnspec.backend.programs import Program
from nnspec.data.dataset import Dataset, Part
from nnspec.data.feature import Feature
from nnspec.data.preprocessing import KEY, Preprocessing
from nnspec.errors import UsageError, nearest
from nnspec.language.by_output import Taught
from nnspec.layers.shapes import show
from nnspec.network.heads import final_activation
from nnspec.network.loader import Spec, load
from nnspec.network.objectives import Term, terms_of
from nnspec.weights.fitting import fit_file

Array = NDArray[Any]

BATCH = 256
_LEAST = float(np.finfo(np.float32).tiny)
"""Smaller probabilities count as this, whose logarithm is finite."""


def taught(spec: Spec, data: Dataset) -> Dataset:
    """Return the rows with the targets that teachers give; raises UsageError, SpecError.

    The same program makes them whatever trains: that of the first backend that can.
    """
    terms = [term for term in terms_of(spec.model, spec.graph) if term.taught is not None]
    if not terms:
        return data
    hashes = [data.sha256]
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    for term in terms:
        assert term.taught is not None
        teacher = _Teacher(spec, term, term.taught, data.preprocessing)
        hashes.append(teacher.sha256)
        for name, part in parts.items():
            if part is not None:
                assert isinstance(part.target, dict)
                target = {**part.target, term.output: teacher.targets(part)}
                parts[name] = dataclasses.replace(part, target=target)
    train = parts["train"]
    assert train is not None
    sha256 = hashlib.sha256(" ".join(hashes).encode()).hexdigest()
    return dataclasses.replace(
        data, train=train, validation=parts["validation"], test=parts["test"], sha256=sha256
    )


class _Teacher:
    """A trained network, as far as it gives the target of one output of another."""

    def __init__(self, student: Spec, term: Term, given: Taught, made: Preprocessing) -> None:
        path, weights = student.folder / given.teacher, student.folder / given.weights
        spec = load(path)
        graph = spec.graph
        if given.output is None and len(graph.outputs) > 1:
            raise UsageError(
                f"{path} has the outputs {', '.join(graph.outputs)}: `output` of the target of "
                f'"{term.output}" has to say which is learnt'
            )
        self.output = given.output or graph.outputs[0]
        if self.output not in graph.outputs:
            hint = nearest(self.output, graph.outputs)
            raise UsageError(f'{path} has no output "{self.output}"{hint}')
        own, wanted = graph.types[self.output].shape, term.graph.types[term.output].shape
        if own != wanted:
            raise UsageError(
                f'the teacher {path} gives {show(own)}, and "{term.output}", which learns it, '
                f"is {show(wanted)}"
            )
        for name, type_ in graph.inputs.items():
            if student.graph.inputs.get(name) != type_:
                raise UsageError(
                    f'the teacher {path} takes "{name}" of {show(type_.shape)}, and the network '
                    "that learns from it takes no such input"
                )
        stored = fit_file(spec, weights).weights
        _require_same_rows(stored.metadata, made, graph.inputs, path)
        record = stored.metadata.get(KEY)
        self.record = Preprocessing.from_json(record) if record is not None else None
        self.sha256 = hashlib.sha256(Path(weights).read_bytes()).hexdigest()
        self.inputs = tuple(graph.inputs)
        self.is_classes = term.training.kind == "multiclass" or term.loss.takes == "distribution"
        part = dataclasses.replace(graph, outputs=(self.output,))
        head = final_activation(part)
        self.is_probable = head is not None and head.activation.type == "softmax"
        self.temperature = float(given.temperature)
        program = get_backend(default_trainer()).compile(spec, Options())
        self.program: Program = program.build(stored)

    def targets(self, part: Part) -> Array:
        """Return what it gives for each row, as at inference: of classes a share of each."""
        found = []
        for start in range(0, len(part), BATCH):
            batch = part.take(slice(start, start + BATCH))
            given = {name: batch.inputs[name] for name in self.inputs}
            found.append(self.program.forward(given)[self.output])
        output = np.concatenate(found)
        if not np.isfinite(output).all():
            raise UsageError(f'the teacher gives numbers as "{self.output}" that are not finite')
        if not self.is_classes:
            return self.record.restored(output) if self.record is not None else output
        logits = output.astype(np.float64)
        if self.is_probable:
            logits = np.log(np.maximum(logits, _LEAST))
        return softened(logits, self.temperature).astype(np.float32)


def softened(logits: Array, temperature: float) -> Array:
    """Return softmax(logits / temperature) on the last axis."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _require_same_rows(
    metadata: Mapping[str, str], made: Preprocessing, inputs: Mapping[str, Any], path: Path
) -> None:
    """Raise UsageError where the teacher has learnt of rows on another scale, or made otherwise."""
    known: Mapping[str, Feature] = {}
    if KEY in metadata:
        known = Preprocessing.from_json(metadata[KEY]).inputs
    for name in inputs:
        own, given = known.get(name), made.inputs[name]
        scale = (own.mean, own.scale) if own is not None else (None, None)
        if scale != (given.mean, given.scale):
            raise UsageError(
                f'the teacher {path} has learnt "{name}" at another mean and deviation than the '
                "rows have here: give both specs the same `data`, seed and `standardize`, or "
                "normalise within the networks"
            )
        if own is not None and _made(own) != _made(given):
            raise UsageError(
                f'the teacher {path} has learnt "{name}" of other columns, or of what they became '
                "otherwise (vocabularies, scales, sizes of images), than the rows have here: give "
                "both specs the same `data` and seed"
            )


def _made(feature: Feature) -> tuple[object, ...]:
    """Return what makes the numbers of an input of the rows."""
    return feature.columns, feature.prepared, feature.image, feature.sound, feature.steps
