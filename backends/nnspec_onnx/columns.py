"""Raw columns as elements of a network's inputs, in operators of ONNX's default domain.

Tokens of texts are numbered by a LabelEncoder, of the standard's domain for such. Numbers are
computed in float64, as `nnspec predict` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec_onnx.ir import ML, Attribute, ElementType, Initializer, Node

if TYPE_CHECKING:
    from nnspec.data.prepared import Prepared, Scaling

EXACT = 2.0**53 - 1
"""The largest whole number that a double tells from its neighbours."""


@dataclass(slots=True)
class Columns:
    """Collects operators and constants under names that are free.

    taken: names of values that are not free. refused: bools by row, true for one that is wrong.
    """

    taken: set[str]
    nodes: list[Node] = field(default_factory=list)
    initializers: list[Initializer] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def free(self, name: str) -> str:
        """Return a name that nothing else has."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def node(self, op_type: str, *inputs: str, name: str = "", **attributes: Attribute) -> str:
        """Add an operator with one output, and return it."""
        own = self.free(f"prepared.{op_type.lower()}_{len(self.nodes)}")
        # A value may have the name of an output, which the operator that makes it has already.
        output = self.free(name) if name else own
        self.nodes.append(Node(own, op_type, inputs, (output,), attributes))
        return output

    def labels(self, value: str, words: Sequence[str], first: int, other: int) -> str:
        """Return the numbers of texts: their places among `words`, from `first`, else `other`."""
        own = self.free(f"prepared.labelencoder_{len(self.nodes)}")
        attributes: dict[str, Attribute] = {
            "keys_strings": tuple(words),
            "values_int64s": tuple(range(first, first + len(words))),
            "default_int64": other,
        }
        self.nodes.append(Node(own, "LabelEncoder", (value,), (own,), attributes, ML))
        return own

    def constant(self, value: Any, dtype: str = "float64") -> str:
        """Add a constant, and return it."""
        array = np.asarray(value, dtype)
        name = self.free(f"prepared.constant_{len(self.initializers)}")
        kept = Initializer(name, dtype, array.shape, value=array, is_single=True)
        self.initializers.append(kept)
        return name

    def text(self, value: str) -> str:
        """Add a constant text, and return it."""
        return self.node("Constant", value_string=value)

    def texts(self, values: Sequence[str]) -> str:
        """Add a constant list of texts, and return it."""
        return self.node("Constant", value_strings=tuple(values))

    def split(self, value: str, sign: str) -> str:
        """Return texts cut in two at a sign, as (rows, 2)."""
        return self.parts(value, delimiter=sign, maxsplit=1)[0]

    def parts(self, value: str, **attributes: Attribute) -> tuple[str, str]:
        """Return texts cut into parts, "" after the last, and the number of these."""
        own = self.free(f"prepared.stringsplit_{len(self.nodes)}")
        count = self.free(f"{own}.count")
        self.nodes.append(Node(own, "StringSplit", (value,), (own, count), attributes))
        return own, count

    def cast(self, value: str, dtype: str) -> str:
        """Return a value in another dtype."""
        return self.node("Cast", value, to=ElementType(dtype))

    def wide(self, value: str) -> str:
        """Return a value of each row as a column of one element."""
        return self.node("Unsqueeze", value, self.constant([1], "int64"))

    def any_of(self, values: Sequence[str]) -> str:
        """Return whether any of some bools holds, row by row."""
        first, *rest = values
        for value in rest:
            first = self.node("Or", first, value)
        return first

    def prepared(self, by: Prepared, column: str) -> str:
        """Return what numbers or categories become, shaped (rows, elements), in float64."""
        return self._encoded(by, column) if by.encoding else self._number(by, column)

    def _number(self, by: Prepared, column: str) -> str:
        missing = self.node("IsNaN", column)
        values = column
        if by.fill is not None:
            values = self.node("Where", missing, self.constant(by.fill), column)
        # Where nothing fills, NaN goes on as NaN, and is refused at the end.
        values = self.scaled(values, by.scaling)
        return self.with_indicator([self.wide(values)], by, missing)

    def with_indicator(self, parts: list[str], by: Prepared, missing: str) -> str:
        """Return elements side by side, with one for what was missing where that is wanted."""
        if by.indicator:
            parts.append(self.wide(self.cast(missing, "float64")))
        return self.node("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]

    def scaled(self, values: str, steps: Sequence[Scaling]) -> str:
        """Return numbers after the steps that scale them."""
        for step in steps:
            if step.type == "log":
                values = self._log1p(values)
                continue
            if step.type == "quantile":
                # Its shares are from 0 to 1 whatever the number.
                self.refused += [self.node("IsInf", values), self.node("IsNaN", values)]
                values = self._shares(values, step)
                continue
            if step.shift:
                values = self.node("Sub", values, self.constant(step.shift))
            if step.divisor != 1:
                values = self.node("Div", values, self.constant(step.divisor))
        return values

    def _shares(self, values: str, step: Scaling) -> str:
        """Return the share of the training rows below, linear between the points of a step."""
        points, shares = np.array(step.points), np.array(step.shares)
        if len(points) == 1:
            nothing = self.node("Mul", values, self.constant(0.0))
            return self.node("Add", nothing, self.constant(shares[0]))
        above = self.node("Sub", self.wide(values), self.constant(points[:-1]))
        above = self.node("Max", above, self.constant(0.0))
        widths = self.constant(np.diff(points))
        part = self.node("Div", self.node("Min", above, widths), widths)
        gained = self.node("Mul", part, self.constant(np.diff(shares)))
        total = self.node("ReduceSum", gained, self.constant([1], "int64"), keepdims=0)
        return self.node("Add", total, self.constant(shares[0]))

    def _log1p(self, values: str) -> str:
        """Return log(1 + x); log(u) · x / (u - 1), u = 1 + x, keeps the digits of a small x."""
        one = self.constant(1.0)
        above = self.node("Add", values, one)
        ratio = self.node("Div", values, self.node("Sub", above, one))
        exact = self.node("Mul", self.node("Log", above), ratio)
        return self.node("Where", self.node("Equal", above, one), values, exact)

    def _encoded(self, by: Prepared, column: str) -> str:
        empty = self.node("Equal", column, self.text(""))
        if by.fill is not None:
            column = self.node("Where", empty, self.text(str(by.fill)), column)
        else:
            self.refused.append(empty)
        equal = self.node("Equal", self.wide(column), self.texts(by.vocabulary))
        chosen = self.cast(equal, "float64")
        count = self.node("ReduceSum", chosen, self.constant([1], "int64"), keepdims=1)
        others = self.node("Sub", self.constant(1.0), count)
        if by.unknown:
            chosen = self.node("Concat", others, chosen, axis=1)
        else:
            is_other = self.node("Equal", others, self.constant(1.0))
            self.refused.append(self.node("Squeeze", is_other, self.constant([1], "int64")))
        if by.encoding == "one_hot":
            return chosen
        return self.cast(self.node("ArgMax", chosen, axis=1, keepdims=1), "float64")

    def fitted(self, values: str, dtype: str, low: Any, high: Any) -> str:
        """Return elements in the dtype of an input; note the rows that it does not take.

        low, high: the smallest and the largest of whole numbers. A row that is refused has numbers
        that the network takes all the same.
        """
        axis = self.constant([1], "int64")
        if dtype.startswith("float"):
            cast = self.cast(values, dtype)
            # 0 times what is finite is 0, and anything else NaN.
            zeros = self.node("Mul", cast, self.constant(0.0, dtype))
            total = self.node("ReduceSum", zeros, axis, keepdims=0)
            self.refused.append(self.node("IsNaN", total))
            return cast
        whole = self.node("Equal", values, self.node("Floor", values))
        # Of larger ones a double does not tell one from the next.
        low, high = np.maximum(low, -EXACT), np.minimum(high, EXACT)
        least = self.node("GreaterOrEqual", values, self.constant(low))
        most = self.node("LessOrEqual", values, self.constant(high))
        right = self.node("And", whole, self.node("And", least, most))
        wrong = self.cast(self.node("Not", right), "float64")
        total = self.node("ReduceSum", wrong, axis, keepdims=0)
        self.refused.append(self.node("Greater", total, self.constant(0.0)))
        return self.cast(self.node("Where", right, values, self.constant(low)), dtype)
