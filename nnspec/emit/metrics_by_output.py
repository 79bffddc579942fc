"""Writes what measures a network of losses by output: the metrics of each, called after it."""

from __future__ import annotations

from nnspec.emit.code import literal, wrap_item
from nnspec.emit.composed import TAKEN, named_terms
from nnspec.emit.metrics import Measured, imports_of, measuring
from nnspec.emit.snippets import snippets
from nnspec.emit.specialised import Specialisation, specialised
from nnspec.network.loader import Spec

_BY_OUTPUT = "dict[str, np.ndarray]"


def measured_by_output(spec: Spec, *, is_table: bool) -> Measured | None:
    """Return `measure`, which gives the metrics of all outputs; None where there are none.

    Outputs that are measured alike share a function.
    """
    taken = {*TAKEN, *spec.graph.inputs, spec.name, *spec.model.blocks}
    parts: list[str] = []
    names: dict[str, str] = {}
    called: dict[str, str] = {}
    for each in named_terms(spec):
        term = each.term
        alike, uses_r2 = measuring(term.graph, term.training, "measure", is_table=is_table)
        if not alike:
            continue
        key = "\n".join(alike)
        if key not in names:
            name = f"measure_{each.variable}"
            while name in taken:
                name += "_"
            taken.add(name)
            names[key] = name
            lines, _ = measuring(term.graph, term.training, name, is_table=is_table)
            r2 = specialised(
                snippets("nnspec.emit.emitted", "metrics")["r2"].text, Specialisation(given=[])
            )
            if uses_r2 and r2 not in parts:
                parts.insert(0, r2)
            pieces = "\n".join(lines).split("\n\n\n")
            parts += [piece for piece in pieces if piece not in parts]
        called[term.output] = names[key]
    if not called:
        return None
    lines = [
        "def measure(",
        f"    targets: {_BY_OUTPUT}, outputs: {_BY_OUTPUT}",
        ") -> dict[str, float]:",
        '    """Return the metrics of each output, called after it."""',
        "    found = {",
    ]
    for output, name in called.items():
        key = literal(output)
        lines += wrap_item(f"{key}: {name}(targets[{key}], outputs[{key}])", 8)
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
