"""Tokenizers of files, as the package `tokenizers` has them: read once, and kept in the record."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nnspec.errors import DataError, MissingDependencyError
from nnspec.language.texts import PADDINGS, Texts

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from nnspec.network.loader import Spec

Array = NDArray[Any]

MOST_BYTES = 2**26
"""Of the largest file: those of published models have up to 20 MB."""
_FAR = {"start": "right", "end": "left"}
"""The part that is kept -> the side on which the package then cuts."""
_SIDES = {"end": "right", "start": "left"}


class Tokenized(Texts):
    """Texts with the tokenizer that their file holds."""

    content: str
    """The file's JSON, without what it says of padding and of a length."""
    fills: int
    """The number that fills a shorter text."""
    size: int
    """One more than the largest number."""


def with_tokenizers(spec: Spec) -> Spec:
    """Return a spec whose texts hold the tokenizers that they name; raises DataError."""
    data = spec.model.data
    if data is None or not data.prepare:
        return spec
    prepare = {
        name: each.model_copy(update={"text": _read(spec.folder, each.text)})
        if _has_file(each.text)
        else each
        for name, each in data.prepare.items()
    }
    if all(prepare[name] is each for name, each in data.prepare.items()):
        return spec
    model = spec.model.model_copy(update={"data": data.model_copy(update={"prepare": prepare})})
    return replace(spec, model=model)


def _has_file(wanted: Texts | None) -> bool:
    """Whether a text has a tokenizer that is not yet read."""
    return wanted is not None and wanted.tokenizer is not None and type(wanted) is Texts


def _read(folder: Path, wanted: Texts | None) -> Tokenized:
    assert wanted is not None
    assert wanted.tokenizer is not None
    path = folder / wanted.tokenizer
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path}: the file has more than {MOST_BYTES // 2**20} MB")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: it is no text in UTF-8") from None
    try:
        loaded = _parsed(text)
    except ValueError as error:
        raise DataError(f"{path}: it holds no tokenizer: {error}") from None
    padding = loaded.padding
    if wanted.padding is not None:
        fills = loaded.token_to_id(wanted.padding)
        if fills is None:
            raise DataError(f'{path}: no token is "{wanted.padding}", which `padding` names')
    elif padding is not None:
        fills = int(padding["pad_id"])
    else:
        known = [loaded.token_to_id(name) for name in PADDINGS]
        fills = next((each for each in known if each is not None), None)
    if fills is None:
        raise DataError(
            f"{path}: no token of it fills a shorter text ({', '.join(PADDINGS)}); name one, as by "
            '`padding: "<|endoftext|>"`'
        )
    added = 0 if wanted.windows else loaded.num_special_tokens_to_add(False)
    if added >= wanted.length:
        raise DataError(
            f"{path}: it adds {added} tokens to each text, which `length: {wanted.length}` leaves "
            "no place beside"
        )
    numbers = [*loaded.get_vocab(with_added_tokens=True).values(), fills]
    loaded.no_padding()
    loaded.no_truncation()
    return Tokenized(
        **wanted.model_dump(), content=loaded.to_str(), fills=fills, size=1 + max(numbers)
    )


def ids_of(text: str, content: str) -> list[int]:
    """Return the numbers of a text's tokens, without any that a tokenizer adds to each text."""
    found: list[int] = tokenizer_of(content).encode(text, add_special_tokens=False).ids
    return found


def encoded(
    texts: pl.Series, content: str, length: int, *, keep: str, pad: str, fills: int, is_whole: bool
) -> Array:
    """Return the numbers of texts, shaped (texts, length), in float64.

    is_whole: whether each has around it what the tokenizer puts around a text.
    """
    tokenizer = tokenizer_of(content)
    tokenizer.enable_truncation(length, direction=_FAR[keep])
    tokenizer.enable_padding(direction=_SIDES[pad], pad_id=fills, pad_token="", length=length)
    try:
        given = tokenizer.encode_batch(texts.to_list(), add_special_tokens=is_whole)
    finally:
        tokenizer.no_truncation()
        tokenizer.no_padding()
    return np.array([each.ids for each in given], np.float64).reshape(-1, length)


@lru_cache(maxsize=4)
def tokenizer_of(content: str) -> Tokenizer:
    """Return the tokenizer of a record; raises DataError."""
    try:
        return _parsed(content)
    except ValueError as error:
        raise DataError(f"the preprocessing record holds no tokenizer: {error}") from None


def _parsed(text: str) -> Tokenizer:
    """Return a tokenizer; raises ValueError."""
    try:
        from tokenizers import Tokenizer as Loaded
    except ImportError:
        raise MissingDependencyError("tokenizers", "tokenizers") from None
    try:
        return Loaded.from_str(text)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # a panic of Rust is no Exception
        told = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ValueError(told) from None
