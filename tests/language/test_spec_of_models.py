"""Several networks in one spec: what is wrong is said at its place, in words that help."""

from __future__ import annotations

import pytest
from versus_cases import text_of

import nnspec
from nnspec.errors import SpecError, UsageError
from nnspec.network.loader import check_any, loads_any
from nnspec.network.networks import Networks

OUT = "pixels, type: conv2d, filters: 1"
WRONG = {
    "no such model": (
        ("{model: maker,", "{model: makers,"), "unknown-model", 'did you mean "maker"', "makers"),
    "one model for both": (
        ("{model: judge,", "{model: maker,"), "not-trainable", "cannot be both", "maker"),
    "the generator does not fit": (
        (OUT, OUT.replace("1", "2")), "shape-mismatch", "gives (2, 4, 4) of float32", "maker:"),
    "two inputs of the generator": (
        ("{noise: {shape: [6]}}", "{noise: {shape: [6]}, more: {shape: [6]}}"),
        "missing-input", '"noise", "more"', "dense"),
    "a generator of labels": (
        ("    inputs: {noise: {shape: [6]}}\n    layers:\n",
         "    inputs: {noise: {shape: [6]}, label: {shape: [3]}}\n    layers:\n"
         "      - {type: concatenate, inputs: [noise, label]}\n"),
        "not-trainable", "takes 2 inputs, and noise is one", "maker:"),
    "a rate on a plateau": (
        ("{type: adam, learning_rate: 0.01, beta_1: 0.5}}\n  disc", "{type: adam, learning_rate: "
         "{schedule: plateau, initial: 0.01}}}\n  disc"),
        "not-trainable", "is to fall where a loss falls no more", "{schedule"),
    "an average of the discriminator": (
        ("steps: 2", "average: {type: ema}"), "unknown-key", "average", "average"),
    "an epoch to keep": (
        ("  epochs: 2", "  keep: {metric: generator}\n  epochs: 2"), "unknown-key", "keep", "keep"),
    "a clip of neither": (
        ("  epochs: 2", "  clip: {norm: 1.0}\n  epochs: 2"), "unknown-key", "clip", "clip"),
    "noise of whole numbers": (
        ("type: dense, units: 32", "type: embedding, input_dim: 9, output_dim: 8"),
        None, "", ""),
    "a moving axis": (
        ("[1, 4, 4]", "[1, 4, width]"), None, "", ""),
    "rows of another input": (
        ("{image: \"", "{imag: \""), "unknown-input", 'did you mean "image"', "imag:"),
    "rows of two inputs": (
        ("{image: \"pixel_*\"}", "{image: a, other: b}"), "unknown-input", '"other"', "other:"),
    "an unknown loss": (
        ("loss: {", "loss: hing #{"), "unknown-loss", 'did you mean "hinge"', "hing"),
    "wasserstein without a limit": (
        ("loss: {", "loss: wasserstein #{"), "missing-argument", "neither of", "wasserstein"),
    "wasserstein with both": (
        ("loss: {", "loss: {type: wasserstein, gradient_penalty: 1, weight_clip: 0.1} #{"),
        "wrong-value", "both of", "{type"),
    "a bounded end": (
        ("units: 1}", "units: 1, activation: softmax}"), "loss-activation", "ends in softmax",
        "dense"),
    "layers at the top": (
        ("name: Small", "name: Small\nlayers: []"), "unknown-key", 'no key "layers"', "layers:"),
    "a misspelt key of a model": (
        ("    inputs: {noise", "    input: {noise"), "unknown-key", '"inputs"', "input:"),
    "a misspelt key of a role": (
        ("steps: 2", "step: 2"), "unknown-key", 'did you mean "steps"', "step:"),
    "no steps at all": (("steps: 2", "steps: 0"), "bad-size", "more than 0", "0"),
    "another training": (
        ("type: adversarial", "type: versus"), "wrong-value", '"adversarial" is expected',
        "versus"),
    "a block that nothing uses": (
        ("blocks:", "blocks:\n  idle: {layers: [{type: relu}]}"), "unused-block", "any model",
        "idle"),
    "a model named as the spec": (
        ("name: Small", "name: Judge"), "duplicate-name", "the name of the spec", "judge:"),
    "a model named as a block": (
        ("  maker:", "  step:"), "duplicate-name", "a block", "step:"),
    "an unknown layer in one model": (
        ("type: flatten", "type: flaten"), "unknown-layer", 'did you mean "flatten"', "flaten"),
    "a generator that learns nothing": (
        ("  judge:", "    freeze: '*'\n  judge:"), "not-trainable", "no parameter to train",
        "maker:"),
    "models that are a list": (("models:", "models: []\nnothing:"), None, "", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_at_its_place(name: str) -> None:
    """Each mistake by its code, its words, and the text where its line has it."""
    change, code, words, place = WRONG[name]
    text = text_of(changes=(change,))
    with pytest.raises(SpecError) as caught:
        loads_any(text)
    found = caught.value.problems
    assert all(each.mark is not None for each in found), found
    if code is None:
        return
    said = [each for each in found if each.code == code and words in each.message]
    assert said, [(each.code, each.message) for each in found]
    mark = said[0].mark
    assert mark is not None
    assert text.splitlines()[mark.line][mark.column :].startswith(place), said[0].render()
    assert said[0].hint or "did you mean" in said[0].message


def test_a_mistake_in_a_shared_block_is_said_once() -> None:
    """Though both networks use it."""
    with pytest.raises(SpecError) as caught:
        loads_any(text_of(norm="layer_normalisation_of_mine"))
    assert len(caught.value.problems) == 1


def test_networks_share_blocks_and_variables_and_read_back() -> None:
    """Each is a spec of its own; what is written as YAML is the same networks."""
    networks = loads_any(
        text_of(
            changes=(("blocks:", "variables: {n: 32}\nblocks:"), ("units: 32", 'units: "${n}"'))
        )
    )
    assert isinstance(networks, Networks)
    assert list(networks.models) == ["maker", "judge"]
    assert networks.models["maker"].name == "Maker"
    again = loads_any(networks.to_yaml())
    assert isinstance(again, Networks)
    assert again.sha256 == networks.sha256
    assert again.training == networks.training
    assert "block.conv.weight" in dict(networks.models["judge"].graph.parameters())
    named = [name for name, _ in networks.parameters()]
    assert "judge.block.conv.weight" in named
    assert "maker.block.conv.weight" in named


def test_one_network_is_taken_by_name() -> None:
    """Functions for one network say which there are, where none is named."""
    with pytest.raises(UsageError, match=r"several networks \(maker, judge\)"):
        nnspec.loads(text_of())
    with pytest.raises(UsageError, match="several networks"):
        nnspec.check(text_of())
    networks = check_any(text_of())
    assert isinstance(networks, Networks)
    with pytest.raises(UsageError, match='did you mean "judge"'):
        networks.of("judges")


def test_networks_need_no_training() -> None:
    """They can be compiled, exported and verified one by one."""
    text = text_of()
    networks = check_any(text[: text.index("data:")])
    assert isinstance(networks, Networks)
    with pytest.raises(UsageError, match="no `training`"):
        networks.training  # noqa: B018
