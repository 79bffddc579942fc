"""Places in the file of a spec that was right by itself, for what only its rows show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.errors import Problem, SpecError, UsageError
from nnspec.language.paths import mark_at
from nnspec.language.source import parse
from nnspec.language.tree import SourceError
from nnspec.network.loader import is_json_text, located, read_text
from nnspec.network.spec import Spec

if TYPE_CHECKING:
    from nnspec.network.networks import Networks


def placed(problem: Problem, spec: Spec | Networks, *keys: str, text: str = "") -> Problem:
    """Return a problem with the place of these keys in the spec's file, where it has one.

    text: the spec's, where that is not what its file holds.
    """
    path = spec.path
    if path is None or not (text or path.is_file()):
        return problem
    try:
        text = text or read_text(path)
        tree = parse(text, is_json=is_json_text(text, path))
    except (SourceError, SpecError, UsageError):
        return problem  # it has changed since
    mark = mark_at(keys, tree)
    return located([problem._replace(mark=mark)], text, problem.file or str(path))[0]
