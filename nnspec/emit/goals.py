"""Writes how a script reads the targets of losses that are given by output, or that inputs are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from nnspec.emit.answers import read_target
from nnspec.emit.code import literal, wrap, wrap_item
from nnspec.emit.composed import TAKEN, Named, named_terms
from nnspec.emit.sources import has_categories
from nnspec.emit.splitting import as_tuple, counting, left_out
from nnspec.errors import UsageError
from nnspec.language.objectives import is_composed, named_outputs
from nnspec.language.training_schema import Data
from nnspec.network.loader import Spec
from nnspec.network.objectives import Term


class Goals(NamedTuple):
    """Lines that read the targets of losses by output.

    constants: name their columns. readers: definitions. matching: lines of `load_data` that find
    columns; columns: the expression of all of them. reading: lines that read. made: lines that give
    `targets` once `arrays`, the inputs, are there. total: the expression of the number of rows.
    shaped: that of a target with the places of its rows, where there is one. answers: lines of
    what the record says of each. first: those of what it says of the first.
    """

    constants: list[str]
    readers: list[str]
    matching: list[str]
    columns: str
    reading: list[str]
    made: list[str]
    total: str
    shaped: str
    answers: list[str]
    first: list[str]


def is_named(spec: Spec) -> bool:
    """Whether losses are given by output, so that each has a target by its name."""
    training = spec.model.training
    return training is not None and is_composed(spec.model) and bool(named_outputs(training))


def own_term(spec: Spec) -> Term | None:
    """Return the one loss of a spec whose target no column is, or None."""
    if not is_composed(spec.model) or is_named(spec):
        return None
    (named,) = named_terms(spec)
    term = named.term
    return term if term.own is not None or term.loss.takes == "nothing" else None


def as_trained(spec: Spec) -> Spec:
    """Return a spec of one loss with the training that its loss has by itself."""
    if not is_composed(spec.model) or is_named(spec):
        return spec
    (named,) = named_terms(spec)
    model = spec.model.model_copy(update={"training": named.term.training})
    return replace(spec, model=model)


def shifts_ids(spec: Spec) -> bool:
    """Whether a target is an input's next ids."""
    own = (each.term.own for each in named_terms(spec))
    return any(each is not None and each.shifted is not None for each in own)


def own_target(term: Term, inputs: Sequence[str]) -> str:
    """Return a target that rows do not hold; `arrays` are the inputs as the network takes them."""
    if term.own is None or term.loss.takes == "nothing":
        return 'np.zeros(len(arrays[0]), "float32")'
    name = term.own.input or term.own.shifted
    assert name is not None
    array = f"arrays[{list(inputs).index(name)}]"
    dtype = "int64" if term.training.kind == "multiclass" else "float32"
    if term.graph.inputs[name].dtype != dtype:
        array += f'.astype("{dtype}")'
    if term.own.shifted is None:
        return array
    return f"following({array}, {int(term.training.resolved_loss.ignored or 0)})"


def goals_source(spec: Spec, *, is_table: bool) -> Goals:
    """Return how the targets of losses by output are read."""
    named = named_terms(spec)
    read = [each for each in named if _is_read(each.term)]
    is_one = {each.term.output: _data(each.term).one_target is not None for each in read}
    has_patterns = not all(is_one.values())
    if has_patterns and not is_table:
        raise UsageError("the target is one array, and several are listed")
    readers, called = _readers(read, spec, is_table=is_table)
    constants, matching, reading = [], [], []
    others = left_out(spec.model.data) if is_table and spec.model.data is not None else []
    columns = as_tuple(others) if others else ""
    if read and is_table:
        columns = as_tuple(["*TARGETS.values()", *others]) if others else "tuple(TARGETS.values())"
    if has_patterns:
        names = {each.term.output: list(_data(each.term).targets) for each in read}
        constants = wrap(f"TARGETS: dict[str, list[str]] = {literal(names)}")
        weights = counting(spec.model.data) if spec.model.data is not None else []
        apart = f", {as_tuple(weights)}" if weights else ""
        found = f"matching(rows, names, path{apart}) for output, names in TARGETS.items()"
        matching = [
            *wrap(f"columns = {{output: {found}}}", 4),
            "    taken = tuple(name for names in columns.values() for name in names)",
        ]
        columns = as_tuple(["*taken", *others]) if others else "taken"
    elif read:
        constants = wrap(
            f"TARGETS = {literal({each.term.output: _data(each.term).one_target for each in read})}"
        )
    if read:
        reading.append("    read = {")
        for each in read:
            output = literal(each.term.output)
            which = f"columns[{output}]" if has_patterns else f"TARGETS[{output}]"
            if has_patterns and is_one[each.term.output]:
                which += "[0]"
            call = f"{called[each.term.output]}(rows, {which}, path)"
            reading += wrap_item(f"{output}: {call}", 8)
        reading.append("    }")
    made = ["    targets = {"]
    for each in named:
        output, value = literal(each.term.output), own_target(each.term, list(spec.graph.inputs))
        made += wrap_item(f"{output}: {f'read[{output}][0]' if _is_read(each.term) else value}", 8)
    first = f"read[{literal(read[0].term.output)}][0]" if read else ""
    count = f"len({first or f'inputs[{literal(next(iter(spec.graph.inputs)))}]'})"
    answers = [line for each in named for line in _answer(each, is_one)]
    shaped = next((each for each in named if each.term.loss.takes != "nothing"), named[0])
    return Goals(
        constants,
        readers,
        matching,
        columns,
        reading,
        [*made, "    }"],
        count,
        f"targets[{literal(shaped.term.output)}]",
        answers,
        [
            f'        "task": "{named[0].term.training.task}",',
            *wrap_item(f'"target": {literal(_target(named[0].term, is_one))}', 8),
        ],
    )


def _is_read(term: Term) -> bool:
    """Whether the rows hold the target of a loss: it takes one, and it is none of the inputs."""
    return term.loss.takes != "nothing" and term.own is None


def _data(term: Term) -> Data:
    assert term.model.data is not None
    return term.model.data


def _target(term: Term, is_one: dict[str, bool]) -> str:
    """Return the name of what an output says."""
    return ", ".join(_data(term).targets) if term.output in is_one else term.output


def _answer(each: Named, is_one: dict[str, bool]) -> list[str]:
    """Return the lines of the record that say what an output means."""
    term, output = each.term, literal(each.term.output)
    is_read, target = term.output in is_one, _target(each.term, is_one)
    pairs = [f'"task": "{term.training.task}"', f'"target": {literal(target)}']
    if is_read and not is_one[term.output]:
        pairs.append(f'"columns": columns[{output}]')
    pairs.append(f'"labels": {f"read[{output}][1]" if is_read else None}')
    if (axis := term.training.resolved_loss.class_axis) != -1:
        pairs.append(f'"class_axis": {axis}')
    if (gives := term.training.resolved_loss.gives) is not None:
        pairs.append(f'"gives": "{gives}"')
    return wrap_item(f"{output}: {{{', '.join(pairs)}}}", 12)


def _readers(
    read: Iterable[Named], spec: Spec, *, is_table: bool
) -> tuple[list[str], dict[str, str]]:
    """Return what reads targets, one definition for all that are alike, and its name by output."""
    taken = {*TAKEN, *spec.graph.inputs, spec.name, *spec.model.blocks}
    texts: dict[str, str] = {}
    called: dict[str, str] = {}
    names: dict[str, str] = {}
    for each in read:
        term = each.term
        name = f"read_{each.goal}"
        while name in taken:
            name += "_"
        shape, is_one = term.graph.types[term.output].shape, _data(term).one_target is not None
        alike, text = (
            read_target(
                term.training,
                shape,
                is_table=is_table,
                has_categories=has_categories(spec.model.data),
                is_one=is_one,
                function=function,
                is_named=True,
            )
            for function in ("read", name)
        )
        if alike not in names:
            names[alike] = name
            texts[name] = text
            taken.add(name)
        called[term.output] = names[alike]
    return list(texts.values()), called
