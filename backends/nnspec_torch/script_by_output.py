"""Writes what measures and predicts where losses are given by output."""

from __future__ import annotations

from collections.abc import Sequence

from nnspec.emit.answered import answer_of
from nnspec.emit.code import literal, wrap, wrap_item
from nnspec.emit.composed import named_terms
from nnspec.emit.metrics import Measured
from nnspec.language.training_schema import Training
from nnspec.language.weighting import SAMPLE_WEIGHT, is_weighted
from nnspec.network.loader import Spec
from nnspec.network.objectives import Term, loss_heads
from nnspec_torch.naming import class_name
from nnspec_torch.penalties import added, given_lines


def outputs_source(training: Training) -> str:
    """Return `outputs`, which gives all outputs of a network that has several."""
    return "\n".join(
        [
            "def outputs(",
            "    network: Callable[..., tuple[Tensor, ...]], inputs: Sequence[Tensor]",
            ") -> tuple[Tensor, ...]:",
            '    """Return each output of the network for all rows, a batch at a time."""',
            "    with torch.no_grad():",
            f"        parts = zip(*(values.split({training.batch_size}) for values in inputs))",
            "        made = zip(*(network(*part) for part in parts))",
            "        return tuple(torch.cat(values) for values in made)",
        ]
    )


def evaluate_source(spec: Spec, training: Training, measured: Measured | None) -> str:
    """Return `evaluate`, which gives the loss, that of each output, and its metrics."""
    named, outputs = named_terms(spec), spec.graph.outputs
    compute = "model.for_loss" if loss_heads(spec.model, spec.graph) else "model"
    count = len(spec.graph.inputs)
    is_one = len(outputs) == 1
    variables = {each.term.output: each.variable for each in named}
    names = [variables.get(name, "_") for name in outputs]
    has_weights = is_weighted(spec.model)
    counts = f", {SAMPLE_WEIGHT}" if has_weights else ""
    found = ["    found = losses(given, *targets)"]
    if has_weights or not all(each.term.loss.is_mean_of_rows for each in named):
        first = "batch[0]" if is_one else f"batch[:{len(outputs)}]"
        every = f"({'given' if is_one else '*given'}, *targets{counts})"
        found = [
            # Rows weigh differently: as in training, each batch is a mean of its own.
            f"    found = dict.fromkeys({literal([each.term.output for each in named])}, 0.0)",
            *wrap(
                f"for batch in zip(*(values.split({training.batch_size}) for values in {every})):",
                4,
            ),
            "        share = len(batch[0]) / len(rows[0])",
            f"        for name, loss in losses({first}, *batch[{len(outputs)}:]).items():",
            "            found[name] += share * loss",
        ]
    whole = "weighted_sum(found)"
    if more := added(training, "len(rows[0])"):
        whole = f"({whole}{more})"
    lines = [
        *wrap(
            f"def evaluate(model: {class_name(spec.name)}, rows: tuple[Tensor, ...])"
            " -> dict[str, float]:"
        ),
        '    """Return the losses and the metrics, computed as at inference."""',
        f"    inputs, targets{counts} = rows[:{count}], "
        + (f"rows[{count}:-1], rows[-1]" if has_weights else f"rows[{count}:]"),
        "    model.eval()",
        *given_lines(training, "given", compute),
        *found,
        f'    values = {{"loss": {whole}.item()}}',
        '    values |= {f"{name}_loss": loss.item() for name, loss in found.items()}',
    ]
    if measured is None:
        return "\n".join([*lines, "    return values"])
    lines += ["    if not all(map(math.isfinite, values.values())):", "        return values"]
    if not is_one:
        lines += wrap(f"{', '.join(names)} = given", 4)
    if has_weights:
        counts = f", {SAMPLE_WEIGHT}.cpu().numpy()"
    lines.append("    made = {")
    for each in named:
        value = "given" if is_one else each.variable
        lines += wrap_item(f"{literal(each.term.output)}: {_final(value, each.term)}", 8)
    lines += [
        "    }",
        "    expected = dict(zip(made, targets, strict=True))",
        *wrap(f"return values | measure(arrays_of(expected), arrays_of(made){counts})", 4),
    ]
    return "\n".join(lines)


def _final(value: str, term: Term) -> str:
    """Return an output as it is deployed, of what its loss takes."""
    head, axis = term.head, term.loss.class_axis
    if head is None:
        return value
    if head.activation.type == "sigmoid":
        return f"torch.sigmoid({value})"
    return f"torch.softmax({value}, dim={axis + 1 if axis >= 0 else axis})"


def arrays_source() -> str:
    """Return `arrays_of`, by which NumPy gets what is measured."""
    return "\n".join(
        [
            "def arrays_of(tensors: dict[str, Tensor]) -> dict[str, np.ndarray]:",
            '    """Return tensors as arrays."""',
            "    return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}",
        ]
    )


def predict_source(spec: Spec, load: str) -> str:
    """Return `predict`, which answers by output."""
    outputs: Sequence[str] = spec.graph.outputs
    made = "outputs(model, tensors)"
    pairs = f"zip({literal(list(outputs))}, {made}, strict=True)"
    given = f"{{name: tensor.numpy() for name, tensor in {pairs}}}"
    if len(outputs) == 1:
        given = f"{{{literal(outputs[0])}: {made}.numpy()}}"
    return "\n".join(
        [
            *wrap(
                "def predict(weights: Path, data: Path) -> "
                "tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:"
            ),
            '    """Return what trained weights make of raw rows: each output, and its answer."""',
            '    with safe_open(weights, "pt") as file:',
            '        record = json.loads(file.metadata()["preprocessing"])',
            f"    model = {class_name(spec.name)}()",
            f"    model.load_state_dict({load}(weights))",
            "    model.eval()",
            '    inputs = read_inputs(read_rows(data), record["inputs"], data)',
            "    tensors = [torch.from_numpy(array) for array in prepared(inputs, record)]",
            *wrap(f"given = {given}", 4),
            *answer_of(spec, "given"),
            "    return given, answers",
        ]
    )
