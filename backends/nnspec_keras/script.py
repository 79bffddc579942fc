"""Writes the program around a network: epochs, evaluation, prediction."""

from __future__ import annotations

from typing import NamedTuple

from nnspec.emit.answered import answer_of, predicted
from nnspec.emit.augmenting import is_augmented, is_mixed, needs_record
from nnspec.emit.code import Expr, literal, quoted, wrap
from nnspec.emit.goals import is_named
from nnspec.emit.named_parts import loading
from nnspec.emit.prepared_columns import prepared_inputs
from nnspec.emit.snippets import snippets
from nnspec.emit.sources import file_inputs, files_read, source_path
from nnspec.emit.training import axis_in_batch, gives_spreads, shifts_target
from nnspec.emit.watched_classes import required_classes
from nnspec.emit.windows import arrays_of_rows
from nnspec.language.objectives import is_composed
from nnspec.language.training_schema import Training
from nnspec.network.graph import Head
from nnspec.network.loader import Spec
from nnspec.network.objectives import terms_of
from nnspec_keras.composed import is_model
from nnspec_keras.measuring import (
    callback_lines,
    callbacks,
    ending,
    has_metrics,
    is_measured_apart,
    measures_of,
    takes_scale,
    weight_names,
)


class Script(NamedTuple):
    """Definitions of a program; modules: what their names begin with, such as `np`."""

    parts: list[str]
    modules: set[str]


def script_source(spec: Spec, training: Training, head: Head | None, function: str) -> Script:
    """Return what trains, measures and predicts; the last of it is `main`."""
    from nnspec.emit.specialised import Specialisation, specialised, with_constants

    data, graph = spec.model.data, spec.graph
    assert data is not None
    is_single = len(graph.inputs) == 1
    program = snippets("nnspec_keras.emitted", "program")
    is_shifted = _is_shifted(spec)
    has_raw_ends = is_shifted or shifts_target(spec)
    serving = snippets("nnspec_keras.emitted", "program" if has_raw_ends else "raw_program")
    # Where the loss takes logits, a network beside the one that is served is compiled.
    is_compiled = is_model(spec) if is_composed(spec.model) else head is None
    feeding = snippets("nnspec_keras.emitted", "program_by_output") if is_named(spec) else program
    used = [serving["save"], program["require_finite"]]
    parts = []
    if feeds_batches(training):
        weights = weight_names(spec)
        constants = {
            "HAS_ONE_INPUT": is_single,
            "HAS_WEIGHTS": bool(weights),
            "IS_AUGMENTED": is_augmented(spec),
            "HAS_CLASSES": training.kind == "multiclass",
            "IS_MIXED": is_mixed(spec),
            "IS_RESAMPLED": data.resample is not None,
            "NEEDS_RECORD": needs_record(spec),
        }
        weights = [*weights, *(["kinds"] if data.resample is not None else [])]
        weights += ["record"] if needs_record(spec) else []
        given = Specialisation(values=constants, given=weights, required=weights)
        used.append(feeding["Batches"])
        parts.append(specialised(feeding["Batches"].text, given))
    if is_named(spec):
        parts += _by_output(spec, training)
    elif is_composed(spec.model):
        training = terms_of(spec.model, spec.graph)[0].training
    if is_compiled or has_raw_ends:
        used.append(serving["served"])
        parts.append(
            with_constants(
                serving["served"].text,
                HAS_ONE_INPUT=is_single,
                SHIFTS_INPUTS=is_shifted,
                SHIFTS_TARGET=shifts_target(spec),
                GIVES_SPREADS=gives_spreads(spec),
            )
        )
    required = required_classes(spec)
    parts += [required.text] if required is not None else []
    parts += [
        program["require_finite"].text,
        with_constants(serving["save"].text, IS_COMPILED=is_compiled),
        _predict_by_output(spec, training, is_inner=has_raw_ends)
        if is_named(spec)
        else _predict(spec, training, is_inner=has_raw_ends),
        _main(spec, training, function),
    ]
    return Script(parts, {"np"}.union(*(snippet.imports for snippet in used)))


def feeds_batches(training: Training) -> bool:
    """Whether a script makes batches itself: in the order of the file `fit` does."""
    return training.shuffle


def _by_output(spec: Spec, training: Training) -> list[str]:
    """Return what names and measures outputs."""
    from nnspec.emit.specialised import Specialisation, specialised, with_constants

    data = spec.model.data
    assert data is not None
    sources = snippets("nnspec_keras.emitted", "program_by_output")
    outputs = spec.graph.outputs
    is_one = len(outputs) == 1
    constants = {"BATCH_SIZE": training.batch_size, "HAS_ONE_OUTPUT": is_one}
    made = with_constants(sources["named_outputs"].text, **constants)
    parts = ["\n".join(wrap(f"OUTPUTS = {literal(list(outputs))}")), made]
    if is_measured_apart(spec):
        weights = weight_names(spec)
        values = {
            "BATCH_SIZE": training.batch_size,
            "OF_VALIDATION": data.has_validation,
            "HAS_METRICS": has_metrics(spec),
            "HAS_WEIGHTS": bool(weights),
        }
        required = [*weights, *(["serving"] if has_metrics(spec) else [])]
        given = Specialisation(values=values, given=["logs", *required], required=required)
        names = ("losses_by_output", "Measures")
        parts += [specialised(sources[name].text, given) for name in names]
    return parts


def _is_shifted(spec: Spec) -> bool:
    """Whether an input is standardised."""
    assert spec.model.data is not None
    prepared = {*prepared_inputs(spec), *file_inputs(spec)}
    return spec.model.data.standardize and any(
        type_.dtype.startswith("float") and name not in prepared
        for name, type_ in spec.graph.inputs.items()
    )


def _predict(spec: Spec, training: Training, *, is_inner: bool) -> str:
    from nnspec.network.scores import threshold

    given = "arrays[0]" if len(spec.graph.inputs) == 1 else "arrays"
    lines_of, arrays = arrays_of_rows(spec)
    lines = [
        "def predict(path: Path, data: Path) -> tuple[np.ndarray, np.ndarray]:",
        '    """Return what a saved network makes of raw rows: its output, and the answer."""',
        '    record = json.loads(path.with_name(f"{path.name}.json").read_text())',
        "    model = keras.saving.load_model(path)",
        *(wrap(f"network = model.get_layer({quoted(spec.name)})", 4) if is_inner else []),
        *lines_of,
        *wrap(f"arrays = {arrays}", 4),
        *wrap(
            f"output = {'network' if is_inner else 'model'}"
            f".predict({given}, batch_size={training.batch_size}, verbose=0)",
            4,
        ),
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


def _predict_by_output(spec: Spec, training: Training, *, is_inner: bool) -> str:
    given = "arrays[0]" if len(spec.graph.inputs) == 1 else "arrays"
    return "\n".join(
        [
            *wrap(
                "def predict(path: Path, data: Path) -> "
                "tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:"
            ),
            '    """Return what a saved network makes of raw rows: each output, and its answer."""',
            '    record = json.loads(path.with_name(f"{path.name}.json").read_text())',
            "    model = keras.saving.load_model(path)",
            *(wrap(f"network = model.get_layer({quoted(spec.name)})", 4) if is_inner else []),
            '    inputs = read_inputs(read_rows(data), record["inputs"], data)',
            "    arrays = prepared(inputs, record)",
            f"    given = named_outputs({'network' if is_inner else 'model'}, {given})",
            *answer_of(spec, "given"),
            "    return given, answers",
        ]
    )


def _main(spec: Spec, training: Training, function: str) -> str:
    data = spec.model.data
    assert data is not None
    is_single = len(spec.graph.inputs) == 1
    required = required_classes(spec)
    target = "targets" if is_named(spec) else "target"
    more = "".join(f", {name}" for name in weight_names(spec))
    unpack = f"inputs, {target}{more}" if is_single else f"*inputs, {target}{more}"
    scaled = ""
    if takes_scale(spec, training):
        shape = list(spec.graph.types[spec.graph.outputs[0]].shape)
        scaled = f', np.reshape(record["target_scale"], {literal(shape)})'
    lines = [
        "def main() -> None:",
        '    """Train on the rows of a file; save the best epoch, and measure it."""',
        "    parser = argparse.ArgumentParser(description=main.__doc__)",
        *wrap(f"source = {source_path(data)}", 4),
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
        *(
            [
                '            elif arguments.weights.name.endswith(".best.weights.h5"):',
                '                raise ValueError("its order is that of losses: give a .keras")',
            ]
            if is_named(spec)
            else []
        ),
        "            else:",
        "                model.load_weights(arguments.weights)",
        "        except (KeyError, OSError, TypeError, ValueError) as error:",
        '            parser.error(f"--weights: {arguments.weights}: {error}")',
        '    best = arguments.output.with_suffix(".best.weights.h5")',
        '    pattern = str(best).replace("{", "{{").replace("}", "}}")',
        "    try:",
        *wrap(f"require_writable(arguments.output, {files_read(data)}, arguments.weights)", 8),
        *wrap(f"require_writable(best, {files_read(data)}, arguments.weights)", 8),
        f"        {loading(data)} = load_data(arguments.data)",
        *([required.call] if required is not None else []),
        "    except (OSError, ValueError) as error:",
        "        parser.error(str(error))",
        f'    {unpack} = data["train"]',
        *wrap(f"network = compiled(model{scaled})", 4),
    ]
    given = "dict.fromkeys(targets, {})" if is_named(spec) else "{}"
    passed = "".join(f", {name}={given.format(name)}" for name in weight_names(spec))
    drawn = ", kinds" if data.resample is not None else ""
    drawn += ", record" if needs_record(spec) else ""
    made = f"Batches(inputs, {target}{more}{drawn})"
    fit: dict[str, object] = {"epochs": Expr("arguments.epochs"), "shuffle": False}
    if not feeds_batches(training):
        made = f"inputs, {target}{passed}, batch_size={training.batch_size}"
    if data.has_validation:
        fit["validation_data"] = Expr('data["validation"]')
        by_output = is_named(spec) and bool(more)
        if not is_single or by_output:
            counts = ", counts" if more else ""
            every = "validation" if is_single else "*validation"
            lines.append(f'    {every}, expected{counts} = data["validation"]')
            if by_output:  # Keras takes weights of places from a mapping alone
                counts = ", dict.fromkeys(expected, counts)"
            fit["validation_data"] = Expr(f"(validation, expected{counts})")
        fit["validation_batch_size"] = training.batch_size
    is_apart = is_measured_apart(spec)
    if is_apart:
        lines += callback_lines(spec)
    fit["callbacks"] = callbacks(training, has_validation=data.has_validation, is_measured=is_apart)
    arguments = ", ".join(f"{key}={literal(value)}" for key, value in fit.items())
    lines += [
        *wrap(f"network.fit({made}, {arguments})", 4),
        "    network.load_weights(best)",
        "    save(model, record, arguments.output)",
        "    best.unlink()",
        f"    for part, ({unpack}) in data.items():",
        *wrap(
            "measured = network.evaluate"
            f"(inputs, {target}{passed}, batch_size={training.batch_size}, "
            "verbose=0, return_dict=True)",
            8,
        ),
        *(_more(spec) if is_apart else []),
        "        print(part, measured)",
    ]
    return "\n".join([*lines, *ending(spec, unpack)])


def _more(spec: Spec) -> list[str]:
    assert spec.model.data is not None
    more = ", record=record" if shifts_target(spec) else ""
    target = "targets" if is_named(spec) else "target"
    given = ", ".join(["inputs", target, *weight_names(spec)])
    made = measures_of(spec, f"{given}{more}")
    return wrap(f"measured |= {made}.measured()", 8)
