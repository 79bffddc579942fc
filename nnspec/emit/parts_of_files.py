"""Source for rows of which each part has a file of its own."""

from __future__ import annotations

import posixpath

from nnspec.emit.array_kinds import ARRAY_KINDS
from nnspec.emit.code import literal, wrap
from nnspec.emit.snippets import Snippet, snippets
from nnspec.language.training_schema import Data

FILES = "FILES"
"""The constant that names the files of the parts, from the folder of the training rows."""
_JOINING = {**dict.fromkeys(ARRAY_KINDS, "arrays_of_parts"), "folder": "folders_of_parts"}


def has_files(data: Data) -> bool:
    """Whether each part has a file of its own."""
    return data.split is not None and bool(data.split.files)


def files_constant(data: Data) -> list[str]:
    """Return the lines of the constant."""
    assert data.split is not None
    beside = posixpath.dirname(data.source) or "."
    told = {part: posixpath.relpath(file, beside) for part, file in data.split.files.items()}
    return wrap(f"{FILES} = {literal(told)}")


def joining(data: Data, suffix: str) -> list[Snippet]:
    """Return the definitions that read the files of all parts, where there are some."""
    if not has_files(data):
        return []
    module = _JOINING.get(suffix, "tables_of_parts")
    known = snippets("nnspec.emit.emitted", "parts", module)
    return [known["Parts"], known["read_parts"]]


def by_file() -> str:
    """Return the definition of `split`, which gives the rows of each part."""
    return "\n".join(
        [
            "def split(files: Parts) -> dict[str, np.ndarray]:",
            '    """Return the rows of each part: those of its file."""',
            "    ends = np.cumsum(files.sizes)",
            "    rows = np.split(np.arange(ends[-1]), ends[:-1])",
            f'    return dict(zip(["train", *{FILES}], rows, strict=True))',
        ]
    )
