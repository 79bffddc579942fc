"""What a fix leaves out says something of the network: untrue, it stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

import nnspec
from nnspec.cli import main
from nnspec.network.fixing import mend

HEAD = "nnspec: 1\nname: Net\ninputs: {{x: {{shape: {shape}}}}}\nlayers:\n"
IMAGE, STEPS = [3, 9, 9], [5, 8]
CASES: list[tuple[list[int], str, Any, Any]] = [
    ([8], "{{type: Linear, in_features: {}, out_features: 4}}", 8, 99),
    ([8], "Linear(in_features={}, out_features=4)", 8, 99),
    (IMAGE, "{{type: nn.Conv2d, in_channels: {}, out_channels: 4, kernel_size: 3}}", 3, 9),
    (IMAGE, "BatchNorm2d(num_features={})", 3, 9),
    (IMAGE, "{{type: BatchNorm2d, num_features: {}}}", 3, 9),
    (IMAGE, "{{type: batch_normalization, axis: {}}}", 1, 2),
    (IMAGE, "{{type: GroupNorm, num_groups: 3, num_channels: {}}}", 3, 6),
    (IMAGE, "{{type: InstanceNorm2d, num_features: {}}}", 3, 6),
    (STEPS, "{{type: LayerNorm, normalized_shape: {}}}", 8, 5),
    (STEPS, "{{type: LayerNorm, normalized_shape: {}}}", [8], [5]),
    (STEPS, "{{type: LayerNorm, normalized_shape: {}}}", [5, 8], [8, 5]),
    (STEPS, "{{type: RMSNorm, dim: {}}}", 8, 5),
    (STEPS, "{{type: nn.LSTM, input_size: {}, hidden_size: 4}}", 8, 5),
    (STEPS, "{{type: BiLSTM, input_size: {}, hidden_size: 4}}", 8, 5),
    (STEPS, "{{type: lstm, bidirectional: true, input_size: {}, units: 4}}", 8, 5),
    (STEPS, "{{type: Bidirectional, layer: {{type: LSTM, input_size: {}, units: 4}}}}", 8, 5),
    (STEPS, "{{type: nn.MultiheadAttention, embed_dim: {}, num_heads: 2}}", 8, 5),
    (STEPS, "{{type: nn.MultiheadAttention, kdim: {}, num_heads: 2}}", 8, 5),
    (STEPS, "{{type: nn.MultiheadAttention, vdim: {}, num_heads: 2}}", 8, 5),
    (STEPS, "{{type: PositionalEncoding, d_model: {}}}", 8, 5),
    (STEPS, "{{type: position_embedding, max_length: 5, embedding_dim: {}}}", 8, 5),
    (STEPS, "{{type: rope, head_dim: {}}}", 8, 6),
    ([8], "{{type: keras.layers.Dense, units: 4, input_shape: {}}}", [8], [99]),
    ([8], "{{type: keras.layers.Dense, units: 4, input_dim: {}}}", 8, 99),
    (IMAGE, "{{type: nn.PReLU, num_parameters: {}}}", 3, 9),
    (IMAGE, "{{type: relu, in_channels: {}}}", 3, 4),
    (IMAGE, "{{type: residual_basic_projected, filters: 4, in_channels: {}}}", 3, 4),
    ([8], "{{type: dense, units: 8, repeat: 2, in_features: {}}}", 8, 4),
    ([8], "{{type: dense, units: 4, repeat: 2, in_features: {}}}", None, 8),
    (
        [4, *IMAGE],
        "{{type: nn.Conv2d, in_channels: {}, filters: 2, kernel_size: 3, time_distributed: true}}",
        3,
        4,
    ),
]


@pytest.mark.parametrize(("shape", "item", "right", "wrong"), CASES)
def test_what_is_inferred_is_left_out_where_it_is_true(
    shape: list[int], item: str, right: Any, wrong: Any
) -> None:
    head = HEAD.format(shape=shape)
    mended = mend(head + f"  - {item.format(json.dumps(right))}\n".replace("=null", "=None"))
    assert mended.spec is not None, mended.problems
    text = head + f"  - {item.format(wrong)}\n"
    for unsafe in (False, True):
        mended = mend(text, unsafe=unsafe)
        assert mended.spec is None
        assert str(wrong) in mended.text.partition("layers:")[2]
        assert any(f"is {wrong}, and " in problem.hint for problem in mended.problems)
        assert all(problem.fix is None for problem in mended.problems)


def test_right_and_wrong_ones_of_a_file_are_told_apart() -> None:
    text = HEAD.format(shape=[8]) + (
        "  - type: Linear # one\n    in_features: 8 # ours\n    out_features: 4\n"
        "  - type: ReLU\n"
        "  - type: Linear\n    out_features: 3\n    in_features: 9 # stays\n"
        "  - {type: Linear, in_features: 3, out_features: 2}\n"
    )
    mended = mend(text)
    assert mended.text.partition("layers:\n")[2] == (
        "  - type: dense # one\n    # ours\n    units: 4\n  - type: relu\n"
        "  - type: dense\n    units: 3\n    in_features: 9 # stays\n"
        "  - {type: dense, units: 2}\n"
    )
    assert [problem.hint[:36] for problem in mended.problems] == [
        "in_features is 9, and 4 features com"
    ]


def test_what_nothing_tells_waits_for_unsafe_fixes() -> None:
    text = HEAD.format(shape=[8]) + (
        "  - {type: dense, units: 4}\n  - {type: Huh}\n"
        "  - {type: dense, in_features: 4, units: 2}\n"
    )
    mended = mend(text)
    assert mended.text == text
    assert [each.fix and each.fix.is_safe for each in mended.problems] == [None, False]
    assert "in_features" not in mend(text, unsafe=True).text


def test_uses_of_a_block_at_several_sizes_are_all_looked_at() -> None:
    head = "nnspec: 1\nname: Net\ninputs: {x: {shape: [8]}}\n"
    block = "blocks: {b: {layers: [{type: Linear, in_features: 8, out_features: N}]}}\n"
    layers = "layers: [{type: b}, {type: b}]\n"
    assert mend(head + block.replace("N", "8") + layers).spec is not None
    mended = mend(head + block.replace("N", "4") + layers)
    assert mended.spec is None
    assert "4 features come in" in mended.problems[0].hint


def test_check_says_which_fixes_are_safe() -> None:
    item = "  - {type: dense, in_features: %d, units: 4}\n"
    for number, expected in ((8, "safe"), (9, None)):
        with pytest.raises(nnspec.SpecError) as caught:
            nnspec.loads(HEAD.format(shape=[8]) + item % number)
        fix = caught.value.problems[0].as_json()["fix"]
        assert (fix and fix["applicability"]) == expected  # type: ignore[index]


@pytest.mark.parametrize(
    ("layout", "is_true"), [("", True), ("channels_first", True), ("channels_last", False)]
)
def test_an_axis_of_channels_is_that_of_the_layout(layout: str, is_true: bool) -> None:
    line = f"data_format: {layout}\n" if layout else ""
    text = line + HEAD.format(shape=[3, 9, 9]) + "  - {type: Softmax2d}\n"
    assert (mend(text).spec is not None) is is_true
    text = line + HEAD.format(shape=[6, 9, 9]) + "  - {type: batch_normalization, axis: 1}\n"
    assert (mend(text).spec is not None) is is_true
    keras = line + HEAD.format(shape=[6, 9, 9]) + "  - {type: batch_normalization, axis: -1}\n"
    assert (mend(keras).spec is not None) is (layout != "channels_first")


@pytest.mark.parametrize(("end", "is_true"), [("softmax", True), ("relu", False)])
def test_a_loss_of_probabilities_is_that_of_a_network_that_gives_them(
    end: str, is_true: bool
) -> None:
    text = HEAD.format(shape=[8]) + f"  - {{type: dense, units: 4, activation: {end}}}\n"
    text += (
        "training: {task: multiclass, loss: {type: categorical_cross_entropy, from_logits: V}}\n"
    )
    assert (mend(text.replace("V", "false")).spec is not None) is is_true
    assert mend(text.replace("V", "true")).spec is not None


def test_json_is_left_alone_as_well() -> None:
    spec = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"x": {"shape": [8]}},
        "layers": [{"in_features": 9, "type": "dense", "units": 4}],
    }
    text = json.dumps(spec, indent=1)
    assert mend(text, path="net.json").text == text
    spec["layers"][0]["in_features"] = 8  # type: ignore[index]
    assert "in_features" not in mend(json.dumps(spec, indent=1), path="net.json").text


def test_an_object_is_told_both_numbers() -> None:
    given = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"x": {"shape": [8]}},
        "layers": [{"type": "dense", "units": 4, "in_features": 9}],
    }
    with pytest.raises(
        nnspec.SpecError, match=r"in_features is 9, and 8 features come in"
    ) as caught:
        nnspec.check(given)
    assert caught.value.problems[0].path == "layers[0].in_features"


def test_the_command_says_both_numbers(tmp_path: Any) -> None:
    path = tmp_path / "net.yaml"
    text = HEAD.format(shape=[8]) + "  - {type: dense, in_features: 9, units: 4}\n"
    path.write_text(text)
    result = CliRunner().invoke(main, ["check", "--fix", str(path)])
    assert result.exit_code == 2
    assert "in_features is 9, and 8 features come in" in result.stdout
    assert path.read_text() == text


@pytest.mark.parametrize(
    "item",
    [
        "{type: constant, value: [1.0], requires_grad: true}",
        "{type: dropout, rate: 0.1, training: false}",
        "{type: batch_normalization, renorm: true}",
        "{type: dense, units: 4, kernel_initializer: {type: he_normal, dtype: float16}}",
        "{type: depth_to_space, block_size: 2}",
        "{type: fmod, divisor: 3}",
        "{type: multi_head_attention, num_heads: 2, key_padding_mask: x}",
        "{type: multi_head_attention, num_heads: 2, attn_mask: x}",
        "{type: expand, repeats: 2}",
        "{type: torch.roll, shift: 1}",
        "{type: torch.split, sizes: [4, 4]}",
        "{type: separable_conv1d, filters: 4, kernel_size: 3, kernel_initializer: zeros}",
        "{type: pad2d, padding: [1, 2]}",
        "{type: repeat, repeats: 2}",
        "{type: isclose, value: 1.0}",
        "{type: tf.nn.lrn, alpha: 0.1}",
        "{type: tf.nn.local_response_normalization, alpha: 0.1}",
    ],
)
def test_what_may_mean_another_network_is_no_safe_fix(item: str) -> None:
    text = HEAD.format(shape=[8, 8]) + f"  - {item}\n"
    assert mend(text).text == text


def test_a_null_that_means_something_elsewhere_is_refused() -> None:
    text = HEAD.format(shape=[5, 8]) + (
        "  - {type: bidirectional, layer: {type: lstm, units: 4}, merge_mode: null}\n"
    )
    with pytest.raises(nnspec.SpecError, match="go_backwards") as caught:
        nnspec.loads(text)
    assert caught.value.problems[0].code == "wrong-value"


NEVER_MATTER = set(
    """
    batch_size device inplace seed generator foreach fused capturable sparse implementation unroll
    use_cudnn flash_attention enable_nested_tensor mask_check backend framework verbose num_workers
    pin_memory name
    """.split()  # noqa: SIM905 - a list of quoted words would be longer
)
"""Keys that say nothing of what a network computes, whatever their values are."""
OF_OTHERS = {"trainable", "input_axes", "output_axes"}
"""Keys that are left out where the record has nothing that they could be of."""


def test_no_other_key_is_left_out_whatever_its_value() -> None:
    from nnspec.language import words
    from nnspec.layers import words as layer_words
    from nnspec.network.claims import _CLAIMS
    from nnspec.support.spelling import squashed

    tables = [layer_words._layers()[1], layer_words._initializers()[1], words._blocks()[1]]
    files = [file for file in (*words._FILES.values(), "records") if file != "metrics"]
    tables += [words._tables(file)[1] for file in files]
    allowed = {squashed(each) for each in NEVER_MATTER | OF_OTHERS}
    for table, known in [
        *((table, allowed) for table in tables),
        # A metric has its classes, and what it takes, of the network.
        (words._tables("metrics")[1], {*allowed, "numclasses", "fromlogits", "task"}),
    ]:
        for kind, records in table.items():
            for key, record in records.items():
                assert record.says in ("", "logits", *_CLAIMS), (kind, key)
                is_left_out = not (record.meant or record.is_nothing or record.value or record.into)
                if is_left_out and not record.says and record.word is None:
                    assert key in known, (kind, key)
