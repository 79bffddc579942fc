"""The records of the tables of foreign names, and short ways to write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from nnspec.errors import Mark


class UnsaidError(ValueError):
    """A value that the language has no words for; the message says what to do instead."""


class Claim(NamedTuple):
    """Something that a key says of the network, and that the language infers without it.

    mark: where the key stands. says: what its value must be, as `network/claims` has it.
    """

    mark: Mark | None
    key: str
    value: object
    says: str


class Key(NamedTuple):
    """The meaning here of a foreign key of a record.

    meant: our key; empty where it says nothing here, and is left out. note: what a reader must
    know. value: gives our value for the foreign one, or settings for several keys where `meant` is
    empty and `is_split`; raises UnsaidError. takes: other foreign keys whose values it is given as
    well, in this order. into: the key of the record that it belongs to; outer: one
    beside that record.
    """

    meant: str = ""
    note: str = ""
    value: Callable[..., Any] | None = None
    takes: tuple[str, ...] = ()
    is_split: bool = False
    is_nothing: bool = False
    """Whether nothing here is what it says, so that leaving it out changes the network."""
    into: str = ""
    outer: str = ""
    beside: tuple[str, ...] = ()
    """Keys that may be meant otherwise where this foreign one stands beside them."""
    word: Word | None = None
    """The layer that `true` makes of this one."""
    says: str = ""
    """The meaning of its value, where it is left out: see `Claim`."""
    is_safe: bool = True
    """Whether the key alone says all."""


class Word(NamedTuple):
    """The meaning here of a foreign name of a type.

    meant: our name; empty where nothing fits. note: what differs, or what it is composed of.
    settings: keys that our type needs to mean the same, or what gives them for a record. keys:
    foreign keys that mean something else under this name, our own among them. is_safe: whether the
    name alone says all, or what tells it of a record. by_key: a key whose value is the type that is meant. inside: the setting that
    takes the keys that are given, but for `outside`. choose: gives the word that a record means
    instead, if it means another. says: what must be true of the spec, as of a key.
    """

    meant: str = ""
    note: str = ""
    settings: Mapping[str, object] | Callable[[Mapping[str, object]], Mapping[str, object]] = (
        MappingProxyType({})
    )
    keys: Mapping[str, Key] = MappingProxyType({})
    is_safe: bool | Callable[[Mapping[str, object]], bool] = True
    by_key: str = ""
    inside: str = ""
    outside: tuple[str, ...] = ("name", "inputs")
    choose: Callable[[Mapping[str, object]], Word | None] | None = None
    says: str = ""
    is_torch: bool = False
    """Whether the note is of PyTorch's layer alone."""


NOTHING = "nothing here is it"

Words = dict[str, Word]
Keys = dict[str, Key]


def same(meant: str, names: str, note: str = "", *, is_torch: bool = False) -> Words:
    """Return a table of names that mean the same as ours."""
    return {name: Word(meant, note, is_torch=is_torch) for name in names.split()}


def with_one(meant: str, names: str, keys: str, note: str) -> Words:
    """Return names that mean the same as ours where one of the keys is given."""
    wanted = frozenset(keys.split())

    def is_safe(given: Mapping[str, object]) -> bool:
        return not wanted.isdisjoint(given)

    return {name: Word(meant, note, is_safe=is_safe) for name in names.split()}


def nothing(names: str, note: str) -> Words:
    """Return a table of names that nothing here means; the note says what to write instead."""
    return {name: Word("", note) for name in names.split()}


def keys(meant: str, names: str, note: str = "", *, is_safe: bool = True) -> Keys:
    """Return a table of keys that mean the same as ours."""
    return {name: Key(meant, note, is_safe=is_safe) for name in names.split()}


def likely(meant: str, names: str, note: str = "") -> Words:
    """Return a table of names that are likely to mean ours, and that may mean something else."""
    return {name: Word(meant, note, is_safe=False) for name in names.split()}


def inferred(names: str, what: str = "it is known from the input", says: str = "") -> Keys:
    """Return a table of keys that are left out; `says` is that of `Key`."""
    return {name: Key(note=f"leave it out: {what}", says=says) for name in names.split()}


def only(
    names: str, harmless: tuple[object, ...], otherwise: str, why: str = "", says: str = ""
) -> Keys:
    """Return keys that are left out at the harmless values; at others nothing here means them."""

    def value(given: object) -> dict[str, object]:
        if not any(given == each and type(given) is type(each) for each in harmless):
            raise UnsaidError(otherwise or NOTHING)
        return {}

    note = f"leave it out: {why or 'it is so always'}"
    return {name: Key(note=note, value=value, is_split=True, says=says) for name in names.split()}


def no_key(names: str, note: str) -> Keys:
    """Return keys that nothing here means; the note says what to do instead."""
    return {name: Key(note=note, is_nothing=True) for name in names.split()}


def one_axis(names: str = "dims") -> Keys:
    """Return keys that list axes, of which ours takes one; PyTorch counts the batch."""

    def value(given: object) -> object:
        return unbatched(one(given))

    note = "axes are counted without the batch here: PyTorch's 1 is 0"
    return {name: Key("axis", note, value) for name in names.split()}


def one(given: object) -> object:
    """Return the only item of a list, or what is no list."""
    if isinstance(given, list | tuple):
        if len(given) != 1:
            raise UnsaidError("it works along one axis: write a layer for each")
        return given[0]
    return given


def unbatched(axis: object) -> object:
    """Return an axis that counts the batch as one that does not: as PyTorch and Keras have it."""
    if isinstance(axis, list | tuple):
        return [unbatched(each) for each in axis]
    if not isinstance(axis, int) or isinstance(axis, bool):
        raise UnsaidError("axes are counted from 0 here, without the batch")
    if axis == 0:
        raise UnsaidError("axes are counted without the batch here, and 0 is the batch in PyTorch")
    return axis - 1 if axis > 0 else axis


def axis_of(names: str = "dim") -> Keys:
    """Return keys of an axis that PyTorch counts with the batch."""
    note = "axes are counted without the batch here: PyTorch's 1 is 0"
    return {name: Key("axis", note, unbatched) for name in names.split()}


def axes_of(names: str = "dim axis dims") -> Keys:
    """Return keys of axes that PyTorch counts with the batch."""
    note = "axes are counted without the batch here: PyTorch's 1 is 0"
    return {
        name: Key("axes", note, lambda given: _listed(unbatched(given))) for name in names.split()
    }


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def complement(number: object) -> float:
    """Return 1 - number, as short as it was written."""
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 1:
        raise UnsaidError("a number from 0 to 1 is expected")
    return float(1 - Decimal(repr(number)))
