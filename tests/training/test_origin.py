"""The two examples of the course that nnspec comes from, against code written by hand."""

from __future__ import annotations

import numpy as np
import pytest

import nnspec
from nnspec.backend import Trainable
from nnspec.data.rows import load_data
from nnspec.weights.canonical import initial_weights
from tests.golden_files import ROOT

ROWS = np.array([[0.1, 0.5], [0.2, 0.4], [0.3, 0.3], [0.4, 0.2], [0.5, 0.1]])
LABELS = np.array([[0.0], [0.0], [1.0], [1.0], [1.0]])


def built(name: str, backend: str) -> tuple[nnspec.Spec, Trainable]:
    spec = nnspec.load(ROOT / "specs" / f"{name}.yaml")
    program = nnspec.compile(spec, backend, training=True).build(dtype="float64")
    assert isinstance(program, Trainable)
    return spec, program


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_one_adam_step_of_simple_nn_is_the_one_written_by_hand(backend: str) -> None:
    import torch
    from torch import nn

    class SimpleNN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer1 = nn.Linear(10, 20)
            self.layer2 = nn.Linear(20, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer2(torch.relu(self.layer1(x)))

    spec, program = built("simple_nn", backend)
    first = initial_weights(spec.graph, 0)
    model = SimpleNN().double()
    with torch.no_grad():
        model.layer1.weight.copy_(torch.from_numpy(first["hidden.weight"]))
        model.layer1.bias.copy_(torch.from_numpy(first["hidden.bias"]))
        model.layer2.weight.copy_(torch.from_numpy(first["scores.weight"]))
        model.layer2.bias.copy_(torch.from_numpy(first["scores.bias"]))
    rows = load_data(spec).train.take(slice(0, 32))
    inputs = torch.from_numpy(rows.inputs["features"]).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    loss = nn.CrossEntropyLoss()(model(inputs), torch.from_numpy(rows.target))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

    ours = program.train_step(rows.inputs, rows.target)
    weights = program.weights()
    assert ours == pytest.approx(loss.item(), rel=1e-12)
    for name, tensor in (
        ("hidden.weight", model.layer1.weight),
        ("hidden.bias", model.layer1.bias),
        ("scores.weight", model.layer2.weight),
        ("scores.bias", model.layer2.bias),
    ):
        by_hand = tensor.detach().numpy()
        assert np.abs(weights[name] - by_hand).max() <= 1e-12, name
        assert np.abs(weights[name] - first[name]).max() > 1e-4, "the step moved nothing"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_hundred_epochs_of_tabular_binary_are_those_written_by_hand(backend: str) -> None:
    import keras
    from keras import ops

    class TextbookAdam(keras.optimizers.Optimizer):
        """Kingma and Ba 2015, algorithm 1; Keras's own puts epsilon elsewhere."""

        def build(self, variables: list[keras.Variable]) -> None:
            super().build(variables)
            self.m = self.add_optimizer_variables(variables, "m")
            self.v = self.add_optimizer_variables(variables, "v")

        def update_step(self, gradient, variable, learning_rate):  # type: ignore[no-untyped-def]
            i = self._get_variable_index(variable)
            t = ops.cast(self.iterations + 1, "float64")
            self.assign(self.m[i], 0.9 * self.m[i] + 0.1 * gradient)
            self.assign(self.v[i], 0.999 * self.v[i] + 0.001 * gradient * gradient)
            m_hat = self.m[i] / (1 - ops.power(0.9, t))
            v_hat = self.v[i] / (1 - ops.power(0.999, t))
            self.assign_sub(variable, learning_rate * m_hat / (ops.sqrt(v_hat) + 1e-8))

    spec, program = built("tabular_binary", backend)
    first = initial_weights(spec.graph, 0)
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(8, activation="relu"),
                keras.layers.Dense(1),
            ]
        )
        model.set_weights(
            [
                first["hidden.weight"].T,
                first["hidden.bias"],
                first["score.weight"].T,
                first["score.bias"],
            ]
        )
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        model.compile(optimizer=TextbookAdam(learning_rate=0.001), loss=loss)
        model.fit(ROWS, LABELS, epochs=100, batch_size=1, shuffle=False, verbose=0)
        by_hand = model.get_weights()
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)

    for _ in range(100):
        for i in range(len(ROWS)):
            program.train_step({"features": ROWS[i : i + 1]}, LABELS[i : i + 1])
    weights = program.weights()
    ours = [
        weights["hidden.weight"].T,
        weights["hidden.bias"],
        weights["score.weight"].T,
        weights["score.bias"],
    ]
    for mine, theirs in zip(ours, by_hand, strict=True):
        assert np.abs(mine - theirs).max() <= 1e-9
    assert np.abs(weights["hidden.weight"] - first["hidden.weight"]).max() > 0.05


def test_the_rows_of_tabular_binary_are_those_of_the_course() -> None:
    train = load_data(nnspec.load(ROOT / "specs" / "tabular_binary.yaml")).train
    assert np.allclose(train.inputs["features"], ROWS)
    assert np.array_equal(train.target, LABELS)
