"""Writes how a training script prepares columns that are no plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from nnspec.emit.code import literal, wrap
from nnspec.emit.parts_of_files import has_files
from nnspec.emit.reading import READERS
from nnspec.emit.snippets import Snippet, snippets
from nnspec.emit.specialised import Specialisation, specialised, with_constants
from nnspec.emit.unread import parameters_of, without_unread
from nnspec.language.arrays import holds_arrays
from nnspec.language.preparation import (
    CYCLES,
    DIRECTIVES,
    Constant,
    Preparation,
    pieces_of,
    preparation_of,
)
from nnspec.language.texts import PATTERNS, Cut, Texts
from nnspec.network.loader import Spec

NAME = "COLUMNS"
"""The constant that says what columns become, by input."""
TOKENIZERS = "from tokenizers import Tokenizer"
_SIGNS = "*?["
_EVERY = "*"
"""The pattern of all columns of an input that nothing else matches."""
_WHOLE = ("category", "wanted", "dates", "part_of", "steps", "encoded")
"""Definitions that are the same for every spec."""


class Mixed(NamedTuple):
    """Definitions that prepare columns, what they were, and the lines that use them.

    learning: of `load_data`, once `parts` are there.
    """

    constant: list[str]
    definitions: list[str]
    copied: list[Snippet]
    learning: list[str]


def prepared_inputs(spec: Spec) -> dict[str, dict[str, Preparation]]:
    """Return for each input with columns that are prepared what these become, plain ones too.

    By the names and patterns that a script looks them up by.
    """
    data = spec.model.data
    if data is None or not data.prepare or holds_arrays(data.source):
        return {}
    found = {}
    for name, type_ in spec.graph.inputs.items():
        columns = data.features.get(name, ())
        declared = [preparation_of(data.prepare, column) for column in columns]
        if any(each is not None and (each.image or each.sound) for each in declared):
            continue  # `pictures` or `sounds` reads it.
        if not any(_may_match(key, column) for key in data.prepare for column in columns):
            continue
        usual = Preparation()
        if data.standardize and type_.dtype.startswith("float"):
            usual = Preparation(scale=("standard",))
        given = {key: _with_scale(each, usual) for key, each in data.prepare.items()}
        if not any(_is_pattern(column) for column in columns):
            found[name] = {column: preparation_of(given, column) or usual for column in columns}
            continue
        found[name] = {**given, _EVERY: given.get(_EVERY, usual)}
    return found


def _with_scale(given: Preparation, usual: Preparation) -> Preparation:
    if given.scale is not None or given.categories is not None or given.text is not None:
        return given
    return given.model_copy(update={"scale": usual.scale})


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in _SIGNS)


def _may_match(key: str, column: str) -> bool:
    """Whether a name or pattern of `prepare` may be of a column, or of one that a pattern finds."""
    both = _is_pattern(key) and _is_pattern(column)
    return both or fnmatchcase(column, key) or fnmatchcase(key, column)


def mixed_source(spec: Spec, suffix: str) -> Mixed | None:
    """Return what prepares the columns of a spec; None where all are plain numbers."""
    inputs = prepared_inputs(spec)
    data = spec.model.data
    if not inputs or data is None:
        return None
    known = snippets("nnspec.emit.emitted", *READERS[suffix][:-1], "mixed_columns", "text_columns")
    every = [each for columns in inputs.values() for each in columns.values()]
    flags = {**_flags(every, is_typed=suffix != "csv"), "HAS_PARTS": has_files(data)}
    has_scales = flags["HAS_SCALED_NUMBERS"] or flags["HAS_SCALED_DATES"]
    has_words = flags["HAS_CATEGORIES"] or flags["HAS_TEXTS"]
    has_patterns = any(_is_pattern(key) for columns in inputs.values() for key in columns)
    has_elements = any(each.categories is None and each.text is None for each in every)
    names = [
        *(["wanted"] if has_patterns else []),
        *(["dates", "date_column", "part_of"] if flags["HAS_DATES"] else []),
        *(["category"] if has_words and suffix != "csv" and not flags["IS_WINDOWS_ALONE"] else []),
        *("read_column", "filled"),
        *(["scaling", "scaled", "steps"] if has_scales else []),
        *(["vocabulary"] if flags["HAS_LEARNT_CATEGORIES"] else []),
        *(["tokenizer_of"] if flags["HAS_TOKENIZERS"] else []),
        *(["tokens_of"] if flags["HAS_CUT"] and not flags["IS_OF_IDS"] else []),
        *(["token_vocabulary"] if flags["HAS_VOCABULARIES"] else []),
        "learnt",
        *(["coded"] if flags["HAS_CATEGORIES"] else []),
        *(["tokenized"] if flags["HAS_TOKENIZED"] else []),
        *(["token_numbers"] if flags["HAS_CUT"] else []),
        *(["dated"] if flags["HAS_DATES"] else []),
        *(["elements_of"] if has_elements else []),
        *("applied", "placed", "encoded"),
    ]
    renamed = {"category": "stripped"} if suffix == "csv" else {}
    wanted = Specialisation(values=flags, renamed=renamed)
    definitions = without_unread(
        [
            known["stripped"].text,
            *(
                known[name].text if name in _WHOLE else specialised(known[name].text, wanted)
                for name in names
            ),
        ]
    )
    how = "wanted(columns, name)" if has_patterns else "columns[name]"
    # Where nothing is learnt of rows, the definition does not take them.
    head = definitions[1 + names.index("learnt")]
    each = {"rows": "rows", "name": "name", "train": 'parts["train"]', "how": how, "path": "path"}
    taken = ", ".join(each[name] for name in parameters_of(head))
    learning = [
        f"    for given, columns in {NAME}.items():",
        '        kinds[given]["prepared"] = [',
        f"            learnt({taken})",
        '            for name in kinds[given]["columns"]',
        "        ]",
    ]
    told = {name: {key: _told(each) for key, each in of.items()} for name, of in inputs.items()}
    constant = wrap(f"{NAME}: dict[str, dict[str, Any]] = {literal(told)}")
    texts = [each.text for each in every if each.text is not None]
    if flags["HAS_VOCABULARIES"]:
        kinds = {each.tokens for each in texts if each.tokenizer is None}
        patterns = {kind: pattern for kind, pattern in PATTERNS.items() if kind in kinds}
        constant += wrap(f"TOKENS = {literal(patterns)}")
    if flags["IS_OF_IDS"]:
        constant += wrap(f"TOKENIZER = {literal(texts[0].tokenizer)}")
    if flags["HAS_DATES"]:
        used = {part for each in every if each.date for part in pieces_of(each.format)[1::2]}
        fields = {field: digits for field, digits in DIRECTIVES.items() if field in used}
        constant += wrap(f"FIELDS = {literal(fields)}")
    return Mixed(constant, definitions, [known[name] for name in ("stripped", *names)], learning)


def read_lines(spec: Spec, plain: list[str]) -> list[str]:
    """Return the lines of `read_inputs` that give `values`. plain: those of plain numbers."""
    inputs = prepared_inputs(spec)
    made = "values = encoded(rows, kind, path, low, high, whole=whole)"
    if inputs.keys() == spec.graph.inputs.keys():
        return wrap(made, 8)
    if not inputs:
        return plain
    return [
        '        if "prepared" in kind:',
        *wrap(made, 12),
        "        else:",
        *[f"    {line}" for line in plain],
    ]


def _told(given: Preparation) -> dict[str, Any]:
    """Return how a script is told what a column becomes."""
    chosen = given.categories
    told: dict[str, Any] = {}
    told["kind"] = "number" if chosen is None else "categories"
    if given.text is not None:
        told = {"kind": "text", **_text(given.text)}
    if given.date is not None:
        told |= {"kind": "date", "format": given.format}
        told["parts"] = [_part(name, is_cyclic=given.cyclic) for name in given.date]
    if isinstance(given.missing, Constant):
        constant = given.missing
        is_number = chosen is None and given.date is None and given.text is None
        told["fill"] = constant.constant if is_number else constant.as_category
    elif given.missing != "refuse":
        told["missing"] = given.missing
    if chosen is None:
        if given.indicator:
            told["indicator"] = True
        if given.steps:
            told["scale"] = list(given.steps)
        return told
    told["encoding"] = chosen.encoding
    if chosen.values is not None:
        new = [told["fill"]] if told.get("fill", chosen.values[0]) not in chosen.values else []
        told["vocabulary"] = [*chosen.values, *new]
    if chosen.unknown == "bucket":
        told["unknown"] = True
    if chosen.min_count is not None:
        told["min_count"] = chosen.min_count
    return told


def _text(given: Texts) -> dict[str, Any]:
    fields = type(given).model_fields
    # These are told where they are no defaults.
    usual = ("lower", "most", "min_count", "windows", "tokenizer", "padding")
    told = {
        name: value for name, value in given if name not in usual or value != fields[name].default
    }
    if given.tokenizer is not None:
        del told["tokens"]
    return told


def windows_function(by: Cut | None, *, of_ids: bool) -> list[str]:
    """Return the name of what cuts a plain text into windows; none for lines."""
    return [] if by is None else ["windows_of_ids" if of_ids else "windows_of"]


def text_windows(text: str, by: Cut) -> str:
    """Return what cuts a plain text into windows of tokens."""
    return with_constants(
        text,
        IS_LOWER=by.lower,
        IS_OF_BYTES=by.tokens == "bytes",
        IS_OF_CHARACTERS=by.tokens == "characters",
        KIND=by.tokens,
        LENGTH=by.length,
    )


def has_tokenizers(spec: Spec) -> bool:
    """Whether a column of a spec is cut by a tokenizer of a file."""
    every = [each for columns in prepared_inputs(spec).values() for each in columns.values()]
    return any(each.text is not None and each.text.tokenizer is not None for each in every)


def _part(name: str, *, is_cyclic: bool) -> dict[str, Any]:
    if not is_cyclic or name not in CYCLES:
        return {"name": name}
    first, period = CYCLES[name]
    return {"name": name, "first": first, "period": period}


def _flags(every: list[Preparation], *, is_typed: bool) -> Mapping[str, bool]:
    """Return which parts of the definitions these columns need."""
    dates = [each for each in every if each.date is not None]
    texts = [each.text for each in every if each.text is not None]
    cut = [each for each in texts if each.tokenizer is None]
    tokenized = [each for each in texts if each.tokenizer is not None and not each.windows]
    is_of_ids = any(each.tokenizer is not None and each.windows for each in texts)
    numbers = [
        each
        for each in every
        if each.categories is None and each.date is None and each.text is None
    ]
    categories = [each for each in every if each.categories is not None]
    chosen = [each.categories for each in categories if each.categories is not None]
    steps = {step for each in every for step in each.steps}
    fills = {each.missing for each in every if not isinstance(each.missing, Constant)}
    return {
        "IS_CATEGORIES_ALONE": not numbers and not dates and not texts,
        "IS_DATES_ALONE": not numbers and bool(dates),
        "IS_TEXTS_ALONE": not numbers and not dates and not categories,
        "HAS_TEXTS": bool(texts),
        "HAS_CUT": bool(cut) or is_of_ids,
        "HAS_TOKENIZED": bool(tokenized),
        "HAS_TOKENIZERS": len(cut) < len(texts),
        "IS_TOKENIZED_ALONE": len(tokenized) == len(every),
        "IS_OF_IDS": is_of_ids,
        "HAS_VOCABULARIES": any(each.tokens != "bytes" for each in cut),
        "HAS_BYTES": any(each.tokens == "bytes" for each in cut),
        "HAS_LOWER": any(each.lower for each in texts),
        "HAS_WINDOWS": any(each.windows for each in texts),
        "IS_WINDOWS_ALONE": len(texts) == len(every) and all(each.windows for each in texts),
        "HAS_DATES": bool(dates),
        "HAS_TYPES": is_typed,
        "HAS_CYCLES": any(each.date != each.linear_parts for each in dates),
        "HAS_FILLED_DATES": any(each.missing != "refuse" for each in dates),
        "HAS_FILLS": any(each.missing != "refuse" for each in every if each.date is None),
        "HAS_SCALED_NUMBERS": any(each.steps for each in numbers),
        "HAS_SCALED_DATES": any(each.steps for each in dates),
        "HAS_QUANTILE": "quantile" in steps,
        "HAS_CATEGORIES": bool(categories),
        "HAS_FILLED_CATEGORIES": any(isinstance(each.missing, Constant) for each in categories),
        "IS_INDEX_ALONE": all(each.encoding == "index" for each in chosen),
        "HAS_INDEX": any(each.encoding == "index" for each in chosen),
        "HAS_LEARNT_CATEGORIES": any(each.values is None for each in chosen),
        "HAS_OTHERS": any(each.unknown == "bucket" for each in chosen),
        "HAS_RARE": any(each.min_count is not None for each in chosen),
        "HAS_INDICATORS": any(each.indicator for each in every),
        "HAS_LEARNT_FILLS": bool(fills & {"mean", "median", "most_frequent"}),
        "HAS_MEAN": "mean" in fills,
        "HAS_MEDIAN": "median" in fills,
        "HAS_MODE": "most_frequent" in fills,
        "HAS_STANDARD": "standard" in steps,
        "HAS_MIN_MAX": "min_max" in steps,
        "HAS_ROBUST": "robust" in steps,
        "HAS_LOG": "log" in steps,
    }
