"""The parts of a training that minimises more than one loss of one output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from nnspec.language.by_output import Own, Taught

NO_NEXT = -100
"""The target of the last position of a text, which counts for nothing; as in PyTorch."""

if TYPE_CHECKING:
    from nnspec.language.losses import Loss
    from nnspec.language.schema import Model
    from nnspec.language.training_schema import Data, Training


def is_composed(model: Model) -> bool:
    """Whether a training minimises more than the loss of the network's one output."""
    training = model.training
    if training is None:
        return False
    loss, task = training.loss, cast(object, training.task)
    target = cast(object, model.data.target) if model.data is not None else None
    if any(isinstance(each, Mapping) for each in (loss, task, target)) or isinstance(
        target, Own | Taught
    ):
        return True
    assert not isinstance(loss, Mapping)
    if loss is None:
        return False
    is_without_target = loss.takes == "nothing" and model.data is not None and target is None
    return loss.weight != 1.0 or is_without_target


def trained_outputs(training: Training, outputs: tuple[str, ...]) -> tuple[str, ...]:
    """Return the outputs that have a loss, in the network's order."""
    named = named_outputs(training)
    if not named:
        return outputs[:1]
    return tuple(name for name in outputs if name in named)


def named_outputs(training: Training) -> tuple[str, ...]:
    """Return the outputs whose losses or tasks are given by name."""
    return tuple(dict.fromkeys((*_keys(training.loss), *_keys(training.task))))


def _keys(given: object) -> tuple[str, ...]:
    return tuple(given) if isinstance(given, Mapping) else ()


def loss_of(training: Training, output: str) -> Loss:
    """Return the loss of an output: its own, or that of its task."""
    loss = training.loss.get(output) if isinstance(training.loss, Mapping) else training.loss
    if loss is not None:
        return loss
    return training.usual_loss(task_of(training, output))


def losses_of(training: Training) -> tuple[Loss, ...]:
    """Return every loss of a training."""
    names = named_outputs(training)
    return tuple(loss_of(training, name) for name in names) or (training.resolved_loss,)


def task_of(training: Training, output: str) -> Any:
    """Return the task of an output: its own, or what its loss is for."""
    task = cast(object, training.task)
    if not isinstance(task, Mapping):
        return training.task
    if output in task:
        return task[output]
    loss = training.loss.get(output) if isinstance(training.loss, Mapping) else training.loss
    leaves_out = loss.leaves_out if loss is not None else ""
    return {"softmax": "multiclass", "sigmoid": "binary"}.get(leaves_out, "regression")


def model_of(model: Model, output: str) -> Model:
    """Return the document as that of a network whose one output this is."""
    assert model.training is not None
    training = model.training
    data = model.data
    alone = training_of(training, output)
    update: dict[str, Any] = {"training": alone}
    if data is not None:
        own = own_target(model, output)
        update["data"] = _data_of(data, output)
        loss = alone.resolved_loss
        if own is not None and own.shifted and getattr(loss, "ignore_index", 0) is None:
            # At the last position there is no next one.
            loss = loss.model_copy(update={"ignore_index": NO_NEXT})
            update["training"] = alone.model_copy(update={"loss": loss})
    return model.model_copy(update=update)


def training_of(training: Training, output: str) -> Training:
    """Return the training as that of a network whose one output this is."""
    task, loss, metrics = task_of(training, output), loss_of(training, output), training.metrics
    if loss.weight != 1.0:
        loss = loss.model_copy(update={"weight": 1.0})
    if metrics is not None:
        alone = training.model_copy(update={"task": task, "loss": loss})
        metrics = tuple(metric for metric in metrics if alone.takes_metric(metric))
    return training.model_copy(update={"task": task, "loss": loss, "metrics": metrics})


def own_target(model: Model, output: str) -> Own | None:
    """Return the input that is the target of an output, where one is; of an autoencoder its own."""
    found, training = _target_of(model, output), model.training
    if found is None and model.data is not None and training is not None:
        is_own = task_of(training, output) == "autoencoder" and len(model.inputs) == 1
        return Own(input=next(iter(model.inputs))) if is_own else None
    return found if isinstance(found, Own) else None


def taught_target(model: Model, output: str) -> Taught | None:
    """Return what another network gives as the target of an output, where one does."""
    found = _target_of(model, output)
    return found if isinstance(found, Taught) else None


def has_teacher(model: Model) -> bool:
    """Whether a target is what another network gives."""
    target: Any = model.data.target if model.data is not None else None
    given = target.values() if isinstance(target, Mapping) else (target,)
    return any(isinstance(each, Taught) for each in given)


def _target_of(model: Model, output: str) -> object:
    target: Any = model.data.target if model.data is not None else None
    return target.get(output) if isinstance(target, Mapping) else target


def _data_of(data: Data, output: str) -> Data:
    target: Any = data.target
    column = target.get(output, ()) if isinstance(target, Mapping) else target
    # What is no column is said by `own_target` and `taught_target`.
    is_column = not isinstance(column, Own | Taught)
    return data.model_copy(update={"target": column if is_column else ()})


def with_names(model: Model, names: Mapping[str, str]) -> Model:
    """Return the document with other names of the outputs that losses are given by."""
    training = model.training
    assert training is not None
    update = {
        key: {names.get(name, name): value for name, value in given.items()}
        for key in ("loss", "task")
        if isinstance(given := getattr(training, key), Mapping)
    }
    return model.model_copy(update={"training": training.model_copy(update=update)})
