"""Grows small networks with random trainings: every task, loss, metric, optimizer and schedule.

Equal numbers give equal specs. Nearly all are valid; `check` has the last word.
"""

from __future__ import annotations

import random
from typing import Any

from nnspec.language.losses import LOSSES
from nnspec.language.optimizers import OPTIMIZERS
from nnspec.language.training_schema import KINDS
from tests.fuzz.records import CLASSES, loss_of, metrics_of, optimizer_of

Document = dict[str, Any]

TRAININGS = 1_000_000
"""From this number on a spec of the fuzzer is one of these."""

OPTIONAL_LOSSES = {
    "regression": [
        "mse", "mae", "huber", "smooth_l1", "log_cosh", "mape", "msle", "poisson",
        "gaussian_nll", "cosine_similarity", "cosine_embedding", "contrastive", "triplet",
        "margin_ranking", "value", "hinge_embedding",
    ],
    "binary": ["binary_cross_entropy", "binary_focal", "dice", "tversky", "hinge",
               "squared_hinge"],
    "multilabel": ["binary_cross_entropy", "binary_focal", "dice", "tversky",
                   "multilabel_margin"],
    "multiclass": ["categorical_cross_entropy", "categorical_focal", "generalized_cross_entropy",
                   "kl_divergence", "categorical_hinge", "multi_margin", "categorical_dice",
                   "ctc"],
    "language": ["categorical_cross_entropy", "categorical_focal", "generalized_cross_entropy"],
    "autoencoder": ["mse", "mae", "huber", "binary_cross_entropy", "cosine_similarity"],
}  # fmt: skip
"""The losses that a network of a task may have."""
KIND_OF = {"multilabel": "binary", "language": "multiclass", "autoencoder": "regression"}
ACTIVATIONS = ["tanh", "relu", "gelu", "silu", "softplus", {"type": "elu", "alpha": 0.7}]
INITIALIZERS: list[Any] = [
    "he_normal", "glorot_uniform", "lecun_normal", "orthogonal", "truncated_normal", "uniform",
    {"type": "normal", "stddev": 0.2},
    {"type": "variance_scaling", "scale": 2.0, "mode": "fan_avg"},
]  # fmt: skip
INPUTS: dict[str, Document] = {
    "vector": {"shape": [6]},
    "ids": {"shape": [5], "dtype": "int64"},
    "image": {"shape": [2, 6, 6]},
    "series": {"shape": [5, 4]},
}


class Trained:
    """Grows one spec that is trained."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.layers: list[Document] = []
        self.blocks: dict[str, Document] = {}
        self.names: list[str] = []

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def add(self, kind: str, *, learns: bool = False, **fields: Any) -> str:
        """Append a layer, of what came before unless it says so; return its name."""
        name = f"{kind}{len(self.layers)}"
        self.layers.append({"name": name, "type": kind, **fields})
        if learns:
            self.names.append(f"{name}.*")
        return name

    def dense(self, units: int, *, bends: bool = True) -> str:
        fields: Document = {"units": units}
        if bends:
            fields["activation"] = self.rng.choice(ACTIVATIONS)
        if self.chance(0.3):
            fields["kernel_initializer"] = self.rng.choice(INITIALIZERS)
        if self.chance(0.2):
            fields["use_bias"] = False
        if self.chance(0.05):
            return self.add("dense", trainable=False, **fields)
        return self.add("dense", learns=True, **fields)

    def extras(self) -> None:
        """Append what only training knows."""
        if self.chance(0.25):
            self.add("batch_normalization", learns=True, **self._norm())
        elif self.chance(0.15):
            self.add("layer_normalization", learns=True)
        if self.chance(0.3):
            kind = self.rng.choice(["dropout", "gaussian_noise", "gaussian_dropout"])
            field = "stddev" if kind == "gaussian_noise" else "rate"
            self.add(kind, **{field: self.rng.choice([0.1, 0.5])})

    def _norm(self) -> Document:
        return {"momentum": self.rng.choice([0.0, 0.5, 0.99])} if self.chance(0.4) else {}

    def body(self, kind: str, *, per_position: bool) -> None:
        """Append layers from the input on; per_position: whether its positions stay."""
        if kind == "vector":
            self.dense(9)
            if self.chance(0.3):
                self._block(9)
        elif kind == "ids":
            self.add("embedding", learns=True, input_dim=7, output_dim=6)
            self._positions(6, per_position=per_position)
        elif kind == "series":
            self.add("conv1d", learns=True, filters=6, kernel_size=3, padding="same",
                     activation=self.rng.choice(ACTIVATIONS))  # fmt: skip
            self.extras()
            self._positions(6, per_position=per_position)
        else:
            self.add("conv2d", learns=True, filters=4, kernel_size=3,
                     padding="same" if per_position else "valid",
                     activation=self.rng.choice(ACTIVATIONS))  # fmt: skip
            self.extras()
            if not per_position:
                self.add(self.rng.choice(["global_average_pooling2d", "flatten"]))
        self.extras()

    def _positions(self, width: int, *, per_position: bool) -> None:
        kind = self.rng.choice(["lstm", "gru", "simple_rnn", "attention", "none"])
        if kind == "attention":
            self.add("multi_head_attention", learns=True, num_heads=2)
        elif kind != "none":
            self.add(kind, units=width, return_sequences=True)
        if not per_position:
            self.add(self.rng.choice(["global_average_pooling1d", "flatten"]))

    def _block(self, units: int) -> None:
        self.blocks["step"] = {
            "layers": [
                {"name": "inner", "type": "dense", "units": units, "activation": "tanh"},
                {"name": "out", "type": "add", "inputs": ["inner", "x"]},
            ]
        }
        self.layers.append({"name": "steps", "type": "step", "repeat": self.rng.choice([1, 2])})
        self.names.append("steps.*")

    def end(self, task: str, loss: str, *, per_position: bool, after: str | None = None) -> str:
        """Append what gives the output that the loss takes; return its name."""
        more: Document = {} if after is None else {"inputs": [after]}
        cls = LOSSES[loss]
        units, activation = self._units(task, loss), ""
        if cls.leaves_out and self.chance(0.7):
            activation = cls.leaves_out
        fields: Document = {"units": units, **more}
        if self.chance(0.3) and activation:
            fields["activation"] = activation
            activation = ""
        if cls.takes == "amounts" and self.chance(0.5):
            fields["activation"] = "softplus"
        name = self.add("dense", learns=True, **fields)
        if cls.stacked:
            name = self.add("reshape", shape=[cls.stacked, units // cls.stacked])
        if loss == "value":
            name = self.add(self.rng.choice(["reduce_mean", "reduce_sum"]), axes=[0])
        return self.add(activation) if activation else name

    def _units(self, task: str, loss: str) -> int:
        if task == "autoencoder":
            return 6
        cls = LOSSES[loss]
        if cls.stacked:
            return cls.stacked * self.rng.choice([1, 2])
        if loss == "gaussian_nll":
            return self.rng.choice([2, 4])
        if loss in ("cosine_similarity", "value"):
            return 3
        if task == "binary":
            return 1
        return self.rng.choice([1, 3]) if task == "regression" else CLASSES

    def measures(self, metrics: list[Any], task: str) -> list[str]:
        """Return what a plateau, `keep` and `stop` may watch."""
        names = [each for each in metrics if isinstance(each, str) and each != "confusion_matrix"]
        names = [each for each in names if each != "top_k_accuracy"]
        return ["loss", "val_loss", *(f"val_{name}" for name in names)]

    def rest(self, training: Document, measures: list[str]) -> Document:
        """Return the training with what every one may have."""
        training["optimizer"] = optimizer_of(self.rng, self.names, measures)
        if self.chance(0.3):
            kind = self.rng.choice(["norm", "norm_each", "value"])
            training["clip"] = {kind: self.rng.choice([1e-3, 0.5, 9.0])}
        if self.chance(0.25):
            training["accumulate"] = self.rng.choice([2, 3])
        optimizer = training["optimizer"]
        kind = optimizer if isinstance(optimizer, str) else optimizer["type"]
        if self.chance(0.3) and not OPTIMIZERS[kind].keeps_average:
            ema = {"type": "ema", "decay": self.rng.choice([0.0, 0.5, 0.999])}
            swa = {
                "type": "swa",
                "start": self.rng.choice([1, 2]),
                "every": self.rng.choice([1, 2]),
            }
            training["average"] = self.rng.choice([ema, swa])
        if self.chance(0.3):
            training["keep"] = {"metric": self.rng.choice(measures)}
        if self.chance(0.2):
            training["stop"] = {"metric": self.rng.choice(measures), "patience": 1}
        training |= {
            "epochs": self.rng.choice([1, 2, 3]),
            "batch_size": self.rng.choice([2, 5, 32]),
        }
        training["shuffle"] = self.chance(0.7)
        training["seed"] = self.rng.choice([0, 3])
        return training

    def document(self) -> Document:
        """Return the spec."""
        if self.chance(0.15):
            return self._several()
        task = self.rng.choice([*OPTIONAL_LOSSES])
        loss = self.rng.choice(OPTIONAL_LOSSES[task])
        kind, per_position = self._input(task, loss)
        self.body(kind, per_position=per_position)
        if task == "autoencoder":
            self.dense(3)
        self.end(task, loss, per_position=per_position)
        training: Document = {"task": task}
        if self.chance(0.9):
            training["loss"] = self._loss(loss)
        metrics = metrics_of(self.rng, KIND_OF.get(task, task))
        measured = []
        if loss == "ctc" and "loss" in training and self.chance(0.5):
            training["metrics"] = ["label_error_rate"]
        elif self._is_measured(training.get("loss"), task) and self.chance(0.5):
            training["metrics"] = measured = metrics
        training = self.rest(training, self.measures(measured, task))
        target: Any = {} if task == "autoencoder" else {"target": "wanted"}
        if LOSSES[loss].takes == "nothing":
            target = {}
        return self._whole(kind, training, {**target})

    def _input(self, task: str, loss: str) -> tuple[str, bool]:
        if loss == "ctc":
            return self.rng.choice(["ids", "series"]), True
        if task == "autoencoder":
            return "vector", False
        if task == "language":
            return "ids", True
        per_position = task == "multiclass" and loss != "value" and self.chance(0.3)
        kind = self.rng.choice(["ids", "series"] if per_position else [*INPUTS])
        return kind, per_position

    def _is_measured(self, loss: Any, task: str) -> bool:
        if loss is None:
            return True
        given = {"type": loss} if isinstance(loss, str) else loss
        made = LOSSES[given["type"]].model_validate(given)
        is_of_task = made.measured_as in ("", KINDS.get(task, task))
        return is_of_task and made.compares in ("", "means", "rates")

    def _loss(self, kind: str) -> Any:
        loss = loss_of(self.rng, kind)
        if self.chance(0.15):
            loss = {**({"type": kind} if isinstance(loss, str) else loss), "weight": 0.3}
        return loss

    def _several(self) -> Document:
        """Return a spec of two outputs, each with a loss of its own."""
        kind = self.rng.choice([*INPUTS])
        self.body(kind, per_position=False)
        trunk = self.layers[-1]["name"]
        losses: Document = {}
        targets: Document = {}
        for place in ("first", "second"):
            task = self.rng.choice(["regression", "binary", "multiclass"])
            loss = self.rng.choice([each for each in OPTIONAL_LOSSES[task] if each != "ctc"])
            name = self.end(task, loss, per_position=False, after=trunk)
            found = loss_of(self.rng, loss)
            if self.chance(0.5):
                found = {**({"type": loss} if isinstance(found, str) else found), "weight": 0.5}
            losses[name] = found
            if LOSSES[loss].takes != "nothing":
                targets[name] = f"{place}_wanted"
        training = self.rest({"loss": losses}, ["loss", "val_loss"])
        found = self._whole(kind, training, {"target": targets} if targets else {})
        return {**found, "outputs": [*losses]}

    def _whole(self, kind: str, training: Document, target: Document) -> Document:
        last = "channels_last" if self.chance(0.5) else "channels_first"
        given = INPUTS[kind]
        if kind == "image" and last == "channels_last":
            given = {**given, "shape": [6, 6, 2]}
        document: Document = {
            "nnspec": 1,
            "name": "Trained",
            "data_format": last,
            "inputs": {"x": given},
            "layers": self.layers,
            "data": {"source": "rows.npz", "features": {"x": "x"}, "validation": 0.3, **target},
            "training": training,
        }
        if self.blocks:
            document["blocks"] = self.blocks
        if self.chance(0.15):
            document["freeze"] = [self.rng.choice(self.names)]
        if self.chance(0.15):
            document["initializer"] = self.rng.choice(INITIALIZERS)
        return document


def training_of(number: int) -> Document:
    """Return the spec of this number."""
    return Trained(random.Random(f"training {number}")).document()
