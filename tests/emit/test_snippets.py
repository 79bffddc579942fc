"""Definitions that emitted files copy, tested where they stand."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnspec.emit.snippets import snippets, with_used
from nnspec_keras.helpers import HELPERS as OF_KERAS
from nnspec_torch.helpers import HELPERS as OF_TORCH

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "nnspec.emit.emitted": ROOT / "nnspec" / "emit" / "emitted",
    "nnspec_torch.emitted": ROOT / "backends" / "nnspec_torch" / "emitted",
    "nnspec_keras.emitted": ROOT / "backends" / "nnspec_keras" / "emitted",
}
FILES = [
    (package, path.stem)
    for package, folder in FOLDERS.items()
    for path in sorted(folder.glob("[a-z]*.py"))
]


@pytest.mark.parametrize(("package", "module"), FILES)
def test_a_definition_is_copied_as_it_stands(package: str, module: str) -> None:
    found = snippets(package, module)
    assert found
    for name, snippet in found.items():
        standing = getattr(import_module(f"{package}.{module}"), name)
        assert inspect.getsource(standing).rstrip() == snippet.text


@pytest.mark.parametrize(("package", "module"), FILES)
def test_a_file_has_helpers_of_networks_or_parts_of_programs(package: str, module: str) -> None:
    helpers = {"nnspec_torch.emitted": OF_TORCH, "nnspec_keras.emitted": OF_KERAS}.get(package, {})
    names = set(snippets(package, module))
    assert names <= set(helpers) or names.isdisjoint(helpers)


def test_no_class_or_function_stands_in_a_string() -> None:
    for folder in ("nnspec", "backends"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    assert not _defines(node.value), f"{path}:{node.lineno}"


def _defines(text: str) -> bool:
    """Whether a text of several lines has a definition, its fields perhaps still to be filled."""
    lines = text.splitlines()
    return len(lines) > 1 and any(
        line.lstrip().startswith(("class ", "def ")) and line.rstrip().endswith((":", "(", ","))
        for line in lines
    )


def test_a_definition_in_a_string_is_seen() -> None:
    assert _defines("class A(B):\n    x = {x}")
    assert _defines("@kept\ndef f(\n    x,\n):\n    return {x}")
    assert not _defines("def f({arguments}):")
    assert not _defines("A class of its own:\nand no definition.")


def test_a_definition_knows_what_it_uses() -> None:
    backwards = OF_TORCH["run_backwards"]
    assert backwards.uses == {"Tensor", "nn", "reverse_steps", "run_recurrent"}
    assert backwards.imports == {
        "Tensor": ("torch", "from torch import Tensor"),
        "nn": ("torch", "from torch import nn"),
    }
    assert with_used(["run_backwards"], OF_TORCH) == {
        "run_backwards",
        "run_recurrent",
        "reverse_steps",
    }
    assert OF_KERAS["Resize"].imports["np"] == ("numpy", "import numpy as np")
    numbers = snippets("nnspec.emit.emitted", "csv_rows", "columns")["numbers"]
    assert numbers.uses >= {"column", "where"}
    assert "column" not in numbers.imports


@pytest.mark.parametrize("known", [OF_TORCH, OF_KERAS])
def test_twins_differ_in_their_number_of_axes_alone(known: Any) -> None:
    """Definitions stand alone in an emitted file, so twins are written out: they stay alike."""
    twins = {name: text for name in known for text in [known[name].text] if name[-2:-1].isdigit()}
    pairs = 0
    for name, text in twins.items():
        other = known.get(f"{name[:-2]}{int(name[-2]) + 1}{name[-1]}")
        if other is not None:
            pairs += 1
            number, more = name[-2], str(int(name[-2]) + 1)
            same = text
            for letter in "dD":
                same = same.replace(f"{number}{letter}", f"{more}{letter}")
            sizes = other.text.replace("int | tuple[int, int]", "int")
            assert sizes == same
    assert pairs == (1 if known is OF_TORCH else 7)


@pytest.mark.parametrize("law", ["glorot_uniform", "glorot_normal", "he_uniform", "he_normal"])
def test_laws_have_the_deviation_of_their_fans(law: str) -> None:
    import torch

    fans = (30, 50) if law.startswith("glorot") else (40,)
    tensor = torch.empty(200, 200, dtype=torch.float64)
    torch.manual_seed(0)
    getattr(import_module("nnspec_torch.emitted.initializers"), f"{law}_")(tensor, *fans)
    drawn = getattr(import_module("nnspec_keras.emitted.initializers"), law)(*fans)
    drawn.seed = 0
    other = np.asarray(drawn((200, 200), dtype="float32"))
    expected = (2 / 80 if law.startswith("glorot") else 2 / 40) ** 0.5
    for values in (tensor.numpy(), other):
        assert values.std() == pytest.approx(expected, rel=0.02)
        assert np.abs(values).max() <= (1.74 if law.endswith("uniform") else 2.28) * expected


def test_gated_and_bent_activations_in_both_frameworks() -> None:
    import torch

    x = np.linspace(-3, 3, 24).reshape(2, 3, 4)
    value, gate = x[..., :2], x[..., 2:]
    expected = value / (1 + np.exp(-value)) * gate
    gated = import_module("nnspec_torch.emitted.gated").swiglu(torch.from_numpy(x))
    of_keras = import_module("nnspec_keras.emitted.activations")
    np.testing.assert_allclose(gated.numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(of_keras.swiglu(x)), expected, rtol=1e-12)
    np.testing.assert_allclose(
        np.asarray(of_keras.many_axes_softmax(x)),
        torch.from_numpy(x).softmax(-1).numpy(),
        rtol=1e-12,
    )
    gelu = import_module("nnspec_keras.emitted.gelu")
    for function, approximate in ((gelu.gelu, "none"), (gelu.gelu_tanh, "tanh")):
        same = torch.nn.functional.gelu(torch.from_numpy(x), approximate=approximate)
        np.testing.assert_allclose(np.asarray(function(x)), same.numpy(), rtol=1e-12)


def test_recurrent_layers_run_backwards_over_the_steps_of_each_row() -> None:
    import torch

    recurrent = import_module("nnspec_torch.emitted.recurrent")
    x = torch.arange(12.0).reshape(2, 6, 1)
    assert recurrent.reverse_steps(x)[0, :, 0].tolist() == [5, 4, 3, 2, 1, 0]
    lengths = torch.tensor([2, 6])
    assert recurrent.reverse_steps(x, lengths)[0, :2, 0].tolist() == [1, 0]
    torch.manual_seed(0)
    rnn = torch.nn.LSTM(1, 3, batch_first=True)
    output, state, cell = recurrent.run_backwards(rnn, x, lengths=lengths)
    expected, (last, cells) = rnn(x[:1, [1, 0]])
    torch.testing.assert_close(output[:1], expected[:, -1])
    torch.testing.assert_close((state[:1], cell[:1]), (last[0], cells[0]))


def test_the_coefficient_of_determination_of_each_column() -> None:
    import torch

    r2 = import_module("nnspec_torch.emitted.program").r2
    target = torch.tensor([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    assert r2(target, target).item() == 1.0
    output = torch.tensor([[2.0, 5.0], [2.0, 5.0], [2.0, 5.0]])
    assert r2(output, target).item() == pytest.approx(0.5)


def test_rows_in_a_shape_of_fixed_and_of_dynamic_sizes() -> None:
    fixed = import_module("nnspec.emit.emitted.fixed_shapes").shaped
    dynamic = import_module("nnspec.emit.emitted.dynamic_shapes").shaped
    rows = np.arange(12.0).reshape(2, 6)
    for shaped in (fixed, dynamic):
        assert shaped(rows, [2, 3], "x").shape == (2, 2, 3)
        assert shaped(rows, [1, 6], "x").shape == (2, 1, 6)
        with pytest.raises(ValueError, match=r"x is \[6\] a row, and \[5\] is expected"):
            shaped(rows, [5], "x")
    assert dynamic(rows, ["time", 2], "x").shape == (2, 3, 2)


def test_an_order_depends_on_its_key_alone() -> None:
    permutation = import_module("nnspec.emit.emitted.order").permutation
    first = permutation(50, "order", 0, 1)
    assert sorted(first) == list(range(50))
    assert (first == permutation(50, "order", 0, 1)).all()
    assert (first != permutation(50, "order", 0, 2)).any()


def test_rows_are_prepared_with_and_without_a_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    preparing = import_module("nnspec.emit.emitted.preparing")
    rows = np.array([[1.0, 5.0], [3.0, 5.0]])
    record = {"inputs": {"x": {"dtype": "float32", **preparing.standard(rows)}}}
    (values,) = preparing.prepared({"x": rows}, record)
    assert values.tolist() == [[-1.0, 0.0], [1.0, 0.0]]
    monkeypatch.setattr(preparing, "IS_STANDARDISED", False)
    assert preparing.prepared({"x": rows}, record)[0].tolist() == rows.tolist()


def test_the_names_of_a_script_hold_what_its_definitions_import():
    from nnspec.emit import reading

    kinds = [
        reading.definitions(kind, is_fixed=fixed) for kind in reading.READERS for fixed in (0, 1)
    ]
    imported = {name for known in kinds for each in known.values() for name in each.imported}
    assert imported <= set(reading.DEFINED)


def test_a_file_is_parsed_when_a_definition_of_it_is_asked_for():
    from nnspec.emit import snippets as module

    found = module.Snippets("nnspec.emit.emitted", ["csv_rows", "columns"])
    module._read.cache_clear()
    assert "numbers" in found
    assert len(found) == len(set(found)) > 3
    assert module._read.cache_info().misses == 0
    whole = {name: found[name].name for name in found}
    assert whole == {name: name for name in found}
    parsed = [module._read("nnspec.emit.emitted", each) for each in ("csv_rows", "columns")]
    assert set(found) == {name for each in parsed for name in each}
