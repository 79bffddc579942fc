"""The records that the tools of `nnspec mcp` answer with; their schemas are what clients see."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Mistake(BaseModel):
    """One mistake in a spec, or advice on it."""

    code: str = Field(description="Stable; the tool `explain` tells more of it.")
    severity: str = Field(description="error, or advice on what is likely not meant.")
    line: int | None = Field(description="From 1.")
    column: int | None = Field(description="From 1.")
    message: str
    hint: str = Field(description="How to mend it.")


class Checked(BaseModel):
    """Whether a spec is right, and every mistake in it."""

    ok: bool
    problems: list[Mistake]
    fixed: list[str] = Field(description="With `fix`: what was mended in `text`.")
    text: str | None = Field(description="With `fix`: the spec's text as mended; no file changes.")


class Written(BaseModel):
    """A spec in the language of a backend."""

    backend: str
    source: str = Field(description="The file's text; of an ONNX model, a listing of it.")


class Compared(BaseModel):
    """One comparison."""

    kind: str
    pair: list[str]
    dtype: str
    error: float | None = Field(description="Largest, relative; null where it is not finite.")
    tolerance: float | None
    passed: bool
    layer: str | None = Field(description="The layer of the spec at which the two part.")
    detail: str


class Verified(BaseModel):
    """Whether things that claim to compute the same do. Only `passed` true says that they do."""

    passed: bool
    verdict: str
    levels: dict[str, str] = Field(
        description="For each level: same, differs or not checked; in several networks, of each."
    )
    failures: list[str] = Field(description="Each difference in words, with layer, line and cause.")
    unmet: list[str] = Field(description="What `require` names and was not checked.")
    not_checked: list[str] = Field(description="What was not compared, each with the reason.")
    notes: list[str]
    checks: list[Compared]


class Explained(BaseModel):
    """The meaning of a code of `check`."""

    code: str
    severities: list[str]
    means: str
    why: str
    mend: str
    bad: str | None = Field(description="A spec that gets the code.")
    mended: str | None = Field(description="The same, mended.")


class Words(BaseModel):
    """Layers, losses, optimizers and their like."""

    words: list[dict[str, Any]] = Field(
        description="Of a list: name, kind, signature, summary; of a name all that is known of it."
    )
