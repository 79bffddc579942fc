"""Columns of text as the numbers of their tokens."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from tokenizers import Tokenizer

TOKENS: dict[str, str] = {"words": r"\w+|[^\w\s]"}
HAS_BYTES = True
HAS_LOWER = True
HAS_VOCABULARIES = True
IS_OF_IDS = False


def tokens_of(texts: pl.Series, by: dict[str, Any]) -> pl.Series:
    """Return the tokens of each text, as a list; bytes are numbers from 1 to 256."""
    if HAS_LOWER and by.get("lower"):
        texts = texts.str.to_lowercase()
    if HAS_BYTES and by["tokens"] == "bytes":
        numbers = [[1 + byte for byte in text.encode()] for text in texts]
        return pl.Series(texts.name, numbers, dtype=pl.List(pl.Int64))
    return texts.str.extract_all(TOKENS[by["tokens"]])


def token_vocabulary(texts: pl.Series, how: dict[str, Any]) -> list[str]:
    """Return the tokens of texts, the frequent ones first."""
    tokens = tokens_of(texts, how).explode().drop_nulls().rename("token")
    counts = tokens.value_counts(name="count")
    kept = counts.filter(counts["count"] >= how.get("min_count", 1))
    found = kept.sort("count", "token", descending=[True, False])["token"]
    if not len(found):
        raise ValueError(f'column "{texts.name}": no token is in the training rows')
    return found.head(how.get("most", len(found))).to_list()


def tokenizer_of(how: dict[str, Any]) -> dict[str, Any]:
    """Return a tokenizer as JSON, the number that fills, and one more than the largest."""
    path = Path(__file__).parent / how["tokenizer"]
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # of no narrower type
        raise ValueError(f"{path} holds no tokenizer: {error}") from None
    names = [how["padding"]] if "padding" in how else ["[PAD]", "<pad>", "<|pad|>"]
    known = [tokenizer.token_to_id(name) for name in names]
    if tokenizer.padding and "padding" not in how:
        known = [tokenizer.padding["pad_id"]]
    found = [number for number in known if number is not None]
    if not found:
        raise ValueError(f"{path}: no token fills a shorter text: {names}")
    size = 1 + max(*tokenizer.get_vocab().values(), found[0])
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return {"tokenizer": tokenizer.to_str(), "fills": found[0], "size": size}


def tokenized(texts: pl.Series, by: dict[str, Any]) -> np.ndarray:
    """Return the numbers that a tokenizer gives to texts, each of one length."""
    length, side = by["length"], {"start": "right", "end": "left"}
    tokenizer = Tokenizer.from_str(by["tokenizer"])
    tokenizer.enable_truncation(length, direction=side[by["keep"]])
    filled = "right" if by["pad"] == "end" else "left"
    tokenizer.enable_padding(
        direction=filled, pad_id=by["fills"], pad_token="", length=length
    )
    given = tokenizer.encode_batch(texts.to_list())
    return np.array([each.ids for each in given], "float64").reshape(-1, length)


def token_numbers(texts: pl.Series, by: dict[str, Any]) -> np.ndarray:
    """Return the numbers of tokens: 0 fills a shorter text, 1 is any other token."""
    if IS_OF_IDS:
        tokens, length = texts, by["length"]
    else:
        tokens, length = tokens_of(texts, by), by["length"]
    is_first = by["keep"] == "start"
    kept = tokens.list.head(length) if is_first else tokens.list.tail(length)
    counts = kept.list.len().to_numpy().astype(int)
    flat = kept.filter(pl.Series(counts > 0)).explode()
    if HAS_VOCABULARIES and flat.dtype == pl.String:
        words = by["vocabulary"]
        numbers = list(range(2, 2 + len(words)))
        flat = flat.replace_strict(words, numbers, default=1, return_dtype=pl.Int64)
    rows = np.repeat(np.arange(len(counts)), counts)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    if by["pad"] == "start":
        places += np.repeat(length - counts, counts)
    if IS_OF_IDS:
        found = np.full((len(counts), length), float(by["fills"]))
    else:
        found = np.zeros((len(counts), length))
    found[rows, places] = flat.to_numpy()
    return found
