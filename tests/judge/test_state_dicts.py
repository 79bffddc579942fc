"""Files of weights alone: whether they fit a spec or a program, and which tensor is which."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file
from torch import nn

from nnspec.cli import main
from nnspec.errors import NnspecError, UsageError
from nnspec.judge.both import compare
from nnspec.judge.fitting import Fitting, judge_weights, wanted_of
from nnspec.judge.likely import fit
from nnspec.judge.maps import sources_of
from nnspec.judge.process import reference_of
from nnspec.judge.tensors import Tensors, read_tensors
from nnspec.judge.verify import verify_against
from nnspec.network.loader import load
from nnspec.weights.fitting import fit_file
from nnspec_torch.checkpoint import open_checkpoint
from tests.judge import test_pairs_transformers as transformers
from tests.judge.test_against import PICTURES, SERIES, TORCH, judged, pictures_in_keras, spec_of
from tests.judge.test_compare import written

pytestmark = pytest.mark.filterwarnings("ignore")  # of Keras when it saves


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
    keras.utils.set_random_seed(0)


def module(text: str = TORCH, name: str = "Net") -> nn.Module:
    namespace: dict[str, Any] = {}
    exec(compile(text, "model.py", "exec"), namespace)  # noqa: S102 - this file's own text
    found = namespace[name]()
    assert isinstance(found, nn.Module)
    return found


def kept(folder: Path, state: Mapping[str, torch.Tensor], name: str = "w.safetensors") -> Path:
    path = folder / name
    if path.suffix == ".safetensors":
        save_file({key: each.clone() for key, each in state.items()}, path)
    else:
        torch.save(dict(state), path)
    return path


def fitted(document: dict[str, Any], path: Path, known: dict[str, Any] | None = None) -> Fitting:
    """Judge weights in this process: one of its own takes seconds to begin."""
    spec, reference = spec_of(document), reference_of(str(path))
    if path.suffix in (".safetensors", ".npz"):
        tensors = read_tensors(reference, None)
    else:
        found = open_checkpoint(reference)
        tensors = Tensors(found.weights(), found.describe())
    shapes = {name: each.shape for name, each in spec.graph.parameters()}
    sources = sources_of(known or {}, shapes, tensors.described.held)
    return judge_weights(spec, tensors, reference, seed=0, known=sources)


def wrong(report: Fitting, kind: str) -> str:
    (failed,) = (check for check in report.failures() if check.kind == kind)
    return failed.detail


def test_weights_that_fit_are_told_and_prove_no_program(tmp_path: Path) -> None:
    report = fitted(PICTURES, kept(tmp_path, module().state_dict()))
    assert report.verdict == "the weights fit", report.to_json()
    assert report.sources["second.norm.running_var"].tensor == "features.4.n.running_var"
    assert report.sources["hidden.weight"].tensor == "fc1.weight"
    assert (report.how["hidden.weight"], report.how["first.conv.weight"]) == ("shape", "order")
    told = {each.kind: each.reason for each in report.not_checked}
    assert {"forward", "gradient", "training", "dynamic_shape", "meaning"} <= {*told}
    assert "do not say what is computed" in told["forward"]
    assert "by the order" in told["interface"]
    assert [*report.weights] == [name for name, _ in spec_of(PICTURES).graph.parameters()]


def test_wrappers_counters_and_what_a_training_loop_keeps_are_no_obstacle(tmp_path: Path) -> None:
    state = {f"module._orig_mod.{name}": each for name, each in module().state_dict().items()}
    whole = {"epoch": 3, "state_dict": state, "optimizer": {"state": {0: {"m": torch.ones(3)}}}}
    for name in ("w.pt", "w.pth", "w.bin"):
        torch.save(whole, tmp_path / name)
        report = fitted(PICTURES, tmp_path / name)
        assert report.passed, report.to_json()
        assert report.sources["stem.bias"].tensor == "module._orig_mod.features.0.bias"
        assert not [each for each in report.not_checked if "has no layer" in each.reason]
    assert any("module._orig_mod.features.0.weight is features.0.w" in n for n in report.notes)
    assert any("2 tensors num_batches_tracked" in note for note in report.notes)


@pytest.mark.parametrize("is_sorted", [True, False])
@pytest.mark.parametrize("pair", transformers.PAIRS)
def test_names_and_shapes_give_the_map_that_values_prove(
    pair: str, is_sorted: bool, tmp_path: Path
) -> None:
    """A .safetensors file has its names sorted, and a state dict in the order of definition."""
    proven = transformers.judged(pair, transformers.text_of(pair), "eager", tmp_path).sources
    state = module(transformers.text_of(pair)).body.state_dict()  # type: ignore[operator, union-attr]
    known = transformers.PAIRS[pair]
    spec = load(transformers.ZOO / f"{known['zoo']}.yaml", variables=known["set"])
    path = kept(tmp_path, state, "w.safetensors" if is_sorted else "w.pt")
    reference = reference_of(str(path))
    held = (read_tensors(reference, None).described if is_sorted
            else open_checkpoint(reference).describe()).held  # fmt: skip
    found = fit(wanted_of(spec), held, {})
    assert not found.missing
    ours = {name: (e.tensor, e.axes, e.part, e.blocks) for name, e in found.sources.items()}
    assert ours == {
        name: (e.tensor.removeprefix("body."), e.axes, e.part, e.blocks)
        for name, e in proven.items()
    }


def test_kernels_and_gates_of_keras_are_put_in_order(tmp_path: Path) -> None:
    given = keras.Input((None,), dtype="int64")
    x = keras.layers.Embedding(11, 6)(given)
    x = keras.layers.LSTM(5, return_sequences=True)(x)
    x = keras.layers.GRU(5)(x)
    series = keras.Model(given, keras.layers.Dense(2)(x))
    start = keras.Input((None, 3))
    both = keras.layers.Bidirectional(keras.layers.LSTM(5))(start)
    both_ways = keras.Model(start, keras.layers.Dense(2)(both))
    layers = [
        {"name": "both", "type": "bidirectional", "layer": {"type": "lstm", "units": 5}},
        {"name": "out", "type": "dense", "units": 2},
    ]
    ways = {**SERIES, "inputs": {"x": {"shape": ["time", 3]}}, "layers": layers}
    pairs = ((ways, both_ways), (SERIES, series), (PICTURES, pictures_in_keras()))
    for document, model in pairs:
        draw = np.random.default_rng(0)
        model.set_weights([draw.uniform(0.1, 1, each.shape) for each in model.weights])
        model.save(tmp_path / "net.keras")
        proven = judged(document, tmp_path / "net.keras").sources
        arrays = {each.path: np.asarray(each) for each in model.weights}
        np.savez(tmp_path / "w.npz", **arrays)
        report = fitted(document, tmp_path / "w.npz")
        assert report.passed, report.to_json()
        assert {
            name: (e.axes, e.part, e.blocks, e.shape) for name, e in report.sources.items()
        } == {name: (e.axes, e.part, e.blocks, e.shape) for name, e in proven.items()}
    assert any("[3, 2, 0, 1]" in note for note in report.notes)


def test_two_biases_of_pytorch_are_the_one_of_the_spec(tmp_path: Path) -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(11, 6)
            self.rnn = nn.LSTM(6, 5)
            self.rest = nn.GRU(5, 5)
            self.out = nn.Linear(5, 2)

    state = Words().state_dict()
    report = fitted(SERIES, kept(tmp_path, state))
    assert report.passed, report.to_json()
    bias = report.sources["long.bias_ih_l0"]
    assert (bias.tensor, bias.added) == ("rnn.bias_ih_l0", "rnn.bias_hh_l0")
    both = (state["rnn.bias_ih_l0"] + state["rnn.bias_hh_l0"]).numpy()
    np.testing.assert_allclose(report.weights["long.bias_ih_l0"], both)
    assert report.sources["gated.bias_hh_l0"].tensor == "rest.bias_hh_l0"


def test_what_is_missing_left_over_and_of_another_shape_is_told(tmp_path: Path) -> None:
    state = module().state_dict()
    state["fc1.weight"] = torch.randn(9, 36)
    del state["features.4.n.running_mean"]
    state["features.2.c.bias"] = torch.randn(4)
    state["extra.weight"] = torch.randn(7, 7)
    report = fitted(PICTURES, kept(tmp_path, state))
    assert report.verdict == "the weights do not fit"
    assert {*report.missing} == {"hidden.weight", "hidden.bias", "second.norm.running_mean"}
    detail = wrong(report, "interface")
    assert "it has no second.norm.running_mean (4,)" in detail
    assert [*report.left_over] == ["features.2.c.bias", "extra.weight", "fc1.bias", "fc1.weight"]
    assert "extra.weight (7, 7)" in next(
        each.reason for each in report.not_checked if "has no layer" in each.reason
    )
    assert not report.weights
    del state["fc1.weight"], state["fc1.bias"]
    names = {"hidden.weight": torch.randn(9, 36), "hidden.bias": torch.randn(8)}
    report = fitted(PICTURES, kept(tmp_path, {**state, **names}))
    assert "it has no hidden.weight (8, 36): the file has hidden.weight as (9, 36)" in wrong(
        report, "interface"
    )


def test_a_bias_that_a_layer_of_the_spec_lacks_does_not_fit(tmp_path: Path) -> None:
    text = TORCH.replace("padding=1, bias=False)", "padding=1)")
    report = fitted(PICTURES, kept(tmp_path, module(text).state_dict()))
    assert '"first.conv" has no place for features.2.c.bias (4,)' in wrong(report, "interface")


def test_numbers_that_no_weight_has_do_not_fit(tmp_path: Path) -> None:
    state = module().state_dict()
    state["fc2.bias"][1] = torch.nan
    state["features.2.n.running_var"][0] = -1
    detail = wrong(fitted(PICTURES, kept(tmp_path, state)), "weights")
    assert "scores.bias holds nan" in detail
    assert "first.norm.running_var holds -1.0" in detail
    state = module().state_dict()
    state["fc2.weight"].fill_(3e38)
    assert "not finite" in wrong(fitted(PICTURES, kept(tmp_path, state)), "weights")


def test_tensors_stored_twice_and_whole_numbers_are_told(tmp_path: Path) -> None:
    state = module().state_dict()
    state |= {"head.weight": state["fc2.weight"], "ids": torch.arange(4)}
    report = fitted(PICTURES, kept(tmp_path, state))
    assert report.passed
    assert "head.weight is fc2.weight, stored twice" in report.notes
    assert "whole numbers are no weights: ids" in report.notes
    report = fitted(PICTURES, kept(tmp_path, state, "w.pt"))
    assert any("fc2.weight is stored as head.weight too" in note for note in report.notes)


def test_squares_are_transposed_as_the_others_are(tmp_path: Path) -> None:
    layers = [{"name": n, "type": "dense", "units": u} for n, u in (("a", 8), ("b", 8), ("c", 3))]
    document = {**SERIES, "inputs": {"x": {"shape": [6]}}, "layers": layers}
    state = {
        "net.0.weight": torch.randn(6, 8), "net.0.bias": torch.randn(8),
        "net.2.weight": torch.randn(8, 8), "net.2.bias": torch.randn(8),
        "net.4.weight": torch.randn(8, 3), "net.4.bias": torch.randn(3),
    }  # fmt: skip
    report = fitted(document, kept(tmp_path, state))
    assert report.sources["b.weight"].told() == "net.2.weight, transposed"
    state["net.4.weight"] = torch.randn(3, 8)
    report = fitted(document, kept(tmp_path, state))
    assert any("square" in each.reason for each in report.not_checked)


def test_a_map_is_taken_and_refused(tmp_path: Path) -> None:
    path = kept(tmp_path, module().state_dict())
    found = fitted(PICTURES, path).map_as_json()
    swapped = {"first.conv.weight": "features.4.c.weight"}
    report = fitted(PICTURES, path, swapped)
    assert report.sources["first.conv.weight"].tensor == "features.4.c.weight"
    assert report.sources["second.conv.weight"].tensor == "features.2.c.weight"
    assert report.how["first.conv.weight"] == "map"
    assert fitted(PICTURES, path, found).map_as_json() == found
    with pytest.raises(UsageError, match="holds no"):
        fitted(PICTURES, path, {"first.conv.weight": "none"})


def test_the_command_writes_the_weights_as_the_spec_takes_them(tmp_path: Path) -> None:
    net = module()
    spec = written(tmp_path, json.dumps(PICTURES), "net.json")
    state = {f"module.{name}": each for name, each in net.state_dict().items()}
    path = kept(tmp_path, state, "w.pt")
    made = tmp_path / "made.safetensors"
    given = ["verify", str(spec), "--against", str(path)]
    done = CliRunner().invoke(main, [*given, "--save-weights", str(made), "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["verdict"] == "the weights fit"
    assert report["how"]["stem.bias"] == "shape"
    weights = fit_file(spec_of(PICTURES), made).weights
    np.testing.assert_array_equal(weights["hidden.weight"], net.fc1.weight.detach().numpy())  # type: ignore[union-attr]
    done = CliRunner().invoke(main, given)
    assert "hidden.weight = module.fc1.weight (shape)" in done.stdout
    assert "do the weights fit?" in done.stdout
    done = CliRunner().invoke(main, [*given, "--require", "outputs"])
    assert done.exit_code == 1
    done = CliRunner().invoke(main, ["verify", str(spec), "--save-weights", str(made)])
    assert "add --against FILE" in done.output
    del state["module.fc2.bias"]
    kept(tmp_path, state, "w.pt")
    made.unlink()
    done = CliRunner().invoke(main, [*given, "--save-weights", str(made)])
    assert done.exit_code == 2
    assert "is not written: the weights do not fit" in done.output
    assert not made.exists()


# What is no file of weights


class _Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    for name in ("w.pt", "w.bin"):
        torch.save({"a": torch.ones(2), "b": _Touch(tmp_path / "ran")}, tmp_path / name)
        with pytest.raises(UsageError, match=r"more than tensors.*state_dict\(\)"):
            open_checkpoint(reference_of(str(tmp_path / name)))
    torch.save(nn.Linear(2, 2), tmp_path / "w.pt")
    with pytest.raises(UsageError, match=r"torch\.nn\.modules\.linear\.Linear.*state_dict\(\)"):
        open_checkpoint(reference_of(str(tmp_path / "w.pt")))
    np.savez(tmp_path / "w.npz", a=np.array([_Touch(tmp_path / "ran")], dtype=object))
    with pytest.raises(UsageError, match=r"no readable \.npz file of numbers"):
        read_tensors(reference_of(str(tmp_path / "w.npz")), None)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["w.pt", "w.npz", "w.safetensors"])
def test_what_holds_no_weights_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"no weights")
    with pytest.raises(NnspecError, match=r"no file of torch\.save|no readable"):
        fitted(PICTURES, tmp_path / name)
    torch.save([torch.ones(2)], tmp_path / "w.pt")
    with pytest.raises(UsageError, match="holds no tensors by name"):
        open_checkpoint(reference_of(str(tmp_path / "w.pt")))
    np.savez_compressed(tmp_path / "w.npz", a=np.zeros(2**20))
    with pytest.raises(UsageError, match="would take 8,388,"):
        read_tensors(reference_of(str(tmp_path / "w.npz")), 2**20)
    header = io.BytesIO()
    told = {"descr": "<f8", "fortran_order": False, "shape": (2**40,)}
    np.lib.format.write_array_header_1_0(header, told)
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("a.npy", header.getvalue() + bytes(16))
    with pytest.raises(UsageError, match=r"a\.npy lacks numbers: its header tells 8,796,"):
        read_tensors(reference_of(str(tmp_path / "w.npz")), None)
    np.savez(tmp_path / "w.npz", a=np.zeros(2))
    with pytest.raises(UsageError, match="holds no program that takes rows"):
        verify_against(spec_of(PICTURES), tmp_path / "w.npz", data="rows.csv")
    with pytest.raises(UsageError, match="weights alone compute nothing"):
        verify_against(spec_of(PICTURES), tmp_path / "w.npz", reproduce=tmp_path / "folder")
    with pytest.raises(UsageError, match="no name and no arguments"):
        verify_against(spec_of(PICTURES), f"{tmp_path / 'w.npz'}:Net")


# A program beside weights

MADE = """

def made():
    torch.manual_seed(0)
    return Net()
"""


@pytest.mark.slow
def test_a_program_is_compared_with_weights_of_its_own(tmp_path: Path) -> None:
    file = f"{written(tmp_path, TORCH + MADE)}:made"
    torch.manual_seed(0)
    state = module().state_dict()
    path = kept(tmp_path, {f"module.{name}": each for name, each in state.items()}, "w.pt")
    report = compare(file, path, inputs=["pictures=2,6,6"])
    assert report.verdict == "the same", report.to_json()
    assert {check.kind for check in report.checks} == {"interface", "weights", "forward"}
    assert any("8 by their values" in note for note in report.notes)
    state["fc1.weight"] = 1.01 * state["fc1.weight"]
    report = compare(kept(tmp_path, state), file, inputs=["pictures=2,6,6"])
    assert report.verdict == "not the same"
    failed = {check.kind: check for check in report.failures()}
    assert {*failed} == {"weights", "forward"}
    assert "fc1.weight is not fc1.weight, but off by up to 0.01" in failed["weights"].detail
    assert report.passed is False
    report = compare(file, path)
    assert report.passed
    assert any("--input" in each.reason for each in report.not_checked if each.kind == "forward")


def test_tensors_that_a_program_lacks_or_has_no_place_for_are_told(tmp_path: Path) -> None:
    file = f"{written(tmp_path, TORCH + MADE)}:made"
    torch.manual_seed(0)
    state = module().state_dict()
    state["head.bias"] = state.pop("fc2.bias")[:2]
    (failed,) = compare(file, kept(tmp_path, state)).failures()
    assert "w.safetensors has no fc2.bias (3,)" in failed.detail
    assert "model.py:made has no place for head.bias (2,)" in failed.detail


@pytest.mark.slow
def test_other_names_are_found_by_value_and_two_files_of_weights_too(tmp_path: Path) -> None:
    file = f"{written(tmp_path, TORCH + MADE)}:made"
    torch.manual_seed(0)
    state = module().state_dict()
    other = {f"t.{i}": each for i, (_, each) in enumerate(sorted(state.items(), reverse=True))
             if each.ndim > 1}  # fmt: skip
    other["t.9"] = state["features.0.weight"].permute(2, 3, 1, 0).contiguous()
    del other[next(k for k, v in other.items() if v.shape == (4, 2, 3, 3))]
    report = compare(file, kept(tmp_path, other))
    sources = report.sources  # type: ignore[attr-defined]
    assert sources["features.0.weight"].told() == "t.9, axes [3, 2, 0, 1]"
    assert torch.equal(other[sources["features.4.c.weight"].tensor], state["features.4.c.weight"])
    report = compare(kept(tmp_path, state), kept(tmp_path, state, "w.pt"))
    assert report.verdict == "the same", report.to_json()
    assert "digest of the spec" not in report.to_html()  # there is none
    whole = state["fc2.bias"].clone()
    for wrong in (float("nan"), float("inf")):
        state["fc2.bias"][:] = wrong
        assert compare(kept(tmp_path, state), kept(tmp_path, state, "w.pt")).passed
        other = {**state, "fc2.bias": whole}
        for pair in ((state, other), (other, state)):
            assert not compare(kept(tmp_path, pair[0]), kept(tmp_path, pair[1], "w.pt")).passed
    state["fc2.bias"][:] = whole
    kept(tmp_path, state)
    state["fc2.bias"] += 1
    done = CliRunner().invoke(
        main, ["compare", str(tmp_path / "w.safetensors"), str(kept(tmp_path, state, "w.pt"))]
    )
    assert done.exit_code == 1
    assert "are the weights the same?" in done.stdout
    assert "fc2.bias is not fc2.bias" in " ".join(done.stdout.split())
