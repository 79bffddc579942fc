"""Whether the columns that `data.prepare` names are there, and how wide they become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from nnspec.errors import Change, Fix, Mark, closest, nearest
from nnspec.language.arrays import holds_arrays
from nnspec.language.preparation import Preparation, preparation_of
from nnspec.language.texts import Cut
from nnspec.language.tree import Map

if TYPE_CHECKING:
    from nnspec.language.pictures import Picture
    from nnspec.language.problems import Problems
    from nnspec.language.schema import Model
    from nnspec.language.sounds import Sound
    from nnspec.language.training_schema import Data

_SIGNS = "*?["
"""Signs that make a pattern of a name."""


def report_columns(model: Model, given: Any, problems: Problems) -> None:
    """Report columns that are prepared and no feature, and arrays, which have none."""
    data = model.data
    assert data is not None
    assert data.prepare is not None
    declared = given.get("prepare") if isinstance(given, dict) else None
    if holds_arrays(data.source):
        problems.add(
            "not-trainable",
            "`prepare` is of the columns of a table, and the source has arrays",
            _mark(given, "prepare"),
            "leave out `prepare`, or give a .csv, .parquet or .jsonl file",
        )
        return
    for name, each in data.prepare.items():
        if each.text is not None and each.text.windows and not data.source.endswith(".txt"):
            problems.add(
                "not-trainable",
                f'`windows` are over a plain text, and "{data.source}" is no .txt file',
                _mark(declared, name),
                "leave out `windows`: each row of the file has a text",
            )
    columns = [name for names in data.features.values() for name in names]
    if any(sign in name for name in columns for sign in _SIGNS):
        return  # The table says which columns there are.
    for name in data.prepare:
        if name in columns or any(fnmatchcase(column, name) for column in columns):
            continue
        what = "matches no column" if any(sign in name for sign in _SIGNS) else "is no column"
        mark, meant = _mark(declared, name, is_key=True), closest(name, columns)
        fix = None
        if mark is not None and meant and meant not in data.prepare:
            fix = Fix(f"write {meant}", (Change("key", mark, meant),), is_safe=False)
        problems.add(
            "unknown-column",
            f'`data.prepare` names "{name}", which {what} of `features`{nearest(name, columns)}',
            mark,
            f"the columns: {', '.join(columns)}",
            fix,
        )


def picture_of(data: Data, input_name: str) -> Picture | None:
    """Return what is declared of the images that an input takes; None where it takes none."""
    for name in data.features.get(input_name, ()):
        prepared = preparation_of(data.prepare or {}, name)
        if prepared is not None and prepared.image is not None:
            return prepared.image
    return None


def sound_of(data: Data, input_name: str) -> Sound | None:
    """Return what is declared of the sounds that an input takes; None where it takes none."""
    for name in data.features.get(input_name, ()):
        prepared = preparation_of(data.prepare or {}, name)
        if prepared is not None and prepared.sound is not None:
            return prepared.sound
    return None


def cut_by(data: Data) -> Cut | None:
    """Return how a plain text as source is cut into windows; None for lines."""
    for prepared in (data.prepare or {}).values():
        text = prepared.text
        if text is not None and text.windows:
            return Cut(text.tokens, text.length, text.lower, getattr(text, "content", None))
    return None


def widths(data: Data, input_name: str) -> Mapping[str, int] | None:
    """Return how many elements each column of an input becomes; None where the rows decide."""
    if not data.prepare or holds_arrays(data.source):
        return None
    found = dict(_widths(data.prepare, data.features.get(input_name, ())))
    return None if not found or None in found.values() else found  # type: ignore[return-value]


def _widths(
    declared: Mapping[str, Preparation], columns: tuple[str, ...]
) -> Iterator[tuple[str, int | None]]:
    for name in columns:
        prepared = preparation_of(declared, name)
        is_pattern = any(sign in name for sign in _SIGNS)
        yield name, None if is_pattern else 1 if prepared is None else prepared.width


def _mark(holder: Any, key: str, *, is_key: bool = False) -> Mark | None:
    if isinstance(holder, Map) and key in holder.marks:
        return holder.marks[key][0 if is_key else 1]
    return None
