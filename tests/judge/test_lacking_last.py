"""The last normalisation of its size without its scale and shift: they begin as 1 and 0."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nnspec
from tests.judge.test_against import judged, spec_of

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def document(**norm: Any) -> dict[str, Any]:
    return {
        "nnspec": 1,
        "name": "Normed",
        "inputs": {"x": {"shape": [6]}},
        "layers": [
            {"name": "wide", "type": "dense", "units": 8, "activation": "tanh"},
            {"name": "norm", **norm},
            {"name": "scores", "type": "dense", "units": 3},
        ],
    }


LAYER = document(type="layer_normalization")
CASES = {
    "never used": (
        LAYER, "torch", "self.norm(", "torch.nn.functional.layer_norm(", (8,),
        "it has no scale and no shift",
    ),
    "not held": (
        LAYER, "torch", "nn.LayerNorm(8", "nn.LayerNorm(8, elementwise_affine=False", (),
        "it has no scale and no shift",
    ),
    "no bias": (
        LAYER, "torch", "nn.LayerNorm(8", "nn.LayerNorm(8, bias=False", (), "it has no shift",
    ),
    "Keras": (
        LAYER, "keras", 'name="norm")', 'name="norm", scale=False, center=False)', (),
        "it has no scale and no shift",
    ),
    "batch, not held": (
        document(type="batch_normalization"), "torch", "nn.BatchNorm1d(8",
        "nn.BatchNorm1d(8, affine=False", (), "it has no scale and no shift",
    ),
    "rms": (
        document(type="rms_normalization"), "torch", "nn.RMSNorm(8",
        "nn.RMSNorm(8, elementwise_affine=False", (), "it has no scale",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_it_is_accused(case: str, tmp_path: Path) -> None:
    spec, language, old, new, shape, told = CASES[case]
    source = nnspec.compile(spec_of(spec), language).source
    changed = source
    if shape:
        start = changed.index(old)
        end = changed.index(")", start)
        changed = f"{changed[:start]}{new}{changed[start + len(old) : end]}, {shape}{changed[end:]}"
    else:
        changed = changed.replace(old, new)
    assert changed != source, source
    (tmp_path / "net.py").write_text(changed)
    name = "normed" if language == "keras" else "Normed"
    report = judged(spec, f"{tmp_path / 'net.py'}:{name}")
    assert report.verdict == "not the same", report.to_json()
    assert {fault.layer for fault in report.faults} == {"norm"}, report.faults
    causes = " ".join(fault.cause for fault in report.faults)
    for part in told.removeprefix("it has ").split(" and "):
        assert part in causes, causes
    assert report.faults[0].places, report.faults
