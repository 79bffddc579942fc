"""Mistakes that only follow from another are left out, and what never trains is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import nnspec
from nnspec.cli import main
from nnspec.errors import Problem
from nnspec.network.loader import loads

HEAD = "nnspec: 1\nname: Net\n"


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(nnspec.SpecError) as caught:
        loads(text)
    return list(caught.value.problems)


def test_what_a_merge_key_is_in_variables() -> None:
    rest = "inputs: {x: {shape: [4]}}\nlayers: [{type: relu}]\n"
    text = f"{HEAD}variables:\n  <<: {{a: 1}}\n{rest}"
    assert "merge keys" in problems_of(text)[0].hint


def test_another_version_of_yaml_is_no_silent_matter() -> None:
    text = f"{HEAD}inputs: {{x: {{shape: [4]}}}}\nlayers: [{{type: relu}}]\n"
    (problem,) = problems_of(f"%YAML 1.1\n---\n{text}")
    assert "YAML 1.2 is read" in problem.message
    loads(f"%YAML 1.2\n---\n{text}")


@pytest.mark.parametrize(
    ("layers", "code"),
    [
        ("[{type: dense, units: 3}, {type: add, inputs: [dense_1, b]}]", "missing-input"),
        ("[{type: dense, units: 3, inputs: a, maks: b}]", "unknown-key"),
        ("[{type: dense, units: 3, inputs: a, masks: [b]}]", "unknown-key"),
        ("[{type: multi_head_attention, num_heads: 2, inputs: a, attn_mask: b}]", "unknown-key"),
    ],
)
def test_an_input_that_a_broken_layer_names_is_not_unused(layers: str, code: str) -> None:
    inputs = "inputs: {a: {shape: [3, 4]}, b: {shape: [3, 3]}}"
    assert [p.code for p in problems_of(f"{HEAD}{inputs}\nlayers: {layers}\n")] == [code]


def test_an_input_that_nothing_names_is_unused_beside_another_mistake() -> None:
    found = problems_of(
        f"{HEAD}inputs: {{a: {{shape: [4]}}, b: {{shape: [4]}}}}\n"
        "layers: [{type: dense, unit: 3, inputs: a}]\n"
    )
    assert [problem.code for problem in found] == ["unused-input", "unknown-key"]


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (("layers:", "outputs: [a, b]\nlayers:"), "not-trainable", "2 outputs"),
        (("features: {x: [c]}", "features: {}"), "not-trainable", "says nothing of"),
        (("units: 1", "units: 2"), "not-trainable", "one column, and the network gives (2,)"),
        (("shape: [4]", "shape: [time, 4]"), "not-trainable", "cannot be standardised"),
        (("rows.csv", "none.csv"), "wrong-data", "no such file"),
        (("rows.csv", "folder.csv"), "wrong-data", "is a folder"),
    ],
)
def test_check_advises_of_what_never_trains(
    tmp_path: Path, change: tuple[str, str], code: str, said: str
) -> None:
    text = (
        f"{HEAD}inputs: {{x: {{shape: [4]}}}}\n"
        "layers: [{name: a, type: dense, units: 3, activation: relu},\n"
        "  {name: b, type: dense, units: 1}]\n"
        "data: {source: rows.csv, features: {x: [c]}, target: t, standardize: true}\n"
        "training: {task: regression}\n"
    )
    (tmp_path / "rows.csv").write_text("c,t\n1,2\n")
    (tmp_path / "folder.csv").mkdir()
    path = tmp_path / "net.yaml"
    path.write_text(text)
    assert "advice" not in CliRunner().invoke(main, ["check", str(path)]).stdout
    path.write_text(text.replace(*change))
    result = CliRunner().invoke(main, ["check", str(path)])
    assert result.exit_code == 0
    assert f"advice[{code}]" in result.stdout
    assert said in result.stdout


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_programs_train_alike_whatever_they_were_compiled_with(backend: str) -> None:
    text = f"{HEAD}inputs: {{x: {{shape: [2]}}}}\nlayers: [{{type: dense, units: 3}}]\n"
    x, target = {"x": np.ones((4, 2), "float32")}, np.zeros((4, 3), "float32")
    without = nnspec.compile(loads(text), backend).build()
    with pytest.raises(nnspec.UsageError, match="no `training` section"):
        without.train_step(x, target)  # type: ignore[attr-defined]
    spec = loads(f"{text}training: {{task: regression, optimizer: sgd}}\n")
    losses = [
        nnspec.compile(spec, backend, training=training).build().train_step(x, target)  # type: ignore[attr-defined]
        for training in (False, True)
    ]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("kind", ["LOSSES", "OPTIMIZERS"])
def test_what_a_backend_cannot_train_with_is_said(
    monkeypatch: pytest.MonkeyPatch, backend: str, kind: str
) -> None:
    from importlib import import_module

    module = import_module(
        f"nnspec_{backend}.{'parameter_groups' if kind == 'OPTIMIZERS' else 'training'}"
    )
    monkeypatch.setattr(module, kind, {})
    spec = loads(
        f"{HEAD}inputs: {{x: {{shape: [2]}}}}\nlayers: [{{type: dense, units: 3}}]\n"
        "training: {task: regression}\n"
    )
    program = nnspec.compile(spec, backend).build()
    with pytest.raises(nnspec.UnsupportedError, match=r"mse|adam"):
        program.loss({"x": np.ones((4, 2), "float32")}, np.zeros((4, 3), "float32"))  # type: ignore[attr-defined]


def test_a_folder_of_a_run_behind_a_dangling_link(tmp_path: Path) -> None:
    link = tmp_path / "runs"
    link.symlink_to(tmp_path / "nowhere")
    example = Path(__file__).parents[2] / "specs" / "simple_nn.yaml"
    with pytest.raises(nnspec.UsageError, match="is a link to"):
        nnspec.train(example, "torch", link / "one")


@pytest.mark.parametrize(
    ("layers", "is_told"),
    [
        (["{type: sqrt}"], True),
        (["{type: log}"], True),
        (["{type: reciprocal}"], True),
        (["{type: power, exponent: 0.5}"], True),
        (["{type: power, exponent: 2.0}"], False),
        (["{type: exp}"], False),
        (["{type: clip, min_value: 0.001, max_value: 9.0}", "{type: sqrt}"], False),
    ],
)
def test_check_tells_of_a_gradient_of_what_is_not_chosen(layers: list[str], is_told: bool) -> None:
    last = layers[-1].replace("{", "{name: branch, ")
    text = (
        f"{HEAD}inputs: {{x: {{shape: [4]}}}}\nlayers:\n  - {{name: d, type: dense, units: 1}}\n"
        + "".join(f"  - {item}\n" for item in [*layers[:-1], last])
        + "  - {name: c, type: greater, value: 0.0, inputs: d}\n"
        + "  - {type: where, inputs: [c, branch, d]}\n"
    )
    assert not loads(text).advice
    advice = loads(f"{text}training: {{task: regression}}\n").advice
    assert [each.code for each in advice] == ["unchosen-gradient"] * is_told
