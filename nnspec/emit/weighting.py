"""Losses whose rows, or places within a row, count by weights.

A loss is written as the mean of something: weighted, it is that of the same by `weighted_mean`,
which an emitted file defines.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence

from nnspec.emit.code import quoted
from nnspec.emit.training import LossBody, LossRow, loss_body
from nnspec.language.losses import Loss
from nnspec.language.weighting import SAMPLE_WEIGHT
from nnspec.network.graph import Graph

MEAN = "weighted_mean"
_MEANS = ("torch.mean", "ops.mean")


def body_of(
    rows: Mapping[type[Loss], LossRow], loss: Loss, graph: Graph, *, by_weights: bool
) -> LossBody:
    """Return the body of a loss by its row. by_weights: whether rows count by weights."""
    body = loss_body(rows, loss, graph)
    return weighted_body(body) if by_weights else body


def weighted_body(body: LossBody) -> LossBody:
    """Return the body of `output`, `target` and `sample_weight`."""
    lines = body.weighted or tuple(_weighted(body.lines))
    text = "\n".join(lines)
    modules = frozenset(name for name in body.modules if f"{name}." in text)
    return body._replace(lines=lines, modules=modules, is_weighted=True)


def mean_of(losses: str, counts: str = "") -> str:
    """Return the line that ends in the weighted mean of an expression, over weighted counts."""
    more = f", {counts}" if counts else ""
    return f"return {MEAN}({losses}, {SAMPLE_WEIGHT}{more})"


def _weighted(lines: Sequence[str]) -> list[str]:
    """Return the lines of a mean as they are weighted; each statement that returns is a line."""
    found = [*lines]
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.Return):
            found[node.lineno - 1] = " " * node.col_offset + _returned(node)
    return found


def _returned(statement: ast.Return) -> str:
    value = statement.value
    assert value is not None
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Div):
        summed = _summed(value.left)
        if summed is not None:  # over the number of those that are kept
            return mean_of(_text(summed), "kept")
    inner = _Inner()
    losses = inner.visit(value)
    if inner.found is None:  # a function of PyTorch's that takes the mean itself
        assert isinstance(value, ast.Call)
        value.keywords.append(ast.keyword("reduction", ast.Constant("none")))
        losses = value
    return mean_of(_text(losses))


class _Inner(ast.NodeTransformer):
    """Puts what a mean is of in the place of the mean: what is around it stands within."""

    found: ast.expr | None = None

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if ast.unparse(node.func) in _MEANS:
            self.found = node.args[0]
        elif isinstance(node.func, ast.Attribute) and node.func.attr == "mean" and not node.args:
            self.found = node.func.value
        else:
            return self.generic_visit(node)
        return self.found


def _summed(node: ast.expr) -> ast.expr | None:
    """Return what an expression is the sum of all of, if it is one."""
    if not isinstance(node, ast.Call):
        return None
    if ast.unparse(node.func) == "ops.sum" and not node.keywords:
        return node.args[0]
    if isinstance(node.func, ast.Attribute) and node.func.attr == "sum" and not node.args:
        return node.func.value
    return None


class _Quoted(ast.NodeTransformer):
    """Has strings written as emitted files quote them: `ast.unparse` writes a name as it is."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Name(quoted(node.value)) if isinstance(node.value, str) else node


def _text(node: ast.AST) -> str:
    return ast.unparse(_Quoted().visit(node))


def weighted_metric(value: str, functions: Iterable[str]) -> str:
    """Return the expression of a metric where its rows count `weights`.

    functions: those of scikit-learn.
    """
    named = frozenset(functions)
    tree = ast.parse(value, mode="eval")
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        weights = ast.Name("weights")
        if name in named:
            node.keywords.append(ast.keyword(SAMPLE_WEIGHT, weights))
        elif name == "r2":
            node.args.append(weights)
        elif name == "np.mean" and not node.keywords:
            node.func = ast.parse("np.average", mode="eval").body
            node.keywords.append(ast.keyword("weights", weights))
    return _text(tree)
