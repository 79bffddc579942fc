"""Reads a spec file, checks it, and gives its document with its graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nnspec.advice import advise
from nnspec.errors import Mark, Problem, SpecError, UsageError, nearest
from nnspec.graph import Graph
from nnspec.names import problem_with
from nnspec.resolve import Report, Scope, resolve
from nnspec.schema import Block, Model
from nnspec.source import Map, Sequence, SourceError, parse
from nnspec.validation import problems_of


@dataclass(frozen=True)
class Spec:
    """A checked spec: the document, the graph, and where it came from."""

    model: Model
    graph: Graph
    path: Path | None = None
    advice: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        """The network's name."""
        return self.model.name

    @cached_property
    def sha256(self) -> str:
        """Hash of what the network is: its name, types, layers and links, not of its spelling."""
        import hashlib  # `nnspec check` does without

        return hashlib.sha256(canonical_text(self.graph).encode()).hexdigest()

    @property
    def folder(self) -> Path:
        """The folder that the spec's relative paths start from."""
        return self.path.parent if self.path is not None else Path()


def canonical_text(graph: Graph) -> str:
    """Return a text that two graphs share if and only if they are the same network."""
    lines = [f"{graph.name} {graph.data_format}"]
    lines += [f"in {name} {kind.shape} {kind.dtype}" for name, kind in graph.inputs.items()]
    for at in graph.walk():
        settings = ", ".join(f"{key}={value!r}" for key, value in at.node.layer.settings())
        lines.append(f"{at.path} {at.node.layer.type}({settings}) <- {at.node.inputs}")
    lines.append(f"out {graph.outputs}")
    return "\n".join(lines)


def load(path: str | Path) -> Spec:
    """Read a spec from a .yaml, .yml or .json file; raises SpecError with every mistake found."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder, not a spec") from None
    except UnicodeDecodeError as error:
        raise SpecError(
            [Problem("not-text", f"the file is not UTF-8 text: {error.reason}", file=str(path))]
        ) from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    return loads(text, path=path)


def loads(text: str, *, path: str | Path | None = None, is_json: bool | None = None) -> Spec:
    """Read a spec from text; `path` names it in errors and anchors its relative paths."""
    file = str(path) if path is not None else None
    if is_json is None:
        is_json = file is not None and file.endswith(".json")
    try:
        tree = parse(text, is_json=is_json)
    except SourceError as error:
        raise SpecError(_located(error.problems, text, file)) from None
    report = Report()
    model = _document(tree, report)
    graph = resolve(model, report) if model is not None else None
    errors = [problem for problem in report.problems if problem.severity == "error"]
    if errors or model is None or graph is None:
        raise SpecError(_located(errors, text, file))
    advice = tuple(_located(advise(model, graph), text, file))
    return Spec(model, graph, Path(path) if path is not None else None, advice)


def check(model: Model | Spec | str | Path, *, folder: str | Path | None = None) -> Spec:
    """Return the checked spec of a document built in Python, of a file's path, or of a Spec."""
    if isinstance(model, Spec):
        return model
    if isinstance(model, str | Path):
        return load(model)
    report = Report()
    tree = {key: value for key, value in model if value is not None}
    document = _document(tree, report)
    graph = resolve(document, report) if document is not None else None
    if document is None or graph is None:
        raise SpecError(report.problems)
    path = Path(folder) / f"{model.name}.yaml" if folder is not None else None
    return Spec(document, graph, path, tuple(advise(document, graph)))


def _located(problems: Iterable[Problem], text: str, file: str | None) -> list[Problem]:
    lines: list[str] | None = None
    located = []
    for problem in problems:
        excerpt = None
        if problem.mark is not None:
            if lines is None:
                lines = text.splitlines()
            if problem.mark.line < len(lines):
                excerpt = lines[problem.mark.line]
        located.append(dataclasses.replace(problem, file=file, excerpt=excerpt))
    located.sort(key=lambda problem: problem.mark or Mark(0, 0))
    return located


def _document(tree: Any, report: Report) -> Model | None:
    """Validate everything but the layers, which are checked as they are resolved."""
    if not isinstance(tree, dict):
        what = "empty" if tree is None else "no mapping"
        report.add(
            "wrong-type", f"the spec is {what}", None, "`nnspec init` writes one to start from"
        )
        return None
    variables = tree.get("variables") or {}
    scope = Scope(variables if isinstance(variables, dict) else {})
    values: dict[str, Any] = Map() if isinstance(tree, Map) else {}
    fine = True
    for name in scope.given:
        fine = _check_name(name, "variable", variables, report, is_attribute=False) and fine
        _, well = report.compute(f"${{{name}}}", scope, _mark(variables, name))
        fine = fine and well
    for key, value in tree.items():
        if key in ("layers", "blocks", "variables"):
            values[key] = value
        elif fine:
            values[key], well = report.compute(value, scope, _mark(tree, key))
            fine = fine and well
    if not fine:
        return None
    if isinstance(tree, Map):
        assert isinstance(values, Map)
        values.mark, values.marks = tree.mark, tree.marks
    try:
        model = Model.model_validate(values)
    except ValidationError as error:
        for problem in problems_of(error, values, Model, "the spec"):
            report.add(problem.code, problem.message, problem.mark, problem.hint)
        return None
    return _with_marks(model, values) if _names_are_fine(model, values, report) else None


def _with_marks(model: Model, values: dict[str, Any]) -> Model:
    """Put back the marked sequences that pydantic copied into tuples."""
    update: dict[str, Any] = {"layers": values["layers"]}
    if isinstance(values.get("outputs"), Sequence):
        update["outputs"] = values["outputs"]
    if isinstance(values.get("inputs"), Map):
        inputs = Map(model.inputs)
        inputs.mark, inputs.marks = values["inputs"].mark, values["inputs"].marks
        update["inputs"] = inputs
    blocks: dict[str, Block] = {}
    for name, block in model.blocks.items():
        given = values["blocks"][name]
        if isinstance(given, dict):
            marked = {
                key: given[key]
                for key in ("layers", "outputs", "variables")
                if isinstance(given.get(key), Sequence | Map)
            }
            block = block.model_copy(update=marked)
        blocks[name] = block
    update["blocks"] = blocks
    return model.model_copy(update=update)


def _names_are_fine(model: Model, values: dict[str, Any], report: Report) -> bool:
    before = len(report.problems)
    _check_name(model.name, "network", values, report, key="name")
    for name in model.inputs:
        _check_name(name, "input", values["inputs"], report)
    for name, kind in model.inputs.items():
        for i, size in enumerate(kind.shape):
            if isinstance(size, str):
                given = values["inputs"][name]
                shape = given["shape"] if isinstance(given, dict) else None
                code, message, hint = problem_with(size, "axis", is_attribute=False)
                if code:
                    mark = shape.marks[i] if isinstance(shape, Sequence) else None
                    report.add(code, message, mark, hint)
    from nnspec.layers import LAYERS

    for name, block in model.blocks.items():
        _check_name(name, "block", values["blocks"], report)
        if name in LAYERS:
            report.add(
                "duplicate-name",
                f'block "{name}" has the name of a layer type',
                _mark(values["blocks"], name, is_key=True),
                "give the block another name",
            )
        given = values["blocks"][name]
        for variable in block.variables:
            _check_name(variable, "variable", block.variables, report, is_attribute=False)
            if variable in ("type", "name", "inputs", "repeat", "index"):
                report.add(
                    "reserved-name",
                    f'variable "{variable}" of block "{name}" has the name of a key of its uses',
                    _mark(given.get("variables"), variable, is_key=True),
                    "give the variable another name",
                )
        for inner in block.inputs:
            # "x" is what a block's lone input is called, in the emitted code as well.
            if inner != "x":
                _check_name(inner, "input", given, report, key="inputs")
    data = model.data
    if data is not None:
        for name in data.features:
            if name not in model.inputs:
                report.add(
                    "unknown-input",
                    f'`data.features` names "{name}", which is no input'
                    f"{nearest(name, model.inputs)}",
                    _mark(values["data"].get("features"), name, is_key=True)
                    if isinstance(values["data"], dict)
                    else None,
                    f"the inputs: {', '.join(model.inputs)}",
                )
    return len(report.problems) == before


def _check_name(
    name: object,
    what: str,
    holder: Any,
    report: Report,
    *,
    key: str | None = None,
    is_attribute: bool = True,
) -> bool:
    code, message, hint = problem_with(name, what, is_attribute=is_attribute)
    if code:
        mark = _mark(holder, key) if key else _mark(holder, str(name), is_key=True)
        report.add(code, message, mark, hint)
    return not code


def _mark(holder: Any, key: str, *, is_key: bool = False) -> Mark | None:
    if isinstance(holder, Map) and key in holder.marks:
        return holder.marks[key][0 if is_key else 1]
    return None
