"""Faults of optimizers, schedules, averages, clipping and accumulation, in both frameworks.

Each is met by a network of its own turn: a perceptron, one of normalised convolutions, one of ids
that repeat; at rates so small, or after so few steps, that weights hardly move.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

from tests.detection.framework import Inject, Injection, layer, network
from tests.detection.patches import text

PERCEPTRON = (
    {"x": [6]},
    (
        layer("dense", "hidden", units=9),
        layer("tanh", "bend"),
        layer("dense", "scores", units=3),
        layer("softmax", "head"),
    ),
)
CONVOLUTIONS = (
    {"image": [2, 5, 5]},
    (
        layer("conv2d", "first", filters=4, kernel_size=3, use_bias=False),
        layer("batch_normalization", "norm"),
        layer("relu", "bend"),
        layer("flatten", "flat"),
        layer("dense", "scores", units=3),
        layer("softmax", "head"),
    ),
)
TOKENS = (
    {"ids": ([5], "int64")},
    (
        layer("embedding", "table", input_dim=4, output_dim=3),
        layer("gru", "memory", units=3),
        layer("dense", "scores", units=3),
        layer("softmax", "head"),
    ),
)
_NETWORKS = itertools.cycle((PERCEPTRON, CONVOLUTIONS, TOKENS))


def fault(
    name: str,
    side: str,
    training: dict[str, Any],
    inject: Inject | tuple[str, str],
    part: str = "optimizer",
    **options: Any,
) -> Injection:
    """Return the fault in the next network; inject: what, or a pattern and what stands for it."""
    inputs, layers = next(_NETWORKS)
    spec = network(inputs, *layers, training={"task": "multiclass", **training})
    injected = text(side, *inject) if isinstance(inject, tuple) else inject
    name = f"{name} of {training['optimizer']['type']}"
    return Injection(name, "update", side, spec, injected, options=options, part=part)


def by(kind: str = "adam", **settings: Any) -> dict[str, Any]:
    """Return a training by an optimizer."""
    return {"optimizer": {"type": kind, **settings}}


TINY = {"learning_rate": 1e-7}
COSINE = {"schedule": "cosine", "peak": 1e-6, "steps": 90, "warmup": 20}
ONE_CYCLE = {"schedule": "one_cycle", "peak": 1e-6, "steps": 90, "cycle_momentum": True}
CYCLES = {
    "schedule": "cyclical", "initial": 1e-7, "peak": 1e-6, "steps": 20, "cycle_momentum": True,
}  # fmt: skip
OF_WEIGHTS = {"rate": 0.05, "of": "weights"}
EMA = {"average": {"type": "ema", "decay": 0.9}}
SWA = {"average": {"type": "swa", "start": 2, "every": 2}}

# An optimizer as it would be written by hand, where PyTorch's own has no text to put a fault into.
WRITTEN_ADAM = """
class WrittenAdam(torch.optim.Optimizer):
    def __init__(self, params, lr, betas, eps, weight_decay=0.0, amsgrad=False, **_):
        own = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**own, "amsgrad": amsgrad})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            beta_1, beta_2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state, g = self.state[p], p.grad
                if not state:
                    state["step"] = torch.tensor(0.0)
                    state["exp_avg"] = torch.zeros_like(p)
                    state["exp_avg_sq"] = torch.zeros_like(p)
                    if group["amsgrad"]:
                        state["max_exp_avg_sq"] = torch.zeros_like(p)
                state["step"] += 1
                t, rate = state["step"].item(), float(group["lr"])
                DECAY
                state["exp_avg"].mul_(beta_1).add_(g, alpha=1 - beta_1)
                state["exp_avg_sq"].mul_(beta_2).addcmul_(g, g, value=1 - beta_2)
                m, v = state["exp_avg"] / (1 - beta_1**t), state["exp_avg_sq"]
                if group["amsgrad"]:
                    torch.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
                    v = state["max_exp_avg_sq"]
                v = v / (1 - beta_2**t)
                p.sub_(rate * m / (v.sqrt() + group["eps"]))


def make_optimizer("""
RIGHT_DECAY = 'p.mul_(1 - rate * group["weight_decay"])'


def written(old: str = "", new: str = "", *, decay: str = RIGHT_DECAY) -> Inject:
    """Put Adam written by hand in the place of PyTorch's, with `new` where `old` stands."""
    code = WRITTEN_ADAM.replace("DECAY", decay)
    assert not old or code.count(old) == 1, old
    by_hand = text("torch", r"\ndef make_optimizer\(", code.replace(old, new).replace("\\", r"\\"))
    called = text("torch", r"torch\.optim\.AdamW?\(", "WrittenAdam(")

    def inject(patch: Any) -> None:
        by_hand(patch)
        called(patch)

    return inject


ADAMS = [
    fault("second moment by the first's correction", "torch", by(**TINY),
          written("v = v / (1 - beta_2**t)", "v = v / (1 - beta_1**t)")),
    fault("second moment by the first's correction", "keras", by(**TINY),
          (r"1 - ops\.power\(self\.beta_2, step\)", "1 - ops.power(self.beta_1, step)")),
    fault("bias correction of the step before", "torch", by(**TINY),
          written("1 - beta_1**t", "1 - beta_1 ** max(t - 1, 1)")),
    fault("bias correction left out", "keras", by("adamax", **TINY),
          (r"1 - ops\.power\(self\.beta_1, step\)", "1.0")),
    fault("bias correction left out", "keras", by("nadam"),
          (r"\(1 - mu\) / \(1 - self\.product\)", "(1 - mu)")),
    fault("epsilon inside the root", "torch", by(epsilon=1e-6),
          written('(v.sqrt() + group["eps"])', '(v + group["eps"] ** 2).sqrt()')),
    fault("epsilon inside the root", "keras", by("rms_prop", epsilon=1e-6),
          (r"ops\.sqrt\(square\) \+ self\.epsilon", "ops.sqrt(square + self.epsilon**2)")),
    fault("epsilon inside the root", "keras", by("adagrad", epsilon=1e-7),
          (r"ops\.sqrt\(total\) \+ self\.epsilon", "ops.sqrt(total + self.epsilon**2)")),
    fault("epsilon before the correction", "torch", by(),
          written('v.sqrt() + group["eps"]', 'v.sqrt() + group["eps"] / (1 - beta_2**t) ** 0.5')),
    fault("epsilon before the correction", "keras", by(**TINY),
          (r"ops\.sqrt\(square\) / correction \+ self\.epsilon",
           "(ops.sqrt(square) + self.epsilon) / correction")),
    fault("beta_2 for beta_1", "torch", by(**TINY),
          written(".add_(g, alpha=1 - beta_1)", ".add_(g, alpha=1 - beta_2)")),
    fault("beta_2 for beta_1", "keras", by("adamw", **TINY),
          (r"\(1 - self\.beta_1\) \* \(gradient", "(1 - self.beta_2) * (gradient")),
    fault("largest of the corrected moment", "torch", by(amsgrad=True, beta_2=0.9),
          written('v = v / (1 - beta_2**t)\n', 'v = v\n')),
    fault("largest of the corrected moment", "keras", by(amsgrad=True, beta_2=0.9),
          (r"self\.assign\(largest, ops\.maximum\(largest, square\)\)((?s:.*?))"
           r"ops\.sqrt\(largest\) / correction",
           r"self.assign(largest, ops.maximum(largest, square / correction**2))\1"
           r"ops.sqrt(largest)")),
    fault("amsgrad left out", "torch", by(amsgrad=True), (r"amsgrad=True", "amsgrad=False")),
]  # fmt: skip

DECAYS = [
    fault("coupled for decoupled decay", "torch", by(decay=1e-4, **TINY),
          (r"optim\.AdamW\(", "optim.Adam(")),
    fault("coupled for decoupled decay", "keras", by(decay=OF_WEIGHTS, **TINY),
          (r"self\.assign_sub\(variable, shrink \* variable\)",
           'gradient = gradient + own["decay"] * variable')),
    fault("coupled for decoupled decay of momentum", "torch",
          by("sgd", momentum=0.9, decay=0.05),
          (r"parameter\.mul_\(1 - .*\)", "parameter.grad.add_(parameter, alpha=0.05)")),
    fault("decoupled for coupled decay", "torch", by("adam", l2=1e-3),
          (r"optim\.Adam\(", "optim.AdamW(")),
    fault("decay without the rate", "torch", by("adamw", learning_rate=0.5),
          written(decay='p.mul_(1 - group["weight_decay"])')),
    fault("decay without the rate", "keras", by("adamw", decay=OF_WEIGHTS, **TINY),
          (r'rate \* own\["decay"\]', 'own["decay"]')),
    fault("decay after the step", "torch", by("adamw", learning_rate=0.1),
          written('p.sub_(rate * m / (v.sqrt() + group["eps"]))',
                  'p.sub_(rate * m / (v.sqrt() + group["eps"]))\n                ' + RIGHT_DECAY,
                  decay="pass")),
    fault("l2 by the rate", "keras", by("sgd", l2=OF_WEIGHTS, **TINY),
          (r'own\["l2"\] \* variable', 'learning_rate * own["l2"] * variable')),
    fault("decay on biases", "torch", by("adamw", decay={"rate": 0.01, "of": "weights"}, **TINY),
          (r'"weight_decay": 0\.0', '"weight_decay": 0.01')),
    fault("decay on biases", "keras", by("sgd", momentum=0.9, decay=OF_WEIGHTS, **TINY),
          (r'"decay": 0\.0', '"decay": 0.05')),
    fault("l2 on biases", "keras", by("rms_prop", l2=OF_WEIGHTS, **TINY),
          (r'"match": \["\*/kernel"\]', '"match": ["*"]')),
    fault("rate of a group left out", "torch",
          by("sgd", groups=[{"match": "scores.*", "learning_rate": {"scale": 0.5}}], **TINY),
          (r'"lr": 5e-8', '"lr": 1e-7')),
    fault("rate of a group left out", "keras",
          by("adam", groups=[{"match": "scores.*", "learning_rate": {"scale": 0.5}}], **TINY),
          (r'"scale": 0\.5', '"scale": 1.0')),
]  # fmt: skip

MOMENTA = [
    fault("momentum dampened", "torch", by("sgd", momentum=0.9, **TINY),
          (r"momentum=0\.9", "momentum=0.9, dampening=0.001")),
    fault("momentum dampened", "keras", by("sgd", momentum=0.9, **TINY),
          (r"self\.momentum \* velocity \+ gradient",
           "self.momentum * velocity + (1 - self.momentum) * gradient")),
    fault("velocity that holds the rate", "keras",
          by("sgd", momentum=0.9, learning_rate=COSINE),
          (r"self\.momentum \* velocity \+ gradient\n((?s:.*?))"
           r"ops\.cast\(learning_rate, variable\.dtype\) \* step",
           r"self.momentum * velocity + ops.cast(learning_rate, gradient.dtype) * gradient\n"
           r"\1step")),
    fault("nesterov looks ahead twice", "keras",
          by("sgd", momentum=0.9, nesterov=True, **TINY),
          (r"step = gradient \+ self\.momentum \* step", "step = step + self.momentum * step")),
    fault("nesterov by the velocity before", "torch",
          by("sgd", momentum=0.9, nesterov=True, **TINY), (r", nesterov=True", "")),
    fault("momentum of rms_prop over gradients", "keras",
          by("rms_prop", momentum=0.9, centered=True, **TINY),
          (r"self\.momentum \* self\.velocities\[index\] \+ step",
           "self.momentum * self.velocities[index] + gradient")),
]  # fmt: skip

RATES = [
    fault("a step early", "torch", by(learning_rate=COSINE),
          (r"    optimizer\.step\(\)\n    scheduler\.step\(\)",
           "    scheduler.step()\n    optimizer.step()")),
    fault("a step early", "keras", by(learning_rate=COSINE),
          (r'step = ops\.cast\(step, "float64"\)', 'step = ops.cast(step + 1, "float64")')),
    fault("a step late", "torch", by("sgd", learning_rate=COSINE),
          (r"LambdaLR\(optimizer, learning_rate_factor\)",
           "LambdaLR(optimizer, lambda step: learning_rate_factor(max(step - 1, 0)))")),
    fault("warm-up from 1", "torch", by("adamw", learning_rate=COSINE),
          (r"return step / 20", "return (step + 1) / 20")),
    fault("warm-up from 1", "keras", by("adamw", learning_rate=COSINE),
          (r"self\.peak \* step /", "self.peak * (step + 1) /")),
    fault("warm-up beside the steps", "torch", by("sgd", learning_rate=COSINE),
          (r"\(step - 20\) / 70", "(step - 20) / 90")),
    fault("falls a step late", "keras",
          by("sgd", learning_rate={"schedule": "step", "initial": 1e-6, "steps": 40}),
          (r'ops\.cast\(step, "float64"\) / self\.steps',
           '(ops.cast(step, "float64") - 1) / self.steps')),
    fault("another end", "torch", by(learning_rate={**COSINE, "end": 1e-8}),
          (r"0\.01", "0.011")),
    fault("a plateau on another measure", "keras",
          by(learning_rate={"schedule": "plateau", "initial": 1e-3, "metric": "loss"}),
          (r'monitor="loss"', 'monitor="accuracy"')),
    fault("a plateau of less patience", "torch",
          by(learning_rate={"schedule": "plateau", "initial": 1e-3, "metric": "loss"}),
          (r"patience=10", "patience=9")),
    fault("a plateau that asks for more", "keras",
          by(learning_rate={"schedule": "plateau", "initial": 1e-3, "metric": "loss"}),
          (r"self\.best \* \(1 - self\.threshold\)", "self.best - self.threshold * 0.9")),
]  # fmt: skip

GRADIENTS = [
    fault("clipped each by itself", "torch", {"clip": {"norm": 1e-3}, **by("sgd", **TINY)},
          (r"nn\.utils\.clip_grad_norm_\(model\.parameters\(\), 0\.001\)",
           "[nn.utils.clip_grad_norm_([p], 0.001) for p in model.parameters()]")),
    fault("clipped each by itself", "keras", {"clip": {"norm": 1e-3}, **by("sgd", **TINY)},
          (r"\[scale \* gradient for gradient in grads\]",
           "[ops.minimum(self.clip_norm / ops.sqrt(ops.sum(g**2)), 1.0) * g for g in grads]")),
    fault("clipped together", "torch", {"clip": {"norm_each": 1e-3}, **by("sgd", **TINY)},
          (r"(?s)for parameter in model\.parameters\(\):\n\s+"
           r"nn\.utils\.clip_grad_norm_\(parameter, 0\.001\)",
           "nn.utils.clip_grad_norm_(model.parameters(), 0.001)")),
    fault("clipped before accumulation", "torch",
          {"clip": {"norm": 0.05}, "accumulate": 3, **by("sgd", **TINY)},
          (r"(    if \(number \+ 1\) % 3 == 0:\n)    (    nn\.utils\.clip_grad_norm_\(.*\)\n)",
           r"\2\1")),
    fault("clipped before accumulation", "keras",
          {"clip": {"value": 0.05}, "accumulate": 3, **by("sgd", **TINY)},
          (r"gradient / self\.batches", "ops.clip(gradient, -0.05, 0.05) / self.batches")),
    fault("clipped after l2", "keras", {"clip": {"value": 0.05}, **by("sgd", l2=0.1, **TINY)},
          (r"gradient = gradient \+ self\.l2 \* variable",
           "gradient = ops.clip(gradient + self.l2 * variable, -0.05, 0.05)")),
    fault("sum for the mean", "torch", {"accumulate": 2, **by("sgd", **TINY)},
          (r"\(loss / 2\)\.backward", "loss.backward")),
    fault("sum for the mean", "keras", {"accumulate": 2, **by("sgd", **TINY)},
          (r"gradient / self\.batches", "gradient")),
    fault("a step for each batch", "keras", {"accumulate": 2, **by("adam", **TINY)},
          (r"ops\.cond\(self\.batch == 0, step, lambda: None\)", "step()")),
]  # fmt: skip

AVERAGES = [
    fault("average of the weights before the step", "torch", {**EMA, **by("sgd")},
          (r"register_step_post_hook", "register_step_pre_hook")),
    fault("average of the weights before the step", "keras", {**EMA, **by("sgd")},
          (r"(        super\(\)\.apply\(grads, trainable_variables\)\n)"
           r"((?s:        for average, variable.*?self\.assign_add\(average, .*?\)\n))",
           r"\2\1")),
    fault("an average that begins at 0", "keras", {**EMA, **by("adam")},
          (r"ops\.where\(self\.iterations == 1, 1\.0, 1 - self\.average_decay\)",
           "1 - self.average_decay")),
    fault("another decay of the average", "torch", {**EMA, **by("adam", **TINY)},
          (r"multi_avg_fn\(0\.9\)", "multi_avg_fn(0.91)")),
    fault("mean from another step on", "keras", {**SWA, **by("adam")},
          (r"start=2", "start=3")),
    fault("mean of every step", "torch", {**SWA, **by("adam")}, (r" % 2 == 0", " % 1 == 0")),
]  # fmt: skip

RIGHT = [
    fault("right by hand", "torch", by("adamw", amsgrad=True, decay=0.05), written()),
]
"""What must not be found: the optimizer that faults are put into."""

CYCLED = [
    fault("momentum not cycled", "torch", by("adam", learning_rate=ONE_CYCLE),
          (r'group\["betas"\] = \(momentum, group\["betas"\]\[1\]\)', "pass")),
    fault("momentum not cycled", "keras", by("sgd", learning_rate=CYCLES),
          (r"self\.momentum = ops\.cast\(self\.cycled, variable\.dtype\)", "pass")),
    fault("momentum in phase with the rate", "torch", by("sgd", learning_rate=CYCLES),
          (r"0\.9 - \(0\.9 - 0\.8\) \* height", "0.8 + (0.9 - 0.8) * height")),
    fault("momentum in phase with the rate", "keras", by("adamw", learning_rate=ONE_CYCLE),
          (r"self\.along\(step, most, self\.base_momentum, most\)",
           "self.along(step, self.base_momentum, most, self.base_momentum)")),
    fault("bias correction of the first beta_1", "keras", by("radam", learning_rate=ONE_CYCLE),
          (r"self\.beta_1 = self\.cycled = self", "self.cycled = self")),
]  # fmt: skip

FAULTS = (*ADAMS, *DECAYS, *MOMENTA, *RATES, *GRADIENTS, *AVERAGES, *CYCLED)


def training_of(injection: Injection) -> dict[str, Any]:
    """Return how the network of a fault is trained."""
    found: dict[str, Any] = json.loads(injection.spec)["training"]
    return found
