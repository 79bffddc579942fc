"""Definitions that emitted files copy, tested where they stand."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnspec.emit.snippets import snippets, with_used
from nnspec_keras.helpers import HELPERS as OF_KERAS
from nnspec_keras.training import SOURCES as OF_TRAINING
from nnspec_torch.helpers import HELPERS as OF_TORCH

BACKENDS = Path(__file__).parents[1] / "backends"
FILES = [
    f"{package}.emitted.{path.stem}"
    for package in ("nnspec_torch", "nnspec_keras")
    for path in sorted((BACKENDS / package / "emitted").glob("[a-z]*.py"))
]


@pytest.mark.parametrize("file", FILES)
def test_a_definition_is_copied_as_it_stands(file: str) -> None:
    package, _, module = file.rpartition(".")
    known = OF_TORCH if package.startswith("nnspec_torch") else {**OF_KERAS, **OF_TRAINING}
    found = snippets(package, module)
    assert found
    for name, snippet in found.items():
        assert known[name] == snippet
        assert inspect.getsource(getattr(import_module(file), name)).rstrip() == snippet.text


def test_a_definition_knows_what_it_uses() -> None:
    backwards = OF_TORCH["run_backwards"]
    assert backwards.uses == {"Tensor", "nn", "reverse_steps", "run_recurrent"}
    assert backwards.imports == {
        "Tensor": "from torch import Tensor",
        "nn": "from torch import nn",
    }
    assert with_used(["run_backwards"], OF_TORCH) == {
        "run_backwards",
        "run_recurrent",
        "reverse_steps",
    }
    assert OF_KERAS["Resize"].imports["np"] == "import numpy as np"


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
    assert pairs == (1 if known is OF_TORCH else 4)


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
