"""The kinds of sources that a script reads as arrays by name."""

from nnspec.language.arrays import ARRAYS

ARRAY_KINDS = tuple(each.removeprefix(".") for each in ARRAYS)
"""As `nnspec.emit.reading.READERS` has them."""
