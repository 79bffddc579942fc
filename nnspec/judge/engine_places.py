"""The places of a reproduction of two backends: the layer at which their programs part."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnspec.backend import Exportable
from nnspec.backend.foreign import Cut, Reference
from nnspec.errors import NnspecError
from nnspec.judge.folders import Folder
from nnspec.judge.places import OUTPUTS, reproduced
from nnspec.judge.process import SECONDS
from nnspec.judge.reproducing import Part, Place, Reproduced
from nnspec.network.loader import Spec
from nnspec.network.opened import all_values, as_spec, flat
from nnspec.support.causes import cause_of
from nnspec.verification.checks import Check, difference
from nnspec.verification.engine_list import engines_of
from nnspec.verification.engines import (
    EXPORTERS_OPSET,
    DirectOnnx,
    Engine,
    ExportedOnnx,
    SourceEngine,
)
from nnspec.verification.networks import one_layer
from nnspec.verification.settings import Settings
from nnspec.verification.verifier import prepared

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.verification.report import Report

NAMES = ("ours", "theirs")
"""Of the scripts, in the order of a pair."""


def reproduce_verification(
    report: Report, spec: Spec, settings: Settings, folder: Folder, command: str
) -> Reproduced:
    """Write what shows the first difference of a verification, or return why there is none."""
    try:
        places = engine_places(report, spec, settings)
    except NnspecError as error:
        return Reproduced(cause_of(error))
    title = f"Where two backends part in {spec.name}"
    return reproduced(report, places, folder, title, command, SECONDS)


def engine_places(report: Report, spec: Spec, settings: Settings) -> list[Place]:
    """Return where two backends part in a report: of the first failed check that compares two."""
    engines = engines_of(settings, None)
    for check in report.failures():
        if check.kind not in OUTPUTS:
            continue
        pair = [_engine(engines, label) for label in check.pair]
        if pair[0] is not None and pair[1] is not None and pair[0] is not pair[1]:
            return _places(check, spec, settings, (pair[0], pair[1]))
    return []


def _engine(engines: list[Engine], label: str) -> Engine | None:
    """Return the engine of a label, such as `onnx` or `onnx, optimised`."""
    fitting = [each for each in engines if label.startswith(each.name)]
    return max(fitting, key=lambda each: len(each.name), default=None)


def _places(
    check: Check, spec: Spec, settings: Settings, pair: tuple[Engine, Engine]
) -> list[Place]:
    state = prepared(spec, settings, None)
    told = difference(check)
    plain = as_spec(spec, spec.graph, is_trained=False)
    weights, inputs = dict(state.weights), dict(state.inputs)
    whole = Place(told, _sides(pair, plain, weights, inputs, ""))
    found = [whole]
    paths = {at.path for at in spec.graph.walk()}
    source = next((each for each in pair if isinstance(each, SourceEngine)), None)
    if check.layer in paths and source is not None:
        alone = _alone(spec, check.layer, source, weights, inputs)
        found.insert(0, Place(told, _sides(pair, *alone, check.layer)))
    return found


def _alone(
    spec: Spec, path: str, source: SourceEngine, weights: Mapping[str, Array],
    inputs: Mapping[str, Array],
) -> tuple[Spec, dict[str, Array], dict[str, Array]]:  # fmt: skip
    """Return a layer alone, its weights, and what it takes as a source computes it."""
    opened = as_spec(spec, all_values(spec.graph), is_trained=False)
    flats = {
        f"{flat(at.path)}.{each.name}": weights[f"{at.path}.{each.name}"]
        for at in spec.graph.walk()
        for each in at.parameters()
    }
    program = source.build(opened, flats, "float64")
    values = {**inputs, **program.forward(inputs)}
    node: Any = next(each for each in opened.graph.nodes if each.name == flat(path))
    graph = one_layer(opened.graph, node)
    home = node.owner or node.name
    own = {
        f"{node.name}.{name.partition('.')[2]}": array
        for name, array in flats.items() if name.partition(".")[0] == home
    }  # fmt: skip
    feeds = zip(graph.inputs, dict.fromkeys(node.inputs), strict=True)
    taken = {name: values[value] for name, value in feeds}
    return as_spec(opened, graph, is_trained=False), own, taken


def _sides(
    pair: tuple[Engine, Engine], spec: Spec, weights: dict[str, Array],
    inputs: dict[str, Array], layer: str,
) -> tuple[Part, Part]:  # fmt: skip
    what = f'the layer "{layer}"' if layer else spec.name
    first, second = (
        Part(name, f"{what} of {engine.name}", partial(_cuts, engine, spec, weights, inputs, name),
             tuple(spec.graph.outputs))
        for engine, name in zip(pair, NAMES, strict=True)
    )  # fmt: skip
    return first, second


def _cuts(
    engine: Engine, spec: Spec, weights: dict[str, Array], inputs: dict[str, Array], name: str
) -> list[Cut]:
    """Return a network as an engine makes it."""
    if isinstance(engine, SourceEngine):
        program: Any = engine.build(spec, weights, "float64")
        foreign = engine.backend.open_program(program)
        with program.precision():
            return foreign.cuts(inputs, (), None, name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        backend: Any
        if isinstance(engine, DirectOnnx):
            backend = engine.backend
            backend.compile(spec, engine.options).write_files(path, weights)
        else:
            assert isinstance(engine, ExportedOnnx)
            backend = engine.runner
            made = engine.source.build(spec, weights, "float32")
            assert isinstance(made, Exportable)
            made.export_onnx(path, EXPORTERS_OPSET)
        found: list[Cut] = backend.open_file(Reference(str(path))).cuts(inputs, (), None, name)
        return found
