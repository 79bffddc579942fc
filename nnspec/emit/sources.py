"""Source for what a script is told of the source of its rows, and of the files that they name."""

from __future__ import annotations

from nnspec.emit.code import literal, wrap
from nnspec.emit.pictures import image_inputs
from nnspec.emit.sounds import sound_inputs
from nnspec.language.databases import database_of, is_server
from nnspec.language.training_schema import Data
from nnspec.network.loader import Spec


def query_constants(data: Data) -> list[str]:
    """Return the lines of the constants that say which rows a database gives."""
    if data.query is None:
        return []
    server = wrap(f"SERVER = {literal(data.source)}") if is_server(data.source) else []
    return [*server, *wrap(f"QUERY = {literal(data.query)}")]


def source_path(data: Data) -> str:
    """Return the expression of the path of a source: beside the script, or of a server's name."""
    if is_server(data.source):
        return f"Path({literal(database_of(data.source))})"
    return f"Path(__file__).parent / {literal(data.source)}"


def files_read(data: Data) -> str:
    """Return the expressions of the files of rows that a script reads, by its arguments."""
    is_npy = data.source.lower().endswith(".npy")
    found = "*arguments.data.parent.glob(arguments.data.name)" if is_npy else "arguments.data"
    if data.split is not None and data.split.files:
        each, named = "arguments.data.parent / file", "for file in FILES.values()"
        if is_npy:
            named += f" for each in ({each}).parent.glob(Path(file).name)"
            each = "each"
        found += f", *({each} {named})"
    return found


def file_inputs(spec: Spec) -> set[str]:
    """Return the inputs that hold images or sounds."""
    return {*image_inputs(spec), *sound_inputs(spec)}


def has_categories(data: Data | None) -> bool:
    """Whether a file says of text that it is of categories."""
    return data is not None and data.query is None and data.source.lower().endswith(".parquet")
