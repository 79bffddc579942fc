"""What is not finite: infinities of either sign, NaN, and what is said where only that is known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.layers.shapes import TensorType
from nnspec.verification.interface_checks import faults
from nnspec.verification.range_checks import row_errors, unlike_rows
from nnspec.verification.tolerance import tensor_error
from tests.verification.test_verify_conditioning import network, verified

INF, NAN = np.inf, np.nan


@pytest.mark.parametrize(
    ("first", "second", "error"),
    [
        (INF, INF, 0.0),
        (-INF, -INF, 0.0),
        (NAN, NAN, 0.0),
        (INF, -INF, INF),
        (INF, NAN, INF),
        (NAN, -INF, INF),
        (NAN, 1.0, INF),
        (1.0, INF, INF),
    ],
)
def test_another_infinity_and_nan_are_infinitely_wrong(
    first: float, second: float, error: float
) -> None:
    pair = np.array([1.0, first]), np.array([1.0, second])
    assert tensor_error(*pair) == error


def test_what_is_finite_beside_it_is_compared() -> None:
    assert tensor_error(np.array([2.0, INF]), np.array([1.0, INF])) == 1.0


def test_a_row_of_unusual_inputs_with_another_infinity_is_named() -> None:
    first = {"y": np.array([[1.0, 2.0], [INF, 1.0], [INF, 1.0], [NAN, 1.0], [INF, 1.0]])}
    second = {"y": np.array([[1.0, 2.0], [-INF, 1.0], [NAN, 1.0], [NAN, 1.0], [INF, 1.0]])}
    assert unlike_rows(first, second) == [1, 2]
    assert not row_errors(first, second).any()


def test_gradients_that_are_not_finite_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from nnspec_torch.runtime import TorchProgram

    original = TorchProgram.gradients
    calls = 0

    def gradients(self: Any, inputs: Any, target: Any) -> Any:
        nonlocal calls
        calls += 1
        loss, found = original(self, inputs, target)
        return (np.nan if calls > 1 else loss), found

    spec = network("type: dense, units: 4", "type: relu", "type: dense, units: 2")
    assert not _of_kinks(verified(spec, "torch", "keras"))
    monkeypatch.setattr(TorchProgram, "gradients", gradients)
    (told,) = _of_kinks(verified(spec, "torch", "keras"))
    assert told.endswith("of 2 sets of weights something is not finite with torch")


def _of_kinks(report: nnspec.Report) -> list[str]:
    return [e.reason for e in report.not_checked if "gradients where functions bend" in e.reason]


def test_names_and_shapes_of_outputs_are_of_the_interface() -> None:
    graph = SimpleNamespace(
        inputs={},
        outputs=("y", "z"),
        types={"y": TensorType(("time", 3)), "z": TensorType((2,))},
    )
    state: Any = SimpleNamespace(graph=graph, axes={"time": 5})

    def found(**shapes: tuple[int, ...]) -> list[str]:
        outputs = {name: np.zeros(shape) for name, shape in shapes.items()}
        return faults(state, object(), outputs, "float64")  # type: ignore[arg-type]

    assert not found(y=(4, 5, 3), z=(4, 2))
    assert found(y=(4, 5, 3)) == ['there is no output "z"']
    assert found(y=(4, 3, 5), z=(4, 2)) == ['a row of the output "y" is (3, 5), not (5, 3)']
    assert found(y=(4, 5, 3), z=(4, 2), w=(4,)) == ["the spec has no output w"]
