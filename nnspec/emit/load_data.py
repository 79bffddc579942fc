"""Writes `load_data`, which gives a training script its parts: of one target, or of several."""

from __future__ import annotations

from nnspec.emit.answers import range_of
from nnspec.emit.code import literal, wrap
from nnspec.emit.goals import Goals, own_target
from nnspec.emit.named_parts import more_of, returned
from nnspec.emit.parts_of_files import has_files
from nnspec.emit.prepared_columns import Mixed
from nnspec.emit.splitting import as_tuple, counting, left_out, parting_lines
from nnspec.emit.weighted_rows import weight_lines
from nnspec.emit.windows import aimed, chosen_lines, past_targets, window_lines
from nnspec.language.arrays import holds_arrays
from nnspec.language.training_schema import Data, Training
from nnspec.language.weighting import is_weighted
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.network.objectives import Term
from nnspec.network.windows import frame_of

_KINDS = "    kinds = {name: dict(kind) for name, kind in INPUTS.items()}"
_TAKEN = (
    "    taken = {",
    "        part: tuple(values[rows] for values in arrays) for part, rows in parts.items()",
    "    }",
)


def _read(data: Data) -> list[str]:
    if has_files(data):
        return ["    rows, path = read_parts(path)", _KINDS]
    return ["    rows = read_rows(path)", _KINDS]


def one_target(
    spec: Spec,
    data: Data,
    training: Training,
    standardised: list[str],
    *,
    has_patterns: bool,
    own: Term | None,
    mixed: Mixed | None = None,
) -> str:
    """Return `load_data` of one target. own: its loss, where no column is the target."""
    graph = spec.graph
    lines = [
        "def load_data(",
        "    path: Path,",
        f") -> tuple[dict[str, tuple[np.ndarray, ...]], dict[str, Any]{more_of(data)}]:",
        '    """Return inputs and target of each part, and a record of how they are made."""',
        *_read(data),
    ]
    is_one = data.one_target is not None
    is_own = not data.targets or own is not None
    others_left = left_out(data)
    if not is_one and not is_own:
        given = f", {as_tuple(counting(data))}" if counting(data) else ""
        lines.append(f"    targets = matching(rows, TARGETS, path{given})")
    if has_patterns:
        without = "" if is_one or is_own else ", tuple(targets)"
        past = past_targets(data)
        if others_left or past:
            others = ["TARGET"] if is_one else [] if is_own else ["*targets"]
            if past:
                kept = f"*[name for name in targets if name not in {literal(past)}]"
                others = [] if is_one else [kept]
            without = f", {as_tuple([*others, *others_left])}" if others or others_left else ""
        lines += [
            "    for kind in kinds.values():",
            *wrap(f'kind["columns"] = matching(rows, kind["columns"], path{without})', 8),
        ]
    learning = mixed.learning if mixed is not None else []
    read = ["    inputs = read_inputs(rows, kinds, path)"]
    if not learning:
        lines += read
    target, name = "target", ""
    if is_own:
        name = next(iter(graph.inputs))
        target = "rows" if learning else f"inputs[{literal(name)}]"
    else:
        lines.append("    target, labels = read_target(rows, path)")
    if holds_arrays(data.source) and not is_own:
        lines += [
            "    if {len(values) for values in inputs.values()} != {len(target)}:",
            '        raise ValueError(f"{path}: inputs and target differ in their rows")',
        ]
    frame = frame_of(spec.model, graph)
    lines += [
        f"    if not len({target}):",
        '        raise ValueError(f"{path}: there are no rows")',
        *(window_lines(spec, f"len({target})") if frame is not None else ()),
        *parting_lines(data, f"len({target})", is_table=not holds_arrays(data.source)),
        *(chosen_lines() if frame is not None else ()),
        *([*learning, *read] if learning else []),
    ]
    lines += _finished(graph, training, standardised, "parts" if frame is None else "chosen")
    axis, gives = training.resolved_loss.class_axis, training.resolved_loss.gives
    told = own.output if own is not None else ", ".join(data.targets) or name
    lines += [
        "    record = {",
        '        "inputs": kinds,',
        f'        "task": "{training.task}",',
        *(['        "target": TARGET,'] if is_one else wrap(f'"target": {literal(told)},', 8)),
        *(['        "columns": targets,'] if not is_one and not is_own else []),
        f'        "labels": {"None" if is_own else "labels"},',
        *([f'        "class_axis": {axis},'] if axis != -1 else []),
        *([f'        "gives": "{gives}",'] if gives is not None else []),
        *(['        "windows": WINDOWS,'] if frame is not None else []),
        "    }",
    ]
    if frame is not None:
        lines += [
            "    arrays = [values[windows] for values in prepared(inputs, record)]",
            *([] if is_own else [f"    target = {aimed(frame)}"]),
            "    parts = chosen",
        ]
    more, weights = [], ""
    if is_weighted(spec.model):
        given = "target" if own is not None or not is_own else f"inputs[{literal(name)}]"
        more = weight_lines(spec, given, is_table=not holds_arrays(data.source))
        weights = ", weights"
    if own is not None:
        lines += ["    arrays = prepared(inputs, record)"]
        lines += [f"    target = {own_target(own, list(graph.inputs))}", *more]
        return "\n".join([*lines, f"    arrays += [target{weights}]", *_TAKEN, *returned(data)])
    if is_own:
        made = "prepared(inputs, record)" if frame is None else "arrays"
        lines += [*more, *_own_target(graph, training, name, standardised, weights, made)]
        lines += returned(data)
        return "\n".join(lines)
    if data.standardize_target:
        lines += [
            '    by = standard(target[parts["train"]])',
            '    record |= {"target_mean": by["mean"], "target_scale": by["scale"]}',
            '    target = standardised(target, by).astype("float32")',
        ]
        if training.resolved_loss.compares == "means":
            lines.append("    record |= with_spreads(by, (*target.shape[1:-1], -1))")
    if frame is not None:
        return "\n".join([*lines, "    arrays += [target]", *_TAKEN, *returned(data)])
    lines += [*more, f"    arrays = (*prepared(inputs, record), target{weights})", *_TAKEN]
    return "\n".join([*lines, *returned(data)])


def _finished(
    graph: Graph, training: Training, standardised: list[str], parts: str = "parts"
) -> list[str]:
    """Return the lines that refuse a row alone, and find mean and deviation of the inputs.

    parts: the name of what says which rows of the network are in each part.
    """
    from nnspec.network.rules.normalization import normalised_alone

    lines, size = [], training.batch_size
    if normalised_alone(graph) is not None:
        lines += [
            f'    count = len({parts}["train"])',
            f"    if (count % {size} or min(count, {size})) == 1:",
            "        raise ValueError(",
            f'            f"{{path}}: {{count}} rows in batches of {size} leave one row alone, "',
            '            "whose variance batch normalization cannot take"',
            "        )",
        ]
    for name in standardised:
        lines += wrap(
            f'kinds[{literal(name)}] |= standard(inputs[{literal(name)}][parts["train"]])', 4
        )
    return lines


def several_targets(
    spec: Spec,
    goals: Goals,
    data: Data,
    training: Training,
    standardised: list[str],
    *,
    has_patterns: bool,
    mixed: Mixed | None = None,
) -> str:
    """Return `load_data` where each loss has a target by the name of its output."""
    graph = spec.graph
    is_table = not holds_arrays(data.source)
    lines = [
        *wrap(
            "def load_data(path: Path) -> "
            f"tuple[dict[str, tuple[Any, ...]], dict[str, Any]{more_of(data)}]:"
        ),
        '    """Return inputs and targets of each part, and a record of how they are made."""',
        *_read(data),
        *goals.matching,
    ]
    if has_patterns:
        without = f", {goals.columns}" if goals.columns else ""
        lines += [
            "    for kind in kinds.values():",
            *wrap(f'kind["columns"] = matching(rows, kind["columns"], path{without})', 8),
        ]
    learning = mixed.learning if mixed is not None else []
    read = ["    inputs = read_inputs(rows, kinds, path)"]
    lines += [*([] if learning else read), *goals.reading]
    if not is_table and goals.readers:
        lines += [
            "    lengths = {len(values) for values in inputs.values()}",
            "    if lengths != {len(target) for target, _ in read.values()}:",
            '        raise ValueError(f"{path}: inputs and targets differ in their rows")',
        ]
    return "\n".join(
        [
            *lines,
            f"    count = {'len(rows)' if learning else goals.total}",
            "    if not count:",
            '        raise ValueError(f"{path}: there are no rows")',
            *parting_lines(data, "count", is_table=is_table),
            *([*learning, *read] if learning else []),
            *_finished(graph, training, standardised),
            "    record = {",
            '        "inputs": kinds,',
            *goals.first,
            '        "answers": {',
            *goals.answers,
            "        },",
            "    }",
            "    arrays = prepared(inputs, record)",
            *goals.made,
            *(
                weight_lines(spec, goals.shaped, is_table=is_table)
                if is_weighted(spec.model)
                else ()
            ),
            "    taken = {",
            "        part: (",
            "            *(values[rows] for values in arrays),",
            "            {output: target[rows] for output, target in targets.items()},",
            *(["            weights[rows],"] if is_weighted(spec.model) else []),
            "        )",
            "        for part, rows in parts.items()",
            "    }",
            *returned(data),
        ]
    )


def _own_target(
    graph: Graph, training: Training, name: str, standardised: list[str], weights: str, made: str
) -> list[str]:
    """Return the lines that end `load_data` where the target is the input.

    weights: their name. made: the expression of the arrays that the network takes.
    """
    lines = []
    # The mean of a row is that of each row of a window.
    steps = f" * {graph.inputs[name].shape[0]}" if made == "arrays" else ""
    mean, scale = (f'by["{key}"]{steps}' for key in ("mean", "scale"))
    if standardised:
        lines += [
            f"    by = kinds[{literal(name)}]",
            *wrap(f'record |= {{"target_mean": {mean}, "target_scale": {scale}}}', 4),
        ]
    lines.append(f"    (values,) = {made}")
    target = "values"
    if graph.inputs[name].dtype != "float32":
        lines.append('    target = values.astype("float32")')
        target = "target"
    if range_of(training) == "0, 1":
        lines += [
            f"    if not ((0 <= {target}) & ({target} <= 1)).all():",
            '        raise ValueError(f"{path}: the loss takes numbers from 0 to 1")',
        ]
    counts = f"{weights}[rows]" if weights else ""
    taken = f"{{part: (values[rows], {target}[rows]{counts}) for part, rows in parts.items()}}"
    return [*lines, *wrap(f"taken = {taken}", 4)]
