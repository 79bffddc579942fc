"""Writes the program around a network: epochs, evaluation, prediction."""

from __future__ import annotations

from typing import NamedTuple

from nnspec.emit.code import Expr, literal, quoted, wrap
from nnspec.emit.snippets import snippets
from nnspec.language.training_schema import Training
from nnspec.network.loader import Spec


class Script(NamedTuple):
    """Definitions of a program; modules: what their names begin with, such as `np`."""

    parts: list[str]
    modules: set[str]


def script_source(spec: Spec, training: Training, function: str) -> Script:
    """Return what trains, measures and predicts; the last of it is `main`."""
    from nnspec.emit.specialised import with_constants

    data, graph = spec.model.data, spec.graph
    assert data is not None
    watched = "val_loss" if data.validation else "loss"
    is_shifted = data.standardize and any(
        type_.dtype.startswith("float") for type_ in graph.inputs.values()
    )
    program = snippets("nnspec_keras.emitted", "program")
    saving = program if is_shifted else snippets("nnspec_keras.emitted", "raw_program")
    is_single = len(graph.inputs) == 1
    used = (program["Batches"], saving["served"], saving["save"], program["KeepBest"])
    parts = [
        with_constants(program["Batches"].text, HAS_ONE_INPUT=is_single),
        with_constants(saving["served"].text, HAS_ONE_INPUT=is_single),
        saving["save"].text,
        with_constants(program["KeepBest"].text, WATCHED=watched),
        _predict(spec, training, is_shifted=is_shifted),
        _main(spec, training, function),
    ]
    return Script(parts, {"np"}.union(*(snippet.imports for snippet in used)))


def _predict(spec: Spec, training: Training, *, is_shifted: bool) -> str:
    from nnspec.training.metrics import threshold

    given = "arrays[0]" if len(spec.graph.inputs) == 1 else "arrays"
    lines = [
        "def predict(path: Path, data: Path) -> tuple[np.ndarray, np.ndarray]:",
        '    """Return what a saved network makes of raw rows: its output, and the answer."""',
        '    record = json.loads(path.with_name(f"{path.name}.json").read_text())',
        "    model = keras.saving.load_model(path)",
        *(wrap(f"network = model.get_layer({quoted(spec.name)})", 4) if is_shifted else []),
        '    inputs = read_inputs(read_rows(data), record["inputs"], data)',
        "    arrays = prepared(inputs, record)",
        *wrap(
            f"output = {'network' if is_shifted else 'model'}"
            f".predict({given}, batch_size={training.batch_size}, verbose=0)",
            4,
        ),
    ]
    if training.task == "regression":
        return "\n".join([*lines, "    return output, output"])
    if training.task == "multiclass":
        lines.append("    answer = output.argmax(axis=-1)")
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


def _main(spec: Spec, training: Training, function: str) -> str:
    data = spec.model.data
    assert data is not None
    is_single = len(spec.graph.inputs) == 1
    unpack = "inputs, target" if is_single else "*inputs, target"
    lines = [
        "def main() -> None:",
        '    """Train on the rows of a file; save the best epoch, and measure it."""',
        "    parser = argparse.ArgumentParser(description=main.__doc__)",
        "    here = Path(__file__).parent",
        *wrap(f"source = here / {quoted(data.source)}", 4),
        '    parser.add_argument("--data", type=Path, default=source)',
        '    parser.add_argument("--weights", type=Path, help="first weights")',
        *wrap(f"output = Path({quoted(f'{function}.keras')})", 4),
        '    parser.add_argument("--output", type=Path, default=output)',
        f'    parser.add_argument("--epochs", type=int, default={training.epochs})',
        "    arguments = parser.parse_args()",
        '    if arguments.output.suffix != ".keras":',
        '        parser.error("--output: the name has to end in .keras")',
        "    if arguments.epochs < 1:",
        '        parser.error("--epochs: at least one is expected")',
        "",
        f"    keras.utils.set_random_seed({training.seed})",
        *wrap(f"model = {function}()", 4),
        "    if arguments.weights is not None:",
        "        try:",
        '            if arguments.weights.suffix == ".keras":',
        "                saved = keras.saving.load_model(arguments.weights)",
        "                model.set_weights(saved.get_weights())",
        "            else:",
        "                model.load_weights(arguments.weights)",
        "        except (KeyError, OSError, ValueError) as error:",
        '            parser.error(f"--weights: {arguments.weights}: {error}")',
        "    try:",
        "        require_writable(arguments.output, arguments.data)",
        "        data, record = load_data(arguments.data)",
        "    except (OSError, ValueError) as error:",
        "        parser.error(str(error))",
        f'    {unpack} = data["train"]',
        "    network = compiled(model)",
    ]
    # Keras would shuffle the batches of a PyDataset too.
    fit: dict[str, object] = {"epochs": Expr("arguments.epochs"), "shuffle": False}
    if data.validation:
        fit["validation_data"] = Expr('data["validation"]')
        if not is_single:
            lines.append('    *validation, expected = data["validation"]')
            fit["validation_data"] = Expr("(validation, expected)")
        fit["validation_batch_size"] = training.batch_size
    fit["callbacks"] = [Expr("KeepBest(model, record, arguments.output)")]
    arguments = ", ".join(f"{key}={literal(value)}" for key, value in fit.items())
    lines += wrap(f"network.fit(Batches(inputs, target), {arguments})", 4)
    lines += [
        "    best = keras.saving.load_model(arguments.output)",
        "    model.set_weights(best.get_weights())",
        f"    for part, ({unpack}) in data.items():",
        *wrap(
            "measured = network.evaluate"
            f"(inputs, target, batch_size={training.batch_size}, verbose=0, return_dict=True)",
            8,
        ),
        "        print(part, measured)",
    ]
    return "\n".join(lines)
