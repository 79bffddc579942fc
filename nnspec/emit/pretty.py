"""Breaks a statement of Python over lines as the ruff formatter breaks it.

The rules are those of its style guide: brackets that are there are broken first, parentheses that
nobody wrote are added where nothing else helps, and operators stand at the start of a line.
"""

from __future__ import annotations

import ast
from enum import Enum

from nnspec.emit.expressions import Expressions, Level, if_expanded, optional
from nnspec.emit.layout import (
    Best,
    Choice,
    Doc,
    Group,
    Indent,
    Key,
    Line,
    Parenthesizable,
    print_lines,
)
from nnspec.emit.operators import can_omit_parentheses, has_own_parentheses, is_operation
from nnspec.emit.parsed import Parsed


class _Needs(Enum):
    """The condition under which an expression that ends a statement gets parentheses."""

    NEVER = 0
    IF_BROKEN = 1
    IF_IT_FITS_THEN = 2


def broken(statement: str, indent: int) -> list[str]:
    """Return the lines of a statement (of a compound one, its header) that is too long for one."""
    head = statement.rstrip().endswith(":")
    parsed = Parsed(f"{statement} pass" if head else statement)
    (node,) = parsed.tree.body
    lines = print_lines(_Statements(parsed).statement(node), indent)
    opened = _called_at_once(node)
    if opened is not None and len(lines) > 2 and lines[-1].strip() == ")":
        # A comma after the last argument keeps a call open; else the "(x)" after it is broken.
        return print_lines(_Statements(parsed, opened).statement(node), indent)
    return lines


def broken_item(pair: str, indent: int) -> list[str]:
    """Return the lines of one `key: value,` of a dictionary that is written an item a line."""
    parsed = Parsed(f"{{{pair}}}")
    (node,) = parsed.tree.body
    assert isinstance(node, ast.Expr)
    assert isinstance(node.value, ast.Dict)
    writer = _Statements(parsed)
    return print_lines([*writer.items(node.value), ","], indent)


class _Statements(Expressions):
    """Makes the document of a statement."""

    def statement(self, node: ast.stmt) -> Doc:
        if isinstance(node, ast.Assign):
            return self.assignment(node.targets, "=", node.value)
        if isinstance(node, ast.AugAssign):
            sign = self.parsed.between(node.target, node.value).strip()
            return self.assignment([node.target], sign, node.value)
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            head = f"{self.parsed.text(node.target)}: {self.parsed.text(node.annotation)} = "
            return [head, self.last(node.value)]
        if isinstance(node, ast.Return) and node.value is not None:
            if isinstance(node.value, ast.Tuple) and not self.parsed.is_written_tuple(node.value):
                return ["return ", self.bare_tuple(node.value)]
            return ["return ", self.last(node.value)]
        if isinstance(node, ast.Expr):
            if is_operation(node.value) or isinstance(node.value, ast.UnaryOp):
                return self.last(node.value)
            return self.expression(node.value, Level.STATEMENT)
        if isinstance(node, ast.For):
            is_tuple = isinstance(node.target, ast.Tuple)
            target = (
                self.bare_tuple(node.target, is_optional=True)
                if is_tuple
                else self.last(node.target)
            )
            return ["for ", target, " in ", self.last(node.iter), ":"]
        if isinstance(node, ast.If | ast.While):
            word = "if " if isinstance(node, ast.If) else "while "
            return [word, self.last(node.test), ":"]
        if isinstance(node, ast.Raise) and node.exc is not None and node.cause is None:
            return ["raise ", self.last(node.exc)]
        if isinstance(node, ast.FunctionDef):
            return self.function(node)
        return self.parsed.slice(0, node.end_col_offset or 0)

    def function(self, node: ast.FunctionDef) -> Doc:
        """Return the header; its parameters are broken before what is returned."""
        whole = self.parsed.header(node)
        start, end = whole.index("("), whole.rindex(")")
        returned: Doc = ":"
        if node.returns is not None:
            returned = [" -> ", self.expression(node.returns, Level.STATEMENT), ":"]
            end = whole.rindex(")", 0, len(whole) - len(self.parsed.text(node.returns)) - 1)
        parameters: list[Doc] = [part.strip() for part in _split(whole[start + 1 : end])]
        comma = Choice(",", "") if len(parameters) == 1 else ""
        inner: Doc = [Line(), Group(self.joined(parameters)), comma]
        bracketed: Doc = ["(", Indent(inner), Line(), ")"]
        return [whole[:start], Group(bracketed, is_expanded=bool(parameters)), returned]

    def assignment(self, targets: list[ast.expr], sign: str, value: ast.expr) -> Doc:
        first = targets[0]
        bare = self.expression(first, Level.STATEMENT)
        head: list[Doc] = [bare, f" {sign} "]
        if len(targets) > 1:
            head = [f"{self.parsed.text(target)} = " for target in targets]
        is_left_broken = isinstance(first, ast.Tuple) or has_own_parentheses(first)
        is_whole = (
            not isinstance(value, ast.UnaryOp) and self.needs(value) == _Needs.IF_IT_FITS_THEN
        )
        if len(targets) > 1 or not is_left_broken or not is_whole:
            return [*head, self.last(value)]
        plain = self.expression(value, Level.STATEMENT, is_bare=True)
        hard = Line(is_hard=True)
        variants: list[Doc] = [[*head, plain]]
        if isinstance(value, ast.Call | ast.Subscript | ast.Attribute):
            variants.append([*head, Group(plain, is_expanded=True)])
        inside = Group(plain, is_expanded=True)
        variants += [[*head, "(", Indent([hard, inside]), hard, ")"], [*head, plain]]
        return Best(tuple(variants))

    def last(self, node: ast.expr) -> Doc:
        """Return an expression that ends a statement, in parentheses where it needs them."""
        needs = self.needs(node)
        if needs == _Needs.NEVER:
            return self.expression(node, Level.STATEMENT, is_bare=True)
        key = Key()
        if needs == _Needs.IF_IT_FITS_THEN:
            return Parenthesizable(self.expression(node, key, is_bare=True), key)
        if can_omit_parentheses(node, self.parsed):
            return optional(self.expression(node, key, is_bare=True), key)
        return if_expanded(self.expression(node, Level.BRACKETS, is_bare=True))

    def needs(self, node: ast.expr) -> _Needs:
        if isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
            if self.is_fluent(node):
                return _Needs.IF_BROKEN
            inner = node.func if isinstance(node, ast.Call) else node.value
            return _Needs.NEVER if self.parsed.in_parentheses(inner) else self.needs(inner)
        if isinstance(node, ast.UnaryOp):
            inner = node.operand
            return _Needs.NEVER if self.parsed.in_parentheses(inner) else self.needs(inner)
        if isinstance(node, ast.Name | ast.Constant | ast.JoinedStr):
            return _Needs.IF_IT_FITS_THEN
        if is_operation(node) or isinstance(node, ast.IfExp | ast.Lambda):
            return _Needs.IF_BROKEN
        return _Needs.NEVER

    def bare_tuple(self, node: ast.expr, *, is_optional: bool = False) -> Doc:
        """Return a tuple that is written without parentheses where it fits on the line."""
        assert isinstance(node, ast.Tuple)
        if is_optional or len(node.elts) == 2:
            key = Key()
            parts = [self.expression(item, key) for item in node.elts]
            return optional(self.joined(parts), key)
        parts = [self.expression(item, Level.BRACKETS) for item in node.elts]
        return if_expanded(self.joined(parts))


def _called_at_once(node: ast.stmt) -> ast.expr | None:
    """Return the call whose result is called with one variable, where the statement ends so."""
    value = node.value if isinstance(node, ast.Assign | ast.Return) else None
    if not isinstance(value, ast.Call) or value.keywords or not isinstance(value.func, ast.Call):
        return None
    is_bare = len(value.args) == 1 and isinstance(value.args[0], ast.Name)
    return value.func if is_bare and (value.func.args or value.func.keywords) else None


def _split(text: str) -> list[str]:
    """Return the parameters of a header, whose annotations may hold commas in brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part for part in parts if part.strip()]
