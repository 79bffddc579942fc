"""Turns the changes of a fix into edits of the text, so that comments and layout stay."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping

from nnspec.errors import Change, EditTuple, Fix
from nnspec.language.renaming import free_name, uses
from nnspec.language.spans import Edit, Item, Node, Spans, read_spans

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./ -]*(?<! )\Z")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "nan", "inf"})


class NotHereError(ValueError):
    """The text has no place for a change."""


def written(value: object, *, is_json: bool = False) -> str:
    """Return a value as a spec writes it, on one line."""
    if isinstance(value, Mapping):
        items = (
            f"{written(key, is_json=is_json)}: {written(each, is_json=is_json)}"
            for key, each in value.items()
        )
        return "{" + ", ".join(items) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(written(each, is_json=is_json) for each in value) + "]"
    is_plain = isinstance(value, str) and _PLAIN.match(value) and value.lower() not in _WORDS
    if is_plain and not is_json:
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def located(fixes: Iterable[Fix], text: str, *, is_json: bool) -> list[Fix | None]:
    """Return the fixes with their edits of this text; None for one that has no place in it."""
    spans = read_spans(text, is_json=is_json)
    found: list[Fix | None] = []
    chosen: dict[str, str] = {}
    for fix in fixes:
        try:
            if spans is None:
                raise NotHereError
            fix = _freely_named(fix, spans, chosen)
            others = (change for change in fix.changes if change.kind != "remove")
            edits = [edit for change in others for edit in _edits(change, spans)]
            edits.extend(_removals(fix, spans))
            made = tuple(_apart(edits))
            found.append(Fix(fix.title, fix.changes, fix.is_safe, made, fix.claims))
        except NotHereError:
            found.append(None)
    return found


def _freely_named(fix: Fix, spans: Spans, chosen: dict[str, str]) -> Fix:
    """Return a fix that renames to a name that nothing has; `chosen` are those of others."""
    renamed = next((change for change in fix.changes if change.kind == "name"), None)
    if renamed is None:
        return fix
    places = sorted(uses(renamed.mark, spans))
    name = free_name(str(renamed.to), places, spans, chosen) if places else None
    if name is None:
        raise NotHereError
    chosen[name] = spans.text[slice(*places[0])]
    title = fix.title if name == renamed.to else f"call it {name}"
    changes = tuple(
        Change(each.kind, each.mark, name) if each is renamed else each for each in fix.changes
    )
    return Fix(title, changes, fix.is_safe, fix.edits, fix.claims)


def applied(text: str, edits: Iterable[EditTuple]) -> str:
    """Return the text with the edits made; none of them overlap."""
    starts = Spans.line_starts(text)

    def offset(line: int, column: int) -> int:
        return starts[line] + column

    # What is inserted comes before what is deleted there.
    for line, column, end_line, end_column, new in sorted(edits, reverse=True):
        start, end = offset(line, column), offset(end_line, end_column)
        text = text[:start] + new + text[end:]
    return text


def _apart(edits: list[Edit]) -> list[Edit]:
    """Return the edits in order, equal ones once; raises where two of them overlap."""
    ordered = sorted(dict.fromkeys(edits))
    for one, other in itertools.pairwise(ordered):
        if (one.end_line, one.end_column) > (other.line, other.column):
            raise NotHereError
    return ordered


def _edits(change: Change, spans: Spans) -> list[Edit]:
    if change.kind == "name":
        places = uses(change.mark, spans)
        if not places:
            raise NotHereError
        return [spans.edit(start, end, str(change.to)) for start, end in places]
    if change.kind == "value":
        node = spans.node(change.mark)
        if (
            node is None
            or spans.is_special(node)
            or "${" in spans.text[node.start : spans.end(node)]
        ):
            raise NotHereError
        if node.kind != "scalar" and "#" in spans.text[node.start : spans.end(node)]:
            raise NotHereError  # a comment would be lost
        return [spans.edit(node.start, spans.end(node), _instead(node, change.to, spans))]
    item = spans.item(change.mark)
    if item is None and change.kind == "add":
        beside = spans.item_of(change.mark)
        item = beside.owner.items[-1] if beside is not None else None
    if item is None or spans.is_special(item.key):
        raise NotHereError
    if change.kind == "key":
        return [spans.edit(item.key.start, item.key.end, _instead(item.key, change.to, spans))]
    if change.kind == "add":
        known = {
            spans.text[each.key.start : each.key.end].strip("\"'") for each in item.owner.items
        }
        if known.intersection(change.to):
            raise NotHereError  # a key is written once
        return [_added(item, change.to, spans)]
    raise AssertionError(change.kind)


def _removals(fix: Fix, spans: Spans) -> Iterator[Edit]:
    owners: dict[int, list[Item]] = {}
    for change in fix.changes:
        if change.kind == "remove":
            item = spans.item(change.mark)
            if item is None or "${" in spans.text[item.value.start : spans.end(item.value)]:
                raise NotHereError
            owners.setdefault(id(item.owner), []).append(item)
    for items in owners.values():
        for item in items:
            if "#" in spans.text[item.key.start : spans.end(item.value)]:
                raise NotHereError  # a comment would be lost
        yield from _removed(items, spans)


def _instead(node: Node, value: object, spans: Spans) -> str:
    """Return a value as it is written instead of another: a text keeps its quotes."""
    quote = spans.text[node.start : node.start + 1]
    text = written(value, is_json=spans.is_json or (isinstance(value, str) and quote == '"'))
    is_plain = isinstance(value, str) and quote == "'" and text == value
    return f"'{value}'" if is_plain else text


def _added(item: Item, settings: Mapping[str, object], spans: Spans) -> Edit:
    """Add keys after this one."""
    pairs = [
        f"{written(key, is_json=spans.is_json)}: {written(value, is_json=spans.is_json)}"
        for key, value in settings.items()
    ]
    end = spans.end(item.value)
    if item.owner.is_flow:
        if spans.is_json and "\n" in spans.text[item.owner.start : item.owner.end]:
            indent = "\n" + " " * spans.column(item.key.start)
            return spans.edit(end, end, "".join(f",{indent}{pair}" for pair in pairs))
        return spans.edit(end, end, "".join(f", {pair}" for pair in pairs))
    indent = " " * spans.column(item.key.start)
    stop = spans.line_end(max(end, item.key.end))
    if spans.text[:end].endswith("\n"):  # a text of several lines holds its last break
        return spans.edit(end, end, "".join(f"{indent}{pair}\n" for pair in pairs))
    return spans.edit(stop, stop, "".join(f"\n{indent}{pair}" for pair in pairs))


def _removed(items: Iterable[Item], spans: Spans) -> Iterator[Edit]:
    """Take items of one mapping away, those that stand together at once."""
    owner = next(iter(items)).owner
    places = sorted(owner.items.index(item) for item in items)
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][1] == place - 1:
            runs[-1][1] = place
        else:
            runs.append([place, place])
    for first, last in runs:
        start, after = owner.items[first].key.start, owner.items[last + 1 :]
        if owner.is_flow or not first:
            if not owner.is_flow and not after:
                raise NotHereError
            end = after[0].key.start if after else spans.end(owner.items[last].value)
            if first and not after:
                start = spans.end(owner.items[first - 1].value)
            value_end, taken = spans.end(owner.items[last].value), spans.text[start:end]
            if "#" in spans.text[start:value_end] or (owner.is_flow and "#" in taken):
                raise NotHereError
            if "#" in taken:
                yield _kept_after(after[0], value_end, spans)
            yield spans.edit(start, end, "")
        else:
            yield _lines(owner.items[first], owner.items[last], spans)


def _kept_after(item: Item, value_end: int, spans: Spans) -> Edit:
    """Put the comment that stands behind a value that goes after the line of what follows it."""
    start = spans.text.index("#", value_end)
    if start > spans.line_end(value_end):  # it is about what follows
        raise NotHereError
    comment = spans.text[start : spans.line_end(start)]
    stop = spans.end(item.value)
    if (
        spans.text[:stop].endswith("\n")
        or "#" in spans.text[spans.line_end(start) : item.key.start]
    ):
        raise NotHereError
    place = spans.line_end(stop)
    return spans.edit(place, place, "\n" + " " * spans.column(item.key.start) + comment)


def _lines(first: Item, last: Item, spans: Spans) -> Edit:
    """Take the lines away on which items of a block mapping stand."""
    start = spans.line_start(first.key.start)
    if spans.text[start : first.key.start].strip():
        raise NotHereError
    stop = spans.end(last.value)
    if not spans.text[:stop].endswith("\n"):
        stop = spans.line_end(max(stop, last.key.end))
        stop += 2 if spans.text.startswith("\r\n", stop) else int(stop < len(spans.text))
    rest = spans.text[spans.end(last.value) : stop]
    if spans.text[first.key.start : stop].count("#") > rest.count("#"):
        raise NotHereError
    if "#" not in rest:
        return spans.edit(start, stop, "")
    # The comment on the line stays.
    comment = spans.text[start : first.key.start] + rest.lstrip()
    return spans.edit(start, stop, comment)
