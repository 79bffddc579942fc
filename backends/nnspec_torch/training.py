"""Writes what trains a network: loss, optimizer, step, and a program that runs on its own."""

from __future__ import annotations

from nnspec.emit.code import wrap
from nnspec.emit.composed import goals_of, loss_parts
from nnspec.emit.names import freed
from nnspec.emit.snippets import snippets
from nnspec.emit.training import (
    indented,
    training_of,
)
from nnspec.emit.weighting import MEAN, body_of
from nnspec.errors import UsageError
from nnspec.language.losses import Loss
from nnspec.language.objectives import is_composed
from nnspec.language.schedules.plateau import Plateau
from nnspec.language.training_schema import Training
from nnspec.language.weighting import SAMPLE_WEIGHT, is_weighted
from nnspec.network.activity import terms_of_activity
from nnspec.network.graph import Graph, Head
from nnspec.network.loader import Spec
from nnspec.network.objectives import loss_heads
from nnspec_torch.averages import average_modules, average_source
from nnspec_torch.losses import LOSSES
from nnspec_torch.naming import STEP, class_name
from nnspec_torch.options import TorchOptions
from nnspec_torch.parameter_groups import Maker
from nnspec_torch.penalties import (
    COLLECTED,
    activity_source,
    added,
    penalty_imports,
    penalty_source,
)
from nnspec_torch.plateau import plateau_source
from nnspec_torch.schedules import has_schedule, scheduler_modules, scheduler_source
from nnspec_torch.updates import NUMBER, OWN, SCALER, is_scaled, names_of, told, update_lines

WHOLE = frozenset({"adafactor", "muon", "rprop"})
"""Optimizers that need whole weights, or operators that PyTorch 2.13 lacks for shares of them."""


def training_modules(spec: Spec, options: TorchOptions) -> frozenset[str]:
    """Return the modules that the definitions use."""
    training = training_of(spec)
    by_weights = is_weighted(spec.model)
    bodies = (
        body_of(LOSSES, loss, graph, by_weights=by_weights) for _, loss, graph in loss_parts(spec)
    )
    modules = frozenset({"torch"}).union(*(body.modules for body in bodies))
    made = Maker(spec.graph, training.optimizer)
    averaged = average_modules(training.average, training.optimizer)
    penalised = penalty_imports(training, penalty_source(spec.graph, training))
    shared = frozenset({"F", "dist", "partial"} if options.processes else ())
    shared |= {"fully_shard"} if options.sharded else set()
    scheduled = scheduler_modules(training.optimizer)
    return modules | penalised | made.imports | averaged | scheduled | shared


def training_source(spec: Spec, head: Head | None, options: TorchOptions) -> str:
    """Return the definitions that train: loss_function, make_optimizer, train_step."""
    training, is_fused = training_of(spec), not (options.sharded or is_scaled(options))
    if options.sharded and not options.processes:
        raise UsageError("a share of the weights is of one of several processes: add --processes")
    return "\n\n\n".join(
        [
            *loss_functions(spec),
            *composed_loss(spec),
            *penalty_source(spec.graph, training),
            *activity_source(training),
            *Maker(spec.graph, training.optimizer, is_fused=is_fused).text(),
            *scheduler_source(training.optimizer),
            *_plateau(spec, training),
            *average_source(training.average, training.optimizer),
            *(sharing_source(spec, options) if options.processes else ()),
            _train_step(spec, head, training, options),
        ]
    )


def sharing_source(spec: Spec, options: TorchOptions) -> list[str]:
    """Return what processes share a batch by, and the weights where that is asked."""
    parts = snippets("nnspec_torch.emitted", "sharing")
    if not options.sharded:
        return [each.text for each in parts.values()]
    require_shardable(training_of(spec), options)
    shared = [each.text for name, each in parts.items() if name != "combine"]
    return shared + [each.text for each in snippets("nnspec_torch.emitted", "sharding").values()]


def require_shardable(training: Training, options: TorchOptions) -> None:
    """Raise UsageError for what takes whole weights, of which each process has a share."""
    asked = {
        "regularization": bool(training.regularization),
        "average": training.keeps_average,
        "precision 16-mixed": is_scaled(options),
        f"the optimizer {training.optimizer.type}": training.optimizer.type in WHOLE,
    }
    if wrong := [name for name, is_asked in asked.items() if is_asked]:
        raise UsageError(
            f"{' and '.join(wrong)}: it takes whole weights, of which fsdp leaves each process a "
            "share; leave it out, or take ddp"
        )


def composed_loss(spec: Spec) -> list[str]:
    """Return what sums up the losses, where there are several."""
    if not is_composed(spec.model):
        return []
    from nnspec_torch.composed import loss_functions  # which few specs need

    return loss_functions(spec)


def computed_by(spec: Spec, head: Head | None) -> str:
    """Return what computes the outputs as the loss takes them."""
    if is_composed(spec.model) and loss_heads(spec.model, spec.graph):
        return "model.for_loss"
    return "model.logits" if head is not None else "model"


def loss_functions(spec: Spec) -> list[str]:
    """Return the loss of each output, and the mean by weights that they are of."""
    by_weights = is_weighted(spec.model)
    parts = [weighted_mean()] if by_weights else []
    return parts + [
        _loss_function(loss, graph, name, by_weights=by_weights)
        for name, loss, graph in loss_parts(spec)
    ]


def weighted_mean() -> str:
    """Return the mean that losses by weights are of."""
    return snippets("nnspec_torch.emitted", "weighting")[MEAN].text


def _loss_function(loss: Loss, graph: Graph, name: str, *, by_weights: bool) -> str:
    body = body_of(LOSSES, loss, graph, by_weights=by_weights)
    more = f", {SAMPLE_WEIGHT}: Tensor" if by_weights else ""
    return "\n".join(
        [
            *wrap(f"def {name}(output: Tensor, target: Tensor{more}) -> Tensor:"),
            f'    """{body.summary}"""',
            *indented(body.lines),
        ]
    )


def _plateau(spec: Spec, training: Training) -> list[str]:
    schedule = training.optimizer.learning_rate
    if not isinstance(schedule, Plateau):
        return []
    return [plateau_source(training, schedule, spec.model.data)]


def _train_step(spec: Spec, head: Head | None, training: Training, options: TorchOptions) -> str:
    taken = STEP | names_of(training, options)
    inputs = [freed(name, taken) for name in spec.graph.inputs]
    scheduler = "scheduler" if has_schedule(training.optimizer) else None
    compute, goals = computed_by(spec, head), goals_of(spec)
    arguments = [
        f"model: {class_name(spec.name)}",
        "optimizer: torch.optim.Optimizer",
        *([f"{scheduler}: torch.optim.lr_scheduler.LRScheduler"] if scheduler else []),
        *([f"{SCALER}: torch.amp.GradScaler"] if is_scaled(options) else []),
        *([f"{NUMBER}: int"] if training.accumulate > 1 else []),
        *(f"{name}: Tensor" for name in inputs),
        *(f"{name}: Tensor" for name in goals),
    ]
    called, before = f"{compute}({', '.join(inputs)})", []
    rows, is_shared, given = f"len({inputs[0]})", options.processes, "output"
    if is_shared:
        # Checkers of types do not count what is gathered of several.
        given = "output: Any" if len(spec.graph.outputs) > 1 else given
        called = f"{compute}({', '.join(f'{name}[{OWN}]' for name in inputs)})"
        called = _gathered(called, rows, len(spec.graph.outputs))
    if terms_of_activity(training):
        before, called = [f"{COLLECTED}:", f"    {given} = {called}"], "output"
    elif is_shared:
        before, called = [f"{given} = {called}"], "output"
    if is_shared:
        before = [f"{OWN} = share({rows})", *before]
    more = added(training, rows, is_shared=is_shared)
    loss = f"loss_function({called}, {', '.join(goals)}){more}"
    return "\n".join(
        [
            *wrap(f"def train_step({', '.join(arguments)}) -> Tensor:"),
            f'    """{told(training)}"""',
            *indented(update_lines(training, loss, before, options, inputs[0])),
            "    return loss.detach()",
        ]
    )


def _gathered(called: str, rows: str, outputs: int) -> str:
    """Return the expression of all rows' outputs, of that of this process's rows."""
    if outputs == 1:
        return f"gathered({called}, {rows})"
    return f"tuple(gathered(each, {rows}) for each in {called})"
