"""Each feature of a training in emitted scripts, which run where nnspec cannot be imported."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.matrix import adversarial, pairs
from tests.matrix.cases import alone
from tests.matrix.complete import every, met
from tests.matrix.networks import Document
from tests.matrix.running import FRAMEWORKS, TOLERANCE, Process, Result, compared

pytestmark = [
    # Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]
QUICK = {
    "torch": {
        *[*pairs.pairs()][::4],
        "loss ctc",
        "schedule chained",
        "mask of ids",
        "layer dropout",
    },
    "keras": {*[*pairs.pairs()][::14], "losses by output", "layer dropout"},
}
"""Cases that are not left to the slow tests."""


@cache
def cases() -> dict[str, Document]:
    return {**alone(), **pairs.pairs()}


def marked(names: list[str], quick: dict[str, set[str]]) -> list[object]:
    return [
        pytest.param(
            backend,
            name,
            marks=() if name in quick[backend] else pytest.mark.slow,
            id=f"{backend}-{name[:80]}",
        )
        for backend in FRAMEWORKS
        for name in names
    ]


@pytest.fixture(scope="session")
def processes() -> Iterator[dict[str, Process]]:
    """A process for the scripts of each framework, and in Keras one without graphs."""
    made: dict[str, Process] = {}
    yield made
    for process in made.values():
        process.close()


def require_equal(result: Result) -> None:
    assert not result.problem, result.problem
    assert result.error <= TOLERANCE, f"{result.error:.1e} apart at {result.where}"


@pytest.mark.parametrize(("backend", "name"), marked([*cases()], QUICK))
def test_a_script_ends_where_train_does(
    backend: str, name: str, tmp_path: Path, processes: dict[str, Process]
) -> None:
    process = processes.get(backend) or processes.setdefault(backend, Process(is_eager=True))
    require_equal(compared(cases()[name], backend, tmp_path, process))


@pytest.mark.parametrize(
    ("backend", "name"),
    marked([*adversarial.CASES], {"torch": {"adversarial penalty"}, "keras": set()}),
)
def test_a_script_of_two_networks_ends_where_train_does(
    backend: str, name: str, tmp_path: Path, processes: dict[str, Process]
) -> None:
    process = processes.get(f"{backend}, two") or processes.setdefault(f"{backend}, two", Process())
    require_equal(adversarial.compared(name, backend, tmp_path, process))


def test_every_field_of_a_training_has_a_case() -> None:
    """What is new in a table has one by itself; a field elsewhere fails here without one."""
    assert every() - met(cases().values()) == set()
    assert adversarial.missing() == set()


def test_every_two_choices_meet() -> None:
    """Another generator of the rows would count here too: it looks at the rows alone."""
    rows = pairs.rows()
    for one in pairs.CHOICES:
        for other in pairs.CHOICES:
            if one == other:
                continue
            there = {(row[one], row[other]) for row in rows}
            for first in pairs.CHOICES[one]:
                for second in pairs.CHOICES[other]:
                    if (first, second) not in there:
                        assert not can_meet({one: first, other: second})


def can_meet(fixed: dict[str, str]) -> bool:
    """Whether some valid row has these: of what is neither, the first of each kind is free."""
    free = {name: values[0] for name, values in pairs.CHOICES.items()}
    return pairs.is_valid({**free, **fixed})


def test_a_script_that_imports_nnspec_is_told(
    tmp_path: Path, processes: dict[str, Process]
) -> None:
    (tmp_path / "script.py").write_text("import nnspec\n")
    process = processes.get("torch") or processes.setdefault("torch", Process(is_eager=True))
    job = {"script": str(tmp_path / "script.py"), "arguments": []}
    assert "an emitted script imports nnspec" in process.run(job)["problem"]
