"""What nnspec itself writes, judged as the file of somebody else's: always the same."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import nnspec
from nnspec.backend import get_backend
from nnspec.judge.against import Judgement, judge
from nnspec.judge.process import reference_of
from nnspec.network.loader import Spec
from tests.project.test_zoo import FOLDER, reduced

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
NETWORKS = Path(__file__).parents[1] / "networks"


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


def test_variables_that_keras_calls_otherwise_in_float64_are_found(tmp_path: Path) -> None:
    spec = reduced(FOLDER / "bilstm_tagger.yaml")
    report = judged(spec, "keras", tmp_path)
    assert report.passed, report.to_json()
