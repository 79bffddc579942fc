"""`nnspec layers` and its like: every word of the language is explained, by what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

import nnspec
from nnspec.backend import Support
from nnspec.cli import main
from nnspec.cli.layers import refusals
from nnspec.language.objectives import losses_of
from nnspec.layers import LAYERS
from nnspec.show.examples import HEADER, examples
from nnspec.show.reference import KINDS, TABLES, find, known_names, words
from nnspec.show.trial import example_of, tried

ROOT = Path(__file__).parents[2]
EVERY = [word for kind in KINDS for word in words(kind)]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["layers", *arguments], catch_exceptions=False)


@pytest.mark.parametrize("kind", TABLES)
def test_every_example_checks_and_shows_what_it_is_of(kind: str) -> None:
    for name in TABLES[kind]:
        spec = nnspec.loads(example_of(kind, name))
        assert not [each for each in spec.advice if each.code != "output-activation"], name
        used = {spec.model.layers[-1]["type"]}
        training = spec.model.training
        if training is not None:
            rate = training.optimizer.learning_rate
            used |= {training.optimizer.type, *(loss.type for loss in losses_of(training))}
            used.add(getattr(rate, "schedule", ""))
            used |= {metric.type for metric in training.metrics or ()}
        for at in spec.graph.walk():
            used.add(getattr(getattr(at.node.layer, "kernel_initializer", None), "type", ""))
        assert name in used


def test_every_entry_of_the_page_of_layers_has_an_example_that_checks() -> None:
    page = (ROOT / "docs" / "layers.md").read_text(encoding="utf-8")
    entries = re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", page, re.M | re.S)
    expected = [word.name for kind in TABLES for word in words(kind)]
    assert [name for name, _ in entries] == expected
    for name, text in entries:
        (example,) = re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S)
        assert name in example
        nnspec.loads(HEADER + example)


def test_every_example_of_a_layer_is_of_one_that_exists() -> None:
    for kind, table in TABLES.items():
        assert examples(kind, table).keys() == set(table)


def test_the_list_holds_every_word_with_its_meaning_on_one_line() -> None:
    lines = run().stdout.splitlines()
    for word in EVERY:
        line = f"  {word.name:<27} {word.summary}"
        assert line in lines
        assert 5 <= len(word.summary) < 250
    # Few enough to be read: a title for each group, no more.
    assert len(lines) < len(EVERY) + 100


def test_every_word_is_explained() -> None:
    names = list(dict.fromkeys(known_names()))
    printed = run(*names)
    assert printed.exit_code == 0
    entries = json.loads(run("--json", *names).stdout)["words"]
    assert [entry["name"] for entry in entries] == [each.name for n in names for each in find(n)]
    for entry in entries:
        assert entry["meaning"].split("\n")[0] in printed.stdout
        for argument in entry["arguments"]:
            assert argument["meaning"] or entry["kind"] == "block"
            assert argument["expected"] or entry["kind"] == "block"
        if entry["kind"] == "layer":
            assert entry["ranks"]
            assert entry["outputs"]
            assert not set(entry["refused"]) - {"torch", "keras", "onnx"}


def test_a_layer_shows_its_signature_its_shapes_and_an_example() -> None:
    text = run("conv2d").stdout
    assert text.startswith("conv2d(filters, kernel_size, strides=1, padding=valid, ")
    assert "y[o, i, j] = b[o] + Σ" in text
    assert "kernel_size: 3" in text
    assert "takes     1 input of 3 axes, float32" in text
    assert "here      (3, 8, 8) -> (4, 8, 8)" in text
    assert "weights   weight (4, 3, 3, 3), bias (4,)" in text


@pytest.mark.parametrize(
    ("layer", "takes"),
    [
        ("relu", "1 input of any number of axes, float32"),
        ("softmax", "1 input of at least 1 axis, float32"),
        ("batch_normalization", "1 input of 1 to 4 axes, float32"),
        (
            "permute",
            "1 input of as many axes as `axes` has, bool or float32 or int32 or int64 or uint8",
        ),
        ("add", "2 or more inputs of any number of axes, float32 or int32 or int64"),
        ("subtract", "2 inputs of any number of axes, float32 or int32 or int64"),
        ("embedding", "1 input of any number of axes, int32 or int64"),
    ],
)
def test_what_a_layer_takes_is_tried(layer: str, takes: str) -> None:
    assert tried(example_of("layer", layer)).takes == takes


def test_what_is_no_layer_says_so() -> None:
    assert "an optimizer" in run("adam").stdout
    assert "a schedule" in run("cosine").stdout
    assert "a block, residual" in run("residual_basic").stdout
    both = run("constant").stdout
    assert "a layer, embedding" in both
    assert "an initializer" in both


def test_what_a_backend_refuses_is_said_with_its_reason() -> None:
    gelu, adam = find("gelu")[0], find("adam")[0]
    small: Any = SimpleNamespace(
        name="small",
        layers=Support(lowerings={LAYERS["relu"]: None}, unsupported={LAYERS["gelu"]: "no erf"}),
        optimizers=Support(),
    )
    assert refusals(gelu, [small]) == {"small": "no erf"}
    assert refusals(find("relu")[0], [small]) == {}
    # It trains nothing: that is no matter of this optimizer.
    assert refusals(adam, [small]) == {}
    assert refusals(find("selu")[0], [small]) == {"small": "it has no lowering for it"}
    assert "cannot express" not in run("gelu", "adam").stdout


@pytest.mark.usefixtures("toy")
def test_what_another_package_brings_is_explained_too() -> None:
    text = run("swing").stdout
    assert "a layer, nnspec_toy.language" in text
    assert "amplitude=0.5  Height of the wave." in text
    assert "takes     1 input of any number of axes, float32" in text
    assert "cannot express it" in text
    assert "  swing " in run().stdout
    # It takes an argument without a default, which no example can guess.
    assert "a schedule" in run("harmonic").stdout
    assert "example:" not in run("harmonic").stdout


def test_an_unknown_name_says_what_is_like_it() -> None:
    result = run("max_poling2d")
    assert result.exit_code == 2
    assert 'did you mean "max_pooling2d"?' in result.output
    result = run("ixel_")
    assert "names that hold it: pixel_shuffle, pixel_unshuffle" in result.output


def test_a_name_of_another_framework_is_explained_by_ours() -> None:
    result = run("nn.Linear")
    assert result.exit_code == 0
    assert "nn.Linear is dense here: " in result.stderr
    assert result.stdout.startswith("dense(units, ")
    result = run("--json", "CrossEntropyLoss")
    assert json.loads(result.stdout)["words"][0]["name"] == "categorical_cross_entropy"
    result = run("Lambda")
    assert result.exit_code == 2
    assert "a spec holds no code" in result.output


def test_the_message_about_an_unknown_layer_points_here() -> None:
    text = "nnspec: 1\nname: Net\ninputs: {x: {shape: [8]}}\nlayers: [{type: wormhole}]\n"
    with pytest.raises(nnspec.SpecError) as caught:
        nnspec.loads(text)
    (problem,) = caught.value.problems
    assert "`nnspec layers`" in problem.hint
    assert len(run().stdout) < 32_000
