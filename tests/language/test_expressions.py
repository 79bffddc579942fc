"""`${...}` computes as Python does, over numbers alone."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnspec.errors import Mark
from nnspec.language.expressions import ExpressionError, evaluate, renamed
from nnspec.language.problems import Problems
from nnspec.language.scope import Scope, compute
from nnspec.language.source import parse

VALUES: dict[str, object] = {"a": 7, "b": 2, "half": 0.5, "word": "same", "sizes": [1, 2]}


def lookup(name: str) -> object:
    if name not in VALUES:
        raise ExpressionError(name)
    return VALUES[name]


GOOD = [
    *("1", "1.5", "1e3", "a", "a + b * 3", "(a + b) * 3", "a - b - 1", "2 ** 3 ** 2", "-2 ** 2"),
    *("2 ** -1", "a // b", "-a // b", "a % b", "-a % b", "a % -b", "+a", "--a", "a*half", "8//3*3"),
    *("2*-a", "1-(2-(3-4))", ".5 + 1.", "10 % 4 ** 2"),
    *("max(1, a // 4)", "min(a, b, 3) * 2", "round(half)", "round(a / b) + 1", "max((a), -b)"),
    *("a > b", "a + 1 <= b * 4", "a == 7 and not b != 2", "word == 'same'", "'x' != word or a < b"),
    *("not a < b", "not (a > b and b > a)", "(a > b) == (b < a)", "max(a, b) == a"),
]


@pytest.mark.parametrize("text", GOOD)
def test_the_value_is_python_s(text: str) -> None:
    assert evaluate(text, lookup) == eval(text, {}, dict(VALUES))  # noqa: S307


def test_division_that_comes_out_even_stays_whole() -> None:
    assert evaluate("8 / 2", lookup) == 4
    assert isinstance(evaluate("8 / 2", lookup), int)
    assert evaluate("7 / 2", lookup) == 3.5


def test_a_lone_variable_may_hold_anything() -> None:
    assert evaluate(" word ", lookup) == "same"
    assert evaluate("sizes", lookup) == [1, 2]


BAD = [
    *(
        "",
        " ",
        "+",
        "a +",
        "a b",
        "(a",
        "a)",
        "()",
        "1 2",
        "a ** 65",
        "9 ** 64",
        "0 ** -1",
        "1 / 0",
    ),
    *("(-8) ** half", "1e999", "1 % 0", "word + 1", "sizes * 2", "a.b", "f(1)", "a[0]", "'a' + 1"),
    *("a if b else 1", "lambda: 1", "__import__", "1 < 2 < 3", "a; b", "٣", "a" * 301, "(" * 99),
    *("9223372036854775808", "1e308 * 10", "max(a)", "min()", "round(a, b)", "max(a, b", "max"),
    *("a and b", "not a", "word < 'b'", "(a > b) + 1", "'it", "max(word, 1)", "a == b == 1"),
]


@pytest.mark.parametrize("text", BAD)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, lookup)


numbers = st.integers(0, 99).map(str)
expressions = st.recursive(
    numbers,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "//", "%"]), inner).map(" ".join),
        inner.map("({})".format),
        inner.map("-{}".format),
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(expressions)
def test_any_expression_is_python_s(text: str) -> None:
    try:
        expected = eval(text)  # noqa: S307
    except ZeroDivisionError:
        with pytest.raises(ExpressionError):
            evaluate(text, lookup)
        return
    # A step on the way may be out of range though the end is not.
    with contextlib.suppress(ExpressionError):
        assert evaluate(text, lookup) == expected


def problems_of(variables: str, value: object = 0) -> tuple[object, list[tuple[str, Mark | None]]]:
    tree = parse(variables)
    problems, scope = Problems(), Scope(tree)
    scope.settle(problems, tree)
    result, _ = compute(value, scope, problems, Mark(99, 0))
    return result, [(problem.code, problem.mark) for problem in problems.found]


def test_variables_may_refer_to_later_ones() -> None:
    assert problems_of('{a: "${b * 2}", b: "${c}", c: 3}', "${a} and ${c}") == ("6 and 3", [])


def test_values_are_computed_inside_lists_and_mappings() -> None:
    value = parse('{a: ["${n}", x, {b: "${n + 1}"}]}')
    assert problems_of("{n: 4}", value) == ({"a": [4, "x", {"b": 5}]}, [])


def test_a_mistake_is_reported_once_where_it_is() -> None:
    _, problems = problems_of('a: "${b}"\nb: "${nope}"\nc: "${a + b}"\n', "${c}")
    assert problems == [("undefined-variable", Mark(1, 3, 9))]


def test_a_circle_is_one_mistake() -> None:
    _, problems = problems_of('d: "${a}"\na: "${b}"\nb: "${c}"\nc: "${a}"\n', "${b}")
    assert problems == [("circular-variable", Mark(1, 3, 6))]


def test_an_inner_scope_hides_the_outer_one() -> None:
    inner = Scope({"a": 1}, Scope({"a": 2, "b": "${a}"}))
    assert inner.lookup("a") == 1
    assert inner.lookup("b") == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("time", 'x["time"]'),
        ("(time + 1)//2", '(x["time"] + 1) // 2'),
        ("2 * (time - frames)", '2 * (x["time"] - x["frames"])'),
    ],
)
def test_names_are_given_other_texts(text: str, expected: str) -> None:
    assert renamed(text, {name: f'x["{name}"]' for name in ("time", "frames")}) == expected
