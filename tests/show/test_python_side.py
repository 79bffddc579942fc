"""The Python side: signatures, help, YAML, what notebooks show, and that what is named is there."""

from __future__ import annotations

import ast
import inspect
import pydoc
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import nnspec
from nnspec import layers
from nnspec.judge.judgement import Judgement
from nnspec.language.writer import plain
from nnspec.language.writer import to_yaml as written
from nnspec.layers import LAYERS
from nnspec.show.examples import HEADER, examples
from nnspec.support.html import TONES
from nnspec.training.history import Epoch
from nnspec.verification.checks import Check, NotChecked
from nnspec.verification.report import Report
from tests.golden_files import SPECS as ONES

ROOT = Path(__file__).parents[2]
FORMS = ROOT / "specs" / "images" / "forms.yaml"
SPECS = [*ONES, FORMS, *sorted((ROOT / "specs" / "zoo").glob("*.yaml"))]


# Signatures and help


def test_a_signature_shows_every_argument_with_its_type_and_default() -> None:
    parameters = inspect.signature(layers.Conv2D).parameters
    assert list(parameters)[:3] == ["filters", "kernel_size", "strides"]
    assert all(each.kind is inspect.Parameter.KEYWORD_ONLY for each in parameters.values())
    assert parameters["filters"].annotation is int
    assert parameters["filters"].default is inspect.Parameter.empty
    assert str(parameters["kernel_size"].annotation) == "tuple[int, ...] | int"
    assert parameters["strides"].default == 1
    assert parameters["kernel_initializer"].default == "glorot_uniform"
    assert "Activation | str" in str(parameters["activation"].annotation)
    slopes = inspect.signature(layers.Prelu).parameters["alpha_initializer"]
    assert slopes.default == {"type": "constant", "value": 0.25}


@pytest.mark.parametrize("record", [*LAYERS.values(), nnspec.Model, nnspec.Training, nnspec.Data])
def test_a_signature_is_that_of_the_class_before_and_after_it_is_used(record: Any) -> None:
    before = inspect.signature(record)
    record.model_rebuild()
    assert inspect.signature(record) == before
    names = set(record.model_fields) - ({"type"} if issubclass(record, layers.Layer) else set())
    assert set(before.parameters) == names
    for name, parameter in before.parameters.items():
        is_required = parameter.default is inspect.Parameter.empty
        assert is_required == record.model_fields[name].is_required()


@pytest.mark.parametrize("name", ["Dense", "MultiHeadAttention", "Relu"])
def test_help_begins_with_the_meaning_and_explains_the_arguments(name: str) -> None:
    record = getattr(layers, name)
    text = pydoc.render_doc(record, renderer=pydoc.plaintext)  # type: ignore[attr-defined]
    heading, signature, _, meaning = text.splitlines()[2:6]
    assert heading.startswith(f"class {name}(")
    assert signature.startswith(f" |  {name}(*")
    assert meaning.removeprefix(" |  ") == vars(record)["__doc__"].splitlines()[0]
    for field in record.model_fields.values():
        if field.description:
            assert field.description.split()[0] in text
    assert "__pydantic" not in text
    assert "model_dump" not in dir(record)


def test_docstrings_of_the_classes_stay_their_own() -> None:
    assert inspect.getdoc(layers.Dense(units=3)) == inspect.cleandoc(vars(layers.Dense)["__doc__"])


# What is public


def test_every_public_name_is_there_and_explained() -> None:
    for name in nnspec.__all__:
        value = getattr(nnspec, name)
        if callable(value):
            assert len(inspect.getdoc(value) or "") > 20, name


def test_exceptions_named_in_docstrings_are_public() -> None:
    for name in nnspec.__all__:
        value = getattr(nnspec, name)
        members = [value, *vars(value).values()] if inspect.isclass(value) else [value]
        for member in members:
            text = getattr(member, "__doc__", None) or ""
            for error in re.findall(r"\b[A-Z][a-zA-Z]+(?:Error|Interrupted)\b", text):
                if error != "ShapeError" and not hasattr(__builtins__, error):
                    assert hasattr(nnspec, error), f"{name} names {error}"


def test_what_is_public_is_imported_only_when_it_is_used() -> None:
    code = "import nnspec, sys; print([n for n in sys.modules if n.startswith('nnspec.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_summary_gives_the_layers_and_prints_a_table() -> None:
    summary = nnspec.summary(SPECS[0])
    assert summary.parameters == sum(layer.parameters for layer in summary.layers)
    assert f"{summary.parameters:,}" in str(summary)
    assert summary.layers[0].name in str(summary)
    assert "\x1b" not in str(summary)
    assert len(repr(summary)) < 120


def test_plot_gives_a_picture_and_writes_it(tmp_path: Path) -> None:
    picture = nnspec.plot(SPECS[0], tmp_path / "net.svg")
    assert (tmp_path / "net.svg").read_text(encoding="utf-8") == picture.svg
    assert picture.svg.startswith("<svg")
    assert len(repr(picture)) < 120


def test_predict_takes_an_exported_model(tmp_path: Path) -> None:
    import numpy as np

    spec = nnspec.loads(f"{HEADER}inputs: {{x: {{shape: [8]}}}}\nlayers: [{{type: softmax}}]\n")
    nnspec.export(spec, tmp_path / "net.onnx")
    predictions = nnspec.predict(tmp_path / "net.onnx", {"x": np.zeros((2, 8), np.float32)})
    assert predictions.rows == 2
    assert repr(predictions).startswith("<Predictions")
    assert "0.125" in predictions._repr_html_()


# YAML


def same(spec: nnspec.Spec, again: nnspec.Spec) -> None:
    assert again.sha256 == spec.sha256
    assert plain(again.model) == plain(spec.model)
    # What is written alike may not be alike: a resize to one number is of the shorter side.
    assert again.model.data == spec.model.data
    assert again.model.training == spec.model.training
    assert again.advice == spec.advice or [a.message for a in again.advice] == [
        a.message for a in spec.advice
    ]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_an_example_is_read_back_as_it_was(path: Path) -> None:
    spec = nnspec.load(path)
    text = spec.to_yaml()
    same(spec, nnspec.loads(text, path=path))
    assert nnspec.loads(text).to_yaml() == text


def test_every_example_of_a_layer_is_read_back_as_it_was() -> None:
    for shown in examples("layer", LAYERS).values():
        for text in shown:
            spec = nnspec.loads(HEADER + text)
            same(spec, nnspec.loads(spec.to_yaml()))


def test_what_is_built_in_python_is_written_as_people_write() -> None:
    model = nnspec.Model(
        name="Digits",
        variables={"width": 16, "names": [1, 2]},
        inputs={
            "image": nnspec.Input(shape=(1, 8, 8)),
            "lengths": nnspec.Input(shape=(), dtype="int64"),
        },
        blocks={
            "unit": nnspec.Block(
                variables={"filters": 4},
                layers=(
                    layers.Conv2D(filters=4, kernel_size=3, padding="same"),
                    layers.Relu(name="bent"),
                ),
                outputs="bent",
            )
        },
        layers=(
            layers.Conv2D(
                name="stem", inputs="image", filters=16, kernel_size=(3, 2),
                padding=[[1, 1], [0, 2]],
                activation=layers.LeakyRelu(negative_slope=0.2),
                kernel_initializer="he_normal", strides=2,
            ),
            nnspec.Call(type="unit", repeat=2, filters="${width}"),
            {"type": "flatten"},
            layers.Dense(name="scores", units=10, activation="relu"),
        ),
        outputs=["scores"],
        training=nnspec.Training(task="multiclass", loss="categorical_cross_entropy"),
    )  # fmt: skip
    text = model.to_yaml()
    lines = text.splitlines()
    assert lines[:4] == ["nnspec: 1", "name: Digits", "", "variables: {width: 16, names: [1, 2]}"]
    assert "  lengths: {shape: [], dtype: int64}" in lines
    assert "      - {type: conv2d, filters: 4, kernel_size: 3, padding: same}" in lines
    assert "    outputs: bent" in lines
    assert (
        "  - {name: stem, type: conv2d, inputs: image, filters: 16, kernel_size: [3, 2], "
        "strides: 2, padding: [[1, 1], [0, 2]], "
        "activation: {type: leaky_relu, negative_slope: 0.2}, kernel_initializer: he_normal}"
    ) in lines
    assert '  - {type: unit, repeat: 2, filters: "${width}"}' in lines
    assert lines[-4:] == [
        "",
        "outputs: scores",
        "",
        "training: {task: multiclass, loss: categorical_cross_entropy}",
    ]
    assert text.count("\n\n") == 6


TRICKY = [
    "yes", "no", "null", "~", "", "1e-3", "010", "0o17", "0x1F", "1_000", ".inf", "true", "a: b",
    "- a", "# no comment", "it's", '"quoted"', "line\nbreak", "tab\there", "\x07", "ü \u2028",
    "{a}", "[b", "*star", "&and", "!bang", "%percent", "@at", "`tick`", " leading", "trailing ",
    "1:30", "2020-01-01", "=", "<<", "?", "---", "...",
]  # fmt: skip
VALUES = [
    1,
    -3,
    0,
    1.5,
    1e-5,
    1e300,
    -0.0,
    True,
    False,
    None,
    [1, [2.0, "a"]],
    {"a": {"b": []}},
    {},
]


@pytest.mark.parametrize("value", [*TRICKY, *VALUES], ids=repr)
def test_every_value_is_read_back_as_itself(value: object) -> None:
    import yaml

    given = {"value": value, "inner": [{"of": value}]}
    model = nnspec.Model(
        name="Net",
        variables=given,
        inputs={"x": nnspec.Input(shape=(2,))},
        layers=({"type": "relu"},),
    )
    text = written(model)
    again = nnspec.loads(text).model.variables
    assert again == given
    assert [type(each) for each in again.values()] or True
    if isinstance(value, str):
        # Another reader, of YAML 1.1, reads the same text.
        assert yaml.safe_load(text)["variables"] == given


def test_what_yaml_has_not_is_refused() -> None:
    model = nnspec.Model(
        name="Net",
        variables={"a": object()},
        inputs={"x": nnspec.Input(shape=(2,))},
        layers=({"type": "relu"},),
    )
    with pytest.raises(nnspec.UsageError, match="a spec holds numbers, texts, lists and mappings"):
        model.to_yaml()


# Displays


class Page(HTMLParser):
    """Reads HTML: its text, and whether every element ends."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.said = ""
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data + "\n"


EVIL = "<script>alert(1)</script>\x1b[2J"


def report(passed: bool = True) -> Report:
    checks = [Check("forward", ("torch", EVIL), "float64", 1e-17, 1e-9, passed, EVIL, EVIL)]
    return Report(
        EVIL, "0" * 64, {}, 5, 1.0, checks, [NotChecked("export", ("onnx",), EVIL)], [EVIL]
    )


def a_run() -> nnspec.Run:
    history = tuple(Epoch(i + 1, {"loss": 1.0 / (i + 1), "val_loss": 0.5}, 0.1) for i in range(70))
    return nnspec.Run(
        Path(EVIL), "torch", history, 70, Path("best"), Path("last"), {"loss": 0.25}, (EVIL,)
    )


def a_spec() -> nnspec.Spec:
    return nnspec.loads(
        "nnspec: 1\nname: Net\ndescription: '<script>alert(1)</script>'\n"
        "inputs: {x: {shape: [8]}}\nlayers: [{type: dense, units: 3}, {type: softmax}]\n"
    )


SHOWN = [
    a_spec(),
    report(),
    report(False),
    a_run(),
    nnspec.summary(a_spec()),
    nnspec.plot(a_spec()),
]


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: type(shown).__name__)
def test_what_a_notebook_shows_is_whole_and_escaped(shown: Any) -> None:
    page = Page(shown._repr_html_())
    assert page.tags <= {
        "div", "b", "table", "tr", "td", "th", "img", "span", "details", "summary",
    }  # fmt: skip
    assert "\x1b" not in page.said
    assert len(repr(shown)) < 200
    assert repr(shown).startswith(f"<{type(shown).__name__} ")
    assert "\x1b" not in repr(shown)
    assert "\n" not in repr(shown)


@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
def test_a_compiled_spec_shows_as_one_line(backend: str) -> None:
    shown = repr(nnspec.compile(a_spec(), backend))
    assert re.fullmatch(rf"<{backend.capitalize()}Compiled Net: \d+ (lines|operators)>", shown)


def test_a_spec_shows_its_layers_with_shapes_and_parameters() -> None:
    spec = a_spec()
    assert repr(spec) == "<Spec Net: x (8,) -> softmax_1 (3,)>"
    said = Page(spec._repr_html_()).said
    assert "dense_1\ndense\n(3,)\n27\n" in said


def test_a_large_spec_is_shown_in_part() -> None:
    chain = ", ".join(["{type: relu}"] * 500)
    spec = nnspec.loads(f"{HEADER}inputs: {{x: {{shape: [8]}}}}\nlayers: [{chain}]\n")
    page = spec._repr_html_()
    assert "and 440 more" in page
    assert len(page) < 20_000


def test_a_report_shows_its_verdict_and_what_was_not_checked() -> None:
    assert repr(report()).endswith("verified, 1 of 1 checks passed, 1 not checked>")
    assert "not the same" in repr(report(False))
    said = Page(report(False)._repr_html_()).said
    assert "DIFFERS at" in said
    assert "exported ONNX in onnxruntime of onnx" in said
    assert "not checked: 1" in said


def test_a_verdict_is_read_on_light_and_dark_pages() -> None:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(a * b for a, b in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    for tone in TONES.values():
        assert 1.05 / (light(tone) + 0.05) >= 4.5  # of WCAG, for white on it
    assert f"background:{TONES['same']}" in report()._repr_html_()
    wrong = report(False)._repr_html_()
    assert f"background:{TONES['differs']}" in wrong
    assert "<details open><summary>every comparison" in wrong
    assert "<details><summary>every comparison" in report()._repr_html_()


def test_a_judgement_is_called_one() -> None:
    shown = repr(Judgement("Net", "0", {}, 0, against="net.onnx"))
    assert shown == "<Judgement Net: not compared, 0 of 0 checks passed>"


def test_a_run_shows_its_epochs_and_the_best() -> None:
    run = a_run()
    assert "70 epochs of torch, best 70 (loss 0.01429, val_loss 0.5)" in repr(run)
    assert "test rows: loss 0.25" in Page(run._repr_html_()).said


# Types


TYPED = """
import nnspec
from nnspec import layers

model = nnspec.Model(
    name="Net",
    inputs={"x": nnspec.Input(shape=[1, 8, "time"])},
    blocks={"unit": nnspec.Block(inputs="x", layers=[layers.Relu()], outputs=["relu_1"])},
    layers=[
        layers.Conv2D(filters=16, kernel_size=3, padding="same", activation="relu"),
        layers.Conv2D(filters=16, kernel_size=(3, 3), padding=1, strides=[2, 1]),
        layers.Conv2D(filters=16, kernel_size=3, padding=[[1, 0], [1, 0]], inputs="conv2d_1"),
        layers.Dense(units=3, kernel_initializer="he_normal", activation={"type": "elu"}),
        layers.Bidirectional(layer=layers.LSTM(units=3)),
        nnspec.Call(type="unit", repeat=2, filters=3),
    ],
    outputs="unit_1",
    training=nnspec.Training(task="multiclass", loss="mse", optimizer="adam", metrics=["mae"]),
    data=nnspec.Data(source="rows.csv", features={"x": "f*"}, target="y"),
)
size: tuple[int, ...] = layers.Conv2D(filters=3, kernel_size=3).kernel_size
"""
MISTYPED = """
from nnspec import layers
layers.Dense(unit=3)
layers.Dense(units="3")
layers.Conv2D(filters=3)
layers.Nothing()
"""


@pytest.mark.slow
def test_a_type_checker_takes_what_nnspec_takes_and_nothing_else(tmp_path: Path) -> None:
    from mypy import api

    (tmp_path / "typed.py").write_text(TYPED, encoding="utf-8")
    (tmp_path / "mistyped.py").write_text(MISTYPED, encoding="utf-8")
    settings = tmp_path / "mypy.ini"
    settings.write_text("[mypy]\nstrict = true\n", encoding="utf-8")
    common = ["--config-file", str(settings), "--cache-dir", str(tmp_path / "cache")]
    said, _, code = api.run([*common, str(tmp_path / "typed.py")])
    assert code == 0, said
    said, _, _ = api.run([*common, str(tmp_path / "mistyped.py")])
    assert re.findall(r"mistyped.py:(\d+): error", said) == ["3", "4", "5", "6"]


@pytest.mark.parametrize(
    "record", [nnspec.Model, nnspec.Block, nnspec.Call, nnspec.Input, nnspec.Training, nnspec.Data]
)
def test_what_a_type_checker_sees_of_a_record_is_what_it_takes(record: type[Any]) -> None:
    source = ast.parse(inspect.getsource(record))
    (written,) = (
        each
        for each in ast.walk(source)
        if isinstance(each, ast.FunctionDef) and each.name == "__init__"
    )
    seen = {
        argument.arg: default
        for argument, default in zip(written.args.kwonlyargs, written.args.kw_defaults, strict=True)
    }
    taken = inspect.signature(record).parameters
    assert seen.keys() == taken.keys()
    for name, default in seen.items():
        if default is None:
            assert taken[name].default is inspect.Parameter.empty
        else:
            assert ast.literal_eval(default) == taken[name].default
