"""Properties of operators and brackets on which the layout of an expression depends."""

from __future__ import annotations

import ast

from nnspec.emit.parsed import Parsed

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.MatMult: "@",
    ast.Div: "/",
    ast.Mod: "%",
    ast.FloorDiv: "//",
    ast.Pow: "**",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.BitAnd: "&",
}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
_LEVELS = [
    [],
    ["."],
    ["**"],
    ["~"],
    ["*", "@", "/", "%", "//"],
    ["+", "-"],
    ["<<", ">>"],
    ["&"],
    ["^"],
    ["|"],
    list(_COMPARE.values()),
    ["and", "or"],
    ["if"],
]
_PRECEDENCE = {sign: level for level, signs in enumerate(_LEVELS) for sign in signs}


def precedence(sign: str) -> int:
    """Return how weakly an operator binds."""
    return _PRECEDENCE[sign]


def is_operation(node: ast.expr) -> bool:
    """Whether the node joins operands by operators."""
    return isinstance(node, ast.BinOp | ast.Compare | ast.BoolOp)


def flattened(node: ast.expr, parsed: Parsed) -> list[ast.expr | str]:
    """Return operand, operator, operand, ..., each operation without parentheses opened."""
    operands: list[ast.expr]
    signs: list[str]
    if isinstance(node, ast.BinOp):
        operands, signs = [node.left, node.right], [_BINARY[type(node.op)]]
    elif isinstance(node, ast.Compare):
        operands = [node.left, *node.comparators]
        signs = [_COMPARE[type(op)] for op in node.ops]
    else:
        assert isinstance(node, ast.BoolOp)
        operands = node.values
        signs = ["and" if isinstance(node.op, ast.And) else "or"] * (len(operands) - 1)
    parts: list[ast.expr | str] = []
    for i, operand in enumerate(operands):
        parts += [signs[i - 1]] if i else []
        is_opened = is_operation(operand) and not parsed.in_parentheses(operand)
        parts += flattened(operand, parsed) if is_opened else [operand]
    return parts


def is_simple_power(base: object, exponent: object) -> bool:
    """Whether `**` is written without spaces: between names, numbers and attributes of names."""

    def is_simple(node: object, *, is_signed: bool = True) -> bool:
        if isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not) and is_signed:
            return is_simple(node.operand, is_signed=False)
        while isinstance(node, ast.Attribute):
            node = node.value
        is_number = isinstance(node, ast.Constant) and isinstance(node.value, int | float)
        return isinstance(node, ast.Name) or is_number

    return is_simple(base) and is_simple(exponent)


def has_own_parentheses(node: ast.expr) -> bool:
    """Whether brackets belong to the node, as to a call or a list."""
    kinds = (ast.List, ast.Set, ast.Dict, ast.Call, ast.Subscript, ast.ListComp, ast.SetComp)
    return isinstance(node, (*kinds, ast.DictComp, ast.GeneratorExp))


def _has_filled_parentheses(node: ast.expr, parsed: Parsed) -> bool:
    if parsed.in_parentheses(node):
        return True
    if isinstance(node, ast.Tuple):
        return parsed.is_written_tuple(node) and bool(node.elts)
    if isinstance(node, ast.List | ast.Set):
        return bool(node.elts)
    if isinstance(node, ast.Dict):
        return bool(node.keys)
    if isinstance(node, ast.Call):
        return bool(node.args or node.keywords)
    return has_own_parentheses(node)


def can_omit_parentheses(node: ast.expr, parsed: Parsed) -> bool:
    """Whether an expression may be broken at brackets of its own instead of getting parentheses.

    It may if no two operators of the weakest kind are in it, and it starts or ends with brackets.
    """
    visitor = _Visitor(parsed)
    visitor.enter(node)
    if not visitor.has_brackets or visitor.count > 1:
        return False
    if visitor.weakest <= precedence("."):
        return True
    first = visitor.first if isinstance(visitor.first, ast.expr) else None
    return any(
        end is not None
        and not isinstance(end, ast.Subscript)
        and _has_filled_parentheses(end, parsed)
        for end in (visitor.last, first)
    )


class _Visitor:
    """Walks the parts of an expression that no brackets enclose."""

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self.weakest = 0
        self.count = 0
        self.has_brackets = False
        self.first: ast.expr | str | None = None
        self.last: ast.expr | None = None

    def saw(self, sign: str, count: int = 1) -> None:
        found = precedence(sign)
        if found > self.weakest:
            self.weakest, self.count = found, count
        elif found == self.weakest:
            self.count += count

    def visit(self, node: ast.expr) -> None:
        self.last = node
        if self.parsed.in_parentheses(node):
            self.has_brackets = True
        else:
            self.enter(node)
        self.first = self.first or node

    def enter(self, node: ast.expr) -> None:
        if isinstance(node, ast.Call | ast.Subscript):
            self.has_brackets = True
            self.visit(node.func if isinstance(node, ast.Call) else node.value)
            self.last = node
        elif isinstance(node, ast.Attribute):
            self.visit(node.value)
            if has_own_parentheses(node.value) or self.parsed.in_parentheses(node.value):
                self.saw(".")
            self.last = node
        elif isinstance(node, ast.BoolOp):
            self.saw("and", len(node.values) - 1)
            self.visit_all(node.values)
        elif isinstance(node, ast.BinOp):
            self.saw(_BINARY[type(node.op)])
            self.visit_all([node.left, node.right])
        elif isinstance(node, ast.Compare):
            self.saw("==", len(node.ops))
            self.visit_all([node.left, *node.comparators])
        elif isinstance(node, ast.IfExp):
            self.saw("if", 2)
            self.visit_all([node.body, node.test, node.orelse])
        elif isinstance(node, ast.UnaryOp):
            if isinstance(node.op, ast.Invert):
                self.saw("~")
            self.first = self.first or "sign"
            self.visit(node.operand)
        elif isinstance(node, ast.Starred | ast.Lambda):
            self.first = self.first or "sign"
            self.visit(node.value if isinstance(node, ast.Starred) else node.body)
        elif has_own_parentheses(node) or isinstance(node, ast.Tuple):
            self.has_brackets = True

    def visit_all(self, nodes: list[ast.expr]) -> None:
        for node in nodes:
            self.visit(node)
