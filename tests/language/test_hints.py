"""Help for what people write by habit, beside names: variables, batch axes, inputs, new names."""

from __future__ import annotations

import pytest

from nnspec.errors import Problem
from nnspec.language.source import parse
from nnspec.network.fixing import mend

HEAD = "nnspec: 1\nname: Net\ninputs: {x: {shape: [8]}}\n"


def problem_of(text: str) -> Problem:
    (problem,) = mend(text, rounds=0).problems
    return problem


@pytest.mark.parametrize(
    "written",
    ["$width", "'{{ width }}'", "'{{width}}'", "$(width)", "'{width}'", "<width>", "width"],
)
@pytest.mark.parametrize(
    ("layer", "key"),
    [
        ("{type: dense, units: V}", "units"),
        ("{type: dense, units: 3, use_bias: V}", "use_bias"),
        ("{type: dense, units: 3, activation: V}", "activation"),
        ("{type: dropout, rate: V}", "rate"),
        ("{type: clip, min_value: V}", "rate"),
    ],
)
def test_another_way_to_write_a_variable(written: str, layer: str, key: str) -> None:
    values = {"units": "4", "use_bias": "true", "activation": "relu", "rate": "0.5"}
    text = (
        f"{HEAD}variables: {{width: {values[key]}}}\nlayers:\n  - {layer.replace('V', written)}\n"
    )
    assert problem_of(text).hint == 'a variable is written "${width}"'
    mended = mend(text)
    assert mended.spec is not None
    assert mended.text == text.replace(f" {written}", ' "${width}"')


def test_a_variable_of_training_and_an_expression() -> None:
    text = f"{HEAD}variables: {{n: 4}}\nlayers: [{{type: dense, units: '{{{{ n * 2 }}}}'}}]\n"
    text += "training: {task: regression, epochs: $n}\n"
    mended = mend(text, unsafe=True)
    assert mended.spec is not None
    assert mended.spec.model.training is not None
    assert mended.spec.model.training.epochs == 4


def test_a_variable_that_there_is_not_is_no_safe_fix() -> None:
    text = f"{HEAD}layers: [{{type: dense, units: $width}}]\n"
    assert mend(text).text == text


@pytest.mark.parametrize("expression", ["16 * 0.25", "9 / 2", "width / 2"])
def test_an_expression_that_gives_a_point(expression: str) -> None:
    text = f"{HEAD}variables: {{width: 5}}\nlayers: [{{type: dense, units: '${{{expression}}}'}}]\n"
    assert "`//`" in problem_of(text).hint


def test_index_outside_a_repeat() -> None:
    problem = problem_of(f"{HEAD}layers: [{{type: dense, units: '${{2 ** index}}'}}]\n")
    assert "`repeat`" in problem.hint
    assert "under `variables`" not in problem.hint


def test_a_block_says_what_it_takes() -> None:
    text = (
        f"{HEAD}blocks:\n  join: {{inputs: [query, memory], layers: [{{type: add, "
        "inputs: [query, memory]}]}\nlayers:\n  - {type: dense, units: 8, name: latent}\n"
        "  - {type: join, inputs: [latent]}\n"
    )
    hint = problem_of(text).hint
    assert hint == 'it takes "query", "memory": name one for each, inputs: [latent, <memory>]'


@pytest.mark.parametrize("batch", ["None", "null", "-1"])
def test_a_shape_leaves_the_batch_out(batch: str) -> None:
    text = HEAD.replace("[8]", f"[{batch}, 8]") + "layers: [{type: relu}]\n"
    assert problem_of(text).hint == "a shape leaves the batch axis out"
    mended = mend(text)
    assert mended.text == HEAD + "layers: [{type: relu}]\n"


def test_an_axis_of_none_asks_for_a_name() -> None:
    text = HEAD.replace("[8]", "[4, None]") + "layers: [{type: relu}]\n"
    assert problem_of(text).hint == "a dynamic axis has a name: [time, 16]"


RENAMED = """\
nnspec: 1
name: Net
variables: {my-width: 4}
inputs:
  class: {shape: ['a b', 8]}     # ours
  other: {shape: [a b, 8]}
blocks:
  two-parts:
    inputs: [in-put]
    variables: {my size: 3}
    layers:
      - {type: dense, units: "${my size + 1}", name: first layer, inputs: in-put}
      - {type: relu, inputs: [first layer]}
layers:
  - {type: two-parts, inputs: [class], "my size": 2, name: "def"}
  - {type: split, inputs: "def", sizes: [1, 2], name: the-parts}
  - {type: concatenate, inputs: [the-parts.1, the-parts]}
outputs: [concatenate_1]
"""


def test_what_is_renamed_is_renamed_at_every_use() -> None:
    for old, new in [
        ("two-parts", "two_parts"),
        ("first layer", "first_layer"),
        ("in-put", "in_put"),
        ("the-parts", "the_parts"),
    ]:
        problems = [each for each in mend(RENAMED, rounds=0).problems if f"'{old}'" in each.message]
        (problem,) = problems
        assert problem.fix is not None
        assert len(problem.fix.edits) == RENAMED.count(old), problem
        assert {edit[4] for edit in problem.fix.edits} == {new}
    text = mend(RENAMED).text
    assert "# ours" in text
    assert parse(text)["blocks"]["two_parts"]["inputs"] == ["in_put"]
