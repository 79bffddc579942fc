"""Changes of a record: a foreign key becomes ours, or ours for what a foreign name means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnspec.errors import Change, Fix, Mark
from nnspec.language.words import find_record_key
from nnspec.layers.words.word import Claim, Key, UnsaidError, Word
from nnspec.support.spelling import squashed

_OF_SGD = ("momentum", "nesterov")
"""Settings of an optimizer that the default one, adam, lacks."""


def settings_of(record: Key, key: str, holder: Mapping[str, Any]) -> dict[str, object]:
    """Return our settings for a foreign key's value; raises UnsaidError."""
    value = holder[key]
    if record.value is not None:
        value = record.value(value, *(holder.get(each) for each in record.takes))
    if record.is_split:
        settings: dict[str, object] = value
        return settings
    return {record.meant: value} if record.meant else {}


def under(
    kind: str,
    word: Word,
    record: Mapping[str, Any],
    marked: object,
    key: str,
    *,
    without: str = "",
    said: Mapping[str, Any] | None = None,
) -> tuple[list[Change], dict[str, object], set[str], bool, list[Claim]]:
    """Return the changes of keys that mean other things under a foreign name, and what it adds.

    Then the keys that go, whether one has a value that cannot be said here, and what those that go
    say of the network.
    """
    holder: Any = marked if isinstance(marked, Mapping) else record
    changes: list[Change] = []
    own: dict[str, Any] = {}
    gone: set[str] = set()
    unsaid = False
    claims: list[Claim] = []
    foreign = {squashed(each): it for each, it in word.keys.items()}
    for given in holder:
        said_by = foreign.get(squashed(given))
        if said_by is None:
            continue
        try:
            made = settings_of(said_by, given, holder)
        except UnsaidError:
            unsaid = True
            continue
        changes.extend(changes_of(given, holder, made, said_by.takes))
        gone.add(given)
        own.update(made)
        claims.extend(claims_of(said_by, given, holder))
    wanted = word.settings(said or holder) if callable(word.settings) else word.settings
    if word.inside and word.inside not in holder:
        inner: dict[str, Any] = dict(wanted[word.inside])  # type: ignore[call-overload]
        for given in holder:
            mark = key_mark(holder, given)
            if given not in (key, without, *word.outside):
                inner.update(_ours(str(inner["type"]), given, holder))
                said_so = find_record_key("layer", str(inner["type"]), given)
                claims.extend(claims_of(said_so, given, holder) if said_so is not None else ())
                gone.add(given)
                if mark is not None:
                    changes.append(Change("remove", mark))
        wanted = {**wanted, word.inside: inner}
    ours = {meant_by(kind, word.meant, given) for given in holder} | own.keys()
    settings = {each: value for each, value in wanted.items() if each not in ours}
    return changes, settings, gone, unsaid, claims


def _ours(owner: str, key: str, holder: Mapping[str, Any]) -> dict[str, object]:
    """Return a key of a layer in our words, as far as there are any."""
    record = find_record_key("layer", owner, key)
    if record is None or record.is_nothing:
        return {key: holder[key]}
    try:
        return settings_of(record, key, holder)
    except UnsaidError:
        return {key: holder[key]}


def meant_by(kind: str, owner: str, key: str) -> str:
    """Return our key for a foreign one, or the key itself."""
    record = find_record_key(kind, owner, key)
    return key if record is None or not record.meant else record.meant


def claims_of(record: Key, key: str, holder: Mapping[str, Any]) -> tuple[Claim, ...]:
    """Return what a key that is left out says of the network."""
    if not record.says:
        return ()
    return (Claim(key_mark(holder, key), key, holder[key], record.says),)


def changes_of(
    key: str, holder: Mapping[str, Any], settings: Mapping[str, object], takes: tuple[str, ...]
) -> tuple[Change, ...]:
    """Return the changes that write settings for a key, and for the others that it takes."""
    mark = key_mark(holder, key)
    if mark is None:
        return ()
    changes = [
        Change("remove", place)
        for place in (key_mark(holder, each) for each in takes if each in holder)
        if place is not None
    ]
    if not settings:
        return (Change("remove", mark), *changes)
    first, value = next(iter(settings.items()))
    if first != key:
        changes.append(Change("key", mark, first))
    if value is not holder[key]:
        changes.append(Change("value", holder.marks[key][1], value))  # type: ignore[attr-defined]
    rest = {each: settings[each] for each in list(settings)[1:]}
    if rest:
        changes.append(Change("add", mark, rest))
    return tuple(changes)


def moved(record: Key, key: str, holder: Mapping[str, Any]) -> Fix | None:
    """Return the fix that moves a key into the record that it belongs to."""
    mark = key_mark(holder, key)
    if mark is None:
        return None
    value, target = holder[key], holder.get(record.into)
    title = f"move {key} into {record.into}"
    marks = holder.marks  # type: ignore[attr-defined]
    if isinstance(target, Mapping):
        places = [key_mark(target, each) for each in target]
        if record.meant in target or not places or places[-1] is None:
            return None
        added = Change("add", places[-1], {record.meant: value})
        return Fix(title, (added, Change("remove", mark)))
    is_of_sgd = target is None and record.meant in _OF_SGD
    default = "sgd" if is_of_sgd else "adam"
    start = {"type": target or default} if record.into == "optimizer" else {}
    whole = {**start, record.meant: value}
    if target is None and record.into not in holder:
        changes = (Change("key", mark, record.into), Change("value", marks[key][1], whole))
        return Fix(title, changes, is_safe=not is_of_sgd)
    if isinstance(target, str) and start:
        return Fix(title, (Change("value", marks[record.into][1], whole), Change("remove", mark)))
    return None


def key_mark(holder: object, key: str) -> Mark | None:
    """Return where a key of a record stands, if that is known."""
    marks = getattr(holder, "marks", None)
    return marks[key][0] if isinstance(marks, dict) and key in marks else None
