"""Writes the lines of a script that make what metrics compare, as `nnspec.training.comparing`."""

from __future__ import annotations

from typing import Any

from nnspec.emit.code import literal, wrap
from nnspec.emit.snippets import snippets
from nnspec.language.losses import Loss
from nnspec.language.training_schema import Training

_PAIR = '    first, second = np.moveaxis(output.astype("float64"), 1, 0)'


def compared_lines(loss: Loss, *, has_weights: bool = False) -> list[str]:
    """Return the lines that make of target and output what metrics compare."""
    if loss.is_compared_whole:
        return []
    if loss.compares:
        return _view(loss)
    lines = []
    axis = loss.class_axis
    if axis != -1:
        place = axis + 1 if axis >= 0 else axis
        lines += [
            "    if target.ndim == output.ndim:  # a probability per class",
            f"        target = target.argmax(axis={place})",
            f"    output = np.moveaxis(output, {place}, -1)",
        ]
    if loss.ignored is not None:
        if has_weights:
            lines += [
                "    more = (1,) * (target.ndim - sample_weight.ndim)",
                "    sample_weight = sample_weight.reshape(sample_weight.shape + more)",
                "    sample_weight = np.broadcast_to(sample_weight, target.shape)",
            ]
        lines.append(f"    counted = target != {literal(loss.ignored)}")
        if has_weights:
            lines.append("    sample_weight = sample_weight[counted]")
        lines += [
            "    output, target = output[counted], target[counted]",
            f"    if not {'sample_weight.any()' if has_weights else 'len(target)'}:",
            "        return {}",
        ]
    return lines


def _view(loss: Any) -> list[str]:
    match loss.compares:
        case "means":
            return ["    output = output[..., : output.shape[-1] // 2]"]
        case "rates":
            return ['    output = np.exp(output.astype("float64"))']
        case "distance":
            return ["    output = -output"]
        case "distances":
            made = f"-np.linalg.norm(first - second + {literal(loss.epsilon)}, axis=-1)"
            return [_PAIR, f"    output = {made}"]
        case "cosines":
            lengths = f"np.linalg.norm([first, second], axis=-1), {literal(loss.epsilon)}"
            return [
                _PAIR,
                *wrap(f"lengths = np.maximum({lengths})", 4),
                "    output = (first * second).sum(axis=-1) / (lengths[0] * lengths[1])",
            ]
        case "differences":
            return ["    output = output[:, 0] - output[:, 1]"]
        case "triplets":
            epsilon = literal(loss.epsilon)
            return [
                '    anchor, positive, negative = np.moveaxis(output.astype("float64"), 1, 0)',
                f"    near = np.linalg.norm(anchor - positive + {epsilon}, axis=-1)",
                f"    far = np.linalg.norm(anchor - negative + {epsilon}, axis=-1)",
                "    output, target = far - near, np.ones(near.shape)",
            ]
    return []


def label_parts(
    training: Training, function: str = "measure", *, has_weights: bool = False
) -> list[str]:
    """Return the definitions that measure lists of labels."""
    loss: Any = training.resolved_loss
    names = [metric.type for metric in training.resolved_metrics]
    arguments = "target: np.ndarray, output: np.ndarray"
    if has_weights:
        arguments += ", sample_weight: np.ndarray"
    lines = [
        *wrap(f"def {function}({arguments}) -> dict[str, float]:"),
        '    """Return the metrics of all rows of a part together."""',
        *wrap(f"wanted = [row[row != {literal(loss.padding)}].tolist() for row in target]", 4),
        f"    given = labels_of(output, {loss.blank})",
    ]
    lines.append("    values = {}")
    parts = [snippets("nnspec.training", "labels")["labels_of"].text]
    if "label_error_rate" in names:
        parts.append(snippets("nnspec.training", "labels")["edits"].text)
        total, count = "sum(map(edits, given, wanted))", "sum(map(len, wanted))"
        if has_weights:
            total = "np.dot(sample_weight, [*map(edits, given, wanted)])"
            count = "np.dot(sample_weight, [*map(len, wanted)])"
        lines += [
            f"    count = {count}",
            "    if count:  # else it is not defined",
            *wrap(f'values["label_error_rate"] = {total} / count', 8),
        ]
    if "accuracy" in names:
        lines.append("    right = [a == b for a, b in zip(given, wanted, strict=True)]")
        weights = ", weights=sample_weight" if has_weights else ""
        lines.append(f'    values["accuracy"] = np.average(right{weights})')
    return [
        *parts,
        "\n".join([*lines, "    return {name: float(value) for name, value in values.items()}"]),
    ]
