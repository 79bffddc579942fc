"""Writes the program around a network: epochs, evaluation, prediction."""

from __future__ import annotations

from nnspec.emit.answered import predicted
from nnspec.emit.augmenting import is_augmented, needs_record
from nnspec.emit.code import literal, wrap, wrap_item
from nnspec.emit.goals import is_named
from nnspec.emit.metrics import has_numbers
from nnspec.emit.named_parts import loading
from nnspec.emit.names import snake
from nnspec.emit.snippets import Snippets, snippets
from nnspec.emit.sources import files_read, source_path
from nnspec.emit.training import axis_in_batch, shifts_target
from nnspec.emit.watched_classes import required_classes
from nnspec.emit.windows import arrays_of_rows
from nnspec.errors import UsageError
from nnspec.language.arrays import holds_arrays
from nnspec.language.objectives import is_composed
from nnspec.language.training_schema import Training
from nnspec.language.weighting import SAMPLE_WEIGHT, is_weighted
from nnspec.layers.weighted import split
from nnspec.network.graph import Head
from nnspec.network.heads import final_activation
from nnspec.network.loader import Spec
from nnspec.network.objectives import terms_of
from nnspec_torch import script_by_output as by_output
from nnspec_torch.measuring import (
    beginning,
    confusion_lines,
    ending,
    evaluate_collected,
    measured_of,
    pacing,
)
from nnspec_torch.naming import class_name, renamed_layers
from nnspec_torch.options import TorchOptions
from nnspec_torch.penalties import added, given_lines
from nnspec_torch.schedules import has_plateau, has_schedule
from nnspec_torch.script_processes import agreed, first, joined
from nnspec_torch.training import computed_by
from nnspec_torch.updates import NUMBER, SCALER, is_scaled

_METRICS = {"mae": "(output - target).abs().mean()", "r2": "r2(output, target)"}
_SCALED = {**_METRICS, "mae": "((output - target).abs() * scale).mean()"}
"""The same where the target is standardised, in the units that it had; r2 is the same in any."""
MODULES = frozenset({"math", "torch"})
"""Modules that the program uses."""


def script_source(spec: Spec, training: Training, head: Head | None, options: TorchOptions) -> str:
    """Return what trains, measures and predicts; the last of it is `main`."""
    compute = computed_by(spec, head)
    if is_composed(spec.model) and not is_named(spec):
        (term,) = terms_of(spec.model, spec.graph)
        training, head = term.training, term.head
    names = renamed_layers(spec.graph)
    program = snippets("nnspec_torch.emitted", "program")
    renamed = snippets("nnspec_torch.emitted", "renamed_program")
    storing = renamed if names else program
    is_normalized = any(split(name)[1] for name, _ in spec.graph.parameters())
    if is_normalized:
        kind = "renamed_normalized_program" if names else "normalized_program"
        storing = snippets("nnspec_torch.emitted", kind)
    load = "load_weights" if names else "load_file"
    is_single = len(spec.graph.outputs) == 1
    required = required_classes(spec)
    parts = [required.text] if required is not None else []
    parts += [_outputs(training) if is_single else by_output.outputs_source(training)]
    measured = measured_of(spec)
    if measured is not None:
        parts += measured.parts
    if is_named(spec):
        parts += [by_output.arrays_source()] if measured is not None else []
        parts.append(by_output.evaluate_source(spec, training, measured))
    elif measured is not None:
        parts.append(evaluate_collected(spec, head, compute))
    else:
        if any(metric.type == "r2" for metric in training.resolved_metrics):
            parts.append(program["r2"].text)
        parts.append(_evaluate(spec, training, head, compute))
    parts += [
        *(_renaming(names, renamed) if names else ()),
        *([storing["named"].text] if names or is_normalized else ()),
        (renamed if names or is_normalized else program)["save"].text,
        by_output.predict_source(spec, load) if is_named(spec) else _predict(spec, training, load),
        _main(spec, training, load, options),
        'if __name__ == "__main__":\n    main()',
    ]
    return "\n\n\n".join(parts)


def _renaming(names: dict[str, str], renamed: Snippets) -> list[str]:
    constant = wrap(f"ATTRIBUTES = {literal(names)}")
    comment = "# The attribute of each layer whose name in the spec a module cannot give."
    return ["\n".join([comment, *constant]), renamed["load_weights"].text]


def _outputs(training: Training) -> str:
    return "\n".join(
        [
            "def outputs(network: Callable[..., Tensor], inputs: Sequence[Tensor]) -> Tensor:",
            '    """Return what the network makes of all rows, a batch at a time."""',
            "    with torch.no_grad():",
            f"        parts = zip(*(values.split({training.batch_size}) for values in inputs))",
            "        return torch.cat([network(*part) for part in parts])",
        ]
    )


def _evaluate(spec: Spec, training: Training, head: Head | None, compute: str) -> str:
    assert spec.model.data is not None
    names = [metric.type for metric in training.resolved_metrics]
    measured = {name: _metric(name, spec, training, head) for name in names}
    arguments = f"model: {class_name(spec.name)}, rows: tuple[Tensor, ...]"
    told = ['    """Return the loss and the metrics, computed as at inference."""']
    if _takes_scale(spec, training):
        measured = {name: _SCALED[name] for name in measured}
        arguments += ", scale: Tensor | float = 1.0"
        told = [
            '    """Return the loss and the metrics, computed as at inference.',
            "",
            "    scale: what the target was divided by; the metrics are in its units.",
            '    """',
        ]
    whole, weighed = "loss_function(output, target)", []
    if not training.resolved_loss.is_mean_of_rows:
        size, whole = training.batch_size, "total / len(output)"
        weighed = [
            # Rows weigh differently: as in training, each batch is a mean of its own.
            *wrap(f"parts = zip(output.split({size}), target.split({size}), strict=True)", 4),
            "    total = sum(len(part[0]) * loss_function(*part) for part in parts)",
        ]
    pairs = [f'"loss": {whole}{added(training, "len(output)")}']
    pairs += [f'"{name}": {expression}' for name, expression in measured.items()]
    return "\n".join(
        [
            *wrap(f"def evaluate({arguments}) -> dict[str, float]:"),
            *told,
            "    *inputs, target = rows",
            "    model.eval()",
            *given_lines(training, "output", compute),
            *weighed,
            "    values = {",
            *[line for pair in pairs for line in wrap_item(pair, 8)],
            "    }",
            "    return {name: value.item() for name, value in values.items()}",
        ]
    )


def _takes_scale(spec: Spec, training: Training) -> bool:
    """Whether an expression of PyTorch measures in the units of a standardised target."""
    return shifts_target(spec) and any(each.type == "mae" for each in training.resolved_metrics)


def _predict(spec: Spec, training: Training, load: str) -> str:
    from nnspec.network.scores import threshold

    lines_of, arrays = arrays_of_rows(spec)
    lines = [
        "def predict(weights: Path, data: Path) -> tuple[np.ndarray, np.ndarray]:",
        '    """Return what trained weights make of raw rows: the output, and the answer."""',
        '    with safe_open(weights, "pt") as file:',
        '        record = json.loads(file.metadata()["preprocessing"])',
        f"    model = {class_name(spec.name)}()",
        f"    model.load_state_dict({load}(weights))",
        "    model.eval()",
        *lines_of,
        *wrap(f"tensors = [torch.from_numpy(array) for array in {arrays}]", 4),
        "    output = outputs(model, tensors).numpy()",
    ]
    if training.kind == "regression":
        if shifts_target(spec):
            lines.append("    output = restored(output, record)")
        gives = training.resolved_loss.gives
        answer = "output" if gives is None else predicted("output", gives)
        return "\n".join([*lines, f"    return output, {answer}"])
    if training.kind == "multiclass":
        lines.append(f"    answer = output.argmax(axis={axis_in_batch(training)})")
    else:
        limit = f"{threshold(spec.graph, training):g}"
        lines.append(f'    answer = (output > {limit}).astype("int64")')
    return "\n".join(
        [
            *lines,
            '    if record["labels"] is not None:',
            '        answer = np.array(record["labels"])[answer]',
            "    return output, answer",
        ]
    )


def _main(spec: Spec, training: Training, load: str, options: TorchOptions) -> str:
    data = spec.model.data
    assert data is not None
    file = f"{snake(spec.name)}.safetensors"
    part = "validation" if data.has_validation else "train"
    is_scheduled = has_schedule(training.optimizer)
    state = "optimizer, scheduler" if is_scheduled else "optimizer"
    is_collected = measured_of(spec) is not None
    scale = ", scale" if _takes_scale(spec, training) else ""
    if is_collected:
        scale = ", record" if shifts_target(spec) and has_numbers(training) else ""
    required = required_classes(spec)
    counted = "kinds" if data.resample is not None else "len(train[0])"
    taken = "drawn" if is_augmented(spec) else "train"
    is_counted, is_shared = training.accumulate > 1, options.processes
    state += f", {SCALER}" if is_scaled(options) else ""
    state += f", {NUMBER}" if is_counted else ""
    made = f"{class_name(spec.name)}()"
    sharded = [f"    kept = {made}  # takes whole weights", "    shard(model)"]
    lines = [
        "def main() -> None:",
        '    """Train, and write the weights of the best epoch."""',
        "    parser = argparse.ArgumentParser(description=main.__doc__)",
        *wrap(f"source = {source_path(data)}", 4),
        '    parser.add_argument("--data", type=Path, default=source)',
        '    parser.add_argument("--weights", type=Path, help="first weights")',
        *wrap(f"output = Path({literal(file)})", 4),
        '    parser.add_argument("--output", type=Path, default=output)',
        f'    parser.add_argument("--epochs", type=int, default={training.epochs})',
        '    devices = ["cuda", "cpu"] if torch.cuda.is_available() else ["cpu"]',
        '    parser.add_argument("--device", choices=devices, default=devices[0])',
        "    arguments = parser.parse_args()",
        "    if arguments.epochs < 1:",
        '        parser.error("--epochs: at least one is expected")',
        "",
        f"    torch.manual_seed({training.seed})",
        "    device = torch.device(arguments.device)",
        *(joined() if is_shared else ()),
        *wrap(f"model = {made}", 4),
        "    if arguments.weights is not None:",
        "        try:",
        f"            model.load_state_dict({load}(arguments.weights))",
        "        except (OSError, RuntimeError, SafetensorError) as error:",
        '            parser.error(f"--weights: {arguments.weights}: {error}")',
        "    model.to(device)",
        *(["    share_statistics(model)"] if is_shared else []),
        *(sharded if options.sharded else []),
        *(
            [f"    torch.manual_seed({training.seed} + dist.get_rank())  # each drops its own"]
            if is_shared and spec.graph.is_random
            else []
        ),
        "    optimizer = make_optimizer(model)",
        *(
            ["    scheduler = make_scheduler(optimizer)"]
            if is_scheduled or has_plateau(training.optimizer)
            else []
        ),
        *([f"    {SCALER} = torch.amp.GradScaler(device.type)"] if is_scaled(options) else []),
        *(["    average = make_average(model, optimizer)"] if training.average else []),
        '    stem = arguments.output.name.removesuffix(".safetensors")',
        '    beside = arguments.output.with_name(f"{stem}.best.safetensors")',
        "    try:",
        *wrap(f"require_writable(arguments.output, {files_read(data)}, arguments.weights)", 8),
        *wrap(f"require_writable(beside, {files_read(data)}, arguments.weights)", 8),
        f"        {loading(data)} = load_data(arguments.data)",
        *([required.call] if required is not None else []),
        "    except (OSError, ValueError) as error:",
        "        parser.error(str(error))",
        "    # Small enough to lie on the device as a whole, which spares a DataLoader.",
        *_tensors(spec),
        '    train = parts["train"]',
        *(_scale(spec) if scale and not is_collected else []),
        *beginning(training, data),
        *([f"    {NUMBER} = 0"] if is_counted else []),
        "    for epoch in range(1, arguments.epochs + 1):",
        "        model.train()",
        "        total = torch.zeros((), dtype=torch.float64, device=device)",
        *(_augmented(spec) if is_augmented(spec) else ()),
        f"        for rows in batches({counted}{', epoch' if training.shuffle else ''}):",
        f"            batch = [values[rows] for values in {taken}]",
        *wrap(f"loss = train_step(model, {state}, *batch)", 12),
        "            total += loss.double() * len(rows)",
        *([f"            {NUMBER} += 1"] if is_counted else []),
        "        train_loss = total.item() / len(train[0])",
    ]
    kept = "model"
    if training.keeps_average:
        kept, source = "kept", "average" if training.average is not None else "optimizer"
        lines.append(f"        kept = averaged(model, {source})")
    if part == "train":
        # As nnspec does: the loss of an epoch is that of its steps.
        lines.append(f'        measured = evaluate({kept}, train{scale}) | {{"loss": train_loss}}')
        lines += agreed(options)
        lines += first(["        print(epoch, measured)"], options)
        finite = "measured.values()"
    else:
        lines.append(f'        measured = evaluate({kept}, parts["validation"]{scale})')
        lines += agreed(options)
        lines += first(['        print(epoch, {"train_loss": train_loss, **measured})'], options)
        finite = "[train_loss, *measured.values()]"
    lines += [
        f"        if not all(map(math.isfinite, {finite})):",
        '            raise SystemExit(f"in epoch {epoch} the loss is {train_loss}, {measured}")',
        *pacing(training, data),
        *ending(training, data, is_shared=is_shared, is_sharded=options.sharded),
    ]
    confusion = confusion_lines(spec)
    last = ["    beside.replace(arguments.output)"]
    if options.sharded and (data.has_test or confusion):
        last.append("    model = kept.to(device)")
    if data.has_test or confusion:
        last.append(f"    model.load_state_dict({load}(arguments.output))")
    if data.has_test:
        last.append(f'    print("test", evaluate(model, parts["test"]{scale}))')
    lines += first([*last, *confusion], options)
    return "\n".join([*lines, *(["    dist.destroy_process_group()"] if is_shared else [])])


def _augmented(spec: Spec) -> list[str]:
    """Return the lines that change the training images for an epoch."""
    record = ", record" if needs_record(spec) else ""
    return [
        "        drawn = list(train)",
        f'        for i, values in augmented(data["train"], epoch{record}):',
        "            drawn[i] = torch.from_numpy(values).to(device)",
    ]


def _tensors(spec: Spec) -> list[str]:
    """Return the lines that make tensors of the arrays of each part."""
    if not is_named(spec):
        return [
            "    parts = {",
            "        part: tuple(torch.from_numpy(array).to(device) for array in arrays)",
            "        for part, arrays in data.items()",
            "    }",
        ]
    more = f", {SAMPLE_WEIGHT}" if is_weighted(spec.model) else ""
    arrays = f"(*inputs, *targets.values(){more})"
    return [
        "    parts = {",
        "        part: tuple(",
        *(
            [
                "            torch.from_numpy(array).to(device)",
                f"            for array in {arrays}",
            ]
            if more
            else [f"            torch.from_numpy(array).to(device) for array in {arrays}"]
        ),
        "        )",
        f"        for part, (*inputs, targets{more}) in data.items()",
        "    }",
    ]


def _scale(spec: Spec) -> list[str]:
    """Return the line that gives the scale of the target, shaped as it."""
    shape = list(spec.graph.types[spec.graph.outputs[0]].shape)
    made = f'torch.tensor(record["target_scale"], device=device).reshape({literal(shape)})'
    return wrap(f"scale = {made}", 4)


def _is_table(spec: Spec) -> bool:
    assert spec.model.data is not None
    return not holds_arrays(spec.model.data.source)


def _metric(name: str, spec: Spec, training: Training, head: Head | None) -> str:
    if name in _METRICS:
        return _METRICS[name]
    if name == "accuracy" and training.kind == "multiclass":
        # Arrays may hold a probability per class where a table holds the class.
        classes = "(target.argmax(-1) if target.dim() == output.dim() else target)"
        expected = "target" if _is_table(spec) else classes
        return f"(output.argmax(-1) == {expected}).double().mean()"
    if name == "accuracy" and training.kind == "binary":
        is_logits = head is not None or (
            training.resolved_loss.leaves_out == "sigmoid" and final_activation(spec.graph) is None
        )
        threshold = "0" if is_logits else "0.5"
        return f"((output > {threshold}) == (target > 0.5)).double().mean()"
    raise UsageError(f"the metric {name} is not defined for a {training.task} task")
