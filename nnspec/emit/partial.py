"""Partial evaluation of expressions, by what is known of the parameters that no use gives."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from nnspec.emit.code import literal
from nnspec.emit.parsed import Parsed

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Folded:
    """The text of an expression, and what is known of it.

    value: of a constant. node: what of the definition it was, to see its parts. is_changed:
    whether it is not as it was written. is_erased: whether it depends on a parameter that no use
    gives. is_live: whether it depends on anything that is known at run time alone.
    """

    text: str
    node: ast.expr | None = None
    value: object = _NOTHING
    is_changed: bool = False
    is_erased: bool = False
    is_live: bool = False

    @property
    def is_constant(self) -> bool:
        """Whether its value is known."""
        return self.value is not _NOTHING

    @property
    def is_dropped(self) -> bool:
        """Whether it is made of what no use gives alone, so that nothing has to take it."""
        return self.is_erased and not self.is_live

    @property
    def is_atom(self) -> bool:
        """Whether it needs no parentheses beside an operator."""
        kinds = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, ast.Tuple)
        return self.node is None or isinstance(self.node, kinds)


def erased(value: object) -> Folded:
    """Return the default of a parameter that no use gives."""
    return Folded(literal(value), None, value, is_changed=True, is_erased=True)


@dataclass(slots=True)
class Folder:
    """Folds the expressions of one method.

    names: what is known of variables. attributes: what is known of those of self. local: names
    that are known at run time alone. facts: truths of conditions, by their syntax trees.
    defaults: by function, keywords that a call leaves out where they have this value.
    renamed: variables that are called otherwise. quotients, last: by variable, the two operands
    of the division that it is, or the shape of which it is the last size.
    """

    parsed: Parsed
    names: dict[str, Folded]
    attributes: dict[str, Folded]
    local: set[str]
    facts: Mapping[str, bool]
    defaults: Mapping[str, Mapping[str, object]]
    renamed: Mapping[str, str]
    quotients: dict[str, tuple[str, str]] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)

    def note(self, name: str, value: Folded) -> None:
        """Note what a variable is made of, where other expressions may take it apart again."""
        match value.node:
            case ast.BinOp(op=ast.FloorDiv()) as quotient:
                parts = (quotient.left, quotient.right)
                self.quotients[name] = (self.fold(parts[0]).text, self.fold(parts[1]).text)
            case ast.Subscript(slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1))):
                self.last[name] = self.fold(value.node.value).text

    def fold(self, node: ast.expr) -> Folded:
        """Return an expression with all that is known put in its place."""
        if (fact := self.facts.get(ast.dump(node))) is not None:
            return erased(fact)
        match node:
            case ast.Constant():
                return Folded(self.parsed.text(node), node, node.value)
            case ast.Name():
                return self.name(node)
            case ast.Attribute(value=ast.Name(id="self")) if node.attr in self.attributes:
                return self.attributes[node.attr]
            case ast.BoolOp():
                return self.joined(node)
            case ast.Compare(ops=[ast.Is() | ast.IsNot()]):
                return self.compared(node)
            case ast.IfExp():
                return self.chosen(node)
            case ast.BinOp():
                return self.operation(node)
            case ast.Call():
                return self.call(node)
            case ast.Tuple():
                return self.shape(node)
            case ast.JoinedStr():
                return self.formatted(node)
        return self.spliced(node)

    def name(self, node: ast.Name) -> Folded:
        if node.id in self.names:
            return self.names[node.id]
        text = self.renamed.get(node.id, node.id)
        return Folded(text, node, is_changed=text != node.id, is_live=node.id in self.local)

    def joined(self, node: ast.BoolOp) -> Folded:
        """Return `and` or `or` without operands that decide nothing."""
        is_and = isinstance(node.op, ast.And)
        parts: list[Folded] = []
        for operand in node.values:
            part = self.fold(operand)
            if parts and parts[-1].is_constant and bool(parts[-1].value) == is_and:
                parts.pop()
            parts.append(part)
            if part.is_constant and bool(part.value) != is_and:
                if all(isinstance(each.node, ast.Compare) for each in parts[:-1]):
                    parts = [part]
                break
        if len(parts) > 1 and parts[-1].is_constant and bool(parts[-1].value) == is_and:
            parts.pop()  # of a condition
        if len(parts) == 1:
            return replace(parts[0], is_changed=True, is_erased=True)
        if len(parts) == len(node.values) and not any(part.is_changed for part in parts):
            return self.spliced(node)
        word = " and " if is_and else " or "
        return self.made(word.join(part.text for part in parts), node, parts)

    def compared(self, node: ast.Compare) -> Folded:
        left = self.fold(node.left)
        right = self.fold(node.comparators[0])
        if left.is_constant and right.is_constant:
            return erased((left.value is right.value) == isinstance(node.ops[0], ast.Is))
        return self.spliced(node)

    def chosen(self, node: ast.IfExp) -> Folded:
        test, body, other = self.fold(node.test), self.fold(node.body), self.fold(node.orelse)
        if test.is_constant:
            return replace(body if test.value else other, is_changed=True, is_erased=True)
        if body.is_constant and other.is_constant and body.value == other.value:
            return erased(body.value)
        return self.spliced(node)

    def operation(self, node: ast.BinOp) -> Folded:
        left, right = self.fold(node.left), self.fold(node.right)
        if isinstance(node.op, ast.Mult) and isinstance(right.node, ast.Name):
            whole = self.quotients.get(right.text)
            if whole is not None and whole[1] == left.text:
                # heads * (size // heads): the spec has checked that it goes.
                return Folded(whole[0], right.node, is_changed=True, is_erased=True, is_live=True)
        if not (left.is_changed or right.is_changed):
            return self.spliced(node)
        between = self.parsed.between(node.left, node.right).strip("() ")
        operands = (self.operand(node.left, left), self.operand(node.right, right))
        return self.made(f" {between} ".join(operands), node, [left, right])

    def operand(self, node: ast.expr, part: Folded) -> str:
        is_closed = self.parsed.in_parentheses(node) or part.is_changed
        return part.text if part.is_atom or not is_closed else f"({part.text})"

    def call(self, node: ast.Call) -> Folded:
        function = self.fold(node.func)
        usual = self.defaults.get(function.text, {})
        parts = [function]
        texts = []
        for argument in node.args:
            part = self.fold(argument)
            parts.append(part)
            texts.append(part.text)
        is_changed = False
        for keyword in node.keywords:
            part = self.fold(keyword.value)
            is_usual = part.is_constant and usual.get(keyword.arg or "", _NOTHING) == part.value
            if is_usual or (part.is_dropped and not part.is_constant):
                is_changed = True
                continue
            parts.append(part)
            texts.append(f"**{part.text}" if keyword.arg is None else f"{keyword.arg}={part.text}")
        made = self.made(f"{function.text}({', '.join(texts)})", node, parts)
        return replace(made, is_changed=made.is_changed or is_changed)

    def shape(self, node: ast.Tuple) -> Folded:
        """Return a tuple; a shape whose last size is put in the place of itself is that shape."""
        match node.elts:
            case [ast.Starred(value=ast.Subscript(value=ast.Name() as name)), last]:
                size = self.fold(last)
                whole = self.fold(name)
                if self.last.get(size.text) == whole.text:
                    return replace(whole, is_changed=True)
        return self.spliced(node)

    def formatted(self, node: ast.JoinedStr) -> Folded:
        """Return an f-string, whose parts have no place of their own before Python 3.12."""
        names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        if not names & self.names.keys():
            return Folded(self.parsed.text(node), node, is_live=bool(names & self.local))
        text = ""
        for part in node.values:
            match part:
                case ast.Constant(value=str() as literal_text):
                    text += literal_text
                case ast.FormattedValue(value=ast.Name(id=name)) if name in self.names:
                    text += str(self.names[name].value)
                case ast.FormattedValue(conversion=-1, format_spec=None):
                    text += f"{{{ast.unparse(part.value)}}}"
                case _:
                    raise AssertionError(f"no rule for {ast.dump(part)}")
        assert text.isprintable()
        assert not set('"\\') & set(text)
        return Folded(f'f"{text}"', node, is_changed=True, is_live=True)

    def spliced(self, node: ast.expr) -> Folded:
        """Return an expression as it is written, its parts folded."""
        start, stop = self.parsed.span(node)
        text, at, parts = "", start, []
        for child in sorted(_expressions(node), key=self.parsed.span):
            part = self.fold(child)
            begin, end = self.parsed.span(child)
            text += self.parsed.slice(at, begin) + part.text
            at = end
            parts.append(part)
        return self.made(text + self.parsed.slice(at, stop), node, parts)

    def made(self, text: str, node: ast.expr, parts: list[Folded]) -> Folded:
        return Folded(
            text,
            node,
            is_changed=any(part.is_changed for part in parts),
            is_erased=any(part.is_erased for part in parts),
            is_live=any(part.is_live for part in parts),
        )


def _expressions(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions right inside a node."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child
        else:
            yield from _expressions(child)
