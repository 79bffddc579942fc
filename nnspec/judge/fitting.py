"""Says whether a file of weights fits a spec, and which tensor is which parameter."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nnspec.backend import get_backend, versions
from nnspec.backend.foreign import Described, Held, Reference
from nnspec.errors import NnspecError, UsageError, printable
from nnspec.judge.judgement import Judgement
from nnspec.judge.likely import FLOATS, Fit, How, fit
from nnspec.judge.ported import says_something
from nnspec.judge.sources import Source
from nnspec.judge.tensors import Tensors
from nnspec.judge.wanted import COUNTER, Wanted, plain_name
from nnspec.judge.ways import gates_of
from nnspec.layers.shapes import show
from nnspec.network.loader import Spec
from nnspec.support.causes import Told, cause_of
from nnspec.verification.checks import TITLES, Kind
from nnspec.verification.engines import SourceEngine, trainable_backends
from nnspec.verification.levels import LEVELS, Level
from nnspec.verification.recorder import Recorder
from nnspec.verification.samples import random_inputs
from nnspec.verification.sizes import find_sizes
from nnspec.weights.canonical import save_weights, wrong_value

if TYPE_CHECKING:
    from rich.console import Console

    from nnspec.backend import Array, Weights

SHOWN = 5
"""Tensors that a sentence names."""
ROWS = 400
"""Lines of the map that are printed."""
UNPROVEN: tuple[Kind, ...] = (
    "forward", "gradient", "training", "dynamic_shape", "range", "meaning",
)  # fmt: skip
"""Checks that need a program."""
WHY = (
    "weights alone do not say what is computed with them; `nnspec compare model.py:Net FILE` takes "
    "a program for them"
)
TOLD: Mapping[How, str] = {
    "value": "by their values",
    "name": "by their very names",
    "shape": "as the only ones of their shapes",
    "likeness": "by how alike the names are",
    "order": "by the order of those of one shape alone",
    "map": "as the map says",
}


@dataclass(slots=True, repr=False)
class Fitting(Judgement):
    """A report of a spec and a file of weights.

    how: what decided of each parameter. weights: the parameters as the spec takes them, where all
    were found.
    """

    how: dict[str, How] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    left_over: list[str] = field(default_factory=list)
    weights: dict[str, Array] = field(default_factory=dict)
    titles: ClassVar[Mapping[Kind, str]] = {**TITLES, "interface": "names and shapes"}

    @property
    def question(self) -> str:
        """The question that the report answers."""
        return "do the weights fit?"

    @property
    def is_compared(self) -> bool:
        """Whether the tensors were looked for, if that was asked."""
        return bool(self.checks)

    @property
    def verdict(self) -> str:
        """The result, in a few words."""
        if not all(check.passed for check in self.checks):
            return "the weights do not fit"
        found = Judgement.verdict.__get__(self)
        return "the weights fit" if found == "verified" else str(found)

    def as_json(self) -> dict[str, Any]:
        """Return the report as `nnspec verify --against FILE --json` prints it."""
        return {
            **Judgement.as_json(self),
            "how": self.how,
            "missing": self.missing,
            "left_over": self.left_over,
        }

    def print(self, console: Console) -> None:
        """Print the map, and then the report."""
        from rich.markup import escape

        for name, source in [*self.sources.items()][:ROWS]:
            told = f"{printable(name)} = {printable(source.told())}"
            console.print(f"{escape(told)} [dim]({self.how[name]})[/]", highlight=False)
        if len(self.sources) > ROWS:
            console.print(f"and {len(self.sources) - ROWS} more, which --save-map writes")
        Judgement.print(self, console)


def wanted_of(spec: Spec) -> list[Wanted]:
    """Return the parameters of a spec as what is looked for."""
    layers = {
        f"{at.path}.{parameter.name}": at.node.layer
        for at in spec.graph.walk()
        for parameter in at.parameters()
    }
    found = []
    for name, parameter in spec.graph.parameters():
        layer = layers.get(name)
        gates = gates_of(layer)
        is_table = layer is not None and layer.type in ("embedding", "position_embedding")
        found.append(Wanted(name, parameter.shape, gates, parameter.is_fixed, is_table))
    return found


def judge_weights(
    spec: Spec,
    tensors: Tensors,
    reference: Reference,
    *,
    seed: int,
    known: Mapping[str, Source],
    levels: tuple[Level, ...] = LEVELS,
    required: tuple[Level, ...] = (),
) -> Fitting:
    """Find the parameters of a spec among the tensors of a file, and say what does not fit."""
    start = time.perf_counter()
    described = tensors.described
    report = Fitting(
        spec.name, spec.sha256, versions(), 0, against=reference.label,
        framework=described.framework, levels=levels, required=required,
    )  # fmt: skip
    recorder = Recorder(report)
    report.leave_unchosen(absent=("export", "optimizer", "random", "first_weights", "metrics"))
    pair = (spec.name, report.against)
    found = fit(wanted_of(spec), described.held, known)
    report.sources, report.how, report.missing = found.sources, found.how, found.missing
    report.left_over = [*found.surplus, *(each.name for each in found.unused)]
    weights = tensors.weights()
    recorder.add_findings("interface", "", pair[0], {pair[1]: [*_misfits(spec, found, described)]})
    taken = {name: source.of(weights) for name, source in found.sources.items()}
    wrong = [*_wrong_values(spec, taken)]
    if not found.missing and not wrong:
        report.weights = {
            name: np.asarray(taken[name] if name in taken else np.zeros(each.shape), "float32")
            for name, each in spec.graph.parameters()
        }
        wrong = [*_not_finite(spec, report.weights, seed)]
    recorder.add_findings("weights", "", pair[0], {pair[1]: wrong})
    for reason in (*left_open(found), *_elsewhere(found, weights)):
        recorder.leave_out("interface", pair, reason)
    for kind in UNPROVEN:
        recorder.leave_out(kind, pair, WHY)
    total = sum(not each.is_fixed for _, each in spec.graph.parameters())
    for note in (counted(total, found), *told_names(described, found, weights)):
        recorder.note(note)
    others = [e.name for e in described.held if e.dtype not in FLOATS and COUNTER not in e.name]
    if others:
        recorder.note(f"whole numbers are no weights: {some_of(others)}")
    report.seconds = time.perf_counter() - start
    return report


def save_fitted(report: Fitting, spec: Spec, path: str) -> None:
    """Write the weights as the spec takes them; raises UsageError where they do not fit."""
    if not report.weights:
        raise UsageError(f"{path} is not written: {report.verdict}")
    metadata = {
        "spec_name": spec.name,
        "spec_sha256": spec.sha256,
        "inference_sha256": spec.inference_sha256,
    }
    save_weights(path, report.weights, metadata)


def _misfits(spec: Spec, found: Fit, described: Described) -> Iterator[str]:
    """Yield what the file lacks, and what it holds for a layer that has no place for it."""
    shapes = {name: each.shape for name, each in spec.graph.parameters()}
    for name, reason in found.missing.items():
        yield f"it has no {name} {show(shapes[name])}: {printable(reason)}"
    sizes = {each.name: each.shape for each in described.held}
    for name, layer in found.surplus.items():
        yield f'"{layer}" has no place for {printable(name)} {show(sizes[name])}'


def _wrong_values(spec: Spec, taken: Mapping[str, Array]) -> Iterator[str]:
    for name, parameter in spec.graph.parameters():
        if name in taken:
            wrong = wrong_value(np.asarray(taken[name]), parameter)
            if wrong is not None:
                yield f"{name} holds {wrong}"


def _not_finite(spec: Spec, weights: Mapping[str, Array], seed: int) -> Iterator[str]:
    """Yield what is wrong with the spec's own program, given the weights."""
    able = trainable_backends()
    if not able:
        return
    try:
        program = SourceEngine(get_backend(able[0])).build(spec, weights, "float32")
        axes = find_sizes(spec.graph, {}).base
        outputs = program.forward(random_inputs(spec.graph, 2, axes, seed))
    except (NnspecError, Told, RuntimeError, ValueError) as error:
        yield f"the spec's program does not run with them: {cause_of(error)}"
        return
    for name, array in outputs.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            yield f"with them the spec's program gives {name} that is not finite"


def left_open(found: Fit) -> Iterator[str]:
    """Yield what names and shapes leave open."""
    by_order = [name for name, how in found.how.items() if how == "order"]
    if by_order:
        some = some_of([f"{name} = {found.sources[name].told()}" for name in by_order])
        yield f"taken by the order of the tensors of one shape alone: {some}: --map says others"
    if found.square:
        some = some_of(found.square)
        yield f"square, so that no shape tells whether they are transposed: {some}"


def _elsewhere(found: Fit, weights: Weights) -> Iterator[str]:
    """Yield the tensors that no layer of the spec takes, and that are none which one takes."""
    others = [each for each in found.unused if not twin_of(each, found, weights)]
    if others:
        some = some_of([f"{each.name} {show(each.shape)}" for each in others])
        yield f"the spec has no layer for what the file holds as {some}"


def twin_of(held: Held, found: Fit, weights: Weights) -> str:
    """Return the tensor taken that a tensor is a second copy of, or an empty text."""
    array = weights[held.name]
    if says_something(array):
        for source in found.sources.values():
            other = weights.get(source.tensor)
            if other is not None and other.shape == array.shape and bool((other == array).all()):
                return source.tensor
    return ""


def counted(total: int, found: Fit) -> str:
    """Return how many tensors were found, and what decided."""
    counts = {how: [*found.how.values()].count(how) for how in TOLD}
    told = ", ".join(f"{count} {TOLD[how]}" for how, count in counts.items() if count)
    return f"{len(found.sources)} of {total} parameters were found{f': {told}' if told else ''}"


def told_names(described: Described, found: Fit, weights: Weights) -> Iterator[str]:
    """Yield what a reader of the names of a file wonders about."""
    wrapped = [n for e in described.held for n in (e.name,) if plain_name(n) != n.replace("/", ".")]
    if wrapped:
        yield f"left out of names, as of a wrapper: {wrapped[0]} is {plain_name(wrapped[0])}"
    whole = [each.name for each in described.held if each.dtype not in FLOATS]
    counters = [name for name in whole if name.endswith(COUNTER)]
    if counters:
        yield f"{len(counters)} tensors {COUNTER} are counts of PyTorch's, which no output needs"
    for each in described.held:
        if each.aliases:
            yield f"{each.name} is stored as {', '.join(each.aliases)} too"
    for each in found.unused:
        if twin := twin_of(each, found, weights):
            yield f"{each.name} is {twin}, stored twice"
    turned = [
        f"{name} ({source.told()})"
        for name, source in found.sources.items()
        if source.axes != tuple(range(len(source.axes))) or source.blocks
    ]
    if turned:
        yield f"in another order: {some_of(turned)}"


def some_of(names: Sequence[str]) -> str:
    """Return the first of some names, and how many there are besides."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return printable(", ".join(names[:SHOWN])) + more
