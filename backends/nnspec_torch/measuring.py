"""Writes what measures all rows together, and which epoch is kept or is the last."""

from __future__ import annotations

from nnspec.emit.code import literal, wrap
from nnspec.emit.goals import as_trained, is_named
from nnspec.emit.metrics import Measured, has_confusion, has_numbers, is_collected, measured_source
from nnspec.emit.training import shifts_target
from nnspec.language.arrays import holds_arrays
from nnspec.language.metrics_by_output import reported_metrics
from nnspec.language.schedules import Schedule
from nnspec.language.training_schema import Data, Training
from nnspec.language.watching import Keep, better_of, watched
from nnspec.language.weighting import SAMPLE_WEIGHT, is_weighted
from nnspec.network.graph import Head
from nnspec.network.loader import Spec
from nnspec_torch.naming import class_name
from nnspec_torch.penalties import added, given_lines


def measured_of(spec: Spec) -> Measured | None:
    """Return what measures, or None where expressions of PyTorch do."""
    training, data = spec.model.training, spec.model.data
    if training is None or data is None:
        return None
    is_table = not holds_arrays(data.source)
    if is_named(spec):
        from nnspec.emit.metrics_by_output import measured_by_output  # which few specs need

        return measured_by_output(spec, is_table=is_table)
    spec = as_trained(spec)
    assert spec.model.training is not None
    if not is_collected(spec.model.training) and not is_weighted(spec.model):
        return None
    return measured_source(spec, is_table=is_table)


def evaluate_collected(spec: Spec, head: Head | None, compute: str) -> str:
    """Return `evaluate`, which gives all outputs to `measure`."""
    data, training = spec.model.data, spec.model.training
    assert data is not None
    assert training is not None
    counts = [SAMPLE_WEIGHT] if is_weighted(spec.model) else []
    arguments = f"model: {class_name(spec.name)}, rows: tuple[Tensor, ...]"
    given = ["target", "output"]
    alone = as_trained(spec).model.training
    assert alone is not None
    is_measured = has_numbers(alone)
    if shifts_target(spec) and is_measured:
        arguments += ", record: dict[str, Any]"
        given = [f"restored({name}, record)" for name in given]
    given += counts
    told = '    """Return the loss and the metrics, computed as at inference."""'
    names = ", ".join(["target", *counts])
    more = added(training, "len(output)")
    loss = ["    loss = loss_function(output, target).item()"]
    if more:
        loss = [f"    loss = (loss_function(output, target){more}).item()"]
    if counts or not alone.resolved_loss.is_mean_of_rows:
        # Rows weigh differently: as in training, each batch is a mean of its own.
        parts = ", ".join(
            f"{each}.split({training.batch_size})" for each in ("output", "target", *counts)
        )
        loss = [
            *wrap(f"parts = zip({parts}, strict=True)", 4),
            "    total = sum(len(part[0]) * loss_function(*part) for part in parts)",
            f"    loss = (total / len(output){more}).item()",
        ]
    lines = [
        *wrap(f"def evaluate({arguments}) -> dict[str, float]:"),
        told,
        f"    *inputs, {names} = rows",
        "    model.eval()",
        *given_lines(training, "output", compute),
        *loss,
    ]
    if not is_measured:
        return "\n".join([*lines, '    return {"loss": loss}'])
    lines += [
        "    if not math.isfinite(loss):",
        '        return {"loss": loss}',
    ]
    if head is not None:
        assert spec.model.training is not None
        axis = spec.model.training.resolved_loss.class_axis
        activation = f"softmax(output, dim={axis + 1 if axis >= 0 else axis})"
        if head.activation.type == "sigmoid":
            activation = "sigmoid(output)"
        lines.append(f"    output = torch.{activation}")
    lines += [
        "    target, output = target.cpu().numpy(), output.cpu().numpy()",
        *(f"    {each} = {each}.cpu().numpy()" for each in counts),
        *wrap(f'return {{"loss": loss, **measure({", ".join(given)})}}', 4),
    ]
    return "\n".join(lines)


def confusion_lines(spec: Spec) -> list[str]:
    """Return the lines that print the confusion matrix of the last part of the rows."""
    training, data = spec.model.training, spec.model.data
    assert data is not None
    if training is None or is_named(spec) or not has_confusion(training):
        return []
    part = last_part(data)
    more = [SAMPLE_WEIGHT] if is_weighted(spec.model) else []
    given = ", ".join(f"{each}.cpu().numpy()" for each in ("target", "output", *more))
    return [
        f'    *inputs, {", ".join(["target", *more])} = parts["{part}"]',
        "    model.eval()",
        "    output = outputs(model, inputs)",
        *wrap(f"table = confusion({given})", 4),
        f'    print("{part}", {{"confusion_matrix": table}})',
    ]


def last_part(data: Data) -> str:
    """Return the rows that a run is judged by at its end."""
    return "test" if data.has_test else "validation" if data.has_validation else "train"


def beginning(training: Training, data: Data) -> list[str]:
    """Return the lines before the epochs."""
    keeping = _Watched(training, data, training.keep)
    lines = [f"    best = {keeping.worst}"]
    if training.stop is not None:
        stopping = _Watched(training, data, training.stop)
        if keeping.is_as(stopping):
            lines.append("    waited = 0")
        else:
            lines += [f"    reached = {stopping.worst}", "    waited = 0"]
    return lines


def pacing(training: Training, data: Data) -> list[str]:
    """Return the line that lets the learning rate follow what the epoch measured, if it does."""
    schedule = training.optimizer.learning_rate
    if not isinstance(schedule, Schedule) or schedule.schedule != "plateau":
        return []
    from nnspec.language.schedules.plateau import Plateau

    assert isinstance(schedule, Plateau)
    return [f"        scheduler.step({_Watched(training, data, schedule.watched).value})"]


def ending(
    training: Training, data: Data, *, is_shared: bool = False, is_sharded: bool = False
) -> list[str]:
    """Return the lines at the end of each epoch.

    is_shared: only the first process writes; is_sharded: what all have put together.
    """
    keeping, stop = _Watched(training, data, training.keep), training.stop
    stopping = _Watched(training, data, stop)
    is_one = stop is not None and keeping.is_as(stopping)
    value = keeping.value
    kept = "kept" if training.keeps_average else "model"
    kept = "kept" if is_sharded else kept
    lines = [
        f"        if {keeping.better('best')}:",
        f"            best = {value}",
        *(["            waited = 0"] if is_one else []),
        *(["            state = whole(model)"] if is_sharded else []),
        *(["            if dist.get_rank() == 0:"] if is_shared else []),
        *(["                kept.load_state_dict(state)"] if is_sharded else []),
        f"            {'    ' if is_shared else ''}save({kept}, record, beside)",
    ]
    if stop is None:
        return lines
    if not is_one:
        lines += [
            f"        if {stopping.better('reached')}:",
            f"            reached = {stopping.value}",
            "            waited = 0",
        ]
    return [
        *lines,
        "        else:",
        "            waited += 1",
        f"            if waited == {stop.patience}:",
        '                print(f"stopped after epoch {epoch}")',
        "                break",
    ]


class _Watched:
    """The measure that a record watches, as an expression."""

    def __init__(self, training: Training, data: Data, record: Keep | None) -> None:
        has_validation = data.has_validation
        name = watched(record, has_validation=has_validation)
        metrics, kind = reported_metrics(training), training.metric_kind
        self.is_less = better_of(record, name, metrics, kind) == "min"
        self.value = f'measured["{name.removeprefix("val_")}"]'
        if name == "loss" and has_validation:
            self.value = "train_loss"
        self.least = getattr(record, "min_delta", 0.0)

    @property
    def worst(self) -> str:
        return "math.inf" if self.is_less else "-math.inf"

    def better(self, than: str) -> str:
        sign = " + " if self.is_less else " - "
        more = f"{sign}{literal(self.least)}" if self.least else ""
        return f"{self.value}{more} {'<' if self.is_less else '>'} {than}"

    def is_as(self, other: _Watched) -> bool:
        return (self.value, self.is_less, self.least) == (other.value, other.is_less, other.least)
