"""One domain of a network's inputs and targets, enforced wherever data enter."""

import numpy as np
import polars as pl
import pytest

import nnspec
from nnspec.data.domain_record import from_json, to_json
from nnspec.data.rows import load_data
from nnspec.deploy.predicting import predict
from nnspec.errors import DataError
from nnspec.network.domains import domain_of
from nnspec.verification.samples import random_inputs
from nnspec.verification.unusual import unusual_inputs

TABLES = """
nnspec: 1
name: Tables
inputs: {ids: {shape: [3], dtype: int64}}
layers:
  - {name: parts, type: split, sizes: [1, 1, 1], inputs: ids}
  - {name: small, type: cast, dtype: int32, inputs: parts}
  - {name: a, type: embedding, input_dim: 5, output_dim: 2, inputs: small}
  - {name: b, type: embedding, input_dim: 11, output_dim: 2, inputs: parts.1}
  - {name: c, type: embedding, input_dim: 7, output_dim: 2, inputs: parts.2}
  - {name: d, type: embedding, input_dim: 9, output_dim: 2, inputs: parts.2}
  - {name: joined, type: concatenate, axis: 0, inputs: [a, b, c, d]}
"""
SHIFTED = """
nnspec: 1
name: Shifted
inputs: {ids: {shape: [time], dtype: int32}}
layers:
  - {name: floats, type: cast, dtype: float32, inputs: ids}
  - {name: two, type: constant, value: 2}
  - {name: offset, type: cast, dtype: int32}
  - {name: moved, type: add, inputs: [ids, offset]}
  - {name: table, type: embedding, input_dim: 6, output_dim: 2}
"""
FRACTIONS = """
nnspec: 1
name: Fractions
inputs: {f: {shape: [2]}, g: {shape: [2]}, b: {shape: [2], dtype: bool}}
layers:
  - {name: whole, type: cast, dtype: int32, inputs: f}
  - {name: table, type: embedding, input_dim: 3, output_dim: 2}
  - {name: other, type: cast, dtype: int64, inputs: g}
  - {name: flags, type: cast, dtype: int64, inputs: b}
  - {name: both, type: subtract, inputs: [flags, other]}
  - {name: second, type: embedding, input_dim: 4, output_dim: 2}
outputs: [table, second]
"""
LENGTHS = """
nnspec: 1
name: Lengths
inputs: {x: {shape: [time, 2]}, n: {shape: [], dtype: int32}}
layers:
  - {name: last, type: gru, units: 2, inputs: [x, n]}
"""
POSITIONS = """
nnspec: 1
name: Positions
data_format: channels_last
inputs: {x: {shape: [time, 4]}}
layers:
  - {name: shorter, type: conv1d, filters: 4, kernel_size: 3}
  - {name: positions, type: sinusoidal_position, max_length: 6}
"""
CHOSEN = """
nnspec: 1
name: Chosen
inputs: {x: {shape: [time]}}
layers:
  - {name: place, type: argmax}
  - {name: small, type: cast, dtype: int32}
  - {name: table, type: embedding, input_dim: 5, output_dim: 2}
"""


def x(*shape):
    return np.ones(shape, np.float32)


def ids(*rows):
    return {"ids": np.array(rows)}


OUTSIDE = {
    "an index of an axis longer than the table": (
        CHOSEN,
        {"x": x(1, 6)},
        r"time = 6; the layer \"table\" \(embedding\) takes at most 5",
    ),
    "id -1": (TABLES, ids([0, 0, 0], [0, -1, 0]), r"row 2: -1 is not within 0 to 10.*\"b\""),
    "id too large": (TABLES, ids([4, 10, 6], [5, 0, 0]), r"row 2: 5 is not within 0 to 4.*\"a\""),
    "the smaller of two tables": (TABLES, ids([0, 0, 7]), r"7 is not within 0 to 6.*\"c\""),
    "computed id": (SHIFTED, ids([3, 4]), r'row 1 gives "moved": 6 is not within 0 to 5'),
    "beyond int32": (SHIFTED, ids([2**40]), "1099511627776 does not fit int32"),
    "fraction for an id": (TABLES, {"ids": np.full((1, 3), 0.5)}, "0.5 is not whole"),
    "length 0": (
        LENGTHS,
        {"x": x(2, 3, 2), "n": np.array([3, 0])},
        "row 2: 0 is not within 1 to 3",
    ),
    "length beyond time": (
        LENGTHS,
        {"x": x(1, 3, 2), "n": np.array([4])},
        "4 is not within 1 to 3",
    ),
    "other number of rows": (LENGTHS, {"x": x(2, 3, 2), "n": np.array([1])}, "rows = 1"),
    "missing input": (LENGTHS, {"x": x(2, 3, 2)}, 'no value for the input "n"'),
    "time beyond max_length": (POSITIONS, {"x": x(1, 9, 4)}, "time - 2 is 7; .* at most 6"),
    "time below the kernel": (POSITIONS, {"x": x(1, 2, 4)}, "time - 2 is 0; .* at least 1"),
    "axis of size 0": (POSITIONS, {"x": x(1, 0, 4)}, "an axis of size 0"),
    "no rows": (POSITIONS, {"x": x(0, 3, 4)}, "no rows"),
    "wrong shape": (
        POSITIONS,
        {"x": x(1, 3, 5)},
        r"\(1, 3, 5\), and \(rows, time, 4\) is expected",
    ),
    "not a number": (POSITIONS, {"x": x(1, 3, 4) * np.nan}, "row 1: nan is not a finite number"),
    "infinite": (POSITIONS, {"x": x(1, 3, 4) * np.inf}, "row 1: inf is not a finite number"),
    "complex": (POSITIONS, {"x": x(1, 3, 4) * 1j}, "values of type complex"),
    "text": (POSITIONS, {"x": np.full((1, 3, 4), "a")}, "values of type <U1"),
}
INSIDE = {
    "ids": (TABLES, ids([4, 10, 6], [0, 0, 0])),
    "computed ids": (SHIFTED, ids([3, -2])),
    "lengths": (LENGTHS, {"x": x(2, 3, 2), "n": np.array([1, 3])}),
    "longest": (POSITIONS, {"x": x(1, 8, 4)}),
    "shortest": (POSITIONS, {"x": x(1, 3, 4)}),
}


@pytest.fixture(scope="module")
def programs():
    made = {}

    def build(text):
        if text not in made:
            spec = nnspec.loads(text)
            made[text] = [nnspec.compile(spec, to).build() for to in ("torch", "keras", "onnx")]
        return made[text]

    return build


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_is_outside_the_domain_is_one_error_in_every_program(programs, name):
    text, inputs, message = OUTSIDE[name]
    said = []
    for program in programs(text):
        with pytest.raises(DataError, match=message) as caught:
            program.forward(inputs)
        said.append(str(caught.value))
    assert len(set(said)) == 1


@pytest.mark.parametrize("name", INSIDE)
def test_what_is_inside_the_domain_is_computed_alike_by_every_program(programs, name):
    text, inputs = INSIDE[name]
    first, *others = [program.forward(inputs) for program in programs(text)]
    for other in others:
        for output, values in first.items():
            np.testing.assert_allclose(other[output], values, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OUTSIDE)
def test_an_exported_model_knows_its_domain(tmp_path, name):
    text, inputs, message = OUTSIDE[name]
    spec = nnspec.loads(text)
    path = tmp_path / "model.onnx"
    nnspec.export(spec, path)
    np.savez(tmp_path / "rows.npz", **inputs)
    message = message.replace("rows = 1", "unequal numbers of rows")
    message = message.replace("no value for the input", "no array")
    message = message.replace("no rows", "there are no rows")
    message = message.replace("row 2: ", "row 2.*: ").replace("row 1: ", "row 1.*: ")
    message = message.replace("row 1 gives", "row 1.* gives")
    with pytest.raises(DataError, match=message) as caught:
        predict(path, tmp_path / "rows.npz")
    assert ", element [1]: -1" in str(caught.value) or name != "id -1"
    assert str(tmp_path / "rows.npz") in str(caught.value)


@pytest.mark.parametrize("text", [TABLES, SHIFTED, FRACTIONS, LENGTHS, POSITIONS, CHOSEN])
def test_the_record_of_a_domain_reads_back(text):
    record = to_json(domain_of(nnspec.loads(text).graph))
    assert to_json(from_json(record)) == record


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"inputs": 3}', "[" * 5000])
def test_a_damaged_record_of_a_domain_is_an_error(damage):
    with pytest.raises(DataError, match="cannot be read"):
        from_json(damage)


@pytest.mark.parametrize("text", [TABLES, SHIFTED, FRACTIONS, LENGTHS])
def test_ids_that_verification_draws_fit_every_table_that_they_reach(text):
    graph = nnspec.loads(text).graph
    for seed in range(5):
        inputs = random_inputs(graph, 64, {"time": 4}, seed)
        domain_of(graph).admit(inputs)
        domain_of(graph).admit(unusual_inputs(graph, inputs, {"time": 4}, seed)[1])
    if text is TABLES:
        assert inputs["ids"].max(axis=0).tolist() == [4, 10, 6]


TRAINED = """
nnspec: 1
name: Trained
inputs: {ids: {shape: [2], dtype: int64}, x: {shape: [1]}}
layers:
  - {name: table, type: embedding, input_dim: 4, output_dim: 2, inputs: ids}
  - {name: flat, type: flatten}
  - {name: joined, type: concatenate, inputs: [flat, x]}
  - {name: score, type: dense, units: 1}
data: {source: rows.csv, features: {ids: [a, b], x: c}, target: y, validation: 0}
training: {task: regression, epochs: 1}
"""


def rows_with(column, value, *, at=2):
    columns = {"a": [0, 1, 2, 3], "b": [3, 2, 1, 0], "c": [0.5, 1, 2, 3], "y": [1, 2, 3, 4]}
    table = {name: [str(number) for number in numbers] for name, numbers in columns.items()}
    table[column][at] = value
    return pl.DataFrame(table)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("b", "4", 'line 4: column "b", row 3: 4 is not within 0 to 3, .*"table" \\(embedding\\)'),
        ("a", "-1", 'line 4: column "a", row 3: -1 is not within 0 to 3'),
        ("a", "0.5", 'line 4: column "a", row 3: 0.5 is not whole'),
        ("c", "nan", 'line 4: column "c", row 3: nan is not a finite number'),
        ("c", "1e39", 'line 4: column "c", row 3: 1e\\+39 does not fit float32'),
        ("y", "", 'line 4: column "y", row 3: the value is missing'),
    ],
)
def test_training_and_prediction_refuse_the_same_rows(tmp_path, column, value, message):
    (tmp_path / "spec.yaml").write_text(TRAINED)
    rows_with(column, value).write_csv(tmp_path / "rows.csv")
    spec = nnspec.load(tmp_path / "spec.yaml")
    with pytest.raises(DataError, match=message):
        nnspec.train(spec, "torch", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    if column != "y":
        rows_with("y", "1").write_csv(tmp_path / "good.csv")
        (tmp_path / "good.yaml").write_text(TRAINED.replace("rows.csv", "good.csv"))
        good = nnspec.load(tmp_path / "good.yaml")
        run = nnspec.train(good, "torch", tmp_path / "run")
        nnspec.export(good, tmp_path / "model.onnx", weights=run.best)
        with pytest.raises(DataError, match=message):
            predict(tmp_path / "model.onnx", tmp_path / "rows.csv")


def test_a_line_is_that_of_the_file_where_values_span_lines(tmp_path):
    (tmp_path / "spec.yaml").write_text(TRAINED)
    (tmp_path / "rows.csv").write_text('\na,b,c,y,"no\nte"\n0,0,1,1,"x\ny"\n0,0,1,1,z\n0,9,1,1,z\n')
    with pytest.raises(DataError, match='line 7: column "b", row 3: 9'):
        load_data(nnspec.load(tmp_path / "spec.yaml"))


TARGETS = {
    "class": ("multiclass", "softmax", 3, np.array([0, 3]), "row 2: 3; 0 to 2 is expected"),
    "class below 0": ("multiclass", "softmax", 3, np.array([-100, 0]), "row 1: -100"),
    "answer": ("binary", "sigmoid", 1, np.array([[0.0], [2.0]]), "row 2: 2.0; 0 to 1"),
    "number": ("regression", "linear", 1, np.array([[0.0], [np.nan]]), "row 2: nan; a finite"),
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_outside_the_domain_is_one_error_in_every_program(name):
    task, activation, units, target, message = TARGETS[name]
    spec = nnspec.loads(
        "nnspec: 1\nname: Net\ninputs: {x: {shape: [2]}}\n"
        f"layers: [{{type: dense, units: {units}, activation: {activation}}}]\n"
        f"training: {{task: {task}}}\n"
    )
    for to in ("torch", "keras"):
        program = nnspec.compile(spec, to, training=True).build()
        for call in (program.loss, program.gradients, program.train_step):
            with pytest.raises(DataError, match=message):
                call({"x": x(2, 2)}, target)


@pytest.mark.parametrize(
    "layer",
    ["average_pooling1d, pool_size: 3, ceil_mode: true", "reflection_padding1d, padding: 2"],
)
def test_channels_of_any_number_have_no_limit_of_the_space(layer):
    # In channels_first the dynamic axis is that of the channels.
    spec = nnspec.loads(
        "nnspec: 1\nname: N\ndata_format: channels_first\ninputs: {x: {shape: [time, 6]}}\n"
        f"layers: [{{name: y, type: {layer}}}]\n"
    )
    assert not domain_of(spec.graph).limits
    assert domain_of(spec.graph).fits({"time": 1})


def test_a_window_limits_the_axis_that_it_runs_along_alone():
    spec = nnspec.loads(
        "nnspec: 1\nname: N\ndata_format: channels_last\ninputs: {x: {shape: [time, 8, 3]}}\n"
        "layers: [{name: y, type: average_pooling2d, pool_size: [4, 8], strides: 3, "
        "ceil_mode: true}]\n"
    )
    domain = domain_of(spec.graph)
    assert domain.fits({"time": 4})
    assert not domain.fits({"time": 3})
