"""Weights of other programs and networks: what is taken, converted, renamed, refused and said."""

import json
import struct
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

import nnspec
from nnspec.cli import main
from nnspec.errors import UsageError, WeightsError
from nnspec.weights.canonical import check_weights, initial_weights, load_weights, save_weights
from nnspec.weights.fitting import fit_file, renamed

TEXT = """
nnspec: 1
name: Net
inputs: {x: {shape: [3]}}
layers:
  - {name: first, type: dense, units: 4}
  - {name: norm, type: batch_normalization}
  - {name: last, type: dense, units: UNITS}
"""
SPEC = nnspec.loads(TEXT.replace("UNITS", "2"))
OTHER = nnspec.loads(TEXT.replace("UNITS", "5"))


def stored(path, spec=SPEC, *, dtype=np.float32, **changes):
    """Save the first weights, some of them changed, as another program would."""
    weights = {name: value.astype(dtype) for name, value in initial_weights(spec.graph).items()}
    save_file({**weights, **{name.replace("__", "."): v for name, v in changes.items()}}, path)
    return path


def command(*words):
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return ended.value.code


@pytest.fixture
def spec_file(tmp_path):
    (tmp_path / "net.yaml").write_text(TEXT.replace("UNITS", "2"))
    return tmp_path / "net.yaml"


def doors(spec, path):
    """Yield every call that loads a weights file."""
    yield lambda: fit_file(spec, path)
    yield lambda: nnspec.export(spec, path.with_suffix(".onnx"), weights=path)
    yield lambda: nnspec.verify(spec, weights=path)
    for to in ("torch", "keras", "onnx"):
        yield lambda to=to: nnspec.compile(spec, to).build(load_weights(path))


def test_counters_of_pytorch_are_passed_over(tmp_path):
    path = stored(tmp_path / "w.safetensors", norm__num_batches_tracked=np.array(7))
    assert "norm.num_batches_tracked" not in fit_file(SPEC, path).weights
    nnspec.export(SPEC, tmp_path / "m.onnx", weights=path)
    x = np.ones((2, 3), np.float32)
    outputs = [
        nnspec.compile(SPEC, to).build(load_weights(path)).forward({"x": x})["last"]
        for to in ("torch", "keras", "onnx")
    ]
    np.testing.assert_allclose(outputs[1:], [outputs[0]] * 2, rtol=1e-5)
    stray = stored(tmp_path / "stray.safetensors", first__num_batches_tracked=np.array(7))
    with pytest.raises(WeightsError, match=r'"first\.num_batches_tracked" is no parameter'):
        fit_file(SPEC, stray)


def test_half_precision_is_converted(tmp_path):
    half = stored(tmp_path / "half.safetensors", dtype=np.float16)
    for mapped in (False, True):
        weights = fit_file(SPEC, half, mapped=mapped).weights
        check_weights(SPEC.graph, weights)
        expected = initial_weights(SPEC.graph)["first.weight"].astype(np.float16)
        np.testing.assert_array_equal(weights["first.weight"], expected.astype(np.float32))


def test_bfloat16_is_converted_exactly(tmp_path):
    numbers = np.array([1.0, -2.5, 3.140625, 2.0**-126, 0.0], np.float32)
    bits = (numbers.view(np.uint32) >> 16).astype("<u2").tobytes()
    text = b'{"w":{"dtype":"BF16","shape":[5],"data_offsets":[0,10]}}'
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bits)
    for mapped in (False, True):
        loaded = load_weights(tmp_path / "w.safetensors", mapped=mapped)["w"]
        assert loaded.dtype == np.float32
        assert loaded.tolist() == numbers.tolist()


UNSOUND = {
    "nan": ({"first__bias": np.array([0, np.nan, 0, 0], np.float32)}, "holds nan, one of 1"),
    "infinite": ({"norm__weight": np.full(4, -np.inf, np.float32)}, "holds -inf, one of 4"),
    "negative variance": (
        {"norm__running_var": np.array([1, 1, -0.5, 1], np.float32)},
        r'"norm\.running_var" holds -0\.5, and at least 0',
    ),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_values_that_no_weight_has_are_refused_wherever_weights_are_loaded(tmp_path, name):
    changes, message = UNSOUND[name]
    path = stored(tmp_path / "w.safetensors", **changes)
    for load in doors(SPEC, path):
        with pytest.raises(WeightsError, match=message):
            load()
    assert not (tmp_path / "w.onnx").exists()


def test_weights_of_another_network_are_refused_wherever_weights_are_loaded(tmp_path):
    text = TEXT.replace("UNITS", "2")
    renamed_spec = nnspec.loads(text.replace("name: Net", "name: Twin"))
    path = tmp_path / "w.safetensors"
    metadata = {"spec_name": "Twin", "spec_sha256": renamed_spec.sha256}
    save_weights(path, initial_weights(SPEC.graph), metadata)
    for load in doors(SPEC, path):
        with pytest.raises(WeightsError, match=r'another network .*"Twin".*--partial'):
            load()
    assert fit_file(SPEC, path, partial=True).first == ()


HARMLESS = """
nnspec: 1
name: Net
inputs: {x: {shape: [6, 4]}}
data_format: channels_last
layers:
  - {name: r, type: bidirectional, layer: {type: lstm, units: 2, unit_forget_bias: FORGET}}
  - {name: d, type: dense, units: UNITS, kernel_initializer: LAW, activation: RELU}
  - {type: dropout, rate: RATE}
  - {type: batch_normalization, momentum: RATE}
  - {type: gaussian_noise, stddev: RATE}
"""
GIVEN = {"FORGET": "true", "UNITS": "3", "LAW": "zeros", "RELU": "relu", "RATE": "0.1"}


def changed(**changes):
    text = HARMLESS
    for name, value in {**GIVEN, **changes}.items():
        text = text.replace(name, value)
    return nnspec.loads(text)


@pytest.mark.parametrize(
    ("changes", "is_taken"),
    [
        ({"RATE": "0.3"}, True),
        ({"LAW": "he_normal", "FORGET": "false"}, True),
        ({"RELU": "tanh"}, False),
    ],
)
def test_weights_are_taken_where_only_training_has_changed(tmp_path, changes, is_taken):
    before, now = changed(), changed(**changes)
    assert before.sha256 != now.sha256
    path = tmp_path / "w.safetensors"
    metadata = {
        "spec_name": "Net",
        "spec_sha256": before.sha256,
        "inference_sha256": before.inference_sha256,
    }
    save_weights(path, initial_weights(before.graph), metadata)
    if is_taken:
        assert fit_file(now, path).first == ()
        nnspec.export(now, tmp_path / "w.onnx", weights=path)
        return
    with pytest.raises(WeightsError, match="another network"):
        fit_file(now, path)


def test_a_record_that_is_left_behind_is_said(tmp_path):
    path = tmp_path / "w.safetensors"
    metadata = {"spec_sha256": OTHER.sha256, "preprocessing": "of the other network"}
    save_weights(path, initial_weights(SPEC.graph), metadata)
    fitted = fit_file(SPEC, path, partial=True)
    assert "preprocessing" not in fitted.weights.metadata
    assert "record of raw rows is left behind" in fitted.notes[0]


def test_renames_follow_patterns():
    tensors = {f"layers.{i}.{kind}": np.ones(1) for i in range(2) for kind in ("w", "b")}
    tensors["head"] = np.ones(1)
    found = renamed(tensors, [("layers.*.w", "block.*.weight"), ("*.b", "*.bias"), ("head", "")])
    assert list(found) == ["block.0.weight", "layers.0.bias", "block.1.weight", "layers.1.bias"]
    with pytest.raises(UsageError, match='no tensor is called "haed"; did you mean "head"'):
        renamed(tensors, [("haed", "h")])
    with pytest.raises(UsageError, match="would both be"):
        renamed(tensors, [("layers.*.w", "same")])
    with pytest.raises(UsageError, match="more `\\*`"):
        renamed(tensors, [("head", "a.*")])


@pytest.mark.parametrize("as_file", [False, True])
def test_export_renames_by_option_or_file(tmp_path, spec_file, as_file):
    weights = initial_weights(SPEC.graph)
    foreign = {name.replace("first.", "fc1."): value for name, value in weights.items()}
    save_weights(tmp_path / "w.safetensors", foreign)
    (tmp_path / "names.json").write_text(json.dumps({"fc1.*": "first.*"}))
    given = tmp_path / "names.json" if as_file else "fc1.*=first.*"
    call = ["export", spec_file, "-o", tmp_path / "m.onnx", "--weights"]
    assert command(*call, tmp_path / "w.safetensors") == 2
    assert command(*call, tmp_path / "w.safetensors", "--map", given) == 0
    nnspec.export(SPEC, tmp_path / "expected.onnx", weights=weights)
    assert (tmp_path / "m.onnx").read_bytes() == (tmp_path / "expected.onnx").read_bytes()


def test_partial_takes_what_fits_and_says_what_does_not(tmp_path, spec_file, capsys):
    path = tmp_path / "w.safetensors"
    given = {name: value + 1 for name, value in initial_weights(OTHER.graph).items()}
    metadata = {"spec_sha256": OTHER.sha256, "preprocessing": "of the other network"}
    save_weights(path, {**given, "stray": np.ones(1)}, metadata)
    fitted = fit_file(SPEC, path, partial=True)
    assert fitted.first == ("last.weight", "last.bias")
    assert fitted.unused == ("last.bias", "last.weight", "stray")
    assert "preprocessing" not in fitted.weights.metadata
    np.testing.assert_allclose(fitted.weights["first.bias"], 1)
    np.testing.assert_allclose(
        fitted.weights["last.weight"], initial_weights(SPEC.graph)["last.weight"]
    )
    call = ("export", spec_file, "-o", tmp_path / "m.onnx", "--weights", path, "--partial")
    assert command(*call) == 0
    said = capsys.readouterr().err
    assert "6 of 8 tensors are taken" in said
    assert "keep their first values: last.weight, last.bias" in said
    assert '"last.weight" is (5, 4) in the file, and (2, 4) is expected' in said
    save_weights(path, {"stray": np.ones(1)})
    with pytest.raises(WeightsError, match="none of its 1 tensors fits Net"):
        fit_file(SPEC, path, partial=True)
    assert command("export", spec_file, "-o", tmp_path / "m.onnx", "--partial") == 2


@pytest.mark.parametrize("where", ["name", "dtype", "metadata"])
def test_escape_codes_of_a_file_do_not_reach_the_terminal(tmp_path, spec_file, capsys, where):
    path = tmp_path / "w.safetensors"
    evil = "\x1b[2Jtensor"
    if where == "name":
        save_file({evil: np.ones(1, np.float32)}, path)
    elif where == "dtype":
        save_file({evil: np.ones(1, np.float32)}, path)
        path.write_bytes(path.read_bytes().replace(b'"F32"', b'"F8_E4M3"'[:5]))
    else:
        metadata = {"spec_name": evil, "spec_sha256": evil}
        save_weights(path, initial_weights(SPEC.graph), metadata)
    assert command("export", spec_file, "-o", tmp_path / "m.onnx", "--weights", path) == 2
    error = capsys.readouterr().err
    assert "\x1b" not in error
    assert where == "dtype" or "\\x1b[2Jtensor" in error


def test_the_weights_of_a_network_are_listed(spec_file, capsys):
    assert command("weights", spec_file) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["first.weight", "(4,", "3)", "glorot_uniform"]
    assert lines[4].split()[-2:] == ["not", "trained"]
    assert command("weights", spec_file, "--json") == 0
    listed = json.loads(capsys.readouterr().out)["weights"]
    assert [row["name"] for row in listed] == list(initial_weights(SPEC.graph))
    assert listed[0]["shape"] == [4, 3]
    assert listed[0]["initializer"] == {"type": "glorot_uniform"}


def test_training_starts_from_weights_that_fit_in_part(tmp_path, spec_file):
    rows = ["a,b,c,y1", *(f"{i},{i % 3},1,{i}" for i in range(8))]
    (tmp_path / "rows.csv").write_text("\n".join(rows) + "\n")
    text = TEXT.replace("UNITS", "1") + (
        "data: {source: rows.csv, features: {x: [a, b, c]}, target: y1, validation: 0}\n"
        "training: {task: regression, epochs: 1, batch_size: 4}\n"
    )
    (tmp_path / "train.yaml").write_text(text)
    path = stored(tmp_path / "w.safetensors", norm__num_batches_tracked=np.array(7))
    call = ("train", tmp_path / "train.yaml", "-o", tmp_path / "run", "--weights", path)
    assert command(*call) == 2
    assert not (tmp_path / "run").exists()
    assert command(*call, "--partial") == 0


def test_weights_of_another_format_are_refused_with_the_way_out(tmp_path):
    def torch_zip(path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("w/data.pkl", b"never read")

    def keras_zip(path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.weights.h5", b"")

    formats = {
        "w.pt": (torch_zip, "a pickle of torch.save.*safetensors.torch.save_file"),
        "w.pth": (lambda path: path.write_bytes(b"\x80\x02}."), "a pickle of torch.save"),
        "w.npz": (lambda path: np.savez(path, a=np.ones(2)), "safetensors.numpy.save_file"),
        "w.keras": (keras_zip, "a file of Keras"),
        "w.h5": (
            lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(20)),
            "a file of Keras",
        ),
        "w.txt": (lambda path: path.write_text("weights"), "header"),
        "w.bin": (lambda path: path.write_bytes(b""), "header"),
    }
    for name, (write, message) in formats.items():
        write(tmp_path / name)
        with pytest.raises(WeightsError, match=f"{name} is no readable .safetensors.*{message}"):
            load_weights(tmp_path / name)


def test_weights_that_start_a_run_of_other_classes_or_columns_are_noted(tmp_path, capsys):
    spec = """
nnspec: 1
name: Net
inputs: {x: {shape: [2]}}
layers: [{name: scores, type: dense, units: 2, activation: softmax}]
data: {source: SOURCE, features: {x: COLUMNS}, target: y, validation: 0}
training: {task: multiclass, epochs: 1}
"""
    for name, first in (("one", "yes"), ("two", "aye")):
        rows = "".join(f"{i},{i % 3},{first if i % 2 else 'no'}\n" for i in range(6))
        (tmp_path / f"{name}.csv").write_text(f"a,b,y\n{rows}")

    def train(source, columns, folder, *more):
        text = spec.replace("SOURCE", f"{source}.csv").replace("COLUMNS", columns)
        (tmp_path / "net.yaml").write_text(text)
        assert command("train", tmp_path / "net.yaml", "-o", tmp_path / folder, *more) == 0
        return capsys.readouterr().err

    assert train("one", "[a, b]", "first") == ""
    start = ("--weights", tmp_path / "first" / "best.safetensors")
    assert train("one", "[a, b]", "same", *start) == ""
    other = train("two", "[b, a]", "other", *start)
    assert 'trained on the classes "no", "yes", and here they are "aye", "no"' in other
    assert 'an input "x" made of "a", "b", and here it is "b", "a"' in other
    assert len(json.loads((tmp_path / "other" / "run.json").read_text())["notes"]) == 2
