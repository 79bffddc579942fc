"""Whether a generator and a discriminator fit each other, their loss and their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nnspec.errors import Mark, Problem, nearest
from nnspec.language.adversarial import ROLES, Models, Wasserstein
from nnspec.language.schedules import Schedule
from nnspec.language.tree import Map
from nnspec.layers.shapes import TensorType, show
from nnspec.network.heads import final_activation
from nnspec.network.spec import Spec


def versus_problems(
    document: Models, specs: Mapping[str, Spec], tree: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yield what is wrong with the training of two of these networks."""
    training = document.training
    assert training is not None
    section = tree["training"]
    found: dict[str, Spec] = {}
    for role in ("generator", "discriminator"):
        name = getattr(training, role).model
        if name in specs:
            found[role] = specs[name]
            continue
        place = _mark(section, role, "model") or _mark(tree, "training")
        yield Problem(
            "unknown-model",
            f'the {role} is to be the model "{name}", which there is not{nearest(name, specs)}',
            f"the models: {', '.join(specs)}; `training.{role}.model` names another",
            place,
        )
    if len(found) < 2:
        return
    generator, discriminator = found["generator"], found["discriminator"]
    if generator is discriminator:
        yield Problem(
            "not-trainable",
            f'"{training.generator.model}" cannot be both the generator and the discriminator',
            "give each its own model",
            _mark(section, "discriminator", "model") or _mark(tree, "training"),
        )
        return
    yield from _ends(document, generator, discriminator, tree)
    yield from _loss(document, discriminator, tree)
    yield from _nothing_to_train(document, found, tree)
    yield from _schedules(document, tree)
    if document.data is not None:
        yield from _features(document, discriminator, tree)


def _ends(
    document: Models, generator: Spec, discriminator: Spec, tree: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yield what does not fit between noise, rows and scores."""
    training = document.training
    assert training is not None
    made, judged = training.generator.model, training.discriminator.model
    wrong: list[tuple[str, str, str]] = []
    inputs, outputs = generator.graph.inputs, _outputs(generator)
    if len(inputs) != 1:
        what = f"takes {len(inputs)} inputs, and noise is one"
        wrong.append((made, what, "give it one input; what is made by a label is not trained here"))
    wrong += [
        (made, f'takes the input "{name}" of {type_.dtype}, and noise is float32', "use float32")
        for name, type_ in inputs.items()
        if type_.dtype != "float32"
    ]
    if len(outputs) != 1:
        wrong.append((made, f"gives {len(outputs)} outputs, and a row is one", "name one output"))
    taken, scores = discriminator.graph.inputs, _outputs(discriminator)
    if len(taken) != 1:
        what = f"takes {len(taken)} inputs, and a row is one"
        hint = "give it one input; what is judged by a label is not trained here"
        wrong.append((judged, what, hint))
    if len(scores) != 1:
        wrong.append((judged, f"gives {len(scores)} outputs, and a score is one", "name one"))
    elif scores[0].dtype != "float32":
        wrong.append((judged, f"gives {scores[0].dtype}, and scores are float32", "end in dense"))
    for name, spec in ((made, generator), (judged, discriminator)):
        moving = [
            size
            for type_ in (*spec.graph.inputs.values(), *_outputs(spec))
            for size in type_.shape
            if isinstance(size, str)
        ]
        if moving:
            what = f'has the dynamic axis "{moving[0]}", and rows that are made have fixed sizes'
            wrong.append((name, what, "give the axis a number"))
    for name, what, hint in wrong:
        yield Problem("not-trainable", f'"{name}" {what}', hint, _key(tree["models"], name))
    if wrong:
        return
    (given,) = outputs
    ((name, wanted),) = taken.items()
    if (given.shape, given.dtype) != (wanted.shape, wanted.dtype):
        yield Problem(
            "shape-mismatch",
            f'the generator "{made}" gives {_shown(given)}, and the discriminator "{judged}" '
            f'takes {_shown(wanted)} as "{name}"',
            f"let {made} end in that shape, with `reshape`, or change the input of {judged}",
            _key(tree["models"], made),
        )


def _loss(document: Models, discriminator: Spec, tree: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what makes the loss wrong for what the discriminator ends in."""
    training = document.training
    assert training is not None
    loss = training.loss
    place = _mark(tree["training"], "loss") or _mark(tree, "training")
    if isinstance(loss, Wasserstein) and bool(loss.gradient_penalty) == bool(loss.weight_clip):
        has = "both" if loss.weight_clip else "neither"
        yield Problem(
            "missing-argument" if has == "neither" else "wrong-value",
            f"wasserstein has {has} of `gradient_penalty` and `weight_clip`, and one is expected",
            "write {type: wasserstein, gradient_penalty: 10}",
            place,
        )
    head = final_activation(discriminator.graph)
    if head is None:
        return
    activation, name = head.activation.type, training.discriminator.model
    if loss.is_unbounded or activation != "sigmoid":
        yield Problem(
            "loss-activation",
            f'{loss.type} takes scores, and the discriminator "{name}" ends in {activation}',
            f"leave {activation} out",
            head.node.mark,
        )
    elif loss.leaves_out and not any(head.node is node for node in discriminator.graph.nodes):
        yield Problem(
            "loss-activation",
            f"{loss.type} is computed from what goes into the last sigmoid, and that is inside a "
            "block",
            "leave sigmoid out of the block, and make it the last layer",
            head.node.mark,
        )


def _schedules(document: Models, tree: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem where a schedule has lengths that are no numbers of steps."""
    training = document.training
    assert training is not None
    for role in ROLES:
        rate = getattr(training, role).optimizer.learning_rate
        place = _mark(tree["training"], role, "optimizer", "learning_rate")
        if isinstance(rate, Schedule) and rate.schedule == "plateau":
            yield Problem(
                "not-trainable",
                f"the rate of the {role} is to fall where a loss falls no more, and the losses of "
                "two networks that learn against each other may rise and fall while both gain",
                "take a schedule of steps, such as step, cosine or linear",
                place,
            )
        elif isinstance(rate, Schedule) and rate.is_relative:
            yield Problem(
                "not-trainable",
                f"the schedule of the {role} has a length relative to a training's steps, and "
                "those of two networks differ",
                "write its lengths in optimizer steps",
                place,
            )


def _nothing_to_train(
    document: Models, found: Mapping[str, Spec], tree: Mapping[str, Any]
) -> Iterator[Problem]:
    training = document.training
    assert training is not None
    for role, spec in found.items():
        if not any(parameter.learns for _, parameter in spec.graph.parameters()):
            name = getattr(training, role).model
            yield Problem(
                "not-trainable",
                f'the {role} "{name}" has no parameter to train',
                "give it a layer with weights that are not frozen",
                _key(tree["models"], name),
            )


def _features(document: Models, discriminator: Spec, tree: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem where the rows are for another input than the discriminator's."""
    assert document.data is not None
    (wanted,) = list(discriminator.graph.inputs)[:1]
    for name in document.data.features:
        if name != wanted:
            features = tree["data"].get("features")
            yield Problem(
                "unknown-input",
                f'`data.features` names "{name}", and the discriminator takes "{wanted}"'
                f"{nearest(name, [wanted])}",
                f"write features: {{{wanted}: ...}}",
                _key(features, name),
            )


def _outputs(spec: Spec) -> list[TensorType]:
    return [spec.graph.types[name] for name in spec.graph.outputs]


def _shown(type_: TensorType) -> str:
    return f"{show(type_.shape)} of {type_.dtype}"


def _mark(holder: Any, *keys: str) -> Mark | None:
    """Return where a value stands that is reached by these keys."""
    mark = None
    for key in keys:
        if not isinstance(holder, Map) or key not in holder.marks:
            return mark
        mark, holder = holder.marks[key][1], holder[key]
    return mark


def _key(holder: Any, key: str) -> Mark | None:
    return holder.marks[key][0] if isinstance(holder, Map) and key in holder.marks else None
