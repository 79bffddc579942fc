"""Weights with which no order of a file's tensors matters: what differs with them is a fault."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.backend import get_backend
from nnspec.judge.alike import Evened
from nnspec.judge.facing import Facing, face_of
from nnspec.judge.levelled import levelled
from nnspec.judge.ours import Ours
from nnspec.judge.process import reference_of
from nnspec.network.loader import Spec, loads
from nnspec.verification.engines import SourceEngine
from nnspec.verification.samples import exercised_weights, random_inputs
from tests.detection.catalogue.networks import network
from tests.judge.test_against import judged as judged_against
from tests.judge.test_twins import SIDES, dense, judged, layer, spec_of

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def document(*layers: dict[str, Any], size: int = 6) -> dict[str, Any]:
    return {
        "nnspec": 1, "name": "Levelled", "inputs": {"x": {"shape": [size]}},
        "layers": [*layers],
    }  # fmt: skip


def spec(*layers: dict[str, Any], size: int = 6) -> Spec:
    return loads(json.dumps(document(*layers, size=size)), is_json=True)


def experts(order: list[int], bend: str) -> Spec:
    """Each row takes the two experts with the largest scores; all bend alike."""
    count = len(order)
    return spec(
        dense("logits", "x", count, use_bias=False),
        layer("top_k", "best", "logits", k=2),
        layer("softmax", "shares", "best"),
        layer("one_hot", "chosen", "best.1", num_classes=count),
        layer("dot", "gates", "shares", "chosen", axes=[0, 0]),
        *(dense(f"wide{i}", "x", 7, activation=bend) for i in order),
        *(dense(f"expert{i}", f"wide{i}", 5) for i in order),
        layer("stack", "answers", *(f"expert{i}" for i in range(count))),
        layer("dot", "mixed", "gates", "answers", axes=[0, 0]),
        dense("label", "mixed", 3),
    )


@pytest.mark.parametrize("side", SIDES)
def test_a_fault_that_all_twins_have_is_found(side: str, tmp_path: Path) -> None:
    report = judged(experts([0, 1, 2, 3], "gelu"), experts([2, 0, 3, 1], "silu"), side, tmp_path)
    assert report.verdict == "not the same", report.to_json()
    assert report.faults[0].layer.startswith("wide"), report.faults


def test_a_layer_that_a_file_holds_and_never_runs_is_no_order(tmp_path: Path) -> None:
    """Its tensors are left over, and fit those that the file runs."""
    layers = [
        dense(f"step{i}", f"step{i - 1}" if i else "x", 6, activation="tanh") for i in range(3)
    ]
    last = dense("label", "step2", 3)
    path = tmp_path / "net.py"
    source = nnspec.compile(spec(*layers, last), "torch").source
    changed = source.replace("torch.tanh(self.step1(x))", "x").replace("F.tanh(self.step1(x))", "x")
    assert changed != source, source
    path.write_text(changed)
    report = judged_against(document(*layers, last), f"{path}:Levelled")
    assert report.verdict == "not the same", report.to_json()


# Right files


def given(right: Spec, written: Spec, side: str, folder: Path) -> tuple[Ours, Facing, list[Any]]:
    """Return a spec, a file that another is written as, and the tensors that the file holds."""
    if side == "onnx":
        name = str(folder / "net.onnx")
        nnspec.export(written, name)
    else:
        path = folder / f"{side}_net.py"
        path.write_text(nnspec.compile(written, side).source)
        name = f"{path}:{'Twins' if side == 'torch' else 'twins'}"
    foreign = get_backend(side).open_file(reference_of(name))
    inputs = random_inputs(right.graph, 8, {}, 0)
    facing = Facing(face_of(right, {}), foreign, foreign.describe(), "", inputs)
    ours = Ours(right, SourceEngine(get_backend("torch")), exercised_weights(right.graph, 0))
    taken = {name for step in facing.trace(inputs).steps for name in step.tensors}
    held = [each for each in foreign.describe().held if each.name in taken]
    return ours, facing, held


def differences(ours: Ours, facing: Facing, drawn: Iterator[Evened]) -> list[float]:
    found = []
    inputs = random_inputs(ours.spec.graph, 8, {}, 0)
    for even in drawn:
        facing.foreign.load(even.tensors)
        ours.weights |= even.values
        mine, theirs = ours.outputs(inputs), facing.run(inputs)
        found += [float(np.max(np.abs(mine[name] - theirs[name]))) for name in mine]
    return found


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", ["experts4", "towers", "heads", "unlike"])
def test_right_files_in_any_order_are_the_same_with_them(
    name: str, side: str, tmp_path: Path
) -> None:
    count = {"experts4": 4, "towers": 3, "heads": 3, "unlike": 4}[name]
    order = random.Random(1).sample(range(count), count)
    right, written = spec_of(name, range(count)), spec_of(name, order, is_renamed=True)
    ours, facing, held = given(right, written, side, tmp_path)
    found = differences(ours, facing, levelled(ours, held, facing.foreign.weights(), {}))
    assert found, "none were drawn"
    assert max(found) <= (1e-5 if side == "onnx" else 1e-12)


def test_none_are_drawn_where_a_file_holds_what_the_spec_does_not(tmp_path: Path) -> None:
    """So no constant of a file is taken for one of the parameters."""
    two, three = spec_of("towers", range(2)), spec_of("towers", range(3))
    ours, facing, held = given(three, three, "torch", tmp_path)
    weights = facing.foreign.weights()
    assert [*levelled(ours, held, weights, {})]
    assert not [*levelled(ours, held[1:], weights, {})]
    ours = Ours(two, SourceEngine(get_backend("torch")), exercised_weights(two.graph, 0))
    assert not [*levelled(ours, held, weights, {})]


# Forms in which files hold tensors


@pytest.mark.parametrize("side", SIDES)
def test_a_depthwise_kernel_of_several_per_channel_is_found(side: str, tmp_path: Path) -> None:
    """Keras has the channels and how many of each in two axes, and PyTorch and ONNX in one."""
    found = network("pictures")
    report = judged(found, found, side, tmp_path)
    assert report.verdict == "verified", report.to_json()


@pytest.mark.parametrize("name", ["net.t5_bias", "zoo.transformer"])
def test_matrices_of_a_layer_that_are_all_transposed_are_found(name: str, tmp_path: Path) -> None:
    """Those of an attention are square: no shape says in which order ONNX has their axes."""
    found = network(name)
    report = judged(found, found, "onnx", tmp_path)
    assert report.verdict == "verified", report.to_json()
