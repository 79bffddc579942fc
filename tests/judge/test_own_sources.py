"""What nnspec itself writes, judged as the file of somebody else's: always the same."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import nnspec
from nnspec.backend import get_backend
from nnspec.judge.against import judge
from nnspec.judge.judgement import Judgement
from nnspec.judge.process import reference_of
from nnspec.network.loader import Spec, loads
from tests.detection.catalogue.target import Target
from tests.project.test_zoo import FOLDER, reduced

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
NETWORKS = Path(__file__).parents[1] / "networks"
SPECS = Path(__file__).parents[2] / "specs"


def judged(spec: Spec, backend: str, folder: Path) -> Judgement:
    path = folder / "net.py"
    source = nnspec.compile(spec, backend).source
    path.write_text(source)
    kinds = (ast.ClassDef, ast.FunctionDef)
    name = [each.name for each in ast.parse(source).body if isinstance(each, kinds)][-1]
    reference = reference_of(f"{path}:{name}")
    return judge(
        spec, get_backend(backend).open_file(reference), reference, batch=4, seed=0, known={}
    )


@pytest.mark.parametrize("network", ["alibi", "swin_shifted_window"])
def test_constants_and_truth_values_are_followed(network: str, tmp_path: Path) -> None:
    report = judged(nnspec.load(NETWORKS / f"{network}.yaml"), "torch", tmp_path)
    assert report.passed, report.to_json()


def test_what_code_makes_in_its_own_precision_is_differentiated(tmp_path: Path) -> None:
    report = judged(nnspec.load(NETWORKS / "mixture_of_experts.yaml"), "torch", tmp_path)
    assert report.passed, report.to_json()


def test_experts_are_told_by_giving_one_at_a_time_other_weights(tmp_path: Path) -> None:
    """Keras computes all experts at once, so that no value of one run tells which is which."""
    report = judged(nnspec.load(NETWORKS / "mixture_of_experts.yaml"), "keras", tmp_path)
    assert report.verdict == "verified", report.to_json()
    assert not report.faults


def test_twins_are_told_by_what_follows_them(tmp_path: Path) -> None:
    report = judged(nnspec.load(SPECS / "digits" / "vae.yaml"), "keras", tmp_path)
    assert report.passed, report.to_json()
    assert report.sources["mean.weight"].tensor == "mean/kernel"


def test_a_slope_that_keras_holds_in_float32_is_no_fault(tmp_path: Path) -> None:
    layers = [
        {"name": "wide", "type": "dense", "units": 6},
        {"name": "leak", "type": "leaky_relu", "negative_slope": 0.3},
        {"name": "scores", "type": "dense", "units": 3},
    ]
    spec = loads(
        json.dumps(
            {"nnspec": 1, "name": "Leaky", "inputs": {"x": {"shape": [4]}}, "layers": layers}
        ),
        is_json=True,
    )
    report = judged(spec, "keras", tmp_path)
    assert report.passed, report.to_json()


@pytest.mark.parametrize("network", ["words", "net.t5_bias"])
def test_weights_in_an_order_that_is_not_known_accuse_nobody(network: str, tmp_path: Path) -> None:
    target = Target(network, "onnx", tmp_path)
    report = target.judged(target.path)
    assert all(not each.is_sure for each in report.faults)
    assert report.verdict in ("verified", "not compared")


def test_variables_that_keras_calls_otherwise_in_float64_are_found(tmp_path: Path) -> None:
    spec = reduced(FOLDER / "bilstm_tagger.yaml")
    report = judged(spec, "keras", tmp_path)
    assert report.passed, report.to_json()
