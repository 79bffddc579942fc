"""Writes what a script answers by output: a class, a yes or no, or what the output is."""

from __future__ import annotations

from nnspec.emit.code import literal, wrap_item
from nnspec.emit.composed import named_terms
from nnspec.emit.training import axis_in_batch
from nnspec.language.losses import Gives
from nnspec.network.loader import Spec


def predicted(output: str, gives: Gives) -> str:
    """Return the expression of the numbers that are predicted of an output."""
    if gives == "log rates":
        return f'np.exp({output}.astype("float64"))'
    return f"{output}[..., : {output}.shape[-1] // 2]"


def answer_of(spec: Spec, given: str) -> list[str]:
    """Return the lines that make `answers` of outputs by name; given: the variable of these."""
    from nnspec.network.scores import threshold

    lines, has_classes = ["    answers = {"], False
    for each in named_terms(spec):
        term, output = each.term, literal(each.term.output)
        value = f"{given}[{output}]"
        if term.training.kind == "multiclass":
            value += f".argmax(axis={axis_in_batch(term.training)})"
        elif term.training.kind == "binary":
            value = f'({value} > {threshold(term.graph, term.training):g}).astype("int64")'
        elif gives := term.training.resolved_loss.gives:
            value = predicted(value, gives)
        has_classes = has_classes or term.training.kind != "regression"
        lines += wrap_item(f"{output}: {value}", 8)
    lines.append("    }")
    if has_classes:
        lines += [
            '    for name, said in record["answers"].items():',
            '        if said["labels"] is not None:',
            '            answers[name] = np.array(said["labels"])[answers[name]]',
        ]
    return lines
