"""Advice on specs: legal but likely a mistake, or worth knowing; never an error.

One look at every layer says which of the rules, each in a module of `rules`, have something to ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module

from nnspec.errors import Problem
from nnspec.language.objectives import is_composed, trained_outputs
from nnspec.language.schema import Model
from nnspec.layers.shapes import product, show
from nnspec.network.graph import Graph, LayerNode
from nnspec.network.rules import Case, Steps, activation_of, opened
from nnspec.network.rules.last import bend_of_logits, last_layer

_OUTPUT_OF_KIND = {"binary": "sigmoid", "multiclass": "softmax"}


def advise(model: Model, graph: Graph, steps: Steps | None = None) -> Iterator[Problem]:
    """Yield a problem of severity `advice` for each thing worth a second look.

    steps: how the network is trained, where its own document does not say.
    """
    bodies = list(graph.bodies())
    seen = _survey(bodies)
    parts = [(model, graph)]
    if model.training is not None:
        yield from _never_trains(model, graph)
        training = model.training
        has_term = any(each.type == "l2" for each in training.regularization or ())
        steps = Steps(training.optimizer, training.clip, training.batch_size, has_term=has_term)
        if training.loss is not None:
            seen.add("loss")
        if is_composed(model):
            from nnspec.network.objectives import terms_of  # which few specs need

            yield from _untrained_outputs(model, graph)
            parts = [(each.model, each.graph) for each in terms_of(model, graph)]
    if steps is not None:
        seen |= _of_steps(steps)
        if steps.batch_size == 1 and "batch_normalization" in seen:
            seen.add("lone-batch")
    cases = [Case(part_model, part, opened(part), steps) for part_model, part in parts]
    for case in cases:
        yield from _output_activation(case, seen)
    for module, occasions in _RULES.items():
        if not occasions.isdisjoint(seen):
            rules = import_module(f"nnspec.network.rules.{module}")
            yield from _once(problem for case in cases for problem in rules.advise(case))


def _untrained_outputs(model: Model, graph: Graph) -> Iterator[Problem]:
    """Yield advice on each output that no loss takes."""
    assert model.training is not None
    trained = trained_outputs(model.training, graph.outputs)
    for name in graph.outputs:
        if name not in trained:
            yield Problem(
                "untrained-output",
                f'the output "{name}" has no loss, so that nothing trains it but what it shares '
                "with others",
                f"give it one: loss: {{{name}: mse}}",
                None,
                "advice",
            )


def _once(found: Iterator[Problem]) -> Iterator[Problem]:
    """Yield each problem once: what several uses of a block share stands at one place."""
    seen: set[object] = set()
    for problem in found:
        # Where there are no places, repetitions differ in their numbers.
        key = (problem.code, problem.mark or re.sub(r"\.\d+\.", ".", problem.message))
        if key not in seen:
            seen.add(key)
            yield problem


_RULES = {
    "normalization": frozenset({"doubtful-norm", "lone-batch"}),
    "gradients": frozenset({"where"}),
    "dropping": frozenset({"high-dropout", "selu", "dropped"}),
    "stacks": frozenset({"dense-chain"}),
    "ends": frozenset({"one-softmax", "squashed-logits", "bounded-output", "two-units"}),
    "depth": frozenset({"deep"}),
    "recurrence": frozenset({"simple_rnn", "bidirectional"}),
    "first_weights": frozenset({"odd-initializer", "he-initializer"}),
    "fields": frozenset({"global_average_pooling2d", "global_max_pooling2d", "average_pooling2d",
                         "adaptive_average_pooling2d", "adaptive_max_pooling2d", "reduce_mean",
                         "reduce_max", "max_pooling2d"}),
    "settings": frozenset({"odd-rate", "loss", "l2", "groups"}),
}  # fmt: skip
"""Module of `rules` -> the occasions at which it is asked: types of layers, and what looks odd."""

_THROUGH = frozenset({"dropout", "linear", "alpha_dropout", "gaussian_dropout", "reshape",
                      "rescaling", "flatten", "squeeze", "expand_dims"})  # fmt: skip
_ODD_INITIALIZERS = frozenset(
    {"zeros", "ones", "constant", "normal", "truncated_normal", "uniform", "variance_scaling"}
)
_NORMALISING = frozenset(
    {"batch_normalization", "layer_normalization", "rms_normalization", "group_normalization",
     "instance_normalization", "unit_normalization", "l2_normalize"}
)  # fmt: skip
_FEW = 20
"""Layers with weights that a network without normalisation may have in a row."""


def _survey(bodies: list[Graph]) -> set[str]:
    """Return the types of the layers, and what else may be worth a look; every check takes it."""
    seen: set[str] = set()
    saturating = weighted = 0
    for body in bodies:
        # Of what a block takes or gives, and nothing else is known here, both may be so.
        linear: set[str] = set(body.inputs) if body is not bodies[0] else set()
        doubtful = linear.copy()
        """Values that a dense layer without activation gives; those that hold a bias as it is, or a
        dropout has thinned out."""
        for node in body.nodes:
            if not isinstance(node, LayerNode):
                linear.update(node.outputs)
                doubtful.update(node.outputs)
                continue
            layer = node.layer
            kind, fields = layer.type, layer.__dict__
            seen.add(kind)
            activation = fields.get("activation")
            if kind == "batch_normalization":
                if node.inputs[0] in doubtful:
                    seen.add("doubtful-norm")
            elif (
                (fields.get("use_bias") and activation is None)
                or kind.endswith(("dropout", "dropout1d", "dropout2d", "dropout3d"))
                or ("kernel_initializer" not in fields and not doubtful.isdisjoint(node.inputs))
            ):
                doubtful.update(node.outputs)
            # That of a gate is a name: it acts inside.
            bend = kind if activation is None else getattr(activation, "type", "")
            if bend == "softmax":
                axis: int = (activation or layer).__dict__["axis"]
                if body.types[node.outputs[0]].shape[axis] == 1:
                    seen.add("one-softmax")
            elif bend in ("sigmoid", "tanh"):
                saturating += 1
            elif bend == "selu":
                seen.add(bend)
            if "kernel_initializer" in fields:
                weighted += 1
                initializer = fields["kernel_initializer"].type
                if initializer in _ODD_INITIALIZERS:
                    seen.add("odd-initializer")
                elif initializer in ("he_uniform", "he_normal") and bend in ("sigmoid", "tanh"):
                    seen.add("he-initializer")
                if kind == "dense":
                    if node.inputs[0] in linear:
                        seen.add("dense-chain")
                    if activation is None or bend == "linear":
                        linear.add(node.outputs[0])
            elif kind in _THROUGH and node.inputs[0] in linear:
                linear.add(node.outputs[0])
            if "rate" in fields and kind.endswith("dropout"):
                if fields["rate"] > 0.8:
                    seen.add("high-dropout")
                if fields["rate"]:
                    seen.add("dropped")
    is_plain = seen.isdisjoint(_NORMALISING)
    has_blocks = len(bodies) > 1
    if saturating >= (1 if has_blocks else 3) or (is_plain and weighted > (_FEW, 0)[has_blocks]):
        seen.add("deep")
    return seen


def _never_trains(model: Model, graph: Graph) -> Iterator[Problem]:
    """Yield why a spec that says how to train never can be, whatever its rows."""
    if model.training is None:
        return
    reason = hint = ""
    if len(graph.outputs) != 1 and not is_composed(model):
        reason = (
            f"the network has {len(graph.outputs)} outputs, and a loss is given of none by name"
        )
        hint = f"give each its loss: training.loss: {{{graph.outputs[0]}: mse, ...}}"
    elif model.data is not None:
        missing = [name for name in graph.inputs if name not in model.data.features]
        moving = [
            name
            for name, type_ in graph.inputs.items()
            if type_.dtype == "float32" and any(isinstance(size, str) for size in type_.shape)
        ]
        if missing:
            reason = f'`data.features` says nothing of the input "{missing[0]}"'
            hint = "name its columns, or its array"
        elif model.data.standardize and moving:
            reason = f'input "{moving[0]}" has a dynamic axis, so that it cannot be standardised'
            hint = "leave out `standardize`, or give the axis a number"
        elif model.data.prepare and (other := _other_width(model, graph)):
            reason, hint = other
        elif (
            not is_composed(model)
            and model.training.resolved_loss.takes in ("", "amounts", "shares")
            and (columns := _columns(model))
        ):
            shape = given = graph.types[graph.outputs[0]].shape
            if model.data.windows is not None:
                from nnspec.network.windows import frame_of

                frame = frame_of(model, graph)
                shape = shape if frame is None else frame.output
            if product(shape) != columns:
                each = " for each row of it" if shape != given else ""
                what = f'the target "{model.data.one_target}" is one column'
                if columns > 1:
                    what = f"the target is {columns} columns"
                reason = f"{what}, and the network gives {show(shape)}{each}"
                hint = (
                    f"let it end in {'one unit' if columns == 1 else f'{columns} units'}, or list "
                    "in `data.target` a column for each number that it gives"
                )
    if reason:
        yield Problem("not-trainable", reason, hint, None, "advice")


def _other_width(model: Model, graph: Graph) -> tuple[str, str] | None:
    """Return that an input is of another width than its columns become, and the way out."""
    from nnspec.language.prepared_columns import (
        picture_of,
        sound_of,
        widths,
    )  # which few specs need

    assert model.data is not None
    for name, type_ in graph.inputs.items():
        picture = picture_of(model.data, name)
        if picture is not None:
            from nnspec.language.pictures import misfit

            is_float = type_.dtype.startswith("float")
            wrong = misfit(picture, type_.shape, graph.data_format, is_float=is_float)
            if wrong is not None:
                return (
                    f'input "{name}" is {show(type_.shape)}: {wrong}',
                    "let the shape of the input and what `image` says of its files agree",
                )
        sound = sound_of(model.data, name)
        if sound is not None:
            from nnspec.language import sounds

            is_float = type_.dtype.startswith("float")
            wrong = sounds.misfit(sound, type_.shape, graph.data_format, is_float=is_float)
            if wrong is not None:
                return (
                    f'input "{name}" is {show(type_.shape)}: {wrong}',
                    "let the shape of the input and what `sound` says of its files agree",
                )
            continue
        found = widths(model.data, name)
        width = sum(found.values()) if found else 0
        shape = type_.shape if model.data.windows is None else type_.shape[1:]
        if found and isinstance(count := product(shape), int) and count != width:
            listed = ", ".join(f"{column} {size}" for column, size in found.items())
            return (
                f'input "{name}" is {show(type_.shape)}, and its columns become {width} numbers: '
                f"{listed}",
                f"give it the shape {show((type_.shape[0], width))}"
                if model.data.windows is not None
                else f"give it the shape [{width}]",
            )
    return None


def _columns(model: Model) -> int:
    """Return how many numbers near what it gives the target has; 0 where that is not known."""
    assert model.data is not None
    assert model.training is not None
    names = model.data.targets
    if not model.data.source.endswith(".csv") or model.training.kind == "multiclass":
        return 0
    is_known = model.data.one_target is not None or not any(
        sign in name for name in names for sign in "*?["
    )
    return len(names) if is_known else 0


def _a(task: str) -> str:
    return f"{'an' if task[0] in 'aeiou' else 'a'} {task}"


def _of_steps(steps: Steps) -> set[str]:
    """Return what of a training may be worth a look."""
    seen: set[str] = set()
    optimizer = steps.optimizer
    given = optimizer.learning_rate
    rate: float = getattr(given, "base", given)  # type: ignore[arg-type]  # of a schedule
    usual = type(optimizer).model_fields["learning_rate"].default
    if isinstance(usual, float) and not usual / 10_000 < rate < usual * 100:
        seen.add("odd-rate")
    if optimizer.groups:
        seen.add("groups")
    if optimizer.l2 or steps.has_term:
        seen.add("l2")
    if steps.loss:
        seen.add("squashed-logits")
    return seen


def _output_activation(case: Case, seen: set[str]) -> Iterator[Problem]:
    """Yield advice on an output that is not the usual one; note in `seen` what rules shall ask."""
    model, graph = case.model, case.graph
    if model.training is None or len(graph.outputs) != 1:
        return
    node = last_layer(case.bodies[0])
    end = activation_of(node) if node is not None else ""
    found = end if end in ("softmax", "sigmoid") else None
    training, task = model.training, model.training.task
    expected = _OUTPUT_OF_KIND.get(training.kind)
    if task == "binary" and graph.types[graph.outputs[0]].shape[-1:] == (2,):
        seen.add("two-units")
    if training.resolved_loss.leaves_out:
        seen.add("squashed-logits")
        if bend_of_logits(case.bodies[0])[1]:
            return
    elif model.data is not None and end and _is_shifted(model):
        seen.add("bounded-output")
        return
    if expected is None and found is not None and training.loss is None:
        yield Problem(
            "output-activation",
            f"{_a(task)} network ends in {found}, which gives only values from 0 to 1",
            "end in a dense layer without activation",
            node.mark if node else None,
            "advice",
        )
    elif expected is not None and found is None and training.resolved_loss.leaves_out:
        yield Problem(
            "output-activation",
            f"{_a(task)} network gives probabilities when it ends in {expected}; this one gives "
            "logits, and is trained on them",
            f"end in {expected} unless logits are what you want to deploy",
            graph.nodes[-1].mark,
            "advice",
        )


def _is_shifted(model: Model) -> bool:
    """Whether the target has its mean at 0."""
    assert model.data is not None
    return model.data.standardize_target or (model.data.standardize and not model.data.targets)
