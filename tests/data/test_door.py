"""What is wrong with a file of rows, or with a model and its records, is said with the way out."""

import json

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import nnspec
from nnspec.cli import main
from nnspec.data.files import read
from nnspec.data.rows import load_data
from nnspec.deploy.predicting import predict
from nnspec.errors import DataError, NnspecError, UsageError
from nnspec.network.domains import domain_of

SPEC = """
nnspec: 1
name: Net
inputs: {x: {shape: [2]}}
layers: [{name: scores, type: dense, units: 2, activation: softmax}]
data: {source: rows.csv, features: {x: FEATURES}, target: TARGET, validation: 0}
training: {task: multiclass, epochs: 1}
"""


def loaded(folder, content, *, features="[a, b]", target="y"):
    (folder / "rows.csv").write_bytes(content)
    text = SPEC.replace("FEATURES", features).replace("TARGET", target)
    (folder / "spec.yaml").write_text(text)
    return load_data(nnspec.load(folder / "spec.yaml"))


FILES = {
    "semicolons": (b"a;b;y\n1;2;0\n3;4;1\n", "separated by semicolons; commas are expected"),
    "tabs": (b"a\tb\ty\n1\t2\t0\n", "separated by tabs"),
    "Latin-1 header": (b"a,b,caf\xe9\n1,2,0\n", "line 1: the text is not UTF-8"),
    "Latin-1 value": (b"a,b,y\n1,2,0\n1,2,\xe9t\xe9\n", "line 3: the text is not UTF-8"),
    "UTF-16": ("a,b,y\n1,2,0\n".encode("utf-16"), r"but UTF-16; .*iconv -f UTF-16"),
    "carriage returns": (b"a,b,y\r1,2,0\r3,4,1\r", "end in a carriage return alone"),
    "a missing value": (b"a,b,y\n1,2,0\n1,,1\n", 'line 3: column "b", row 2: the value is missing'),
    "a word": (
        b"a,b,y\r\n1,2,0\r\n1,two,1\r\n",
        'line 3: column "b", row 2: "two" is not a number',
    ),
    "one class spelt twice": (
        b"a,b,y\n1,2,0\n1,2,1\n1,2,00\n",
        'line 4: column "y", row 3: "00" is the same number as "0"',
    ),
    "a class too many": (b"a,b,y\n1,2,0\n1,2,2\n", 'line 3: column "y", row 2: 2 is no class'),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_read_wrongly_is_refused_with_the_way_out(tmp_path, name):
    content, message = FILES[name]
    with pytest.raises(DataError, match=message):
        loaded(tmp_path, content)


@pytest.mark.parametrize(
    "content",
    [
        b"a,b,y\n1,2,0\n3,4,1\n",
        b"a,b,y\r\n1,2,0\r\n3,4,1\r\n",
        b"\xef\xbb\xbfa,b,y\n1,2,0\n3,4,1\n\n",
        b"a,b,y\n1,2,1.0\n3,4,1\n",
        'a,b,y,"naïve; note"\n1,2,0,x\n3,4,1,y\n'.encode(),
    ],
)
def test_a_file_that_is_right_is_read(tmp_path, content):
    assert len(loaded(tmp_path, content).train) == 2


def test_one_column_with_a_semicolon_in_its_name_is_read(tmp_path):
    (tmp_path / "rows.csv").write_text("a;b\n1\n2\n")
    assert read(tmp_path / "rows.csv").columns == ["a;b"]


def test_a_misspelt_target_beside_a_pattern_is_named(tmp_path):
    with pytest.raises(DataError, match='there is no column "lable"; did you mean "label"'):
        loaded(tmp_path, b"a,b,label\n1,2,x\n", features='"*"', target="lable")


TWO_OUTPUTS = SPEC.replace("layers:", "outputs: [scores, scores2]\nlayers:").replace(
    "activation: softmax}", "activation: softmax}, {name: scores2, type: dense, units: 2}"
)
UNTRAINABLE = {
    "a missing file": (SPEC, None, "wrong-data", "there is no such file", "source:"),
    "a folder": (SPEC, "folder", "wrong-data", "is a folder", "source:"),
    "a missing column": (
        SPEC, "a,c,y\n1,2,0\n", "wrong-data", 'there is no column "b"', "features:",
    ),
    "a missing target": (
        SPEC, "a,b,z\n1,2,0\n", "wrong-data", 'there is no column "y"', "target:",
    ),
    "a word": (SPEC, "a,b,y\n1,2,0\n1,x,1\n", "wrong-data", 'line 3: column "b"', "features:"),
    "two outputs": (
        TWO_OUTPUTS, "a,b,y\n1,2,0\n", "not-trainable", "has 2 outputs", "training:",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNTRAINABLE)
def test_check_reads_the_rows_if_asked(tmp_path, capsys, name):
    text, content, code, message, place = UNTRAINABLE[name]
    spec = tmp_path / "spec.yaml"
    spec.write_text(text.replace("FEATURES", "[a, b]").replace("TARGET", "y"))
    rows = tmp_path / "rows.csv"
    if content == "folder":
        rows.mkdir()
    elif content is not None:
        rows.write_text(content)
    for data, expected in (((), 0), (("--data",), 2)):
        with pytest.raises(SystemExit) as ended:
            main(["check", str(spec), "--json", *data])
        assert ended.value.code == expected
    printed = capsys.readouterr().out
    report = json.loads(printed[printed.rindex('{\n  "files"') :])
    (problem,) = report["files"][0]["problems"]
    assert problem["code"] == code
    assert message in problem["message"]
    line = spec.read_text().splitlines()[problem["line"] - 1]
    assert place in line


def test_check_passes_rows_that_are_right_and_specs_without_any(tmp_path, capsys):
    (tmp_path / "rows.csv").write_text("a,b,y\n1,2,0\n1,3,1\n")
    text = SPEC.replace("FEATURES", "[a, b]").replace("TARGET", "y")
    (tmp_path / "spec.yaml").write_text(text)
    (tmp_path / "bare.yaml").write_text(text[: text.index("data:")])
    with pytest.raises(SystemExit) as ended:
        main(["check", "--data", str(tmp_path / "spec.yaml"), str(tmp_path / "bare.yaml")])
    assert ended.value.code == 0


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    rows = ["a,b,y", *(f"{i},{i % 3},{('no', 'yes')[i % 2]}" for i in range(8))]
    (folder / "rows.csv").write_text("\n".join(rows) + "\n")
    (folder / "s.yaml").write_text(SPEC.replace("FEATURES", "[a, b]").replace("TARGET", "y"))
    spec = nnspec.load(folder / "s.yaml")
    run = nnspec.train(spec, "torch", folder / "run")
    nnspec.export(spec, folder / "model.onnx", weights=run.best)
    nnspec.export(spec, folder / "bare.onnx")
    nnspec.export(spec, folder / "three.onnx", weights=run.best, batch=3)
    return folder


def with_metadata(path, target, **changes):
    proto = onnx.load(path)
    known = {entry.key: entry.value for entry in proto.metadata_props}
    del proto.metadata_props[:]
    changes = {f"nnspec.{name}": value for name, value in changes.items()}
    helper.set_model_props(proto, {**known, **changes})
    onnx.save(proto, target)
    return target


ARRAYS = {
    "a scalar": (np.array(3.0), "is a single value; rows are expected"),
    "text": (np.array([["a", "b"]]), "values of type <U1; numbers are expected"),
    "complex numbers": (np.ones((1, 2)) * 1j, "values of type complex128; numbers are expected"),
    "dates": (np.ones((1, 2), "M8[s]"), "values of type datetime64"),
    "no rows": (np.ones((0, 2)), "there are no rows"),
    "another shape": (np.ones((1, 3)), r"\(1, 3\), and \(rows, 2\) is expected"),
}


@pytest.mark.parametrize("kind", ["model", "bare"])
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_are_no_rows_of_numbers_are_refused(tmp_path, model, kind, name):
    array, message = ARRAYS[name]
    np.savez(tmp_path / "rows.npz", x=array)
    if kind == "model":
        message = message.replace(r"\(1, 3\), and \(rows, 2\) is expected", r"gives \(3,\)")
        message = message.replace("values of type", "a value of type")
    with pytest.raises(DataError, match=message):
        predict(model / f"{kind}.onnx", tmp_path / "rows.npz")


def test_a_damaged_record_of_preprocessing_is_refused(tmp_path, model):
    record = {entry.key: entry.value for entry in onnx.load(model / "model.onnx").metadata_props}
    known = json.loads(record["nnspec.preprocessing"])
    few = json.dumps({**known, "labels": ["no"]})
    target = with_metadata(model / "model.onnx", tmp_path / "m.onnx", preprocessing=few)
    with pytest.raises(DataError, match="names 1 classes, and the model gives 2"):
        predict(target, model / "rows.csv")
    for text in ("", "{}", "[1]", few[:30]):
        target = with_metadata(model / "model.onnx", tmp_path / "m.onnx", preprocessing=text)
        with pytest.raises(DataError, match="preprocessing record cannot be read"):
            predict(target, model / "rows.csv")


@pytest.mark.parametrize("threshold", ["high", "nan", ""])
def test_a_threshold_that_is_no_number_is_refused(tmp_path, model, threshold):
    target = with_metadata(model / "model.onnx", tmp_path / "m.onnx", threshold=threshold)
    with pytest.raises(UsageError, match="which is no number"):
        predict(target, model / "rows.csv")


def test_a_model_of_a_fixed_batch_takes_any_number_of_rows(model):
    expected = predict(model / "model.onnx", model / "rows.csv")
    found = predict(model / "three.onnx", model / "rows.csv")
    np.testing.assert_allclose(found.outputs["scores"], expected.outputs["scores"], rtol=1e-5)
    assert found.answer.tolist() == expected.answer.tolist()


def test_a_model_of_unsound_weights_gives_no_answers(tmp_path, model):
    proto = onnx.load(model / "model.onnx")
    for tensor in proto.graph.initializer:
        if tensor.name == "scores.bias":
            tensor.CopyFrom(numpy_helper.from_array(np.array([0, np.nan], np.float32), tensor.name))
    onnx.save(proto, tmp_path / "m.onnx")
    with pytest.raises(DataError, match=r"gives no number for row 1 of .*rows"):
        predict(tmp_path / "m.onnx", model / "rows.csv")


EMPTY = {"no rows": (0, 5, 2), "no time": (1, 0, 2), "another size": (1, 5, 3)}


@pytest.mark.parametrize("name", EMPTY)
def test_a_model_from_elsewhere_is_fed_nothing_of_size_0(tmp_path, name):
    kind = onnx.TensorProto.FLOAT
    for axes in (["batch", "time", 2], [None, None, 2]):
        graph = helper.make_graph(
            [helper.make_node("ReduceMax", ["x"], ["y"], keepdims=0)],
            "g",
            [helper.make_tensor_value_info("x", kind, axes)],
            [helper.make_tensor_value_info("y", kind, [])],
        )
        opset = [helper.make_opsetid("", 17)]
        onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opset), tmp_path / "m.onnx")
        np.savez(tmp_path / "rows.npz", x=np.ones(EMPTY[name], np.float32))
        with pytest.raises(DataError, match=r"rows|size 0"):
            predict(tmp_path / "m.onnx", tmp_path / "rows.npz")


def test_a_damaged_model_is_never_a_traceback(tmp_path, model, capfd):
    whole = (model / "model.onnx").read_bytes()
    rng = np.random.default_rng(7)
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(whole), size=rng.integers(1, 4)):
            damaged[at] = rng.integers(0, 256)
        (tmp_path / "m.onnx").write_bytes(damaged)
        try:
            predict(tmp_path / "m.onnx", model / "rows.csv")
        except NnspecError:
            refused += 1
    assert refused > 100
    assert not capfd.readouterr().out


def test_bytes_are_from_0_to_255_wherever_they_enter() -> None:
    spec = nnspec.loads(
        "nnspec: 1\nname: Net\ninputs: {image: {shape: [2], dtype: uint8}}\n"
        "layers: [{type: cast, dtype: float32}]\n"
    )
    domain = domain_of(spec.graph)
    (admitted,) = domain.admit({"image": np.array([[0, 255]])}).values()
    assert admitted.dtype == np.uint8
    for wrong in (256, -1, 0.5):
        with pytest.raises(DataError):
            domain.admit({"image": np.array([[0, wrong]])})
