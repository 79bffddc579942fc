"""Writes the program around a network: data, epochs, evaluation."""

from __future__ import annotations

from nnspec.emit.code import literal, wrap, wrap_item
from nnspec.emit.dataset import DatasetSource
from nnspec.errors import UsageError
from nnspec.graph import Head
from nnspec.heads import final_activation
from nnspec.loader import Spec
from nnspec.shapes import product
from nnspec.training_schema import BinaryCrossEntropy, Training

_CLASSES = "(target.argmax(-1) if target.dim() == output.dim() else target)"
_R2_OF_COLUMNS = "(1 - (output - target).square().mean(0) / target.var(0, correction=0)).mean()"
_METRICS = {
    ("accuracy", "multiclass"): "(output.argmax(-1) == target).double().mean()",
    ("accuracy", "binary"): "((output > {threshold}) == (target > 0.5)).double().mean()",
    ("mae", ""): "(output - target).abs().mean()",
    ("r2", ""): "1 - F.mse_loss(output, target) / target.var(correction=0)",
}


def script_source(spec: Spec, training: Training, head: Head | None, data: DatasetSource) -> str:
    """Return `evaluate` and `main`."""
    inputs = list(spec.graph.inputs)
    compute = "model.logits" if head is not None else "model"
    names = ", ".join(inputs)
    measured = {name: _metric(name, spec, training, head) for name in training.resolved_metrics}
    pairs = ['"loss": loss_function(output, target)']
    pairs += [f'"{name}": {expression}' for name, expression in measured.items()]
    evaluate = [
        *wrap(f"def evaluate(model: {spec.name}, rows: tuple[Tensor, ...]) -> dict[str, float]:"),
        '    """Return the loss and the metrics, computed as at inference."""',
        f"    {names}, target = rows",
        "    model.eval()",
        "    with torch.no_grad():",
        f"        output = {compute}({names})",
        "        values = {",
        *[line for pair in pairs for line in wrap_item(pair, 12)],
        "        }",
        "    return {name: value.item() for name, value in values.items()}",
    ]
    assert spec.model.data is not None
    has_validation = spec.model.data.validation > 0
    has_test = spec.model.data.test > 0
    watched = '"validation"' if has_validation else '"train"'
    file = f"{_snake(spec.name)}.safetensors"
    main = [
        "def main() -> None:",
        '    """Train, and write the weights of the best epoch."""',
        "    parser = argparse.ArgumentParser(description=main.__doc__)",
        "    here = Path(__file__).parent",
        *wrap(
            'parser.add_argument("--data", type=Path, '
            f"default=here / {literal(spec.model.data.source)})",
            4,
        ),
        '    parser.add_argument("--weights", type=Path, help="first weights")',
        *wrap(f'parser.add_argument("--output", type=Path, default=Path({literal(file)}))', 4),
        *wrap(f'parser.add_argument("--epochs", type=int, default={training.epochs})', 4),
        "    arguments = parser.parse_args()",
        "",
        f"    torch.manual_seed({training.seed})",
        f"    model = {spec.name}()",
        "    if arguments.weights is not None:",
        "        model.load_state_dict(load_file(arguments.weights))",
        "    optimizer = make_optimizer(model)",
        "    parts = {",
        "        part: tuple(torch.from_numpy(array) for array in arrays)",
        "        for part, arrays in load_data(arguments.data).items()",
        "    }",
        '    train = parts["train"]',
        '    best = float("inf")',
        "    for epoch in range(1, arguments.epochs + 1):",
        "        model.train()",
        "        for rows in batches(len(train[0]), epoch):",
        "            train_step(model, optimizer, *(values[rows] for values in train))",
        f"        measured = evaluate(model, parts[{watched}])",
        "        print(epoch, measured)",
        '        if measured["loss"] < best:',
        '            best = measured["loss"]',
        "            save_file(model.state_dict(), arguments.output)",
    ]
    if has_test:
        main += [
            "    model.load_state_dict(load_file(arguments.output))",
            '    print("test", evaluate(model, parts["test"]))',
        ]
    main += ["", "", 'if __name__ == "__main__":', "    main()"]
    return "\n".join([*evaluate, "", "", *main])


def _metric(name: str, spec: Spec, training: Training, head: Head | None) -> str:
    form = _METRICS.get((name, training.task)) or _METRICS.get((name, ""))
    if form is None:
        raise UsageError(f"the metric {name} is not defined for a {training.task} task")
    graph = spec.graph
    assert spec.model.data is not None
    if name == "r2" and product(graph.types[graph.outputs[0]].shape) != 1:
        return _R2_OF_COLUMNS
    if spec.model.data.source.endswith(".npz"):
        # Arrays may hold a probability per class where a table holds the class.
        form = form.replace("== target)", f"== {_CLASSES})")
    is_logits = head is not None or (
        isinstance(training.resolved_loss, BinaryCrossEntropy) and final_activation(graph) is None
    )
    return form.replace("{threshold}", "0" if is_logits else "0.5")


def _snake(name: str) -> str:
    text = "".join(
        f"_{c.lower()}" if c.isupper() and i and not name[i - 1].isupper() else c.lower()
        for i, c in enumerate(name)
    )
    return text.replace("__", "_")
