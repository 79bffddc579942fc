"""Suggestions for a key or a name that the language does not have, and the fixes that write them.

A foreign word comes before a likeness of letters: `geglu` is no misspelt `gelu`. Only a mistake
needs this file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from nnspec.errors import Change, Fix, Mark, alike, quoted
from nnspec.language.changes import (
    changes_of,
    claims_of,
    key_mark,
    meant_by,
    moved,
    settings_of,
    under,
)
from nnspec.language.words import find_record_key, find_word
from nnspec.layers import LAYERS
from nnspec.layers.recurrent import RECURRENT
from nnspec.layers.words import bare
from nnspec.layers.words.defaults import NEEDS_AXIS, defaults, is_keras_spelling, is_torch
from nnspec.layers.words.word import Claim, UnsaidError, Word
from nnspec.support.shown import shown
from nnspec.support.spelling import is_certain, squashed

CALL = re.compile(r"\s*([\w.]+)\s*\((.*)\)\s*\Z", re.S)
_COUNTED = "axes are counted without the batch here, so that Keras's axis 1 is 0"
_ARGUMENT = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*(-?\d+\.?\d*(?:e-?\d+)?|True|False)\s*\Z")


class Suggestion(NamedTuple):
    """The end of a message, the help, and the fix; `guess` is the record as it was meant.

    claims: those of the guess, where there is no fix to hold them.
    """

    suffix: str = ""
    hint: str = ""
    fix: Fix | None = None
    guess: dict[str, Any] | None = None
    claims: tuple[Claim, ...] = ()


def for_key(
    kind: str,
    owner: str,
    key: str,
    holder: object,
    known: Collection[str],
    hint: str,
    *,
    is_inner: bool = False,
) -> Suggestion:
    """Return what a key of a record was meant to be.

    kind: what messages call the record, such as a layer. owner: its type, or its class. known: the
    keys that it has. hint: the help where no other is better. is_inner: whether it is inside of a
    layer.
    """
    record = find_record_key(kind, owner, key)
    if record is not None and record.meant and not (record.into or record.outer):
        record = record if record.meant in known else None
    if record is None:
        return _alike_key(key, holder, known, hint)
    if record.is_nothing or record.outer:
        return Suggestion("", record.note or hint)
    if record.word is not None and isinstance(holder, Mapping) and holder[key] is True:
        if is_inner:
            return Suggestion(
                "", f"the bidirectional that holds this {owner} runs both ways: leave it out"
            )
        rest = {each: value for each, value in holder.items() if each != key}
        return _made_another(record.word, rest, holder, key)
    suffix = f'; did you mean "{record.meant}"?' if record.meant and not record.into else ""
    if not isinstance(holder, Mapping):
        return Suggestion(suffix, record.note)
    try:
        settings = settings_of(record, key, holder)
    except UnsaidError as error:
        return Suggestion(suffix, str(error) or record.note or hint)
    if any(each in holder and squashed(each) != squashed(key) for each in settings):
        twice = next(each for each in settings if each in holder)
        return Suggestion("", f"`{twice}` says it: remove one of them")
    if record.into:
        return Suggestion("", record.note, moved(record, key, holder))
    if not suffix and settings:
        suffix = f"; did you mean {' and '.join(quoted(settings))}?"
    changes = changes_of(key, holder, settings, record.takes)
    titles = [f"write {each}: {short(value)}" for each, value in settings.items()]
    title = " and ".join(titles) or f"leave out {key}"
    is_safe = record.is_safe and not any(each in holder for each in record.beside)
    claims = claims_of(record, key, holder)
    if claims and is_inner and owner not in RECURRENT:
        is_safe, claims = False, ()  # what goes into an activation is not looked at
    fix = Fix(title, changes, is_safe, claims=claims) if changes else None
    return Suggestion(suffix, record.note, fix)


def for_type(
    kind: str, name: str, holder: object, known: Collection[str], mark: Mark | None, key: str
) -> Suggestion:
    """Return what a name of a type was meant to be.

    holder: the record whose `key` it is, or the bare name itself. known: the types that there are.
    mark: where it stands.
    """
    called = CALL.match(name)
    plain, arguments = (called[1], called[2]) if called else (name, "")
    given = arguments_of(arguments)
    word = find_word(kind, plain)
    if kind == "layer" and (word is None or not word.meant):
        word = find_word("block", plain) or word
    meant = word.meant if word is not None else ""
    if meant and meant not in known:
        word = None
    if word is None:
        found = alike(bare(plain), known)
        if len(found) != 1:
            suffix = f"; did you mean {' or '.join(quoted(found))}?" if found else ""
            return Suggestion(suffix, "" if found else _of_another_kind(kind, plain, meant))
        word = Word(found[0], is_safe=is_certain(bare(plain), found[0]))
    if word.choose is not None:
        called_so = dict(holder) if isinstance(holder, Mapping) else {}
        word = word.choose({**called_so, **(given or {})}) or word
    if not word.meant:
        return _by_key(word, holder, known, mark) or Suggestion("", word.note)
    suffix = f'; did you mean "{word.meant}"?'
    if given is None:
        return Suggestion(suffix, f"its arguments are keys: {{{key}: {word.meant}, ...}}")
    record: dict[str, Any] = dict(holder) if isinstance(holder, Mapping) else {}
    changes, settings, gone, unsaid, claims = under(
        kind, word, record, holder, key, said={**record, **given, key: plain}
    )
    if word.says:
        claims.append(Claim(mark, key, plain, word.says))
    if kind == "recurrence":
        settings = {}  # what is inside a Bidirectional is Keras's
    own = {meant_by(kind, word.meant, each) for each in record}
    for each, value in defaults(plain, word.meant).items():
        if each not in own and not (kind == "activation" and each == "slopes"):
            settings.setdefault(each, value)
    settings = {**settings, **given} if given else settings
    guess = {name: value for name, value in record.items() if name not in gone}
    guess.update({key: word.meant, **settings})
    if mark is None:
        return Suggestion(suffix, word.note, None, guess, tuple(claims))
    if not isinstance(holder, Mapping):
        whole = {key: word.meant, **settings} if settings else word.meant
        changes = [Change("value", mark, whole)]
    else:
        changes.insert(0, Change("value", mark, word.meant))
        place = key_mark(holder, key)
        if settings and place is not None:
            changes.append(Change("add", place, settings))
    more = "".join(f", {each}: {short(value)}" for each, value in settings.items())
    counts_axes = _counts_axes(record)
    note = "" if word.is_torch and is_keras_spelling(plain) else word.note
    said = {**record, **given}
    is_safe = word.is_safe(said) if callable(word.is_safe) else word.is_safe
    if is_torch(plain) and word.meant in NEEDS_AXIS:
        is_safe = is_safe and not {"dim", "dims", "axis"}.isdisjoint(said)
    is_safe = is_safe and not counts_axes and not unsaid
    if counts_axes:
        # What is said of the batch is said once.
        others = [part for part in note.split("; ") if part and "the batch" not in part]
        note = "; ".join([_COUNTED, *others])
    title = f"write {key}: {word.meant}{more}" if more or record else f"write {word.meant}"
    fix = Fix(title, tuple(changes), is_safe, claims=tuple(claims))
    return Suggestion(suffix, note, fix, guess if is_safe else None)


def _of_another_kind(kind: str, name: str, meant: str) -> str:
    """Return where a name belongs that is of another kind."""
    meant = meant or squashed(bare(name))
    if kind == "activation":
        layer = next((each for each in LAYERS if squashed(each) == squashed(meant)), "")
        return (
            f"{layer} is a layer of its own: put {{type: {layer}}} after this one" if layer else ""
        )
    for other, place in _PLACES.items() if kind == "layer" else ():
        word = find_word(other, name)
        if word is not None and word.meant:
            return f"{word.meant} is {place.format(word.meant)}"
    return ""


_PLACES = {
    "loss": "a loss: training: {{loss: {}}}",
    "optimizer": "an optimizer: training: {{optimizer: {}}}",
    "initializer": "an initializer: kernel_initializer: {} of a layer",
}


def _by_key(
    word: Word, holder: object, known: Collection[str], mark: Mark | None
) -> Suggestion | None:
    """Return the type that a key of the record names, where the word says that one does."""
    name = holder.get(word.by_key) if isinstance(holder, Mapping) and word.by_key else None
    if not isinstance(name, str) or name not in known or mark is None:
        return None
    place = key_mark(holder, word.by_key)
    if place is None:
        return None
    changes = (Change("value", mark, name), Change("remove", place))
    return Suggestion(f'; did you mean "{name}"?', word.note, Fix(f"write type: {name}", changes))


def _made_another(
    word: Word, record: dict[str, Any], holder: Mapping[str, Any], key: str
) -> Suggestion:
    """Return how a key that makes another layer of this one is written, by that layer."""
    suffix = f'; did you mean the layer "{word.meant}"?'
    mark, place = key_mark(holder, key), key_mark(holder, "type")
    if mark is None or place is None:
        return Suggestion(suffix, word.note)
    changes, settings, _, unsaid, claims = under("layer", word, record, holder, "type", without=key)
    at = holder.marks["type"][1]  # type: ignore[attr-defined]
    changes += [Change("remove", mark), Change("value", at, word.meant)]
    changes.append(Change("add", place, settings))
    title = f"write type: {word.meant}" + "".join(
        f", {each}: {short(value)}" for each, value in settings.items()
    )
    fix = Fix(title, tuple(changes), not unsaid, claims=tuple(claims))
    return Suggestion(suffix, word.note, fix)


def for_list(kind: str, owner: str, key: str, holder: object, known: Collection[str]) -> Suggestion:
    """Return the key that a list was meant for, where others call that as a key is called here."""
    if not kind or not owner or find_record_key(kind, owner, key) is None:
        return Suggestion()
    return for_key(kind, owner, key, holder, known, "")


def for_value(owner: str, key: str, value: object, mark: Mark | None) -> Suggestion:
    """Return what a value of a key was meant to be, where others write it so."""
    from nnspec.language.words import find_value

    found = find_value(owner, key, value) if isinstance(value, str) else None
    if found is None or found[0] is None:
        return Suggestion()
    suffix = f"; did you mean {shown(found[0])}?"
    fix = Fix(f"write {short(found[0])}", (Change("value", mark, found[0]),)) if mark else None
    return Suggestion(suffix, "", fix)


def for_option(
    owner: str, key: str, value: object, options: Collection[str], mark: Mark | None
) -> Suggestion:
    """Return which of the words that a key takes a value was meant to be."""
    found = for_value(owner, key, value, mark)
    if found.suffix or not isinstance(value, str):
        return found
    near = alike(bare(value), options)
    suffix = f"; did you mean {' or '.join(quoted(near))}?" if near else ""
    if len(near) != 1 or mark is None:
        return Suggestion(suffix)
    is_safe = is_certain(value, near[0])
    return Suggestion(
        suffix, "", Fix(f"write {near[0]}", (Change("value", mark, near[0]),), is_safe)
    )


def _alike_key(key: str, holder: object, known: Collection[str], hint: str) -> Suggestion:
    found = alike(key, known)
    if not found:
        return Suggestion("", hint)
    suffix = f"; did you mean {' or '.join(quoted(found))}?"
    mark = key_mark(holder, key)
    is_free = isinstance(holder, Mapping) and found[0] not in holder
    if len(found) > 1 or mark is None or not is_free:
        return Suggestion(suffix, hint)
    is_safe = is_certain(key, found[0])
    fix = Fix(f"write {found[0]}", (Change("key", mark, found[0]),), is_safe)
    return Suggestion(suffix, hint, fix)


def _counts_axes(record: Mapping[str, Any]) -> bool:
    """Whether an axis is counted from the front, which means another one to a foreign layer."""
    given = record.get("axis", record.get("axes"))
    axes = given if isinstance(given, list | tuple) else [given]
    return any(type(axis) is int and axis >= 0 for axis in axes)


def arguments_of(text: str) -> dict[str, Any] | None:
    """Return the arguments of a call as keys, or None where they have none."""
    given: dict[str, Any] = {}
    for part in text.split(",") if text.strip() else ():
        match = _ARGUMENT.match(part)
        if match is None:
            return None
        word = match[2]
        is_whole = word.lstrip("-").isdigit()
        given[match[1]] = (
            word == "True" if word in ("True", "False") else int(word) if is_whole else float(word)
        )
    return given


def short(value: object) -> str:
    """Return a value as a title may show it."""
    from nnspec.language.edits import written

    text = written(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
