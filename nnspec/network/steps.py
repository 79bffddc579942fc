"""Items of `layers` that stand for several layers, or for none: `repeat` and `when`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nnspec.errors import Mark
from nnspec.language.limits import MAX_LAYERS
from nnspec.language.names import report_name
from nnspec.language.schema import Call
from nnspec.language.scope import Scope, compute
from nnspec.language.tree import Map
from nnspec.layers import LAYERS
from nnspec.layers.base import Layer
from nnspec.layers.extensions import brought
from nnspec.layers.fields import is_whole
from nnspec.network.entries import Entry, Reader, copied, salvage
from nnspec.network.wiring import output_names
from nnspec.support.shown import shown

_KEYS = frozenset({"repeat", "time_distributed", "unroll", "when"})


def read_item(reader: Reader, given: object, mark: Mark | None, scope: Scope) -> Iterator[Entry]:
    """Yield the entries of one item: each step of its own where they are apart."""
    item = given
    if isinstance(given, Call):
        item = {key: value for key, value in given if value is not None}
    if isinstance(given, Layer) or not isinstance(item, dict) or _KEYS.isdisjoint(item):
        yield reader.read(given, mark, scope)
        return
    if "time_distributed" in item:
        is_each, fine = compute(
            item["time_distributed"],
            scope,
            reader.problems,
            _place(item, "time_distributed", mark),
        )
        if fine and not isinstance(is_each, bool):
            reader.problems.add(
                "wrong-type",
                f"`time_distributed` is {shown(is_each)}, and true or false is expected",
                _place(item, "time_distributed", mark),
            )
        rest = copied(item, {key: item[key] for key in item if key != "time_distributed"})
        for entry in read_item(reader, rest, mark, scope):
            entry.is_distributed = is_each is not False
            yield entry
        return
    kind = item.get("type")
    if isinstance(kind, str) and _is_unrolled(reader, item, kind, scope):
        yield from _steps(reader, item, mark, scope)
    else:
        yield _one(reader, item, mark, scope)


def _one(reader: Reader, item: dict[str, Any], mark: Mark | None, scope: Scope) -> Entry:
    """Return the entry of an item, marked where `when` says that it is left out."""
    given = copied(item, {key: item[key] for key in item if key not in ("unroll", "when")})
    if "when" not in item:
        return reader.read(given, mark, scope)
    is_there, fine = compute(item["when"], scope, reader.problems, _place(item, "when", mark))
    if fine and not isinstance(is_there, bool):
        reader.problems.add(
            "wrong-type",
            f"`when` is {shown(is_there)}, and true or false is expected",
            _place(item, "when", mark),
            "compare numbers in it, as in ${depth > 2}, or name a variable that is true or false",
        )
    kind = item.get("type")
    is_known = isinstance(kind, str) and (kind in LAYERS or reader.block(kind) is not None)
    if is_there is not False or not is_known:
        return reader.read(given, mark, scope)
    # What it would be is not looked into: its sizes may have no meaning where it is left out.
    entry = Entry(given, mark)
    place: dict[str, Any] = {key: item[key] for key in ("name", "inputs") if key in item}
    values: dict[str, Any] = {
        key: compute(value, scope, reader.problems, entry.place(key))[0]
        for key, value in place.items()
    }
    entry.type = str(kind)
    entry.is_left_out = True
    salvage(entry, copied(given, values))
    return entry


def _is_unrolled(reader: Reader, item: dict[str, Any], kind: str, scope: Scope) -> bool:
    """Whether each repetition is a layer, or the use of a block, of its own."""
    layer = LAYERS.get(kind)
    if layer is None and reader.block(kind) is None:
        layer = brought("layer").get(kind)
    value: object = False
    if "unroll" in item:
        value, fine = compute(item["unroll"], scope, reader.problems, _place(item, "unroll", None))
        if fine and not isinstance(value, bool):
            reader.problems.add(
                "wrong-type",
                f"`unroll` is {shown(value)}, and true or false is expected",
                _place(item, "unroll", None),
            )
    if layer is not None:
        return "repeat" in item and "repeat" not in layer.model_fields
    return value is True and "repeat" in item


def _steps(
    reader: Reader, item: dict[str, Any], mark: Mark | None, scope: Scope
) -> Iterator[Entry]:
    """Yield an entry for each repetition: `name_0`, `name_1`, ..., and the last is `name`."""
    problems = reader.problems
    count, fine = compute(item["repeat"], scope, problems, _place(item, "repeat", mark))
    if fine and (not is_whole(count) or not 1 <= count <= MAX_LAYERS):
        problems.add(
            "bad-size" if is_whole(count) else "wrong-type",
            f"`repeat` is {shown(count)}, and a whole number from 1 to {MAX_LAYERS:,} is expected",
            _place(item, "repeat", mark),
        )
        fine = False
    rest = {key: item[key] for key in item if key not in ("repeat", "unroll")}
    place = copied(item, {key: item[key] for key in ("name", "inputs") if key in item})
    named, placed = compute(place, scope, problems, mark)
    name, inputs = (named.get("name"), named.get("inputs")) if placed else (None, None)
    taken = [inputs] if isinstance(inputs, str) else inputs if isinstance(inputs, list) else None
    if isinstance(name, str):
        # Of its steps `name_0` and so on it would be said anew, and otherwise.
        report_name(name, "layer", _place(item, "name", mark), problems)
    made = _made(reader, item["type"])
    if fine and taken is not None and len(taken) > 1 and not isinstance(name, str) and count > 1:
        problems.add(
            "missing-argument",
            f"the repetitions of {item['type']} take {len(taken)} inputs each, and have no name",
            mark,
            "give it a `name`: the next repetition takes what the one before gives by that",
        )
        fine = False
    if not fine:
        entry = Entry(item, mark)
        entry.type = item["type"]
        salvage(entry, item)
        yield entry
        return
    for i in range(count):
        step = dict(rest)
        is_last = i == count - 1
        if isinstance(name, str):
            step["name"] = name if is_last else f"{name}_{i}"
        if i and taken is not None:
            before = output_names(f"{name}_{i - 1}", made) if isinstance(name, str) else ()
            step["inputs"] = [*before, *taken[made:]]
            if not before:
                del step["inputs"]
        found = len(problems.found)
        inner = Scope({"index": i}, scope)
        values = {
            key: compute(value, inner, problems, _place(item, key, mark))[0]
            for key, value in step.items()
        }
        if len(problems.found) == found:
            entry = _one(reader, copied(item, values), mark, inner)
        else:
            entry = Entry(item, mark)
            entry.type = item["type"]
        is_wrong = len(problems.found) > found
        if is_wrong and isinstance(name, str):
            entry.name = name  # what is wrong is said once
        yield entry
        if is_wrong:
            return


def _made(reader: Reader, kind: str) -> int:
    """Return the number of values that one step gives the next."""
    block = reader.block(kind) if kind not in LAYERS else None
    return len(block.outputs) if block is not None and block.outputs else 1


def _place(item: dict[str, Any], key: str, mark: Mark | None) -> Mark | None:
    return item.marks[key][1] if isinstance(item, Map) and key in item.marks else mark


def left_out(entries: list[Entry], outputs: frozenset[str]) -> dict[str, str]:
    """Return the value that stands for each layer that is left out: the first that it takes.

    outputs: names that must stay, so that such a layer gives what it takes.
    """
    found: dict[str, str] = {}
    for entry in entries:
        if entry.is_left_out and entry.inputs and entry.name not in outputs:
            found[entry.name] = entry.inputs[0]
    for name in found:
        seen = {name}
        while found[name] in found and found[name] not in seen:
            seen.add(found[name])
            found[name] = found[found[name]]
    return found
