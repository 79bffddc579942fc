"""A backend in NumPy that trains a network of one dense layer, to test the engine without one."""

import numpy as np

from nnspec.backend import Backend, Can, Support
from nnspec.language.losses import LOSSES
from nnspec.language.optimizers import OPTIMIZERS
from nnspec.layers import LAYERS


class LinearProgram:
    """Softmax or plain regression by gradient descent with momentum, on noisy inputs."""

    def __init__(self, spec, weights):
        self.model = self
        self.spec = spec
        self.steps = 0
        self.fail_at: int | None = None
        self.failure: BaseException | float = KeyboardInterrupt()
        self.noise = np.random.default_rng()  # unseeded: only reseed makes a run repeatable
        self.batches: list[list[float]] = []
        self.speed: dict = {}
        self.load_weights(weights)

    def weights(self):
        return {name: value.copy() for name, value in self.values.items()}

    def load_weights(self, weights):
        self.values = {name: np.array(value, np.float32) for name, value in weights.items()}
        self.weight, self.bias = sorted(self.values, reverse=True)

    def _score(self, inputs):
        (rows,) = inputs.values()
        return rows @ self.values[self.weight].T + self.values[self.bias]

    def _probability(self, inputs):
        score = self._score(inputs)
        power = np.exp(score - score.max(axis=1, keepdims=True))
        return power / power.sum(axis=1, keepdims=True)

    @property
    def is_classifier(self):
        return self.spec.model.training.task == "multiclass"

    def forward(self, inputs):
        given = self._probability(inputs) if self.is_classifier else self._score(inputs)
        return {self.spec.graph.outputs[0]: given}

    def loss(self, inputs, target):
        if self.is_classifier:
            chosen = self._probability(inputs)[np.arange(len(target)), target]
            return float(-np.log(chosen).mean())
        return float(((self._score(inputs) - target) ** 2).mean())

    def gradients(self, inputs, target):
        (rows,) = inputs.values()
        if self.is_classifier:
            error = self._probability(inputs) - np.eye(len(self.values[self.bias]))[target]
        else:
            error = 2 * (self._score(inputs) - target)
        error = (error / len(rows)).astype(np.float32)
        gradients = {self.weight: error.T @ rows, self.bias: error.sum(axis=0)}
        return self.loss(inputs, target), gradients

    def train_step(self, inputs, target):
        self.steps += 1
        if self.steps == self.fail_at:
            if isinstance(self.failure, BaseException):
                raise self.failure
            return self.failure
        (name,) = inputs
        self.batches.append(inputs[name][:, 0].tolist())
        noise = self.noise.normal(0, 0.1, size=inputs[name].shape).astype(np.float32)
        loss, gradients = self.gradients({name: inputs[name] + noise}, target)
        rate = np.float32(self.spec.model.training.optimizer.learning_rate)
        for key, gradient in gradients.items():
            speed = np.float32(0.9) * self.speed.get(key, np.float32(0)) + gradient
            self.speed[key] = speed
            self.values[key] = self.values[key] - rate * speed
        return loss

    def optimizer_state(self):
        speed = {f"{name}/velocity": value for name, value in self.speed.items()}
        return {**speed, "step": np.array(self.steps)}

    def load_optimizer_state(self, state):
        self.speed = {
            name.removesuffix("/velocity"): np.array(value)
            for name, value in state.items()
            if name != "step"
        }

    def reseed(self, seed):
        self.noise = np.random.default_rng(seed)


class Compiled:
    source = ""

    def __init__(self, backend, spec):
        self.backend = backend
        self.spec = spec

    def write(self, path):
        raise NotImplementedError

    def build(self, weights=None, *, dtype="float32"):
        program = self.backend.program(self.spec, weights)
        program.fail_at, program.failure = self.backend.fail_at, self.backend.failure
        self.backend.built.append(program)
        return program


class NumpyBackend(Backend):
    """Set `fail_at` and `failure` to have a step raise, or give a loss."""

    name = "numpy"
    suffix = ".txt"
    can = Can.GRADIENTS | Can.TRAINING
    layers = Support(dict.fromkeys(LAYERS.values()))
    losses = Support(dict.fromkeys(LOSSES.values()))
    optimizers = Support(dict.fromkeys(OPTIMIZERS.values()))

    def __init__(self, program=LinearProgram):
        self.program = program
        self.fail_at = None
        self.failure = KeyboardInterrupt()
        self.built = []

    def compile(self, spec, options=None):
        return Compiled(self, spec)
