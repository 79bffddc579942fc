"""The catalogue of faults: every kind has a source and a place, and a slice of it is found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import nnspec
from tests.detection import INJECTIONS
from tests.detection.catalogue import KINDS, page
from tests.detection.catalogue.edits import Source, keyword, text
from tests.detection.catalogue.judged import Outcome, judged
from tests.detection.catalogue.networks import ROOT
from tests.detection.catalogue.run import SIDES, chosen, injections, of_file, places
from tests.detection.catalogue.table import Figures, is_traced, wilson
from tests.detection.catalogue.target import Target
from tests.logs import require_of, write

SOURCE = re.compile(
    r"SEMANTICS \d+(\.\d+)? \S.*"
    r"|https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+"
    r"|https://arxiv\.org/abs/\d{4}\.\d{5}"
    r"|https://doi\.org/10\.\d+/\S+"
)
SLICE = (
    ("batch-norm-epsilon", "torch", "digits_cnn", 0),
    ("relu-as-gelu", "torch", "digits_cnn", 0),
    ("pool-average-for-maximum", "torch", "digits_cnn", 0),
    ("relu-leaks", "onnx", "digits_cnn", 0),
    ("layer-norm-epsilon", "torch", "rows", 0),
    ("gelu-form", "torch", "rows", 0),
    ("leaky-slope", "onnx", "pictures", 0),
    ("residual-scaled", "torch", "digits_cnn", 0),
    ("conv-stride-as-pooling", "torch", "words", 0),
    ("permute-other", "torch", "words", 1),
    ("flatten-order", "keras", "digits_cnn", 0),
    ("pool-average-for-maximum", "keras", "zoo.resnet18", 0),
    ("residual-lost", "keras", "vae", 0),
    ("sigmoid-lost", "torch", "zoo.wavenet", 0),
    ("sigmoid-lost", "keras", "autoencoder", 0),
    ("sigmoid-hard", "onnx", "denoising", 0),
    ("difference-turned", "onnx", "net.t5_bias", 0),
    ("sum-as-product", "onnx", "zoo.gru_forecaster", 0),
)
MISSED = (
    ("conv-padding-side", "onnx", "net.dense_net", 4),  # a Resize has scales of as many numbers
    ("norm-order", "torch", "zoo.dcgan_generator", 0),  # after a transposed convolution
    pytest.param(("residual-lost", "keras", "zoo.resnet18", 1), marks=pytest.mark.slow),
    pytest.param(
        ("batch-norm-of-the-batch", "torch", "zoo.densenet121", 2), marks=pytest.mark.slow
    ),
)
"""Not compared, once: others of their kind were found."""
ROUNDED = ("relu6-cap", "onnx", "zoo.mobilenet_v2", 32)
"""Large weights show it, by which clipped values before it are rounded more than usual."""
REORDERED = (
    ("concatenate-order", "onnx", "net.mixture_of_experts", 0),
    pytest.param(("permute-other", "torch", "zoo.convnext_t", 7), marks=pytest.mark.slow),
)
"""With the weights in another order they are the network."""
SLOW = (("residual-lost", "keras", "zoo.mobilenet_v2", 0),)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_source(kind: str) -> None:
    assert KINDS[kind].sources
    for source in KINDS[kind].sources:
        assert SOURCE.fullmatch(source), source
    found = KINDS[kind]
    assert any((found.torch, found.keras, found.onnx, found.weights, found.engine))


def test_there_are_enough_kinds() -> None:
    assert len(KINDS) >= 100


def test_every_injection_into_an_engine_is_of_one_kind() -> None:
    for each in INJECTIONS:
        told = f"{each.kind}:{each.name}"
        kinds = [
            kind.id for kind in KINDS.values() if any(re.fullmatch(p, told) for p in kind.engine)
        ]
        assert len(kinds) == 1, (told, kinds)
    assert len(injections()) == len(INJECTIONS)


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Target]:
    class Made(dict[tuple[str, str], Target]):
        def __missing__(self, key: tuple[str, str]) -> Target:
            self[key] = Target(*key, tmp_path_factory.mktemp("target"))
            return self[key]

    return Made()


def test_what_another_layer_gives_is_no_cause(tmp_path: Path) -> None:
    """The sum behind the first normalisation is normalised too, by weights that are the same."""
    target = Target("zoo.llama", "onnx", tmp_path)
    kind = "pool-global-other"
    where, change = places(target, kind)[2]
    found = judged(target, KINDS[kind], 2, where, change)
    assert found.is_caught
    assert found.is_blamed
    assert "makes more" not in found.told


@pytest.mark.parametrize(
    "key",
    [*SLICE, *(pytest.param(each, marks=pytest.mark.slow) for each in SLOW)],
    ids=lambda key: "-".join(map(str, key)),
)
def test_a_fault_is_found_at_its_layer_and_place(
    key: tuple[str, str, str, int], targets: dict[tuple[str, str], Target]
) -> None:
    kind, side, name, place = key
    target = targets[name, side]
    where, change = places(target, kind)[place]
    found = judged(target, KINDS[kind], place, where, change)
    assert found.effect > found.rounding
    assert found.is_caught, found
    assert found.is_blamed, found
    assert found.is_placed, found


def outcome(key: tuple[str, str, str, int], folder: Path) -> Outcome:
    kind, side, name, place = key
    return of_file(Target(name, side, folder), kind, place)


@pytest.mark.parametrize("key", MISSED, ids=lambda key: "-".join(map(str, key)))
def test_what_was_missed_is_found(key: tuple[str, str, str, int], tmp_path: Path) -> None:
    found = outcome(key, tmp_path)
    assert found.effect > found.rounding
    assert found.verdict == "not the same", found


@pytest.mark.parametrize("key", REORDERED, ids=lambda key: "-".join(map(str, key)))
def test_what_is_the_network_in_another_order_has_no_effect(
    key: tuple[str, str, str, int], tmp_path: Path
) -> None:
    found = outcome(key, tmp_path)
    assert found.verdict == "verified", found
    assert found.effect <= found.rounding


@pytest.mark.parametrize(
    ("way", "name"), [("renamed", "zoo.convnext_t"), ("reordered", "waves_lstm")]
)
def test_a_file_written_otherwise_is_verified(way: str, name: str, tmp_path: Path) -> None:
    """Scales that begin alike are told by what takes them; what uses a module stays behind it."""
    found = of_file(Target(name, "torch", tmp_path), way, 0)
    assert found.verdict == "verified", found


@pytest.mark.slow
def test_what_rounding_moves_is_not_blamed(tmp_path: Path) -> None:
    found = outcome(ROUNDED, tmp_path)
    assert found.is_caught
    assert found.is_blamed, found


def test_a_fault_that_changes_nothing_is_below_rounding(
    targets: dict[tuple[str, str], Target],
) -> None:
    """Text that is written otherwise: the effect is measured apart from the judge."""
    target = targets["digits_cnn", "torch"]
    (edit, *_) = text(r"F\.relu\(self\.stem", "torch.relu(self.stem")(target.source)
    found = judged(target, KINDS["relu-lost"], 0, edit)
    assert found.effect <= found.rounding
    assert not found.is_caught


def test_edits_leave_docstrings_and_comments_alone() -> None:
    source = Source('"""nn.A(1)"""\nx = nn.A(1, b=2)  # nn.A(1)\n')
    (edit,) = text(r"nn\.A\(1", "nn.A(3")(source)
    assert source.changed(edit).text.splitlines()[1] == "x = nn.A(3, b=2)  # nn.A(1)"
    (edit,) = keyword(r"nn\.A", b=None, c="4")(source)
    assert "nn.A(1, c=4)" in source.changed(edit).text
    assert source.statement(edit.start) == (2, 2)


def test_each_kind_and_side_gets_its_share() -> None:
    keys = [("a", "torch", "n", i) for i in range(50)] + [("b", "onnx", "n", 0)]
    picked = chosen(keys, 5, 0)
    assert ("b", "onnx", "n", 0) in picked
    assert picked == chosen(keys, 5, 0)
    assert {side for _, side, _, _ in picked} <= set(SIDES)


def test_the_figures_tell_misses_from_what_lies_below_rounding() -> None:
    def entry(**more: object) -> dict[str, object]:
        key = ("relu-lost", "torch", "n", 0)
        given = {"key": key, "verdict": "verified", "is_caught": False, "rounding": 1e-9}
        return {**given, "is_blamed": None, "is_placed": None, **more}

    found = Figures(
        [
            entry(effect=1e-12),
            entry(effect=1.0),
            entry(effect=1.0, verdict="not compared"),
            entry(effect=1.0, verdict="not the same", is_caught=True, is_blamed=False),
            entry(effect=1.0, verdict="does not run"),
            entry(key=("none", "torch", "n", 0), verdict="not compared"),
        ]
    )
    assert (len(found.below), len(found.faults), len(found.missed)) == (1, 3, 2)
    assert (len(found.misblamed), len(found.dead), len(found.alarms)) == (1, 1, 1)


@pytest.mark.parametrize(
    ("layer", "line", "wanted"),
    [(True, True, True), (False, True, True), (True, False, True), (False, False, False),
     (None, None, None)],
)  # fmt: skip
def test_a_fault_is_led_to_by_its_layer_or_its_line(
    layer: bool | None, line: bool | None, wanted: bool | None
) -> None:
    assert is_traced({"is_blamed": layer, "is_placed": line}) is wanted


def test_the_interval_is_wilsons() -> None:
    low, high = wilson(8, 10)  # of Brown, Cai and DasGupta 2001
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_page_is_of_this_version() -> None:
    text = (ROOT / "docs" / "detection.md").read_text(encoding="utf-8")
    assert f"## nnspec {nnspec.__version__}" in text


def test_the_page_names_what_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = ("gelu-form", "torch", "net.vae", 2)
    missed = {
        "key": key, "effect": 1.0, "rounding": 1e-9, "verdict": "not compared", "is_caught": False,
        "is_blamed": None, "is_placed": None, "told": 'The file parts from the layer "wide"',
    }  # fmt: skip
    alarm = {**missed, "key": ("none", "onnx", "rows", 0), "effect": 0.0}
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    unseen = {**missed, "key": ("gelu-form", "torch", "rows", 0), "effect": 0.0, "is_caught": True}
    far = {**missed, "key": ("rescaling", "keras", "rows", 1), "bound": "time = 131"}
    page.written([missed, alarm, unseen, far], 5, 1)
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "- `gelu-form torch net.vae 2`: not compared, at the layer `wide`" in text
    assert "- `none onnx rows 0`: not compared" in text
    assert "at the layer `wide`; its effect, 1.0e+00, shows with time = 131" in text
    assert "Drawn by `--count 5 --seed 1`" in text
    assert "3 faults were put in: 2 of them change what is computed" in text
    assert "1 were accused though the measure saw none" in text
    assert "0 are accused, and 1 are not compared" in text


def test_an_effect_that_the_judge_does_not_meet_is_one(tmp_path: Path) -> None:
    """Buckets of far positions, with a spread that differs from the 45th step on."""
    target = Target("net.t5_bias", "keras", tmp_path)
    (edit, _), *_ = places(target, "rescaling")
    path = tmp_path / "model.py"
    path.write_text(target.source.changed(edit).text)
    assert target.effect(path) <= target.rounding
    effect, where = target.wider_effect(path)
    assert effect > 1e-4
    assert where.startswith("time = ")
    path.write_text(target.source.text)
    assert target.wider_effect(path)[0] <= target.rounding


def test_a_log_of_other_code_is_not_gone_on_with(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    write(log, {"key": ["none", "onnx", "rows", 0], "state": "done", "code": "earlier"})
    with pytest.raises(SystemExit, match="of code earlier"):
        require_of(log, "now")
    require_of(log, "earlier")
    require_of(tmp_path / "none.jsonl", "now")
