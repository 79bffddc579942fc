"""docs/llms.txt and llms-training.txt: the whole language on two pages, small, and true."""

from __future__ import annotations

import re
from itertools import product

import pytest

import nnspec
from nnspec.language.training_schema import Data, Training
from nnspec.show.reference import KINDS, words
from nnspec.show.sheet import sheet, training_sheet

PAGE, TRAINING = sheet(), training_sheet()
EXAMPLES = re.search(r"```yaml\n(.*?)```", PAGE, re.S)[1].split("---\n")  # type: ignore[index]


@pytest.mark.parametrize("page", [PAGE, TRAINING], ids=["networks", "training"])
def test_it_is_small(page: str) -> None:
    assert len(page.encode()) < 8000


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.split()[3])
def test_its_examples_check_without_advice(text: str) -> None:
    assert not nnspec.loads(text).advice


def test_it_has_five_examples() -> None:
    assert len(EXAMPLES) == 5


def names_in(text: str) -> set[str]:
    """Return the names before the parentheses, those that are written as one taken apart."""
    found: set[str] = set()
    for written in re.findall(r"[a-z][a-z0-9_/N]*", re.sub(r"\(.*?\)|\[.*?\]", "", text)):
        whole = written.replace("Nd", "1d/2d/3d")
        parts = [part.split("/") for part in re.split(r"(_|(?<=[a-z])(?=[123]d))", whole)]
        found.update(map("".join, product(*parts)))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_it_names_everything(kind: str) -> None:
    assert {word.name for word in words(kind)} <= names_in(PAGE + TRAINING)


def test_it_names_no_layer_that_is_none() -> None:
    signatures = PAGE.partition("norms epsilon.\n\n")[2].partition("\n\nActivations")[0]
    layers = {word.name for word in words("layer")}
    assert names_in(signatures) - layers == {"each"}


def test_a_signature_has_the_arguments_of_the_class() -> None:
    assert "convNd(filters,groups=1,+W,+B)" in PAGE
    assert "leaky_relu(negative_slope=0.01)" in PAGE
    assert "unet_up[x,skip]" in PAGE
    assert "subtract/divide[2]" in PAGE
    assert "gelu(approximate?)" in PAGE
    assert "adam(learning_rate=0.001,beta_1=0.9,beta_2=0.999" in TRAINING
    assert "cosine(peak,steps,warmup=0,end=0)" in TRAINING


def test_each_key_of_training_is_told() -> None:
    keys = {*Training.model_fields, *Data.model_fields}
    assert keys <= set(re.findall(r"\w+", TRAINING.partition("## Losses")[0]))


def test_the_example_of_training_checks() -> None:
    found = re.search(r"```yaml\n(.*?)```", TRAINING, re.S)
    assert found is not None
    assert not nnspec.loads(EXAMPLES[0].replace("training: {task: multiclass}\n", found[1])).advice
