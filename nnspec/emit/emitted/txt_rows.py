"""Reads a plain text: a row for each line, or for each window of tokens."""

from pathlib import Path

import polars as pl
from tokenizers import Tokenizer

from nnspec.emit.emitted.text_columns import TOKENS

HAS_WINDOWS = False
IS_OF_BYTES = False
IS_OF_CHARACTERS = False
HAS_IDS = False
IS_LOWER = False
KIND = "words"
LENGTH = 64
TOKENIZER = "tokenizer.json"


def windows_of(text: str) -> pl.DataFrame:
    """Return a text cut into windows of tokens, and the number of the first of each."""
    if IS_LOWER:
        text = pl.Series([text]).str.to_lowercase()[0]
    if IS_OF_BYTES:
        data = text.encode()
        signs = [place for place, byte in enumerate(data) if byte & 0xC0 != 0x80]
        starts = signs[:1]
        for place, end in zip(signs, [*signs[1:], len(data)]):
            if end - starts[-1] > LENGTH:  # a sign stays whole
                starts.append(place)
        ends = [*starts[1:], len(data)]
        texts = [data[start:end].decode() for start, end in zip(starts, ends)]
        positions = [start + 1 for start in starts]
    elif IS_OF_CHARACTERS:
        starts = list(range(0, len(text), LENGTH))
        texts = [text[start : start + LENGTH] for start in starts]
        positions = [start + 1 for start in starts]
    else:
        places, end = [], 0
        for token in pl.Series([text]).str.extract_all(TOKENS[KIND])[0]:
            places.append(text.index(token, end))
            end = places[-1] + len(token)
        starts = places[::LENGTH]
        ends = [*starts[1:], len(text)]
        texts = [text[start:end] for start, end in zip(starts, ends)]
        positions = [1 + LENGTH * i for i in range(len(starts))]
    return pl.DataFrame(
        {"text": texts, "position": positions},
        schema={"text": pl.String, "position": pl.Int64},
    )


def windows_of_ids(text: str) -> pl.DataFrame:
    """Return a text cut into windows of ids, and the number of the first of each."""
    path = Path(__file__).parent / TOKENIZER
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # of no narrower type
        raise ValueError(f"{path} holds no tokenizer: {error}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    starts = list(range(0, len(ids), LENGTH))
    windows = [ids[start : start + LENGTH] for start in starts]
    positions = [start + 1 for start in starts]
    return pl.DataFrame(
        {"text": windows, "position": positions},
        schema={"text": pl.List(pl.Int64), "position": pl.Int64},
    )


def read_rows(path: Path) -> pl.DataFrame:
    """Return the rows of a text, and the number of the line or first token of each."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8") from None
    if HAS_IDS:
        return windows_of_ids(text)
    if HAS_WINDOWS:
        return windows_of(text)
    lines = pl.Series(text.split("\n"))
    rows = pl.DataFrame({"text": lines, "position": range(1, 1 + len(lines))})
    return rows.filter(lines.str.strip_chars() != "")
