"""The layout of an expression, as the ruff formatter breaks it over lines."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from enum import Enum

from nnspec.emit.layout import Choice, Doc, Expandable, Group, Indent, Key, Line
from nnspec.emit.operators import flattened, is_operation, is_simple_power, precedence
from nnspec.emit.parsed import Parsed


class Level(Enum):
    """The place of an expression, if no group around it may add parentheses."""

    STATEMENT = 0
    BRACKETS = 1


Place = Level | Key
"""The key is that of the parentheses which may be added around."""


class Expressions:
    """Makes documents of the expressions of one statement."""

    def __init__(self, parsed: Parsed, opened: ast.expr | None = None) -> None:
        """`opened` is a call whose arguments stand on lines of their own, whatever fits."""
        self.parsed = parsed
        self.opened = opened

    def expression(
        self, node: ast.expr, place: Place, *, is_bare: bool = False, is_fluent: bool | None = None
    ) -> Doc:
        """Return the document of an expression.

        is_bare: leave out the parentheses that stand around it. is_fluent: whether it is a link
        of a chain of calls that is broken before its dots; None where it is the end of one.
        """
        if not is_bare and self.parsed.in_parentheses(node):
            return self.brackets("(", self.expression(node, Level.BRACKETS, is_bare=True), place)
        if isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
            return self.link(node, place, is_fluent)
        if is_operation(node):
            return _grouped(self.operation(flattened(node, self.parsed), place), place)
        if isinstance(node, ast.UnaryOp):
            sign = {ast.Not: "not ", ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}[type(node.op)]
            return [sign, self.expression(node.operand, place)]
        if isinstance(node, ast.IfExp):
            parts = [self.expression(each, place) for each in (node.body, node.test, node.orelse)]
            space = _space(place)
            return _grouped([parts[0], space, "if ", parts[1], space, "else ", parts[2]], place)
        if isinstance(node, ast.Starred):
            return ["*", self.expression(node.value, place)]
        if isinstance(node, ast.Lambda):
            head = self.parsed.text(node)[: -len(self.parsed.text(node.body))]
            return [head, self.expression(node.body, place)]
        return self.collection(node, place)

    def collection(self, node: ast.expr, place: Place) -> Doc:
        if isinstance(node, ast.List | ast.Set):
            left = "[" if isinstance(node, ast.List) else "{"
            return self.brackets(left, self.elements(node.elts), place)
        if isinstance(node, ast.Tuple):
            if not self.parsed.is_written_tuple(node):
                return if_expanded(self.elements(node.elts))
            if len(node.elts) == 1:
                return self.brackets("(", [self.inside(node.elts[0]), ","], place)
            return self.brackets("(", self.elements(node.elts), place)
        if isinstance(node, ast.Dict):
            return self.brackets("{", self.joined(self.items(node)), place)
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            content = self.loops(Group(self.inside(node.elt)), node.generators)
            left = {ast.ListComp: "[", ast.SetComp: "{", ast.GeneratorExp: "("}[type(node)]
            return self.brackets(left, content, place)
        if isinstance(node, ast.DictComp):
            pair: Doc = [self.inside(node.key), ": ", self.inside(node.value)]
            return self.brackets("{", self.loops(Group(pair), node.generators), place)
        if isinstance(node, ast.Slice):
            return self.slice(node, place)
        return self.parsed.text(node)

    def inside(self, node: ast.expr) -> Doc:
        """Return an expression that stands in brackets."""
        return self.expression(node, Level.BRACKETS)

    def elements(self, nodes: Sequence[ast.expr]) -> Doc:
        return self.joined([self.inside(node) for node in nodes])

    def items(self, node: ast.Dict) -> list[Doc]:
        return [
            ["**", self.inside(value)]
            if key is None
            else [self.inside(key), ": ", self.inside(value)]
            for key, value in zip(node.keys, node.values, strict=True)
        ]

    def joined(self, parts: list[Doc]) -> Doc:
        """Return the parts with commas; the last of several gets one where the group is broken."""
        docs: list[Doc] = []
        for i, part in enumerate(parts):
            docs += [",", Line(" "), part] if i else [part]
        return [*docs, Choice(",", "")] if len(parts) > 1 else docs

    def loops(self, first: Doc, generators: list[ast.comprehension]) -> Doc:
        docs: list[Doc] = [first]
        for loop in generators:
            target = self.parsed.text(loop.target)
            docs += [Line(" "), f"for {target} in ", self.inside(loop.iter)]
            for condition in loop.ifs:
                docs += [Line(" "), "if ", self.inside(condition)]
        return Group(docs)

    def slice(self, node: ast.Slice, place: Place) -> Doc:
        """Return a slice with the spaces around its colons as they are written."""
        docs: list[Doc] = []
        text, at = self.parsed.span(node)
        for bound in (node.lower, node.upper, node.step):
            if bound is None:
                continue
            start, stop = self.parsed.span(bound)
            docs += [self.parsed.slice(text, start), self.expression(bound, place)]
            text = stop
        return [*docs, self.parsed.slice(text, at)]

    def link(
        self, node: ast.Attribute | ast.Call | ast.Subscript, place: Place, given: bool | None
    ) -> Doc:
        """Return an attribute, a call, or an index, with all that stands before it."""
        is_fluent = given
        if given is None:
            is_fluent = place is not Level.STATEMENT and self.is_fluent(node)
        value = node.func if isinstance(node, ast.Call) else node.value
        is_written = self.parsed.in_parentheses(value)
        is_link = isinstance(value, ast.Attribute | ast.Call | ast.Subscript)
        before = self.expression(
            value, place, is_fluent=is_fluent if is_link and not is_written else None
        )
        if isinstance(node, ast.Attribute):
            may_break = is_fluent and (is_written or isinstance(value, ast.Call | ast.Subscript))
            docs: Doc = [before, Line() if may_break else "", f".{node.attr}"]
        elif isinstance(node, ast.Call):
            docs = [before, self.arguments(node, place)]
        else:
            index = node.slice
            content: Doc = self.inside(index)
            if isinstance(index, ast.Tuple) and not self.parsed.is_written_tuple(index):
                content = Group(self.elements(index.elts))
            docs = [before, self.brackets("[", content, place)]
        return Group(docs) if given is None and is_fluent else docs

    def is_fluent(self, node: ast.expr) -> bool:
        """Whether two dots or more follow a call or an index: each then begins a line."""
        dots = 0
        while True:
            if isinstance(node, ast.Attribute):
                if self.parsed.in_parentheses(node.value):
                    return dots >= 1
                dots += isinstance(node.value, ast.Call | ast.Subscript)
                node = node.value
            elif isinstance(node, ast.Call | ast.Subscript):
                node = node.func if isinstance(node, ast.Call) else node.value
            else:
                return dots + self.parsed.in_parentheses(node) >= 2
            if self.parsed.in_parentheses(node):
                return dots >= 2

    def arguments(self, node: ast.Call, place: Place) -> Doc:
        if not node.args and not node.keywords:
            return "()"
        if len(node.args) == 1 and not node.keywords:
            only = node.args[0]
            if isinstance(only, ast.GeneratorExp) and self.parsed.is_argument(only):
                content = self.loops(Group(self.inside(only.elt)), only.generators)
                return self.brackets("(", content, place)
            is_bare = not self.parsed.is_argument_in_parentheses(only)
            parts = [self.expression(only, Level.BRACKETS, is_bare=is_bare)]
        else:
            parts = [self.inside(each) for each in node.args]
            parts += [
                [f"{each.arg}=" if each.arg else "**", self.inside(each.value)]
                for each in node.keywords
            ]
        if node is self.opened:
            comma = "," if len(parts) == 1 else ""
            return self.brackets("(", [self.joined(parts), comma], place, is_expanded=True)
        return self.brackets("(", Group(self.joined(parts)), place)

    def brackets(self, left: str, content: Doc, place: Place, *, is_expanded: bool = False) -> Doc:
        right = {"(": ")", "[": "]", "{": "}"}[left]
        if content == []:
            return left + right
        group = Group([left, Indent([Line(), content]), Line(), right], is_expanded=is_expanded)
        return Expandable(group, place) if isinstance(place, Key) else group

    def operation(self, parts: list[ast.expr | str], place: Place) -> Doc:
        """Return operands and operators: those that bind least are broken first, and together."""
        if len(parts) == 1:
            (operand,) = parts
            assert isinstance(operand, ast.expr)
            return self.expression(operand, place)
        signs = [part for part in parts if isinstance(part, str)]
        weakest = max(map(precedence, signs))
        docs: list[Doc] = []
        side: list[ast.expr | str] = []
        at = [i for i, part in enumerate(parts) if isinstance(part, str)]
        at = [i for i in at if precedence(str(parts[i])) == weakest]
        for start, stop in zip([-1, *at], [*at, len(parts)], strict=True):
            side = parts[start + 1 : stop]
            inner = self.operation(side, place)
            docs.append(inner if len(side) == 1 else _grouped(inner, place))
            if stop < len(parts):
                sign = str(parts[stop])
                if sign == "**" and is_simple_power(parts[stop - 1], parts[stop + 1]):
                    docs += [_space(place, ""), "**"]
                else:
                    docs += [_space(place), f"{sign} "]
        return docs


def optional(content: Doc, key: Key) -> Doc:
    """Return the content, in parentheses if it does not fit with its own brackets broken."""
    opened: list[Doc] = [Choice("(", ""), Indent([Line(), content], key)]
    return Group([*opened, Line(), Choice(")", "")], key)


def if_expanded(content: Doc) -> Doc:
    """Return the content, in parentheses if it does not fit on the line."""
    return Group([Choice("(", ""), Indent([Line(), content]), Line(), Choice(")", "")])


def _grouped(content: Doc, place: Place) -> Doc:
    """Return a group, if there are brackets around, or as soon as parentheses are added."""
    if isinstance(place, Key):
        return Group(content, within=place)
    return Group(content) if place is Level.BRACKETS else content


def _space(place: Place, flat: str = " ") -> Doc:
    """Return a possible break in an expression, if it stands in brackets."""
    if isinstance(place, Key):
        return Choice(Line(flat), flat, place)
    return Line(flat) if place is Level.BRACKETS else flat
