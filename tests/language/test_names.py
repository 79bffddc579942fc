"""Every word may be a name; what a framework or the emitted code calls its own is spelt anew."""

from __future__ import annotations

import ast
import builtins
import json
import keyword
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.emit.names import BUILTINS, freed, given_back, snake
from nnspec.network.loader import loads
from nnspec_keras.defined import LOCAL
from nnspec_keras.module import TAKEN, function_name
from nnspec_torch.naming import (
    ATTRIBUTES,
    DEFINED,
    PARAMETERS,
    STEP,
    VARIABLES,
    attribute,
    canonical_name,
    class_name,
    state_name,
)

ROOT = Path(__file__).parents[2]
EVERYDAY = """
F K Net T activation args batch bias c classes cls data dropout dtype epoch h i image index input
inputs j k kernel keras kwargs label lambda_ layer layers loss max model n name nn np ops optimizer
order output outputs parameters parts path record requires_grad requires_grad_ rows scheduler self
shape state step sum target tf torch train type type_ type__ units value value_ values variables
vars weight weights x y z
""".split()  # noqa: SIM905 - a list of quoted words would be longer
DANGEROUS = [
    *("type", "lambda", "class", "train", "eval", "forward", "float", "input", "output", "loss"),
    *("weights", "path", "model", "optimizer", "target", "rows", "batch", "self", "layer", "nn"),
    *("F", "torch", "keras", "ops", "np", "x", "name", "math", "range", "requires_grad_"),
]


def of_a_fresh_module() -> set[str]:
    # In a process of its own: some packages give torch's modules more, as transformers does.
    command = "from torch import nn; print(*dir(nn.Module()))"
    listed = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    assert "forward" in listed.stdout, listed.stderr
    return {name for name in listed.stdout.split() if not name.startswith("_")}


def everyday_names() -> list[str]:
    """Names that Python, a framework, the emitted code or a person knows by another meaning."""
    import keras
    from torch import nn

    found = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *dir(nn.Module)}
    found |= {*dir(keras.Model), *dir(keras.layers.Layer), *dir(keras.layers.Dense(1))}
    found |= TAKEN | DEFINED | VARIABLES | PARAMETERS | STEP | ATTRIBUTES
    return sorted(name for name in found | set(EVERYDAY) if not name.startswith("_"))


def test_attributes_of_torch_modules_are_spelt_anew() -> None:
    public = of_a_fresh_module()
    assert not public & {attribute(name) for name in public | ATTRIBUTES}


def test_no_two_names_become_one() -> None:
    names = [name + "_" * i for name in everyday_names() for i in range(3)]
    names = list(dict.fromkeys(names))
    assert len({attribute(name) for name in names}) == len(names)
    assert [canonical_name(state_name(name)) for name in names] == names
    assert len({freed(name, VARIABLES) for name in names}) == len(names)
    assert [given_back(freed(name, TAKEN), TAKEN) for name in names] == names
    assert not {attribute(name) for name in names} & (ATTRIBUTES | {"requires_grad_"})


def test_what_need_not_change_stays() -> None:
    for name in (
        "input",
        "output",
        "loss",
        "weights",
        "path",
        "values",
        "order",
        "sum",
        "max",
        "c",
    ):
        assert attribute(name) == name
    assert attribute("type") == "type_"
    assert state_name("type.0.weight") == "type_.0.weight"


def test_builtins_that_emitted_functions_use_are_known() -> None:
    used: set[str] = set()
    for path in (ROOT / "tests" / "golden").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_class = isinstance(node, ast.ClassDef) and node.name not in TAKEN
            is_function = isinstance(node, ast.FunctionDef) and node.name in (
                "digits_cnn",
                "residual",
            )
            if is_class or is_function:
                used |= {
                    inner.id
                    for inner in ast.walk(node)
                    if isinstance(inner, ast.Name) and hasattr(builtins, inner.id)
                }
    assert used
    assert used <= BUILTINS


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("DigitsCNN", "digits_cnn"),
        ("MyCNNCell", "my_cnn_cell"),
        ("Net2Net", "net2_net"),
        ("already_snake", "already_snake"),
        ("Path", "path"),
    ],
)
def test_every_backend_makes_snake_case_alike(name: str, function: str) -> None:
    assert snake(name) == function
    spec = trained_spec(name=name)
    assert f"{function}.safetensors" in nnspec.compile(spec, "torch", training=True).source
    made = function_name(name)
    assert made.removesuffix("_model") == function
    assert f'"{made}.keras"' in nnspec.compile(spec, "keras", training=True).source


def trained_spec(**changes: Any) -> nnspec.Spec:
    spec: dict[str, Any] = {
        "nnspec": 1,
        "name": "Named",
        "inputs": {"given": {"shape": [3]}},
        "layers": [
            {"name": "scores", "type": "dense", "units": 3},
            {"name": "probabilities", "type": "softmax"},
        ],
        "training": {
            "task": "multiclass",
            "epochs": 1,
            "optimizer": {
                "type": "sgd",
                "learning_rate": {
                    "schedule": "exponential",
                    "initial": 0.1,
                    "factor": 0.9,
                    "steps": 10,
                },
            },
        },
    }
    spec |= changes
    features = {name: f"a_{name}" for name in spec["inputs"]}
    spec["data"] = {"source": "rows.npz", "features": features, "target": "labels"}
    return loads(json.dumps(spec), is_json=True)


def chained(names: list[str]) -> list[dict[str, Any]]:
    """Return a layer of each name, each taking the one before, some of them taken later too."""
    layers: list[dict[str, Any]] = []
    last = "given"
    for i, name in enumerate(names):
        kind = {"type": "dense", "units": 3} if i % 5 == 0 else {"type": "tanh"}
        layers.append({"name": name, "inputs": [last], **kind})
        last = name
    layers.append({"name": "joined_9", "type": "add", "inputs": [*names[::7], last]})
    layers.append({"name": "scores_9", "type": "dense", "units": 3})
    return [*layers, {"name": "probabilities_9", "type": "softmax"}]


def test_every_name_is_free_for_layers() -> None:
    names = [name for name in everyday_names() if name != "given"]
    spec = trained_spec(layers=chained(names))
    assert_alike(spec)


def test_every_name_is_free_for_inputs() -> None:
    names = everyday_names()
    layers = [
        {"name": "joined_9", "type": "concatenate", "inputs": names},
        {"name": "scores_9", "type": "dense", "units": 3},
        {"name": "probabilities_9", "type": "softmax"},
    ]
    spec = trained_spec(inputs={name: {"shape": [2]} for name in names}, layers=layers)
    assert_alike(spec)
    program = nnspec.compile(spec, "torch", training=True).build()
    arrays = inputs_of(spec)
    assert np.isfinite(program.train_step(arrays, np.zeros(4, "int64")))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "step", [1, pytest.param(6, marks=pytest.mark.slow)], ids=["dangerous", "all"]
)
def test_every_name_is_free_for_blocks_and_their_inputs_and_variables(step: int) -> None:
    known = {*nnspec.layers.LAYERS, "index", "inputs", "name", "repeat", "trainable", "type"}
    names = DANGEROUS[::4] if step == 1 else everyday_names()[::step]
    names = [name for name in names if name not in known]
    blocks: dict[str, Any] = {}
    layers: list[dict[str, Any]] = []
    last = "given"
    for i, name in enumerate(names):
        taken = names[i - 1]
        blocks[name] = {
            "variables": {name: 5, "rate": 0.5},
            "inputs": [taken],
            "layers": [
                {"name": name, "type": "dense", "units": f"${{{name}}}"},
                {"name": "bend_9", "type": "leaky_relu", "negative_slope": "${rate}"},
                {"name": "back_9", "type": "dense", "units": 3},
                {"name": "sum_9", "type": "add", "inputs": [taken, "back_9"]},
            ],
        }
        layers.append({"name": f"u{i}", "type": name, "inputs": [last], name: 4, "rate": 0.1})
        layers.append({"name": f"w{i}", "type": name, name: 6, "rate": 0.2, "repeat": 2})
        last = f"w{i}"
    layers += [{"name": "d_9", "type": "dense", "units": 3}, {"name": "p_9", "type": "softmax"}]
    spec = trained_spec(blocks=blocks, layers=layers, variables=dict.fromkeys(names, 3))
    assert_alike(spec)


@pytest.mark.parametrize("step", [40, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "all"])
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_every_name_is_free_for_networks(backend: str, step: int) -> None:
    for name in everyday_names()[::step]:
        for spelt in {name, name[0].upper() + name[1:]}:
            compiled = nnspec.compile(trained_spec(name=spelt), backend, training=True)
            tree = ast.parse(compiled.source)
            made = [node.name for node in tree.body if hasattr(node, "name")]
            assert len(made) == len(set(made)), spelt
            name_of = class_name if backend == "torch" else partial(function_name, taken=LOCAL)
            assert name_of(spelt) in made


def inputs_of(spec: nnspec.Spec, rows: int = 4) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        name: rng.normal(size=(rows, *type_.shape)).astype("float32")
        for name, type_ in spec.graph.inputs.items()
    }


def assert_alike(spec: nnspec.Spec) -> None:
    """Whether all three backends compile it, give the same, and keep the names of the spec."""
    arrays = inputs_of(spec)
    answers = []
    for backend in ("torch", "keras", "onnx"):
        program = nnspec.compile(spec, backend).build()
        answers.append(next(iter(program.forward(arrays).values())))
    np.testing.assert_allclose(answers[1], answers[0], atol=1e-5)
    np.testing.assert_allclose(answers[2], answers[0], atol=1e-5)
    names = {name for name, _ in spec.graph.parameters()}
    assert nnspec.compile(spec, "torch").build().weights().keys() == names  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_the_emitted_script_trains_a_network_of_such_names(backend: str, tmp_path: Path) -> None:
    spec = trained_spec(
        inputs={f"{name}_" if name == "given" else name: {"shape": [3]} for name in DANGEROUS[10:]},
        layers=[
            {"name": "given", "type": "add", "inputs": DANGEROUS[10:]},
            *chained(DANGEROUS[:10]),
        ],
    )
    arrays = {f"a_{name}": array for name, array in inputs_of(spec, 16).items()}
    np.savez(tmp_path / "rows.npz", **arrays, labels=np.arange(16) % 3)
    program = tmp_path / "program.py"
    program.write_text(nnspec.compile(spec, backend, training=True).source, encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "check", "--isolated", "-q", str(program)], check=True)
    subprocess.run([*ruff, "format", "--isolated", "--check", "-q", str(program)], check=True)
    ending = {"torch": "safetensors", "keras": "keras"}[backend]
    first, second = (["--output", f"{name}.{ending}"] for name in ("one", "two"))
    for more in ([*first], ["--weights", f"one.{ending}", *second]):
        run = subprocess.run(
            [sys.executable, str(program), *more], cwd=tmp_path, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
    if backend == "torch":
        from safetensors.numpy import load_file

        stored = load_file(tmp_path / "one.safetensors")
        assert {name for name, _ in spec.graph.parameters()} <= stored.keys()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(6))
def test_networks_of_such_names_are_verified(part: int) -> None:
    names = [name for name in everyday_names() if name != "given"][part::6]
    report = nnspec.verify(trained_spec(layers=chained(names)), exporters=False)
    assert report.passed, report


def test_weights_written_before_are_known_by_the_names_of_the_spec(tmp_path: Path) -> None:
    spec = trained_spec(layers=chained(["type", "lambda", "type_"]))
    program = nnspec.compile(spec, "torch").build()
    weights = program.weights()  # type: ignore[attr-defined]
    assert "type.weight" in weights
    keras = nnspec.compile(spec, "keras").build(weights)
    arrays = inputs_of(spec)
    for name, array in program.forward(arrays).items():
        np.testing.assert_allclose(keras.forward(arrays)[name], array, atol=1e-6)


NAMES_IN_BLOCKS = """nnspec: 1
name: my-net
inputs:
  2nd: {shape: [4, "a b"]}
variables: {w-1: 3}
blocks:
  conv-block:
    variables: {a-b: 3}
    inputs: [the x]
    layers:
      - {name: one, type: dens, units: "${a-b}"}
      - {name: t w o, type: dense, units: 3}
      - {name: one, type: relu}
  other:
    layers:
      - {name: "3", type: relu}
layers:
  - {name: a b, type: dense, units: 8, inputs: 2nd}
  - {type: conv-block}
"""


def test_every_wrong_name_of_a_file_is_reported_at_once() -> None:
    with pytest.raises(nnspec.SpecError) as caught:
        loads(NAMES_IN_BLOCKS)
    found = [(p.code, p.mark.line + 1) for p in caught.value.problems if p.mark is not None]
    bad = {line for code, line in found if code == "bad-name"}
    assert bad == {2, 4, 5, 7, 8, 9, 12, 16, 18}
    assert ("duplicate-name", 13) in found


def test_the_page_lists_what_is_refused() -> None:
    from nnspec.language.document import CALL_KEYS

    page = (ROOT / "docs" / "spec-language.md").read_text(encoding="utf-8")
    (row,) = (line for line in page.splitlines() if line.startswith("| a variable of a block"))
    assert set(re.findall(r"`(\w+)`", row.split("|")[1])) == CALL_KEYS
    for key in sorted(CALL_KEYS):
        text = (
            f"nnspec: 1\nname: Net\ninputs: {{a: {{shape: [2]}}}}\n"
            f"blocks: {{b: {{variables: {{{key}: 3}}, layers: [{{type: relu}}]}}}}\n"
            "layers: [{type: b}]\n"
        )
        with pytest.raises(nnspec.SpecError, match="reserved-name"):
            loads(text)


def test_a_wrong_name_is_mended_wherever_it_is_used() -> None:
    from nnspec.language.edits import applied

    text = NAMES_IN_BLOCKS.replace("dens,", "dense,").replace("name: one, type: relu", "type: relu")
    with pytest.raises(nnspec.SpecError) as caught:
        loads(text)
    fixes = [problem.fix for problem in caught.value.problems if problem.code == "bad-name"]
    edits = [edit for fix in fixes if fix is not None for edit in fix.edits]
    mended = applied(text, list(dict.fromkeys(edits)))
    assert "type: conv_block" in mended
    assert "${a_b_}" in mended  # an axis is called a b
    with pytest.raises(nnspec.SpecError) as caught:
        loads(mended)
    assert {problem.code for problem in caught.value.problems} <= {
        "unused-block",
        "unused-layer",
        "shape-mismatch",
    }


@pytest.mark.parametrize("name", ["x", "inputs", "data", "logits", "rows", "path", "order"])
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_an_input_may_have_an_everyday_name(name: str, backend: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", rows=np.ones((8, 3)), labels=np.arange(8) % 2)
    spec = {
        "nnspec": 1,
        "name": "Small",
        "inputs": {name: {"shape": [3]}},
        "layers": [
            {"name": "first", "type": "dense", "units": 3, "activation": "relu"},
            {"name": "total", "type": "add", "inputs": [name, "first"]},
            {"name": "scores", "type": "dense", "units": 2},
            {"name": "probabilities", "type": "softmax"},
        ],
        "data": {"source": "rows.npz", "features": {name: "rows"}, "target": "labels"},
        "training": {"task": "multiclass", "epochs": 1},
    }
    path = tmp_path / "small.json"
    path.write_text(json.dumps(spec))
    run = nnspec.train(path, backend, tmp_path / "run")
    assert run.history


def test_layers_of_such_names_are_frozen_by_them() -> None:
    spec = loads(
        """nnspec: 1
name: Frozen
inputs: {lambda: {shape: [4]}}
freeze: [forward.*]
blocks:
  train:
    layers:
      - {name: type, type: dense, units: 4, use_bias: false}
      - {name: eval, type: batch_normalization}
layers:
  - {name: forward, type: train, repeat: 2}
  - {name: float, type: dense, units: 4, trainable: false}
  - {name: again, type: shared, layer: float}
  - {name: in, type: dense, units: 3}
"""
    )
    program = nnspec.compile(spec, "torch").build()
    open_names = {name for name, p in program.model.named_parameters() if p.requires_grad}  # type: ignore[attr-defined]
    assert {canonical_name(name) for name in open_names} == {"in.weight", "in.bias"}
    assert_alike(spec)


@pytest.mark.parametrize("size", ["4 * height", "w/2", "height % 4"])
def test_an_axis_that_is_a_computation_is_refused_and_not_renamed(size: str) -> None:
    text = (
        f"nnspec: 1\nname: Net\ninputs: {{x: {{shape: [3, '{size}']}}}}\nlayers: [{{type: relu}}]\n"
    )
    with pytest.raises(nnspec.SpecError) as caught:
        nnspec.loads(text)
    (problem,) = caught.value.problems
    assert problem.fix is None
    assert "name the axis" in problem.hint
