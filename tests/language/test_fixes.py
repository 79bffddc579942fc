"""`nnspec check --fix`: edits of the text, each fix whole, comments and layout kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import nnspec
from nnspec.cli import main
from nnspec.language.edits import applied
from nnspec.network.fixing import Mended, mend

HEAD = "nnspec: 1\nname: Net\ninputs: {x: {shape: [4]}}\nlayers:\n"
IMAGE = "nnspec: 1\nname: Net\ninputs: {x: {shape: [3, 8, 8]}}\nlayers:\n"


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=stdin, catch_exceptions=False)


def layers_of(mended: Mended) -> str:
    assert not any(each.severity == "error" for each in mended.problems), mended.problems
    return mended.text.partition("layers:\n")[2]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "  - {type: Linear, in_features: 4, out_features: 3} # ours\n",
            "  - {type: dense, units: 3} # ours\n",
            id="flow",
        ),
        pytest.param(
            "  # before\n  - type: nn.Linear   # one\n    in_features: 4  # ours\n\n"
            "    # between\n    out_features: 3 # three\n    bias: false\n# after\n",
            "  # before\n  - type: dense   # one\n    # ours\n\n"
            "    # between\n    units: 3 # three\n    use_bias: false\n# after\n",
            id="block",
        ),
        pytest.param(
            "  - in_features: 4 # ours\n    units: 3\n    type: dense\n",
            "  - units: 3\n    # ours\n    type: dense\n",
            id="the first key of a block",
        ),
        pytest.param(
            "  - type: dense\n    units: 3\n    device: cuda",
            "  - type: dense\n    units: 3\n",
            id="the last key, without a line's end",
        ),
        pytest.param(
            "  - {units: 3, type: dense, device: cuda, in_features: 4}\n",
            "  - {units: 3, type: dense}\n",
            id="the last two keys",
        ),
        pytest.param(
            '  - {"type": "Linear", "out_features": 3}\n',
            '  - {"type": dense, units: 3}\n'.replace("dense", '"dense"').replace(
                "units", '"units"'
            ),
            id="quotes stay",
        ),
        pytest.param(
            "  - {type: dense, units: '3'}\n", "  - {type: dense, units: 3}\n", id="number"
        ),
        pytest.param(
            "  - {type: dense, units: 3, use_bias: no}\n",
            "  - {type: dense, units: 3, use_bias: false}\n",
            id="flag",
        ),
        pytest.param(
            "  - {type: dense, units: 3}\n  - nn.LeakyReLU(negative_slope=0.2)\n  - relu\n",
            "  - {type: dense, units: 3}\n  - {type: leaky_relu, negative_slope: 0.2}\n"
            "  - {type: relu}\n",
            id="names alone",
        ),
        pytest.param(
            "  - {Dense: {units: 3}}\n  - {class_name: Dense, config: {units: 2}}\n  - ReLU:\n",
            "  - {type: dense, units: 3}\n  - {type: dense, units: 2}\n  - {type: relu}\n",
            id="a type as a key",
        ),
        pytest.param(
            "  - {type: dense, units: 3, activation: gelu_new}\n",
            "  - {type: dense, units: 3, activation: {type: gelu, approximate: true}}\n",
            id="a name that says an argument too",
        ),
        pytest.param(
            "  - {type: dense, units: 3, activation: {type: LeakyReLU, alpha: 0.3}}\n",
            "  - {type: dense, units: 3, activation: {type: leaky_relu, negative_slope: 0.3}}\n",
            id="inside a layer",
        ),
    ],
)
def test_a_fix_keeps_comments_and_layout(before: str, after: str) -> None:
    assert layers_of(mend(HEAD + before)) == after


def test_the_first_output_has_the_name_of_its_layer() -> None:
    text = HEAD + (
        "  - {name: best, type: top_k, k: 2}\n"
        "  - {name: last, type: negative, inputs: best.0}\n"
        "outputs: [last, best.0, best.1]\n"
    )
    mended = mend(text)
    assert not any(each.severity == "error" for each in mended.problems), mended.problems
    assert mended.text == text.replace("best.0", "best")


def test_line_ends_stay() -> None:
    before = (HEAD + "  - type: Linear\n    device: cpu\n    out_features: 3\n").replace(
        "\n", "\r\n"
    )
    after = (HEAD + "  - type: dense\n    units: 3\n").replace("\n", "\r\n")
    assert mend(before).text == after


def test_json_is_mended_as_json() -> None:
    spec = {
        "nnspec": 1,
        "name": "Net",
        "description": "\U0001f600",
        "inputs": {"x": {"shape": [3, 8, 8]}},
        "layers": [
            {"type": "Conv2d", "out_channels": 4, "kernel_size": 3, "in_channels": 3},
            {"type": "BatchNorm2d", "num_features": 4, "momentum": 0.1},
            "GELU()",
        ],
    }
    for text in (json.dumps(spec), json.dumps(spec, indent="\t")):
        mended = mend(text, path="net.json")
        assert json.loads(mended.text) == {
            **spec,
            "layers": [
                {"type": "conv2d", "filters": 4, "kernel_size": 3},
                {"type": "batch_normalization", "momentum": 0.9},
                {"type": "gelu"},
            ],
        }
        assert mended.spec is not None


def test_a_fix_that_is_not_certain_waits_for_unsafe_fixes() -> None:
    text = IMAGE + "  - {type: Softmax, axis: 1}\n"
    assert mend(text).text == text
    assert layers_of(mend(text, unsafe=True)) == "  - {type: softmax, axis: 1}\n"


def test_a_value_that_is_computed_is_not_overwritten() -> None:
    text = HEAD.replace("layers:", "variables: {m: 0.1}\nlayers:").replace("[4]", "[3, 4, 4]")
    text += '  - {type: BatchNorm2d, momentum: "${m}"}\n'
    assert mend(text).text == text
    text = IMAGE.replace("layers:", "variables: {k: 1}\nlayers:")
    text += '  - {type: softmax, dim: "${k}"}\n'
    assert mend(text, unsafe=True).text == text


def test_an_anchor_stays() -> None:
    text = IMAGE + "  - {type: conv2d, filters: 3, kernel_size: &k '3'}\n"
    text += "  - {type: conv2d, filters: 3, kernel_size: *k}\n"
    assert mend(text).text.count("&k") == 1


def test_two_fixes_that_meet_are_made_one_after_another() -> None:
    text = HEAD + "  - {type: dense, units: 1}\nloss: mse\nlr: 0.1\nepochs: 3\ntask: regression\n"
    mended = mend(text)
    assert mended.spec is not None
    training = mended.spec.model.training
    assert training is not None
    assert (training.task, training.epochs) == ("regression", 3)
    assert mended.text.count("training:") == 1


def test_json_output_names_the_edits(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(HEAD + "  - {type: Linear, out_features: 3}\n")
    problems = json.loads(run("check", "--json", str(path)).stdout)["files"][0]["problems"]
    assert [each["fix"]["applicability"] for each in problems] == ["safe", "safe"]
    assert problems[0]["fix"]["edits"] == [
        {"line": 5, "column": 12, "end_line": 5, "end_column": 18, "text": "dense"}
    ]
    lines = path.read_text().split("\n")
    for problem in problems[::-1]:
        (edit,) = problem["fix"]["edits"]
        line = lines[edit["line"] - 1]
        start, end = edit["column"] - 1, edit["end_column"] - 1
        lines[edit["line"] - 1] = line[:start] + edit["text"] + line[end:]
    assert nnspec.loads("\n".join(lines)).graph.nodes[0].layer.units == 3


def test_the_command_writes_the_file_and_says_what_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + HEAD.encode() + b"  - {type: Linear, out_features: 3}\n")
    result = run("check", "--fix", str(path))
    assert result.exit_code == 0
    assert f"{path}:5:12: fixed[unknown-layer]: write type: dense" in result.stdout
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert nnspec.load(path).graph.nodes[0].layer.units == 3
    assert [each.name for each in tmp_path.iterdir()] == ["net.yaml"]


def test_what_is_right_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(HEAD + "  - {type: dense, units: 3}\n")
    path.chmod(0o400)
    before = path.stat().st_mtime_ns
    assert run("check", "--fix", str(path)).exit_code == 0
    assert path.stat().st_mtime_ns == before


def test_standard_input_is_checked_and_mended() -> None:
    wrong = HEAD + "  - {type: Linear, out_features: 3}\n"
    result = run("check", "-", stdin=wrong)
    assert result.exit_code == 2
    assert "<stdin>:5:12: error[unknown-layer]" in result.stdout
    assert "2 mistakes can be mended" in result.stderr
    mended = run("check", "--fix", "-", stdin=wrong)
    assert (mended.exit_code, mended.stdout) == (0, HEAD + "  - {type: dense, units: 3}\n")
    assert "fixed[unknown-layer]" in mended.stderr
    as_json = json.loads(run("check", "--fix", "--json", "-", stdin=wrong).stdout)["files"][0]
    assert (as_json["ok"], as_json["text"]) == (True, mended.stdout)


def test_json_from_standard_input() -> None:
    spec = {"nnspec": 1, "name": "N", "inputs": {"x": {"shape": [4]}}, "layers": [{"type": "relu"}]}
    text = json.dumps({**spec, "description": "\U0001f600\t"}, indent="\t")
    assert run("check", "-", stdin=text).exit_code == 0


def test_edits_are_made_from_the_end() -> None:
    from nnspec.language.spans import Edit

    edits = [Edit(0, 0, 0, 1, "AA"), Edit(1, 1, 1, 2, ""), Edit(1, 2, 1, 2, "!")]
    assert applied("ab\r\ncde\n", edits) == "AAb\r\nc!e\n"


@pytest.mark.parametrize("name", ["given", "self", "changes", "values"])
def test_any_name_is_read_where_the_spec_has_another_mistake(name: str) -> None:
    """The form for structured output is tried as well, whatever inputs and blocks are called."""
    head = f"nnspec: null\nname: Net\ninputs: {{{name}: {{shape: [4]}}}}\n"
    assert mend(head + "layers: [{type: dense, unit: 3}]\n").problems


def test_a_file_keeps_its_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    text = (HEAD + "  - {type: Linear, units: 3}\n").replace("\n", "\r\n")
    path.write_bytes(text.encode())
    assert run("check", "--fix", str(path)).exit_code == 0
    assert path.read_bytes() == text.replace("Linear", "dense").encode()


@pytest.mark.parametrize("number", [".nan", ".inf", "-.inf", "1e400"])
@pytest.mark.parametrize(
    "layer",
    ["{type: dense, units: N}", "{type: slice, stop: N}", "{type: flip, axis: N}"],
)
def test_a_number_that_is_not_finite_is_no_whole_number(number: str, layer: str) -> None:
    with pytest.raises(nnspec.SpecError) as caught:
        nnspec.loads(HEAD + f"  - {layer.replace('N', number)}\n")
    assert caught.value.problems[0].code in ("wrong-type", "wrong-value")


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("{name: _x, type: relu}", "layer name '_x' begins with '_'"),
        ("{name: 1x, type: relu}", "layer name '1x' begins with '1'"),
        ("{name: x-y, type: relu}", "layer name 'x-y' has '-'"),
        ("{name: _x, type: relu}", "call it x_ wherever it is used"),
        ("{type: lstm, units: 2, bidirectional: true}", 'did you mean the layer "bidirectional"?'),
        (
            "{type: bidirectional, layer: {type: lstm, units: 2, bidirectional: true}}",
            "runs both ways: leave it out",
        ),
        ("{type: flip, dims: [1, 2]}", "write a layer for each"),
        ("{type: tile, reps: [1, 2]}", "write a layer for each"),
    ],
)
def test_a_message_says_what_is_wrong(item: str, said: str) -> None:
    mended = mend(HEAD.replace("[4]", "[5, 4]") + f"  - {item}\n", rounds=0)
    assert any(said in f"{each.message} {each.hint}" for each in mended.problems), mended.problems


def test_what_is_said_of_the_batch_is_said_once() -> None:
    for name in ("Softmax", "keras.layers.Softmax", "torch.nn.Softmax"):
        mended = mend(IMAGE + f"  - {{type: {name}, axis: 1}}\n", rounds=0)
        assert mended.problems[0].hint.count("without the batch") == 1
        assert [each.code for each in mended.problems] == ["unknown-layer"]


def test_a_note_of_pytorch_is_not_for_keras() -> None:
    for name, is_told in (("Conv2d", True), ("Conv2D", False), ("keras.layers.Conv2D", False)):
        item = f"  - {{type: {name}, filters: 3, kernel_size: 3}}\n"
        (problem,) = mend(IMAGE + item, rounds=0).problems
        assert ("PyTorch" in problem.hint) is is_told


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{type: torch.roll, shifts: [1], dims: [1]}", "{type: roll, shift: 1, axis: 0}"),
        ("{type: torch.flip, dims: [1]}", "{type: flip, axis: 0}"),
        ("{type: tile, reps: [2], dim: 1}", "{type: tile, repeats: 2, axis: 0}"),
        ("{type: torch.stack, inputs: [x, x], dim: -1}", "{type: stack, inputs: [x, x], axis: -1}"),
    ],
)
def test_lists_of_one_axis_are_axes(before: str, after: str) -> None:
    head = HEAD.replace("[4]", "[5, 4]")
    assert layers_of(mend(head + f"  - {before}\n")) == f"  - {after}\n"


CAREFUL = "nnspec: 1\nname: Net\ninputs: {x: {shape: [4]}}\n"


def test_a_momentum_without_an_optimizer_may_mean_something_else() -> None:
    text = CAREFUL + "layers: [{type: dense, units: 1}]\ntraining: {momentum: 0.9}\n"
    assert mend(text).text == text
    mended = mend(text, unsafe=True)
    assert "training: {optimizer: {type: sgd, momentum: 0.9}}\n" in mended.text
    assert not any(each.code == "unknown-key" for each in mended.problems)


def test_a_key_that_would_lose_a_comment_within_is_left() -> None:
    text = HEAD + "  - {units: 3, # three\n     in_features: 4, # of x\n     type: dense}\n"
    assert mend(text).text == text


def test_a_key_is_written_once() -> None:
    text = (
        "nnspec: 1\nname: Net\nvariables: {b: true}\ninputs: {x: {shape: [4]}}\nlayers:\n"
        "  - {type: dense, units: 3, use_bias: '${b}'}\n  - {type: batch_normalization}\n"
    )
    mended = mend(text)
    assert mended.text == text
    assert "redundant-bias" in {each.code for each in mended.problems}


NORMALISED = """\
nnspec: 1
name: Pair
blocks:
  sum: {layers: [{type: dense, units: 4}]}
models:
  a:
    inputs: {x: {shape: [4]}}
    layers: [{type: sum}, {type: batch_normalization}, {type: relu}, {type: dense, units: 4}]
  b:
    inputs: {x: {shape: [4]}}
    layers: [{type: sum}, {type: tanh}, {type: dense, units: 1}]
"""


def test_a_block_of_two_networks_is_mended_for_both_or_not() -> None:
    mended = mend(NORMALISED)
    assert mended.text == NORMALISED
    assert "redundant-bias" in {each.code for each in mended.problems}
    again = NORMALISED.replace("{type: tanh}", "{type: batch_normalization}, {type: relu}, "
                               "{type: sum}, {type: tanh}")  # fmt: skip
    assert mend(again).text == again  # of its two uses in b one has a bias that works
    both = NORMALISED.replace("{type: tanh}", "{type: batch_normalization}, {type: tanh}")
    assert "{type: dense, units: 4, use_bias: false}]}" in mend(both).text


def test_what_is_set_is_not_written_into_the_file(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    text = HEAD + "  - {name: a, type: Linear, out_features: 3}\n"
    path.write_text(text)
    result = CliRunner().invoke(
        main, ["check", str(path), "--fix", "--set", "layers.a.out_features=5"]
    )
    assert result.exit_code == 2
    assert "a fix mends what stands in the text" in result.output
    assert "unreadable-file" not in result.output
    assert path.read_text() == text


def test_what_is_set_under_an_anchor_changes_in_one_place() -> None:
    text = (
        CAREFUL + "layers:\n"
        "  - {name: a, type: dense, units: 4, activation: &bent {type: elu, alpha: 0.5}}\n"
        "  - {name: b, type: dense, units: 4, activation: *bent}\n"
    )
    spec = nnspec.loads(text, variables={"layers.a.activation.alpha": 0.3})
    alphas = [node.layer.activation.alpha for node in spec.graph.nodes]  # type: ignore[union-attr]
    assert alphas == [0.3, 0.5]


def test_an_unknown_loss_of_two_networks_is_told_in_every_format(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "specs" / "digits_gan.yaml").read_text()
    path = tmp_path / "gan.yaml"
    path.write_text(text.replace("type: wasserstein, gradient_penalty: 10", "type: wasserstien"))
    for form in ("text", "json", "sarif", "github"):
        result = run("check", str(path), "--format", form)
        assert result.exit_code == 2
        assert "unknown-loss" in result.output


def test_variables_that_are_none_are_missed_in_several_networks() -> None:
    text = NORMALISED.replace("blocks:", "variables: {}\nblocks:").replace(
        "units: 1}", "units: '${n}'}"
    )
    assert "undefined-variable" in {each.code for each in mend(text).problems}


def test_sizes_of_a_split_are_whole_numbers() -> None:
    with pytest.raises(nnspec.SpecError) as refused:
        nnspec.loads(CAREFUL + "layers: [{type: split, sizes: ['1', 3.0]}]\n")
    assert [each.code for each in refused.value.problems] == ["wrong-type", "wrong-type"]


def test_a_comment_about_the_next_key_stays_with_it() -> None:
    text = HEAD + "  - in_features: 4\n    # of the code\n    units: 3\n    type: dense\n"
    assert mend(text).text == text
