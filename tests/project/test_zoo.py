"""The networks of specs/zoo: parameters as published, reduced ones verified, source clean."""

from __future__ import annotations

from pathlib import Path

import pytest

import nnspec
from nnspec import verify
from nnspec.layers import GroupedQueryAttention
from nnspec.network.loader import Spec
from nnspec.show.summary import summarize
from tests.formatting import assert_clean
from tests.golden_files import ROOT

FOLDER = ROOT / "specs" / "zoo"
PATHS = sorted(FOLDER.glob("*.yaml"))

PUBLISHED = {
    # 784-1000-500-250-30 and back: each layer's inputs times outputs, and its biases.
    "autoencoder": 2_837_314,
    "densenet121": 7_978_856,
    "lenet5": 61_706,
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "vgg16": 138_357_544,
    "dcgan_discriminator": 2_765_568,
    "siamese": 38_951_745,
    "lstm_classifier": 20_000 * 128 + 4 * 512 * (128 + 512 + 1) + (512 + 1) * 128 + (128 + 1) * 2,
    "bilstm_tagger": 20_000 * 100 + 2 * 4 * 300 * (100 + 300 + 1) + (600 + 1) * 17,
    "gru_forecaster": 3 * 64 * (8 + 64 + 2) + 3 * 64 * (64 + 64 + 2) + (64 + 1) * 8,
    "dcgan_generator": 3_576_704,
    "unet": 31_037_633,
    "gpt2": 124_439_808,
    "llama": 134_515_008,
    "efficientnet_b0": 5_288_548,
    "convnext_t": 28_589_128,
    "mobilenet_v2": 3_504_872,
    "vit_b16": 86_567_656,
    "transformer": 2 * 37_000 * 512
    + 18 * 4 * (512 + 1) * 512
    + 12 * (2 * 512 * 2048 + 2048 + 512)
    + 30 * 2 * 512
    + (512 + 1) * 37_000,
    "bert_base": 109_482_240,
}
"""Trainable parameters, as the papers or the reference implementations have them."""

LLAMA_3_2_1B = {
    "vocabulary": 128_256,
    "width": 2048,
    "hidden": 8192,
    "depth": 16,
    "heads": 32,
    "kv_heads": 8,
    "wavelength": 500_000.0,
}

REDUCED: dict[str, dict[str, object]] = {
    "autoencoder": {"pixels": 12, "wide": 8, "middle": 6, "narrow": 5, "code": 3},
    "dcgan_discriminator": {"width": 2},
    "densenet121": {
        "growth": 4,
        "depth1": 2,
        "depth2": 2,
        "depth3": 2,
        "depth4": 2,
        "image": 32,
        "classes": 5,
    },
    "lenet5": {},
    "resnet18": {"width": 4, "image": 32, "classes": 5},
    "resnet50": {
        "width": 4,
        "depth1": 2,
        "depth2": 2,
        "depth3": 3,
        "depth4": 2,
        "image": 32,
        "classes": 5,
    },
    "vgg16": {"width": 2, "hidden": 8, "image": 32, "classes": 5},
    "siamese": {"width": 2, "hidden": 5, "image": 65},
    "lstm_classifier": {"vocabulary": 11, "width": 4, "units": 3},
    "bilstm_tagger": {"vocabulary": 11, "width": 4, "units": 3, "tags": 5},
    "gru_forecaster": {"series": 2, "units": 3, "horizon": 4},
    "dcgan_generator": {"noise": 3, "width": 2},
    "unet": {"width": 2, "image": 16},
    "wavenet": {"width": 2, "skip": 3, "levels": 5, "stacks": 2, "depth": 3},
    "gpt2": {"vocabulary": 11, "length": 12, "width": 8, "depth": 2, "heads": 2},
    "llama": {
        "vocabulary": 11,
        "length": 12,
        "width": 8,
        "hidden": 12,
        "depth": 2,
        "heads": 4,
        "kv_heads": 2,
    },
    "efficientnet_b0": {"width": 4, "image": 32, "classes": 3},
    "convnext_t": {
        "width": 4,
        "depth1": 1,
        "depth2": 1,
        "depth3": 2,
        "depth4": 1,
        "image": 32,
        "classes": 3,
    },
    "mobilenet_v2": {"width": 2, "expansion": 2, "image": 32, "features": 8, "classes": 3},
    "vit_b16": {"image": 8, "patch": 4, "width": 8, "depth": 2, "heads": 2, "classes": 3},
    "transformer": {
        "vocabulary": 11,
        "length": 16,
        "width": 8,
        "hidden": 12,
        "depth": 2,
        "heads": 2,
    },
    "bert_base": {"vocabulary": 11, "length": 12, "width": 8, "depth": 2, "heads": 2},
}
"""Variables of a network that is small, and still has every kind of layer."""


def reduced(path: Path) -> Spec:
    return nnspec.load(path, variables=REDUCED[path.stem])


def test_every_spec_is_tested() -> None:
    assert {path.stem for path in PATHS} == REDUCED.keys()
    assert REDUCED.keys() >= PUBLISHED.keys()


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_published(name: str) -> None:
    summary = summarize(nnspec.load(FOLDER / f"{name}.yaml"))
    assert summary.trainable_parameters == PUBLISHED[name]


def test_resnet50_with_the_strides_of_the_paper_costs_what_the_paper_says() -> None:
    """3.8 billion multiply-adds; the stride in the 3 x 3 convolutions makes them 4.1 billion."""
    summary = summarize(nnspec.load(FOLDER / "resnet50.yaml", variables={"first_strides": 2}))
    assert summary.trainable_parameters == PUBLISHED["resnet50"]
    assert 3.8e9 <= summary.multiply_adds < 3.9e9


def test_llama_has_the_parameters_of_llama_3_2_1b() -> None:
    spec = nnspec.load(FOLDER / "llama.yaml", variables=LLAMA_3_2_1B)
    assert summarize(spec).trainable_parameters == 1_235_814_400
    layers = [at.node.layer for at in spec.graph.walk()]
    attentions = [layer for layer in layers if isinstance(layer, GroupedQueryAttention)]
    assert {layer.rotary_wavelength for layer in attentions} == {500_000.0}


SLOW = {"efficientnet_b0"}
"""Deep and not to be reduced; its blocks are MobileNet's and the library's, tested with them."""


def marked(path: Path) -> object:
    return pytest.param(path, marks=[pytest.mark.slow] if path.stem in SLOW else [])


@pytest.mark.usefixtures("network_alone")
@pytest.mark.parametrize("path", [*map(marked, PATHS)], ids=lambda path: path.stem)
def test_reduced_network_is_the_same_everywhere(path: Path) -> None:
    report = verify(reduced(path), steps=1, exporters=False)
    assert report.passed, report.to_json()


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_source_is_clean(backend: str, tmp_path: Path) -> None:
    for path in PATHS:
        nnspec.compile(nnspec.load(path), backend).write(tmp_path / f"{path.stem}.py")
    assert_clean(tmp_path)
