"""Each feature of a training in emitted scripts, which run where nnspec cannot be imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from nnspec.backend import Options, get_backend
from nnspec.training.lengths import with_rows_read
from nnspec.verification.samples import random_goals, random_inputs
from tests.formatting import assert_clean
from tests.matrix import adversarial, pairs
from tests.matrix.cases import alone
from tests.matrix.complete import every, met
from tests.matrix.networks import Document, document, spec_of
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

OVERRIDDEN = {"on_epoch_end", "on_epoch_begin", "on_test_begin", "on_test_end", "__call__", "step"}
"""Methods whose arguments a framework gives, needed or not."""
CALLED = {"predict", "forward", "call", "from_config", "update_step", *OVERRIDDEN}
"""What users and the frameworks call."""


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


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([*pairs.pairs()][::3], id="some"),
        pytest.param([*cases()], id="all", marks=pytest.mark.slow),
    ],
)
def test_the_scripts_are_clean_and_define_nothing_in_vain(names: list[str], tmp_path: Path) -> None:
    for backend in FRAMEWORKS:
        for i, name in enumerate(names):
            spec = with_rows_read(spec_of(cases()[name], tmp_path))
            source = get_backend(backend).compile(spec, Options(training=True)).source
            assert unread(source) == set(), f"{backend}: {name}"
            (tmp_path / f"{backend}_{i}.py").write_text(source)
    assert_clean(tmp_path)


def unread(source: str) -> set[str]:
    """Return what a script defines and never reads, but for what is there to be called."""
    tree = ast.parse(source)
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    read |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name not in CALLED:
            found |= {node.name} - read - {f"__{node.name.strip('_')}__"}
        if isinstance(node, ast.FunctionDef) and not OVERRIDDEN & {node.name}:
            names = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
            given = {each.arg for each in (*node.args.args, *node.args.kwonlyargs)}
            is_loss = {"target", "output"} & given and node.name.endswith("loss")
            left = given - names - {"self", "cls"} - ({"target"} if is_loss else set())
            found |= {f"{node.name}({each})" for each in left}
    return found


@pytest.mark.parametrize("backend", FRAMEWORKS)
@pytest.mark.parametrize("metrics", [[], ["confusion_matrix"]])
def test_a_script_without_numbers_to_measure_measures_its_loss(
    metrics: list[str], backend: str, tmp_path: Path
) -> None:
    """As `nnspec verify` asks it, of rows that count by weights too."""
    for data in ({}, {"sample_weight": "w"}):
        training = {"metrics": metrics}
        case = document("categorical_cross_entropy", training=training, data=data)
        spec = spec_of(case, tmp_path)
        compiled = get_backend(backend).compile(spec, Options(training=True))
        assert "def measure(" not in compiled.source
        program = compiled.build()
        given = random_inputs(spec.graph, 4, {}, 1)
        assert program.measured(given, random_goals(spec, 4, {}, 1, given)) == {}


def test_a_script_that_imports_nnspec_is_told(
    tmp_path: Path, processes: dict[str, Process]
) -> None:
    (tmp_path / "script.py").write_text("import nnspec\n")
    process = processes.get("torch") or processes.setdefault("torch", Process(is_eager=True))
    job = {"script": str(tmp_path / "script.py"), "arguments": []}
    assert "an emitted script imports nnspec" in process.run(job)["problem"]
