"""Every layer, given what it cannot take, says so: no traceback, and never without the cure."""

from __future__ import annotations

import copy
import json
from functools import cache

import pytest

from nnspec.errors import Problem, SpecError
from nnspec.layers import LAYERS
from nnspec.network.loader import loads
from tests.cases import CASES

SHAPES: tuple[list[int | str], ...] = (
    [],
    [3],
    ["n"],
    [3, 4],
    ["n", 4],
    [3, "n"],
    [1, 1, 1],
    [5, 3, 4],
    ["n", 3, 4],
    [2, 5, 3, 4],
    [2, 2, 3, 4, 2],
)
DTYPES = ("float32", "int64", "bool")
TAKE_ANYTHING = {"constant", "linear"}
"""Layers whose result no input can make impossible."""


@cache
def problems_of(number: int) -> tuple[Problem, ...]:
    """Return what is said of a case's network with each of these inputs instead of its own."""
    spec = CASES[number].spec()
    names = list(spec["inputs"])
    found: list[Problem] = []
    for shape in SHAPES:
        for dtype in DTYPES:
            for changed in {tuple(names), (names[0],)}:
                wrong = copy.deepcopy(spec)
                for name in changed:
                    wrong["inputs"][name] = {"shape": shape, "dtype": dtype}
                try:
                    loads(json.dumps(wrong), is_json=True)
                except SpecError as error:
                    found += error.problems
    return tuple(found)


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: CASES[number].id)
def test_wrong_inputs_are_refused_with_the_cure(number: int) -> None:
    for problem in problems_of(number):
        assert problem.message
        assert problem.hint, problem.message
        assert problem.mark is not None, problem.message


@pytest.mark.slow
def test_every_layer_refuses_something() -> None:
    refusing = {
        layer["type"]
        for number, case in enumerate(CASES)
        if problems_of(number)
        for layer in case.spec()["layers"]
    }
    assert set(LAYERS) - refusing <= TAKE_ANYTHING
