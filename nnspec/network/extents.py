"""Refuses networks of too many parameters, and ids beyond the tables that they reach."""

from __future__ import annotations

from math import inf
from typing import cast

from nnspec.language.limits import MAX_ELEMENTS, big
from nnspec.language.problems import Problems
from nnspec.layers.shapes import Shape, product
from nnspec.network.derivation import split_domain
from nnspec.network.graph import Graph, inline


def report_size(graph: Graph, problems: Problems) -> None:
    """Report the layer up to which the parameters of a network would not fit in a tebibyte."""
    total = 0
    sizes: dict[tuple[int, tuple[Shape, ...]], int] = {}
    for at in graph.walk():
        if at.home != at.path:
            continue
        # Equal layers are one object.
        key = (id(at.node.layer), at.input_shapes)
        size = sizes.get(key)
        if size is None:
            size = sum(cast("int", product(each.shape)) for each in at.parameters())
            sizes[key] = size
        total += size
        if total > MAX_ELEMENTS:
            problems.add(
                "too-large",
                f'the parameters up to layer "{at.path}" hold {big(total)} numbers; '
                f"at most {MAX_ELEMENTS:,} are allowed",
                at.node.mark,
                "use smaller sizes",
            )
            return


def report_ids(graph: Graph, problems: Problems) -> None:
    """Report ids that the network makes itself, and that the layer they reach does not take."""
    domain, undecided = split_domain(graph)
    if not undecided and domain.inputs.keys() >= {allowed.value for allowed in domain.ranges}:
        return
    from nnspec.network.ids import followed  # which needs NumPy

    ids = followed(graph)
    marks = {node.name: node.mark for node in inline(graph).nodes} if ids.unknown else {}
    for each in ids.unknown:
        problems.advise(
            "unbounded-ids",
            f'layer "{each.layer}": {each.kind} takes {each.least} to {each.most}, and nothing '
            f'bounds "{each.value}"',
            marks.get(each.layer),
            "bound the numbers before, by clip or by minimum and maximum: what frameworks do with "
            "others differs",
        )
    for found in ids.outside:
        allowed = found.allowed
        can_grow = allowed.kind == "embedding" and found.least >= 0 and found.most < inf
        larger = f"make input_dim at least {found.most + 1:g}, or " if can_grow else ""
        problems.add(
            "out-of-range",
            f'layer "{allowed.layer}": {allowed.kind} takes {allowed.least} to {allowed.most}, '
            f'and "{allowed.value}" gives {_shown(found.least, found.most)}',
            found.node.mark,
            f"{larger}bound the numbers before, by clip or by minimum and maximum",
        )


def _shown(least: float, most: float) -> str:
    least, most = least + 0.0, most + 0.0  # -0 becomes 0
    if least == -inf:
        return f"at most {most:g}"
    if most == inf:
        return f"at least {least:g}"
    return f"{least:g}" if least == most else f"{least:g} to {most:g}"
