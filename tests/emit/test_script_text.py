"""Emitted scripts are valid Python, as ruff formats it, however long the names of a spec are."""

from __future__ import annotations

import itertools
from pathlib import Path

from script_cases import Case, spec_of

from nnspec.backend import Options, get_backend
from nnspec.emit.code import LINE_LENGTH, wrap
from tests.formatting import assert_clean

SOURCES = itertools.cycle(["csv", "npz", "parquet"])
INPUTS = itertools.cycle([2, 3, 1, 3])
TASKS = itertools.cycle(["regression", "binary", "multiclass", "binary", "multiclass"])


def test_scripts_with_names_of_every_length(tmp_path: Path) -> None:
    emitted = tmp_path / "emitted"
    emitted.mkdir()
    for length in range(3, 61):
        case = Case(next(SOURCES), next(INPUTS), next(TASKS), length)
        spec = spec_of(case, tmp_path)
        for backend in ("torch", "keras"):
            source = get_backend(backend).compile(spec, Options(training=True)).source
            name = f"{backend}_{length}.py"
            compile(source, name, "exec")
            (emitted / name).write_text(source)
    assert_clean(emitted)


def test_a_comprehension_is_broken_before_its_clauses_whatever_its_target() -> None:
    name = "n" * 28
    line = f"return {{part: ({name}[rows], {name}[rows]) for part, rows in parts.items() if rows}}"
    lines = wrap(line, 4)
    assert max(map(len, lines)) <= LINE_LENGTH
    assert lines == [
        "    return {",
        f"        part: ({name}[rows], {name}[rows])",
        "        for part, rows in parts.items()",
        "        if rows",
        "    }",
    ]
