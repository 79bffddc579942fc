"""Ids that a network makes itself: what they may be is known before it runs, or said not to be."""

from __future__ import annotations

import pytest

import nnspec
from nnspec.network.ids import followed, misfit_at
from nnspec.network.loader import Spec
from tests.verification.test_verify_conditioning import network, verified


def table(rows: int) -> str:
    return f"name: table, type: embedding, input_dim: {rows}, output_dim: 2"


TWO = ["name: two, type: constant, value: 2, inputs: x", "name: k, type: cast, dtype: int64"]
CHOSEN = "name: chosen, type: argmax, inputs: x"
WHOLE = "type: cast, dtype: int64"
CLIPPED = "type: clip, min_value: 0, max_value: 3"
SIGMOID = "type: dense, units: 3, activation: {type: sigmoid}"
LENGTHS = "name: last, type: gru, units: 2, inputs: [s, n]"
OUTSIDE = {
    "argmax": ([CHOSEN, table(7)], "takes 0 to 6, and .* gives 0 to 7"),
    "cast": ([CHOSEN, "type: cast, dtype: int32", table(7)], "gives 0 to 7"),
    "added": ([CHOSEN, *TWO, "type: add, inputs: [chosen, k]", table(9)], "gives 2 to 9"),
    "multiplied": ([CHOSEN, *TWO, "type: multiply, inputs: [chosen, k]", table(14)], "0 to 14"),
    "negative": ([CHOSEN, "type: negative", table(9)], "gives -7 to 0"),
    "one of several": (
        [CHOSEN, *TWO, "type: stack, inputs: [k, chosen], axis: 0", table(5)], "gives 0 to 7"
    ),
    "constant": (["type: constant, value: [1, 5]", WHOLE, table(5)], "gives 5"),
    "always beyond": (
        ["type: dense, units: 2", "type: clip, min_value: 7, max_value: 9", WHOLE, table(4)],
        "gives 7 to 9",
    ),
    "length 0": (
        ["name: s, type: reshape, shape: [4, 2], inputs: x", "type: argmax, inputs: s, axis: 0",
         "name: n, type: slice, axis: 0, start: 0, stop: 1", "name: m, type: squeeze, axis: 0",
         LENGTHS.replace("n]", "m]")],
        "takes 1 to 4, and .* gives 0 to 3",
    ),
}  # fmt: skip
WITHIN = {
    "argmax": [CHOSEN, table(8)],
    "added": [CHOSEN, *TWO, "type: add, inputs: [chosen, k]", table(10)],
    "bounded": [CHOSEN, *TWO, "type: minimum, inputs: [chosen, k]", table(3)],
    "parts of several": [
        CHOSEN, *TWO, "type: stack, inputs: [k, chosen], axis: 0",
        "type: slice, axis: 0, start: 0, stop: 1", table(3),
    ],
    "clipped": ["type: dense, units: 3", CLIPPED, WHOLE, table(4)],
    "sigmoid": [SIGMOID, "type: rescaling, scale: 4", WHOLE, table(5)],
    "modulo": [CHOSEN, "type: modulo, divisor: 3", table(3)],
    "modulo of less": [CHOSEN, "type: modulo, divisor: 100", table(8)],
}  # fmt: skip
UNKNOWN = {
    "fractions": ["type: dense, units: 3", WHOLE, table(4)],
    "below alone": ["type: relu", "type: dense, units: 3, activation: relu", WHOLE, table(4)],
    "may round up": [SIGMOID, "type: rescaling, scale: 3.99999999", WHOLE, table(4)],
    "two of one tensor": [CHOSEN, "type: subtract, inputs: [chosen, chosen]", table(1)],
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_ids_that_are_beyond_what_a_layer_takes_are_refused(name: str) -> None:
    layers, message = OUTSIDE[name]
    with pytest.raises(nnspec.SpecError, match=message) as caught:
        network(*layers)
    assert "error[out-of-range]" in str(caught.value)
    assert f"{len(layers) + 4}:" in str(caught.value)


@pytest.mark.parametrize("name", WITHIN)
def test_ids_that_are_bounded_are_known_to_fit(name: str) -> None:
    found = followed(network(*WITHIN[name]).graph)
    assert not found.unknown
    assert not found.limits


@pytest.mark.parametrize("name", UNKNOWN)
def test_ids_that_may_be_anything_are_known_to_be_unknown(name: str) -> None:
    (unknown,) = followed(network(*UNKNOWN[name]).graph).unknown
    assert unknown.layer == "table"


def test_an_index_along_a_dynamic_axis_bounds_the_axis() -> None:
    spec = network(CHOSEN, table(9), shape="[time]")
    (limit,) = followed(spec.graph).limits
    assert (limit.size, limit.least, limit.most) == ("time", 1, 9)
    report = verified(spec, "torch", "onnx")
    assert report.passed, report.to_json()


@pytest.mark.parametrize(
    "last", [table(3), "name: table, type: one_hot, num_classes: 3"], ids=["embedding", "one_hot"]
)
def test_positions_along_a_dynamic_axis_bound_it(last: str) -> None:
    """The sizes that are tried would else be beyond it, and every engine accused."""
    spec = network("name: places, type: arange, axis: 0, inputs: x", last, shape="[time]")
    (limit,) = followed(spec.graph).limits
    assert (limit.size, limit.least, limit.most) == ("time", 1, 3)
    report = verified(spec, "torch", "onnx")
    assert report.passed, report.to_json()


def test_what_is_computed_of_positions_bounds_the_axis_too() -> None:
    spec = network(
        "name: places, type: arange, axis: 0, inputs: x", *TWO, "type: add, inputs: [places, k]",
        table(5), shape="[time]",
    )  # fmt: skip
    assert not misfit_at(spec.graph, {"time": 3})
    assert "is 5 to 5" in misfit_at(spec.graph, {"time": 4})
    report = verified(spec, "torch", "onnx")
    assert report.passed, report.to_json()


@pytest.mark.parametrize("backends", [("torch", "onnx"), ("keras", "onnx")])
def test_an_id_that_nothing_bounds_accuses_no_engine(backends: tuple[str, ...]) -> None:
    spec = network("type: rescaling, scale: 30, offset: 40", "type: tanh_shrink", WHOLE, table(4))
    with pytest.raises(nnspec.UsageError, match=r'bounds "cast_1".*takes 0 to 3; bound'):
        verified(spec, *backends)


def test_an_id_that_is_beyond_its_table_on_unusual_inputs_is_not_checked() -> None:
    spec = mixed()
    report = verified(spec, "torch", "onnx")
    assert report.passed, report.to_json()
    reasons = [each.reason for each in report.not_checked if each.kind == "range"]
    assert any('nothing bounds "added"' in reason for reason in reasons)


def mixed() -> Spec:
    return nnspec.loads(f"""
nnspec: 1
name: Mixed
inputs: {{ids: {{shape: [], dtype: int64}}, x: {{shape: [6]}}}}
layers:
  - {{{CHOSEN}}}
  - {{name: added, type: add, inputs: [ids, chosen]}}
  - {{{table(12)}}}
""")


def test_ids_beside_a_scalar_that_gets_an_axis_are_followed() -> None:
    spec = nnspec.loads(
        "nnspec: 1\nname: Net\n"
        "inputs: {id: {shape: [3], dtype: int64}, scalar: {shape: [], dtype: float32}}\n"
        "layers:\n"
        "  - {name: rest, type: modulo, divisor: 4, inputs: [id]}\n"
        "  - {name: rows, type: embedding, input_dim: 4, output_dim: 2}\n"
        "  - {name: one, type: expand_dims, inputs: [scalar]}\n"
        "outputs: [rows, one]\n"
    )
    assert spec.graph.types["one"].shape == (1,)


@pytest.mark.parametrize(
    "layers",
    [
        ["type: argsort", "type: one_hot, num_classes: 4"],
        ["name: t, type: top_k, k: 2", "type: one_hot, num_classes: 4, inputs: t.1"],
        ["type: argsort", "type: flip", "type: one_hot, num_classes: 4"],
    ],
    ids=["argsort", "top_k", "flipped"],
)
def test_indices_along_a_dynamic_axis_bound_it(layers: list[str]) -> None:
    limits = followed(network(*layers, shape="[time]").graph).limits
    assert [(limit.size, limit.most) for limit in limits] == [("time", 4)]


@pytest.mark.parametrize("name", UNKNOWN)
def test_check_tells_of_ids_that_nothing_bounds(name: str) -> None:
    (advice,) = network(*UNKNOWN[name]).advice
    assert advice.code == "unbounded-ids"
    assert advice.mark is not None
    assert advice.mark.line == len(UNKNOWN[name]) + 3


@pytest.mark.parametrize("name", WITHIN)
def test_check_tells_nothing_of_ids_that_are_bounded(name: str) -> None:
    assert not [each for each in network(*WITHIN[name]).advice if each.code == "unbounded-ids"]


@pytest.mark.parametrize(("classes", "is_wrong"), [(5, True), (6, False)])
def test_ids_are_followed_within_each_element_of_an_axis(classes: int, is_wrong: bool) -> None:
    text = f"""
nnspec: 1
name: Each
inputs: {{x: {{shape: [3, 4]}}}}
blocks:
  each:
    layers:
      - {{name: d, type: dense, units: 2}}
      - {{name: c, type: concatenate, inputs: [d, x], axis: 0}}
      - {{type: argmax}}
      - {{type: one_hot, num_classes: {classes}}}
layers:
  - {{type: each, time_distributed: true}}
"""
    if not is_wrong:
        assert not nnspec.loads(text).advice
        return
    with pytest.raises(nnspec.SpecError, match=r"takes 0 to 4, and .* gives 0 to 5"):
        nnspec.loads(text)


def test_ids_that_nothing_bounds_within_an_element_are_told() -> None:
    spec = nnspec.loads("""
nnspec: 1
name: Each
inputs: {x: {shape: [3, 4], dtype: int64}, y: {shape: [3, 4]}}
layers:
  - {name: w, type: dense, units: 4, inputs: y, time_distributed: true}
  - {name: i, type: cast, dtype: int64}
  - {type: one_hot, num_classes: 5, time_distributed: true}
  - {name: table, type: embedding, input_dim: 9, output_dim: 2, inputs: x, time_distributed: true}
  - {type: flatten}
  - {name: f, type: flatten, inputs: one_hot_1}
  - {type: concatenate, inputs: [flatten_1, f]}
""")
    assert [each.code for each in spec.advice] == ["unbounded-ids"]
