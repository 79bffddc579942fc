"""Writes `read_inputs`, which gives a training script what each input is made of."""

from __future__ import annotations

from nnspec.emit.bounds import Bounds, computed
from nnspec.emit.code import literal, wrap
from nnspec.emit.pictures import files_or, image_inputs
from nnspec.emit.pictures import read_lines as image_lines
from nnspec.emit.prepared_columns import read_lines
from nnspec.emit.sounds import sound_inputs
from nnspec.emit.splitting import rows_type
from nnspec.language.expressions import tokens
from nnspec.network.loader import Spec


def read_inputs_source(spec: Spec, bounds: Bounds, *, is_table: bool) -> str:
    """Return the definition, for a table or for arrays."""
    rows = rows_type(is_table=is_table)
    arguments = f"rows: {rows}, kinds: dict[str, Any], path: Path"
    lines = [
        *wrap(f"def read_inputs({arguments}) -> dict[str, np.ndarray]:"),
        '    """Return what each input is made of; refuse what the network does not take."""',
    ]
    kinds = [of for of in (image_inputs(spec), sound_inputs(spec)) if of]
    is_whole = len(kinds) == 1 and kinds[0].keys() == spec.graph.inputs.keys()
    if is_whole and not (bounds.is_dynamic or bounds.limits):
        read = "images" if image_inputs(spec) else "sounds"
        lines.append(
            f"    return {{name: {read}(rows, kind, path) for name, kind in kinds.items()}}"
        )
        return "\n".join(lines)
    lines.append("    inputs: dict[str, np.ndarray] = {}")
    order = "kinds.items()"
    bounded = set(bounds.relative)
    if bounded:
        # Last, because sizes of the others bound their numbers.
        lines.append(f"    last = {literal(sorted(bounded))}")
        order = "sorted(kinds.items(), key=lambda item: item[0] in last)"
    if bounds.is_dynamic:
        lines.append("    sizes: dict[str, int] = {}")
    lines.append(f"    for name, kind in {order}:")
    plain = ["        low, high = BOUNDS[name]"]
    for name, sizes in bounds.relative.items():
        plain.append(f"        if name == {literal(name)}:")
        plain += wrap(f"high = min(high, {', '.join(map(computed, sizes))})", 12)
    plain += [
        '        whole = not kind["dtype"].startswith("float")',
        *read_lines(
            spec,
            ['        values = numbers(rows, kind["columns"], path, low, high, whole=whole)'],
        ),
        '        inputs[name] = shaped(values, kind["shape"], f\'{path}: input "{name}"\')',
    ]
    lines += image_lines(spec, files_or(spec, sound_inputs(spec), "sound", "sounds", plain))
    if bounds.is_dynamic:
        lines += [
            '        for axis, size in zip(kind["shape"], inputs[name].shape[1:], strict=True):',
            "            if isinstance(axis, str) and sizes.setdefault(axis, size) != size:",
            '                raise ValueError(f"{path}: {name} has {axis} = {size}, not {sizes}")',
        ]
    for limit in bounds.limits:
        size, least, most = limit.size, limit.least, limit.most
        test = f"{least} <= size" + ("" if most is None else f" <= {most}")
        if ("operator", "/") in tokens(size):
            test = f"size == int(size) and {test}"
        wanted = f"at least {least}" if most is None else f"{least} to {most}"
        lines += [
            *wrap(f"size = {computed(size)}", 4),
            f"    if not {test}:" if " and " not in test else f"    if not ({test}):",
            f'        wrong = f"{size} is {{size}}, and {wanted} is expected"',
            '        raise ValueError(f"{path}: {wrong}")',
        ]
    return "\n".join([*lines, "    return inputs"])
