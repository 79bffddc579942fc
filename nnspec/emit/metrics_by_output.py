"""Writes what measures a network of losses by output: the metrics of each, called after it."""

from __future__ import annotations

from functools import partial

from nnspec.emit.code import literal, wrap_item
from nnspec.emit.composed import TAKEN, named_terms
from nnspec.emit.metrics import Measured, imports_of, measuring, r2_source
from nnspec.language.weighting import SAMPLE_WEIGHT, is_weighted
from nnspec.network.loader import Spec

_BY_OUTPUT = "dict[str, np.ndarray]"


def measured_by_output(spec: Spec, *, is_table: bool) -> Measured | None:
    """Return `measure`, which gives the metrics of all outputs; None where there are none.

    Outputs that are measured alike share a function.
    """
    has_weights = is_weighted(spec.model)
    taken = {*TAKEN, *spec.graph.inputs, spec.name, *spec.model.blocks}
    parts: list[str] = []
    names: dict[str, str] = {}
    called: dict[str, str] = {}
    for each in named_terms(spec):
        term = each.term
        measured = partial(
            measuring, term.graph, term.training, is_table=is_table, has_weights=has_weights
        )
        alike, uses_r2 = measured("measure")
        if not alike:
            continue
        key = "\n".join(alike)
        if key not in names:
            name = f"measure_{each.variable}"
            while name in taken:
                name += "_"
            taken.add(name)
            names[key] = name
            lines, _ = measured(name)
            r2 = r2_source(has_weights=has_weights)
            if uses_r2 and r2 not in parts:
                parts.insert(0, r2)
            pieces = "\n".join(lines).split("\n\n\n")
            parts += [piece for piece in pieces if piece not in parts]
        called[term.output] = names[key]
    if not called:
        return None
    counts = f", {SAMPLE_WEIGHT}" if has_weights else ""
    lines = [
        "def measure(",
        *(
            [f"    targets: {_BY_OUTPUT},", f"    outputs: {_BY_OUTPUT},"]
            if has_weights
            else [f"    targets: {_BY_OUTPUT}, outputs: {_BY_OUTPUT}"]
        ),
        *([f"    {SAMPLE_WEIGHT}: np.ndarray,"] if has_weights else []),
        ") -> dict[str, float]:",
        '    """Return the metrics of each output, called after it."""',
        "    found = {",
    ]
    for output, name in called.items():
        key = literal(output)
        lines += wrap_item(f"{key}: {name}(targets[{key}], outputs[{key}]{counts})", 8)
    lines += [
        "    }",
        "    return {",
        '        f"{output}_{name}": value',
        "        for output, values in found.items()",
        "        for name, value in values.items()",
        "    }",
    ]
    parts.append("\n".join(lines))
    return Measured(tuple(parts), imports_of(parts))
