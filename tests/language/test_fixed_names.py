"""`nnspec check --fix` of names: changed wherever they are used, to ones that nothing has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nnspec.network.fixing import mend
from tests.language.test_fixes import HEAD, layers_of, run


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "  - {name: fc-1, type: dense, units: 4}\n  - {name: fc.1, type: dense, units: 4}\n"
            "  - {type: add, inputs: [fc-1, fc.1]}\n",
            "  - {name: fc_1, type: dense, units: 4}\n  - {name: fc_1_, type: dense, units: 4}\n"
            "  - {type: add, inputs: [fc_1, fc_1_]}\n",
            id="two bad names",
        ),
        pytest.param(
            "  - {name: fc_1, type: dense, units: 4}\n  - {name: fc-1, type: dense, units: 4}\n"
            "  - {type: add, inputs: [fc_1, fc-1]}\n",
            "  - {name: fc_1, type: dense, units: 4}\n  - {name: fc_1_, type: dense, units: 4}\n"
            "  - {type: add, inputs: [fc_1, fc_1_]}\n",
            id="beside a good one",
        ),
        pytest.param(
            "  - {type: dense, units: 4}\n  - {name: dense-1, type: dense, units: 4}\n"
            "  - {type: add, inputs: [dense_1, dense-1]}\n",
            "  - {type: dense, units: 4}\n  - {name: dense_1_, type: dense, units: 4}\n"
            "  - {type: add, inputs: [dense_1, dense_1_]}\n",
            id="beside an automatic one",
        ),
        pytest.param(
            "  - {name: x-, type: dense, units: 4}\n  - {type: add, inputs: [x, x-]}\n",
            "  - {name: x_, type: dense, units: 4}\n  - {type: add, inputs: [x, x_]}\n",
            id="beside an input",
        ),
    ],
)
def test_a_new_name_is_one_that_nothing_has(before: str, after: str) -> None:
    assert layers_of(mend(HEAD + before)) == after


def test_a_variable_is_not_renamed_where_an_expression_computes() -> None:
    head = HEAD.replace("inputs", "variables: {n: 4, n-1: 7}\ninputs")
    text = head + "  - {type: dense, units: '${n-1}'}\n"
    assert mend(text).text == text


def test_a_bad_name_of_two_layers_is_not_mended() -> None:
    layer = "  - {name: fc-1, type: dense, units: 4}\n"
    text = HEAD + layer + layer + "  - {type: add, inputs: [x, fc-1]}\n"
    assert mend(text).text == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "blocks: {enc: {layers: [{name: fc-1, type: dense, units: 4}]}}\n"
            "layers: [{name: h-1, type: enc, repeat: 2}, {name: g-1, type: enc}]\n"
            "freeze: [h-1.0.fc-1, 'g-1', g-1.fc-1]\n",
            "blocks: {enc: {layers: [{name: fc_1, type: dense, units: 4}]}}\n"
            "layers: [{name: h_1, type: enc, repeat: 2}, {name: g_1, type: enc}]\n"
            "freeze: [h_1.0.fc_1, 'g_1', g_1.fc_1]\n",
            id="in patterns of freeze",
        ),
        pytest.param(
            "layers: [{name: h-1, type: dense, units: 4, repeat: 3}, "
            "{type: add, inputs: [h-1_0, h-1]}]\nfreeze: h-1_1\n",
            "layers: [{name: h_1, type: dense, units: 4, repeat: 3}, "
            "{type: add, inputs: [h_1_0, h_1]}]\nfreeze: h_1_1\n",
            id="of steps",
        ),
        pytest.param(
            "layers: [{name: h_1_0, type: dense, units: 4}, {name: h-1, type: dense, units: 4, "
            "repeat: 3}, {type: add, inputs: [h-1_0, h-1, h_1_0]}]\n",
            "layers: [{name: h_1_0, type: dense, units: 4}, {name: h_1_, type: dense, units: 4, "
            "repeat: 3}, {type: add, inputs: [h_1__0, h_1_, h_1_0]}]\n",
            id="of steps beside a layer of such a name",
        ),
        pytest.param(
            "layers: [{type: multiply, inputs: [x, x], name: a-b}, {type: reduce_sum, axes: "
            "my-time, inputs: s-q}, {type: add, inputs: [a-b, reduce_sum_1]}]\n",
            "layers: [{type: multiply, inputs: [x, x], name: a_b}, {type: reduce_sum, axes: "
            "my_time, inputs: s_q}, {type: add, inputs: [a_b, reduce_sum_1]}]\n",
            id="of axes",
        ),
        pytest.param(
            "blocks: {att: {optional: the-pad, layers: [{type: transformer_encoder_pre_norm, "
            "width: 4, heads: 2, hidden: 4, key_padding: the-pad}]}}\n"
            "layers: [{type: att, inputs: s-q, the-pad: m-1}, {type: reduce_sum, axes: my-time}, "
            "{type: add, inputs: [x, reduce_sum_1]}]\n",
            "blocks: {att: {optional: the_pad, layers: [{type: transformer_encoder_pre_norm, "
            "width: 4, heads: 2, hidden: 4, key_padding: the_pad}]}}\n"
            "layers: [{type: att, inputs: s_q, the_pad: m_1}, {type: reduce_sum, axes: my_time}, "
            "{type: add, inputs: [x, reduce_sum_1]}]\n",
            id="of optional inputs",
        ),
    ],
)
def test_a_name_is_changed_wherever_it_is_used(before: str, after: str) -> None:
    inputs = "nnspec: 1\nname: Net\ninputs: {x: {shape: [4]}"
    if "s-q" in before:
        inputs += ", s-q: {shape: [my-time, 4]}"
    if "m-1" in before:
        inputs += ", m-1: {shape: [my-time], dtype: bool}"
    mended = mend(f"{inputs}}}\n{before}")
    assert mended.spec is not None, mended.problems
    assert mended.text.partition("}}\n")[2] == after


def test_a_name_is_changed_in_the_form_of_structured_output() -> None:
    layer = {"type": "dense", "units": "${w-1}", "inputs": ["a-b"], "arguments": None}
    text = json.dumps(
        {
            "nnspec": 1,
            "name": "Net",
            "inputs": [
                {"name": "my-x", "shape": [5, 4], "dtype": None},
                {"name": "my-pad", "shape": [5], "dtype": "bool"},
            ],
            "variables": [{"name": "w-1", "value": 4}],
            "blocks": [{"name": "b-1", "inputs": ["a-b"], "layers": [layer]}],
            "layers": [
                {"type": "b-1", "name": "l-1", "inputs": ["my-x"], "arguments": None},
                {
                    "type": "multi_head_attention",
                    "name": None,
                    "inputs": ["l-1"],
                    "arguments": [
                        {"name": "num_heads", "value": 2},
                        {"name": "key_padding", "value": "my-pad"},
                    ],
                },
            ],
        }
    )
    mended = mend(text)
    assert mended.spec is not None, mended.problems
    for old, new in (
        ("my-x", "my_x"),
        ("my-pad", "my_pad"),
        ("w-1", "w_1"),
        ("b-1", "b_1"),
        ("a-b", "a_b"),
        ("l-1", "l_1"),
    ):
        text = text.replace(old, new)
    assert mended.text == text


def test_a_name_is_not_changed_where_a_pattern_would_mean_another() -> None:
    text = (
        HEAD.replace("layers", "freeze: ['h-*']\nlayers")
        + "  - {name: h-1, type: dense, units: 4}\n"
    )
    assert mend(text).text == text


def test_a_file_of_several_names_stays_one_file(tmp_path: Path) -> None:
    path, other = tmp_path / "net.yaml", tmp_path / "other.yaml"
    path.write_text(HEAD + "  - {type: Linear, out_features: 3} # a longer comment\n")
    other.hardlink_to(path)
    path.chmod(0o640)
    assert run("check", "--fix", str(path)).exit_code == 0
    assert path.samefile(other)
    assert other.read_text() == HEAD + "  - {type: dense, units: 3} # a longer comment\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == ["net.yaml", "other.yaml"]


def test_a_file_of_several_names_loses_nothing_where_it_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    path, before = tmp_path / "net.yaml", HEAD + "  - {type: Linear, out_features: 3}\n"
    path.write_text(before)
    (tmp_path / "other.yaml").hardlink_to(path)
    calls = iter([None, OSError(28, "No space left on device")])

    def full(_: int) -> None:
        error = next(calls)
        if error is not None:
            raise error

    monkeypatch.setattr(os, "fsync", full)
    result = run("check", "--fix", str(path))
    assert result.exit_code == 2
    assert "No space left on device; what it held before is in" in result.output
    (kept,) = tmp_path.glob(".net.*.yaml")
    assert kept.read_text() == before


BY_OUTPUT = """\
nnspec: 1
name: Net
inputs: {x: {shape: [4]}}
layers:
  - {name: a-b, type: dense, units: 2}
  - {name: c, type: dense, units: 2, inputs: a-b}
outputs: [a-b, c]
data: {source: rows.csv, features: {x: "x*"}, target: {a-b: [p, q], c: [r, s]}}
training: {task: {a-b: regression, c: regression}, loss: {a-b: mse, c: mae}}
"""


def test_a_name_changes_where_losses_and_targets_are_given_by_output() -> None:
    mended = mend(BY_OUTPUT)
    assert mended.text == BY_OUTPUT.replace("a-b", "a_b")
    assert not any(each.severity == "error" for each in mended.problems), mended.problems


@pytest.mark.parametrize(
    "more", ["keep: {metric: a-b_mae}", "regularization: [{layers: 'a-*', l2: 0.1}]"]
)
def test_a_name_that_is_said_otherwise_too_stays(more: str) -> None:
    text = BY_OUTPUT.replace("c: mae}}", f"c: mae}}, {more}}}")
    assert mend(text).text == text


@pytest.mark.parametrize("key", ["input", "shifted"])
def test_an_input_that_is_the_target_keeps_its_name(key: str) -> None:
    text = (
        "nnspec: 1\nname: Net\ninputs: {x-y: {shape: [4]}}\n"
        "layers: [{name: out, type: dense, units: 4}]\n"
        f"data: {{source: r.npz, features: {{x-y: x}}, target: {{{key}: x-y}}}}\n"
    )
    assert mend(text).text == text
