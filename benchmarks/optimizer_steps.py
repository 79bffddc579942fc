"""The step of each emitted optimizer, by that of the framework's own of the same name.

Gradients are given, so that nothing else is timed. PyTorch's own steps as it does by default,
Keras's in a `tf.function`, as in `fit`; both on one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import yaml

from benchmarks.measure import Action, Figure, Times, interleaved, ratio
from nnspec.backend import Options, get_backend
from nnspec.language.optimizers import OPTIMIZERS
from nnspec.network.loader import check

TARGET = 1.05
ROUNDS = 15
BUILDS = 2
"""Where the memory of a network happens to lie can cost a few percent: each is built anew."""
LAYERS = 50
SETTINGS: dict[str, tuple[dict[str, Any], ...]] = {
    "adam": ({"amsgrad": True}, {"l2": 0.01}, {"decay": 0.01}),
    "rms_prop": ({"momentum": 0.9}, {"centered": True}),
    "sgd": ({"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"l2": 0.01}, {"decay": 0.01}),
}
"""What else is measured than an optimizer at its defaults."""
NAMES = {
    "adadelta": ("Adadelta",),
    "adafactor": ("Adafactor",),
    "adagrad": ("Adagrad",),
    "adam": ("Adam",),
    "adamax": ("Adamax",),
    "adamw": ("AdamW",),
    "asgd": ("ASGD",),
    "ftrl": ("Ftrl",),
    "lamb": ("Lamb",),
    "lion": ("Lion",),
    "muon": ("Muon",),
    "nadam": ("NAdam", "Nadam"),
    "radam": ("RAdam",),
    "rms_prop": ("RMSprop",),
    "rprop": ("Rprop",),
    "sgd": ("SGD",),
}
"""What the frameworks call it."""


def run() -> list[Figure]:
    """Return a figure for each optimizer that a framework has, and each network."""
    import tensorflow as tf
    import torch

    torch.set_num_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return [
        figure
        for backend, steps in (("torch", _torch), ("keras", _keras))
        for network, document in (("digits_cnn", _digits()), (f"{2 * LAYERS} tensors", _deep()))
        for said in _optimizers()
        for figure in _compared(f"{backend} {network}", steps, document, said)
    ]


Document = dict[str, Any]
Steps = Callable[[Any, Document], dict[str, Action]]
"""Of the emitted source's program and an optimizer: a step of it, and of the framework's own."""


def _compared(title: str, steps: Steps, document: Document, said: Document) -> Iterator[Figure]:
    """Yield the figure of an optimizer, unless the framework has none of this name."""
    backend = title.partition(" ")[0]
    document["training"] = {**document["training"], "optimizer": said}
    spec = check(document, folder=Path("specs"))
    compiled = get_backend(backend).compile(spec, Options(training=True))
    times = Times()
    for _ in range(BUILDS):
        actions = steps(compiled.build(), said)
        if not actions:
            return
        times.add(interleaved(actions, rounds=ROUNDS, at_least=0.004, clock=process_time))
    settings = [key if value is True else f"{key} {value}" for key, value in said.items()][1:]
    name = " ".join([said["type"], *settings])
    yield ratio(f"{title}: {name}", times["ours"], times["theirs"], TARGET)


def _optimizers() -> Iterator[Document]:
    for name in OPTIMIZERS:
        for settings in ({}, *SETTINGS.get(name, ())):
            yield {"type": name, **settings}


def _digits() -> Document:
    document: Document = yaml.safe_load(Path("specs/digits_cnn.yaml").read_text(encoding="utf-8"))
    return document


def _deep() -> Document:
    return {
        "nnspec": 1,
        "name": "Deep",
        "inputs": {"x": {"shape": [32]}},
        "layers": [{"type": "dense", "units": 32, "activation": "relu"}] * LAYERS,
        "training": {"task": "regression"},
    }


def _own(optimizers: Any, said: Document, decoupled: str) -> Callable[..., Any] | None:
    """Return what makes the framework's own, if it has this one with these settings.

    decoupled: the argument of decoupled decay where every optimizer has it.
    """
    given = {key: value for key, value in said.items() if key != "type"}
    names: Sequence[str] = NAMES.get(said["type"], ())
    if "l2" in given:
        if decoupled:
            return None  # Keras's own have no coupled one
        given["weight_decay"] = given.pop("l2")
    if "decay" in given:
        if decoupled:
            given[decoupled] = given.pop("decay")
        elif said["type"] == "adam":
            given["weight_decay"], names = given.pop("decay"), ("AdamW",)
        else:
            return None
    found = [getattr(optimizers, name) for name in names if hasattr(optimizers, name)]
    return (lambda *parameters: found[0](*parameters, **given)) if found else None


def _torch(program: Any, said: Document) -> dict[str, Action]:
    import torch

    make = _own(torch.optim, said, "")
    if make is None:
        return {}
    ours = program.training.make_optimizer(program.model)
    rng = np.random.default_rng(0)
    copies = []
    for parameter in program.model.parameters():
        gradient = torch.from_numpy(rng.normal(size=tuple(parameter.shape)).astype("float32"))
        copies.append(parameter.detach().clone().requires_grad_())
        parameter.grad, copies[-1].grad = gradient, gradient.clone()
    if said["type"] != "muon":
        return {"ours": ours.step, "theirs": make(copies).step}
    # PyTorch's takes matrices alone, and is used with another for the rest.
    theirs = [make([each for each in copies if each.ndim == 2])]
    theirs.append(torch.optim.Adam([each for each in copies if each.ndim != 2]))
    return {"ours": ours.step, "theirs": lambda: [each.step() for each in theirs]}


def _keras(program: Any, said: Document) -> dict[str, Action]:
    import keras
    import tensorflow as tf

    make = _own(keras.optimizers, said, "weight_decay")
    if make is None:
        return {}
    variables = program.model.trainable_variables
    rng = np.random.default_rng(0)
    gradients = [tf.constant(rng.normal(size=each.shape), tf.float32) for each in variables]
    optimizers = {"ours": program.training.make_optimizer(), "theirs": make()}
    return {
        which: _graph(optimizer, [keras.Variable(each.numpy()) for each in variables], gradients)
        for which, optimizer in optimizers.items()
    }


def _graph(optimizer: Any, variables: Sequence[Any], gradients: Sequence[Any]) -> Action:
    import tensorflow as tf

    optimizer.build(variables)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def step(given: Sequence[Any]) -> None:
        optimizer.apply(given, variables)

    # The gradients are arguments: as constants of the graph they would be computed with in advance.
    return lambda: step(gradients)
