"""A file on other sizes, and on other inputs than ordinary ones, beside its spec."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nnspec.backend.foreign import Described
from nnspec.errors import DataError
from nnspec.judge.beside import Beside
from nnspec.judge.called import may_be, paired
from nnspec.judge.choices import floats_of
from nnspec.judge.facing import moves
from nnspec.judge.row_rounding import row_tolerances
from nnspec.layers.shapes import Shape
from nnspec.network.domains import domain_of
from nnspec.network.graph import Graph
from nnspec.support.causes import cause_of
from nnspec.verification.range_checks import WHY_UNLIKE, row_errors, unlike_rows
from nnspec.verification.recorder import told_of
from nnspec.verification.row_checks import AT_ONCE, MOST
from nnspec.verification.rows import GivenRows
from nnspec.verification.samples import element_ranges, of_rows, random_inputs, sizes_of
from nnspec.verification.size_checks import BATCHES
from nnspec.verification.sizes import Fitting
from nnspec.verification.unusual import unusual_inputs

LONG = (range(131, 164), range(67, 99))
"""Sizes of a sequence, of which the first that both take is tried."""
SHOWN = 4
"""Of the rows that differ most: those of which the layer at fault is looked for."""
Inputs = Mapping[str, np.ndarray]


def said_sizes(graph: Graph, described: Described) -> dict[str, int]:
    """Return the sizes at which a file fixes an axis that the spec leaves open; "" is the batch."""
    names = {each.name: each for each in described.inputs}

    def fits(mine: str, theirs: str) -> bool:
        kind, given = graph.inputs[mine], names[theirs]
        return may_be(given.dtype, np.dtype(kind.dtype).kind) and (
            given.shape is None or len(given.shape) == len(kind.shape) + 1
        )

    called = paired(list(graph.inputs), list(names), fits)
    found: dict[str, int] = {}
    for name, kind in graph.inputs.items():
        theirs = names[called[name]] if name in called else None
        if theirs is None or theirs.shape is None or len(theirs.shape) != len(kind.shape) + 1:
            continue
        if theirs.shape[0] is not None:
            found[""] = theirs.shape[0]
        found |= {
            axis: size
            for axis, size in _laid_out(kind.shape, theirs.shape)
            if isinstance(axis, str) and axis.isidentifier() and size is not None
        }
    return found


def _laid_out(shape: Shape, said: Sequence[int | None]) -> list[tuple[int | str, int | None]]:
    """Return the axes of the spec with the sizes that a file says, in the order that fits first."""
    orders = []
    for move in moves(len(said)):
        sizes = dict(zip(move, said, strict=True))
        orders.append([(axis, sizes[i]) for i, axis in enumerate(shape, 1)])
    fitting = (
        pairs
        for pairs in orders
        if all(None in pair or isinstance(pair[0], str) or pair[0] == pair[1] for pair in pairs)
    )
    return next(fitting, orders[0])


def tell_fixed(beside: Beside, fixed: Mapping[str, int]) -> None:
    """Say which axes, open in the spec, the file has in one size alone: no other is compared."""
    for axis, size in fixed.items():
        told = f'the axis "{axis}"' if axis else "the batch"
        reason = f"{told} is fixed at {size}, and the spec leaves it open"
        for kind in ("interface", "dynamic_shape"):
            beside.recorder.leave_out(kind, beside.pair, reason)


def compare_sizes(
    beside: Beside, others: Mapping[str, Sequence[int]], fixed: Mapping[str, int]
) -> None:
    """Compare batches of other sizes, of none and of one row too, and other sizes of each axis."""
    if "" not in fixed:
        for rows in (1, *BATCHES):
            _compare(beside, f"a batch of {rows}", of_rows(beside.inputs, rows))
    graph = beside.spec.graph
    for axis, sizes in others.items():
        if axis in fixed:
            continue
        for size in sizes:
            axes = {**beside.axes, axis: size}
            inputs = random_inputs(graph, beside.batch, axes, beside.seed + size)
            _compare(beside, f"{axis} = {size}", inputs)
        for size in _long(graph, axis, beside.axes):
            axes = {**beside.axes, axis: size}
            told = f"{axis} = {size}"
            if _compare(
                beside, told, random_inputs(graph, 2, axes, beside.seed + size), is_far=True
            ):
                break
        if not sizes:
            reason = f"the axis {axis} has no other size that fits than {beside.axes[axis]}"
            beside.recorder.leave_out("dynamic_shape", beside.pair, reason)


def _long(graph: Graph, axis: str, base: Mapping[str, int]) -> Iterator[int]:
    """Yield a size above 128 for an axis of sequences, and one above 64, as far as they fit.

    What is far apart is met there, as in the last buckets of T5. An image of such sides would take
    too long.
    """
    dynamic = [
        {size for size in kind.shape if isinstance(size, str)} for kind in graph.inputs.values()
    ]
    if any(len(each) > 1 for each in dynamic if any(axis in size for size in each)):
        return
    sides = max(
        sum(isinstance(size, str) and axis in size for size in kind.shape)
        for kind in graph.inputs.values()
    )
    if sides > 1 and any(re.search(r"[23]d", at.node.layer.type) for at in graph.walk()):
        return
    fitting = Fitting(graph)
    for some in LONG:
        size = next(fitting.of(axis, some, base), None)
        if size is not None:
            yield size


def _compare(beside: Beside, told: str, inputs: Inputs, *, is_far: bool = False) -> bool:
    """Compare at a size; return whether the file was run. is_far: it may take no such size."""
    try:
        domain_of(beside.spec.graph).admit(inputs)
    except DataError as error:  # of a size that a layer of the spec has no output for
        reason = f"{told}: the spec takes no such inputs: {cause_of(error)}"
        beside.recorder.leave_out("dynamic_shape", beside.pair, reason)
        return False
    try:
        theirs = beside.theirs(inputs)
    except Exception as error:
        if is_far:  # as with a mask of so many steps, where the spec has no end
            reason = f"{told}: the spec takes it, and the file does not: {cause_of(error)}"
            for kind in ("interface", "dynamic_shape"):
                beside.recorder.leave_out(kind, beside.pair, reason)
        else:
            _fail(beside, told, f"It does not run with {told}: {cause_of(error)}")
        return False
    beside.compare("dynamic_shape", told, inputs, theirs)
    return True


def _fail(beside: Beside, told: str, why: str) -> None:
    """Add that a file does not run at a size, which is of its interface."""
    kind = "interface" if beside.report.asks("interface") else "dynamic_shape"
    beside.recorder.add_failed(kind, beside.named(told), beside.facing.dtype, why)  # type: ignore[arg-type]


def compare_none(beside: Beside) -> None:
    """Hold the shapes for a batch of no rows, which no source of nnspec takes, to the spec's."""
    none = {name: array[:0] for name, array in beside.inputs.items()}
    told = "a batch of 0"
    try:
        given = beside.facing.run(none)
    except Exception as error:
        reason = f"{told}: it does not run with it: {cause_of(error)}"
        beside.recorder.leave_out("dynamic_shape", beside.pair, reason)
        return
    graph = beside.spec.graph
    shapes = {name: (0, *sizes_of(graph.types[name].shape, beside.axes)) for name in graph.outputs}
    wrong = [
        f"{name} is {given[name].shape}, not {shape}"
        for name, shape in shapes.items()
        if name in given and given[name].shape != shape
    ]
    if wrong and all(given[n].shape == shape for n, shape in _of_framework(beside, none).items()):
        reason = f"{told}: {beside.report.framework} itself gives other shapes: {'; '.join(wrong)}"
        beside.recorder.leave_out("dynamic_shape", beside.pair, reason)
        return
    against = f"{beside.pair[0]}, {told}"
    dtype = beside.facing.dtype
    beside.recorder.add_findings("dynamic_shape", dtype, against, {beside.pair[1]: wrong})


def _of_framework(beside: Beside, inputs: Inputs) -> dict[str, tuple[int, ...]]:
    """Return the shapes that the source for the file's framework gives, or none."""
    engine = beside.engines[-1]
    if engine.name != beside.report.framework:
        return {}
    program: Any = engine.build(beside.spec, beside.ours.weights, "float64")
    try:
        with program.precision():
            given = engine.backend.open_program(program).run(inputs)
    except Exception:  # of a framework that does not run with them
        return {}
    outputs = zip(beside.spec.graph.outputs, given.values(), strict=True)
    return {name: array.shape for name, array in outputs}


def compare_inputs(beside: Beside, rows: GivenRows | None) -> None:
    """Compare rows of all magnitudes and of few values, whole numbers at their ends, and rows."""
    kinds, unusual = unusual_inputs(beside.spec.graph, beside.inputs, beside.axes, beside.seed)
    _compare_rows(beside, "unusual inputs", kinds, unusual)
    for told, inputs in _ends(beside):
        _compare_whole(beside, told, inputs)
    if rows is not None:
        count = min(len(rows), MOST)
        drawn, _ = rows.drawn(count, beside.seed)
        for start in range(0, count, AT_ONCE):
            part = {name: array[start : start + AT_ONCE] for name, array in drawn.items()}
            last = min(start + AT_ONCE, count)
            _compare_whole(beside, f"rows {start + 1} to {last} of {rows.file}", part)
    elif (data := beside.spec.model.data) is not None:
        reason = f"rows of {data.source}: none are given by `data`"
        beside.recorder.leave_out("range", beside.pair, reason, by_call=True)


def _ends(beside: Beside) -> Iterator[tuple[str, Inputs]]:
    """Yield inputs whose whole numbers are the smallest, and the largest, that may be."""
    graph = beside.spec.graph
    domain = domain_of(graph)
    bound = {each.value for each in domain.ranges}
    names = [name for name, kind in graph.inputs.items() if name in bound]
    if not names:
        return
    shapes = {name: sizes_of(kind.shape, beside.axes) for name, kind in graph.inputs.items()}
    ranges = element_ranges(domain, shapes)
    for which, told in enumerate(("the smallest", "the largest")):
        ends = {}
        for name in names:
            array = beside.inputs[name]
            if array.dtype.kind in "iu":
                ends[name] = np.broadcast_to(ranges[name][which], array.shape).astype(array.dtype)
        if ends:
            yield f"{told} whole numbers", {**beside.inputs, **ends}


def _compare_whole(beside: Beside, told: str, inputs: Inputs) -> None:
    rows = len(next(iter(inputs.values())))
    _compare_rows(beside, told, [told] * rows, inputs)


def _compare_rows(beside: Beside, told: str, kinds: list[str], inputs: Inputs) -> None:
    """Compare rows one by one, each relative to itself."""
    pair = beside.named(told)
    with np.errstate(all="ignore"):
        expected = beside.ours.outputs(inputs)
    try:
        theirs = beside.theirs(inputs)
    except Exception as error:
        why = f"It does not run with {told}: {cause_of(error)}"
        beside.recorder.add_failed("range", pair, beside.facing.dtype, why)
        return
    found = row_errors({**expected, **theirs}, expected)
    if unlike := unlike_rows({**expected, **theirs}, expected):
        shown = dict.fromkeys(kinds[row] for row in unlike)
        beside.recorder.leave_out("range", pair, f"{', '.join(shown)}: {WHY_UNLIKE}")
    tolerance = row_tolerances(beside, kinds, inputs, expected, found)
    known = np.isfinite(tolerance) & ((tolerance < 1) | (found > tolerance))
    if not known.all():
        unknown = dict.fromkeys(kinds[row] for row in np.flatnonzero(~known))
        reason = f"{', '.join(unknown)}: {told_of(np.inf)}"
        beside.recorder.leave_out("range", beside.pair, reason)
        # What rounding decides hides the rows that it is in, and not what else differs in them.
        held = ~known if beside.is_exact else ~known & ~_beyond(beside, inputs)
        beside.accuse("range", told, *(_rows_of(each, held) for each in (inputs, theirs, expected)))
        if not known.any():
            return
    floats = floats_of(expected)
    if floats:
        found = row_errors({**floats, **theirs}, floats)
        share = np.divide(found, tolerance, np.zeros(len(found)), where=known)
        worst = int(np.argmax(share))
        if found[worst] > tolerance[worst]:
            if unsure := beside.unsure(lambda: _differ_rows(beside, kinds, inputs)):
                beside.recorder.leave_out("range", pair, unsure)
                return
            row = {name: array[worst : worst + 1] for name, array in inputs.items()}
            beside.keep(f"inputs {kinds[worst]}" if kinds[worst] != told else told, row)
            if beside.fixed_batch is None:  # of one row all numbers may be on one side of a kink
                rows = np.argsort(share)[: -1 - SHOWN : -1]
                beside.look({name: array[rows] for name, array in inputs.items()})
        what = f"A row of inputs {kinds[worst]}." if kinds[worst] != told else ""
        beside.recorder.add(
            "range", pair, beside.facing.dtype, float(found[worst]), float(tolerance[worst]),
            blame=beside.blame(what),
        )  # fmt: skip
    taken, given, right = (_rows_of(each, known) for each in (inputs, theirs, expected))
    beside.compare_whole("range", told, taken, given, right)


def _rows_of(arrays: Inputs, which: np.ndarray) -> dict[str, np.ndarray]:
    return {name: array[which] for name, array in arrays.items() if len(array) == len(which)}


def _beyond(beside: Beside, inputs: Inputs) -> np.ndarray:
    """Return the rows with numbers that float32 does not hold."""
    return beside.state.tolerances.beyond_float32(inputs)[0]


def _differ_rows(beside: Beside, kinds: list[str], inputs: Inputs) -> bool:
    """Whether rows differ with the weights that both have now."""
    with np.errstate(all="ignore"):
        expected = beside.ours.outputs(inputs)
    off = row_errors({**expected, **beside.theirs(inputs)}, expected)
    return bool((off > row_tolerances(beside, kinds, inputs, expected, off)).any())
