"""Blocks that ship with nnspec: each is the same everywhere, and a spec may replace it."""

from __future__ import annotations

import ast
from typing import Any

import pytest

import nnspec
from nnspec import verify
from nnspec.language.source import parse
from nnspec.library import BLOCKS, FOLDER, _blocks_of, find_block
from nnspec.network.loader import Spec

Shape = tuple[int | str, ...]

IMAGE: Shape = (6, 8, 8)
SMALL: dict[str, object] = {"width": 4, "heads": 2, "hidden": 6}
CASES: dict[str, tuple[list[Shape], dict[str, object]]] = {
    "residual_basic": ([IMAGE], {"filters": 6}),
    "residual_basic_projected": ([IMAGE], {"filters": 4}),
    "residual_bottleneck": ([IMAGE], {"filters": 3, "expansion": 2}),
    "residual_bottleneck_projected": ([IMAGE], {"filters": 3, "expansion": 2}),
    "dense_layer": ([IMAGE], {"growth": 2}),
    "dense_block": ([IMAGE], {"growth": 2, "depth": 3}),
    "dense_transition": ([IMAGE], {"filters": 3}),
    "unet_convolutions": ([IMAGE], {"filters": 3}),
    "unet_down": ([IMAGE], {"filters": 3}),
    "unet_up": ([(6, 4, 4), (3, 8, 8)], {"filters": 3}),
    "inverted_residual": ([IMAGE], {"filters": 6, "expansion": 2}),
    "inverted_residual_entry": ([IMAGE], {"hidden": 8, "filters": 4}),
    "squeeze_and_excitation": ([IMAGE], {"filters": 6, "squeezed": 2}),
    "convnext_block": ([IMAGE], {"filters": 6, "expansion": 2, "scale": 0.5}),
    "convnext_downsample": ([IMAGE], {"filters": 4}),
    "mixer_layer": ([(5, 4)], {"tokens": 5, "width": 4, "token_hidden": 3, "hidden": 6}),
    "transformer_encoder_pre_norm": ([(5, 4)], SMALL),
    "transformer_encoder_post_norm": ([(5, 4)], SMALL),
    "transformer_decoder_pre_norm": ([("time", 4), (5, 4)], SMALL),
    "transformer_decoder_post_norm": ([("time", 4), (5, 4)], SMALL),
}
"""Shapes of the inputs, and variables."""


def one_block(name: str, shapes: list[Shape], given: dict[str, object], **more: Any) -> Spec:
    inputs = {f"input{i}": {"shape": list(shape)} for i, shape in enumerate(shapes)}
    use = {"name": "used", "type": name, "inputs": list(inputs), **given}
    model = nnspec.Model(name="Net", inputs=inputs, layers=[use], **more)  # type: ignore[arg-type]
    return nnspec.check(model)


@pytest.mark.usefixtures("network_alone")
@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize("name", BLOCKS)
def test_block_is_the_same_everywhere(name: str, data_format: str) -> None:
    if name == "convnext_block" and data_format == "channels_first":
        pytest.skip("its scale is along the last axis, the channels")
    shapes, variables = CASES[name]
    if data_format == "channels_last":
        if not any(len(shape) == 3 for shape in shapes):
            pytest.skip("no image")
        shapes = [(*shape[1:], shape[0]) for shape in shapes]
    spec = one_block(name, shapes, variables, data_format=data_format)
    report = verify(spec, steps=1, exporters=False)
    assert report.passed, report.to_json()


MASKED: list[tuple[str, dict[str, Shape], dict[str, object]]] = [
    ("transformer_encoder_pre_norm", {"key_padding": ("time",)}, {"causal": True}),
    (
        "transformer_encoder_post_norm",
        {"mask": ("time", "time"), "key_padding": ("time",)},
        {"repeat": 2},
    ),
    ("transformer_decoder_pre_norm", {"memory_key_padding": (5,), "mask": ("time", "time")}, {}),
    ("transformer_decoder_post_norm", {"memory_mask": ("time", 5), "key_padding": ("time",)}, {}),
]


@pytest.mark.usefixtures("network_alone")
@pytest.mark.parametrize(
    ("name", "masks", "more"),
    [pytest.param(*row, marks=pytest.mark.slow if i else ()) for i, row in enumerate(MASKED)],
)
def test_transformer_layers_take_masks_by_name(
    name: str, masks: dict[str, Shape], more: dict[str, object]
) -> None:
    sequences: dict[str, Any] = {"x": {"shape": ["time", 4]}}
    if "decoder" in name:
        sequences["memory"] = {"shape": [5, 4]}
    given = {f"the_{key}": {"shape": list(shape), "dtype": "bool"} for key, shape in masks.items()}
    use = {"name": "used", "type": name, "inputs": list(sequences), **SMALL, **more}
    use |= {key: f"the_{key}" for key in masks}
    end = {"name": "end", "type": "dense", "units": 2}
    model = nnspec.Model(name="Net", inputs=sequences | given, layers=[use, end])
    report = verify(nnspec.check(model), steps=1, exporters=False)
    assert report.passed, report.to_json()


def test_the_table_names_every_block_of_every_file() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")}
    assert set(BLOCKS.values()) == files
    for file in files:
        names = [name for name, home in BLOCKS.items() if home == file]
        assert list(parse((FOLDER / file).read_text(encoding="utf-8"))) == names
    assert CASES.keys() == BLOCKS.keys()


def test_every_variable_has_a_default_and_a_use() -> None:
    for name, file in BLOCKS.items():
        text = (FOLDER / file).read_text(encoding="utf-8")
        block = find_block(name)
        assert block is not None
        for variable, value in block.variables.items():
            assert value is not None
            assert f"{variable}" in text.replace(f"{variable}:", "")


def test_a_spec_replaces_a_block_also_inside_others() -> None:
    tanh = {"layers": [{"type": "tanh"}]}
    spec = one_block("dense_block", [(2, 4, 4)], {}, blocks={"dense_layer": {
        "variables": {"growth": 1, "bottleneck": 1, "epsilon": 1},
        "layers": [{"type": "relu"}, {"type": "inner"}],
    }, "inner": tanh})  # fmt: skip
    assert {at.node.layer.type for at in spec.graph.walk()} == {"relu", "tanh"}


def test_reading_a_spec_that_uses_none_opens_no_file() -> None:
    _blocks_of.cache_clear()
    nnspec.loads("{nnspec: 1, name: N, inputs: {x: {shape: [2]}}, layers: [{type: relu}]}")
    assert _blocks_of.cache_info().misses == 0


def test_a_block_sees_no_variable_of_the_spec() -> None:
    spec = one_block("residual_basic", [(64, 4, 4)], {}, variables={"filters": 3})
    assert dict(spec.graph.parameters())["used.conv1.weight"].shape == (64, 64, 3, 3)


def test_a_mistake_stands_where_the_spec_uses_the_block() -> None:
    text = """
nnspec: 1
name: Net
inputs: {x: {shape: [6, 8, 8]}}
blocks:
  outer:
    layers:
      - {type: dense_block}
      - {type: residual_basic, filters: 5}
layers:
  - {type: outer}
"""
    with pytest.raises(nnspec.SpecError) as caught:
        nnspec.loads(text, path="net.yaml")
    (problem,) = caught.value.problems
    assert problem.mark is not None
    assert problem.mark.line == 8
    assert problem.file == "net.yaml"
    assert problem.excerpt == "      - {type: residual_basic, filters: 5}"
    assert problem.message.endswith("(line 14 of nnspec/library/residual.yaml)")
    assert "(line " not in problem.message[:-50]


def test_advice_stands_where_the_spec_uses_the_block() -> None:
    text = """
nnspec: 1
name: Net
inputs: {x: {shape: [6, 8, 8]}}
layers:
  - {type: relu}
  - {type: residual_basic, filters: 6}
  - {type: batch_normalization}
"""
    spec = nnspec.loads(text)
    marks = {at.node.mark for at in spec.graph.walk() if at.path.startswith("residual_basic_1.")}
    assert [mark.line for mark in marks if mark] == [6]


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(nnspec.SpecError, match='did you mean "residual_basic"'):
        one_block("residual_basik", [IMAGE], {})


@pytest.mark.parametrize(
    ("variables", "message"),
    [({"widht": 2}, 'no variable "widht"; did you mean "width"'), ({"width": 0}, "more than 0")],
)
def test_loading_with_other_variables(variables: dict[str, object], message: str) -> None:
    text = """
nnspec: 1
name: Net
variables: {width: 3}
inputs: {x: {shape: [6]}}
layers: [{type: dense, units: "${width}"}]
"""
    spec = nnspec.loads(text, variables={"width": 5})
    assert spec.graph.types["dense_1"].shape == (5,)
    with pytest.raises(nnspec.NnspecError, match=message):
        nnspec.loads(text, variables=variables)


def test_setting_a_variable_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    from nnspec.cli import main
    from tests.golden_files import ROOT

    spec = str(ROOT / "specs" / "zoo" / "lenet5.yaml")
    for given, code, text in (
        ("classes=4", 0, "(4,)"),
        ("classes", 2, "is not NAME=VALUE"),
        ("classes=[1", 2, "classes=[1"),
        ("width=0", 2, "more than 0"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["summary", spec, "--set", given])
        assert ended.value.code == code
        captured = capsys.readouterr()
        assert text in captured.out + captured.err


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_description_is_a_docstring_and_nothing_more(backend: str) -> None:
    harmful = 'Ends \\""" here.\nimport os  # {x} ' + "long " * 30
    block = {"description": harmful, "layers": [{"type": "dense", "units": 3}]}
    spec = one_block("inner", [(4,)], {}, blocks={"inner": block}, description=harmful)
    source = nnspec.compile(spec, backend).source
    documented = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node)
    ]
    assert len(documented) == 2
    assert "import os" not in [line.strip() for line in source.splitlines()]
    nnspec.compile(spec, backend).build()
