"""Checks the names of a spec, so that the emitted code is valid and means what it says."""

from __future__ import annotations

import keyword
import re

from nnspec.language.reserved import ATTRIBUTES, DEFINITIONS, MODULES, VARIABLES

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
MAX_LENGTH = 64

# What every emitted program has: Python's own, and what reads the rows.
_BUILTINS = """
abs all any bool dict enumerate float int len list map max min object print range repr round set
sorted str sum super tuple type zip
""".split()  # noqa: SIM905 - a list of quoted words would be longer
_MODULES = """
np numpy os sys json math pathlib argparse self cls x main
""".split()  # noqa: SIM905 - a list of quoted words would be longer
_DEFINITIONS = """
Any BOUNDS INPUTS Iterator LARGEST Path TARGET batches column fnmatchcase hashlib load_data
matching numbers permutation pl prepared read_inputs read_rows read_target require_writable
shaped split standard tempfile
""".split()  # noqa: SIM905 - a list of quoted words would be longer

RESERVED = frozenset([*_BUILTINS, *_MODULES, *MODULES, *ATTRIBUTES])
"""Names that no layer, block or network can have."""
RESERVED_NETWORKS = RESERVED.union(_DEFINITIONS, DEFINITIONS)
"""Names that no network can have."""
RESERVED_INPUTS = frozenset([*_BUILTINS, *_MODULES, *MODULES, *VARIABLES]) - {"x"}
"""Names that no input can have: it is a variable, and no attribute."""


def problem_with(name: object, what: str, *, is_attribute: bool = True) -> tuple[str, str, str]:
    """Return (code, message, hint) for a bad name, or three empty strings for a good one."""
    if not isinstance(name, str):
        return "wrong-type", f"{what} name is {name!r}, and a word is expected", ""
    if len(name) > MAX_LENGTH:
        return (
            "bad-name",
            f"{what} name has {len(name)} characters; at most {MAX_LENGTH}",
            "choose a shorter name",
        )
    if not _IDENTIFIER.match(name):
        return (
            "bad-name",
            f"{what} name {name!r} is no identifier",
            "use letters, digits and _, a letter first: the name becomes a name in the code",
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return (
            "reserved-name",
            f'{what} name "{name}" is a keyword of Python',
            f'use another name, such as "{name}_"',
        )
    reserved = {"input": RESERVED_INPUTS, "network": RESERVED_NETWORKS}.get(what, RESERVED)
    if is_attribute and name in reserved:
        return (
            "reserved-name",
            f'{what} name "{name}" is taken in the emitted code (by Python, torch or keras)',
            f'use another name, such as "{name}_{what}"',
        )
    return "", "", ""
