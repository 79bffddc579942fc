"""Columns of text: what they are cut into, and how that becomes numbers."""

from __future__ import annotations

from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.layers.fields import Flag, Frozen, Size, Text

Tokens = Literal["words", "spaces", "characters", "bytes"]
PATTERNS: dict[str, str] = {
    "words": r"\w+|[^\w\s]",
    "spaces": r"[^ ]+",
    "characters": r"(?s).",
}
"""Kind of token -> the regular expression of one."""
PADDINGS = ("[PAD]", "<pad>", "<|pad|>")
"""Tokens of a tokenizer, the first that it has, that fill a shorter text where none is named."""
PADDING, OTHER = 0, 1
"""The numbers of what fills a row that is shorter, and of tokens that are in no vocabulary."""
LONGEST_SIGN = 4
"""Bytes of UTF-8 for one sign, at most."""
OF_BYTES = 257
"""Numbers of bytes: each is one more than its value."""


class Cut(NamedTuple):
    """The way in which a text is cut into windows: into what tokens, and how many each has.

    tokenizer: the JSON of one that makes the tokens.
    """

    tokens: Tokens
    length: int
    lower: bool
    tokenizer: str | None = None


class Texts(Frozen):
    """A column of text as so many numbers: 0 fills, 1 is any other token, and then the vocabulary.

    The vocabulary is of the training rows, the most frequent token first.
    """

    tokens: Tokens = Field(
        default="words",
        description="What a text is cut into: words and signs between them, what spaces part, "
        "characters, or the bytes of UTF-8.",
    )
    tokenizer: Text | None = Field(
        default=None,
        description="In the place of `tokens`: a file of the package tokenizers, tokenizer.json.",
    )
    padding: Text | None = Field(
        default=None, description="The token of `tokenizer` that fills a shorter text."
    )
    length: Size = Field(description="Tokens of a row.")
    lower: Flag = Field(default=False, description="Whether capitals are as small letters.")
    most: Size | None = Field(
        default=None, description="The largest vocabulary: rarer tokens are others; by default any."
    )
    min_count: Size = Field(
        default=1, description="Tokens that are fewer times in the training rows are others."
    )
    keep: Literal["start", "end"] = Field(
        default="start", description="What of a longer text is kept."
    )
    pad: Literal["start", "end"] = Field(
        default="end", description="Where a shorter one is filled."
    )
    windows: Flag = Field(
        default=False,
        description="Whether rows are not the lines of a .txt file, but `length` tokens each.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.tokenizer is not None:
            for key in ("tokens", "lower", "most", "min_count"):
                if getattr(self, key) != type(self).model_fields[key].default:
                    raise PydanticCustomError(
                        "nnspec", "a tokenizer says that itself: leave out `{key}`", {"key": key}
                    )
        elif self.padding is not None:
            raise PydanticCustomError("nnspec", "`padding` is a token of a `tokenizer`")
        if self.tokens == "bytes":
            for key in ("most", "min_count"):
                if getattr(self, key) != type(self).model_fields[key].default:
                    raise PydanticCustomError(
                        "nnspec", "bytes are 256 in any case: leave out `{key}`", {"key": key}
                    )
            if self.windows and self.length < LONGEST_SIGN:
                raise PydanticCustomError(
                    "nnspec",
                    "a sign has up to {most} bytes, and windows of {length} do not hold it",
                    {"most": LONGEST_SIGN, "length": self.length},
                )
        return self
