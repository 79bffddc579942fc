"""Trees of expressions from text such as "F.relu({0})": faults are shorter to write as source."""

from __future__ import annotations

import ast
import re

from nnspec.emit.tree import (
    Apply,
    Attribute,
    Binary,
    Expression,
    Field,
    Formula,
    Index,
    Input,
    Inputs,
    Items,
    Literal,
    Module,
    Name,
    Negative,
    Operator,
    Owner,
    Slice,
)

_OPERATORS: dict[type[ast.AST], Operator] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Pow: "**",
    ast.LtE: "<=",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.Gt: ">",
}
_HOLDERS = {"module": Module(), "owner": Owner(), "inputs": Inputs()}


def tree_of(text: str, **parts: Expression) -> Expression:
    """Return the tree of a text with braces: {0} is an input, {module} the module, or a part."""
    python = re.sub(r"\{(\w+)\}", r"_\1_", text)

    def converted(node: ast.AST | None) -> Expression:
        match node:
            case ast.Name(id=name) if name.startswith("_"):
                held = name.strip("_")
                if held.isdigit():
                    return Input(int(held))
                return parts.get(held) or _HOLDERS.get(held) or Field(held)
            case ast.Name(id=name):
                return Name(name)
            case ast.Constant(value=value):
                return Literal(value)
            case ast.Attribute(value=operand, attr=name):
                inner = converted(operand)
                if isinstance(inner, Name):
                    return Name(f"{inner.name}.{name}")
                return Attribute(inner, name)
            case ast.Call(func=function, args=arguments, keywords=keywords):
                named = tuple((each.arg or "", converted(each.value)) for each in keywords)
                return Apply(converted(function), tuple(map(converted, arguments)), named)
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
                return Binary(_OPERATORS[type(operator)], converted(left), converted(right))
            case ast.Compare(left=left, ops=[operator], comparators=[right]) if (
                type(operator) in _OPERATORS
            ):
                return Binary(_OPERATORS[type(operator)], converted(left), converted(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Negative(converted(operand))
            case ast.Subscript(value=operand, slice=ast.Tuple(elts=items)):
                return Index(converted(operand), tuple(map(converted, items)))
            case ast.Subscript(value=operand, slice=item):
                return Index(converted(operand), (converted(item),))
            case ast.Slice(lower=lower, upper=upper, step=step):
                bounds = (lower, upper, step)
                return Slice(*(converted(bound) if bound else None for bound in bounds))
            case ast.Tuple(elts=items):
                return Items(tuple(map(converted, items)))
            case ast.List(elts=items):
                return Items(tuple(map(converted, items)), is_list=True)
            # What no lowering needs, and a fault may: written as it stands.
            case ast.IfExp(test=test, body=body, orelse=other):
                shown = (converted(body), " if ", converted(test), " else ", converted(other))
                return Formula(("(", *shown, ")"))
            case ast.Compare(left=left, ops=[ast.NotEq()], comparators=[right]):
                return Formula((converted(left), " != ", converted(right)))
            case ast.BoolOp(op=ast.Or(), values=[left, right]):
                return Formula((converted(left), " or ", converted(right)))
            case ast.BinOp(left=left, op=ast.Mod(), right=right):
                return Formula(("(", converted(left), ") % ", converted(right)))
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                return Formula(("~", converted(operand)))
        raise TypeError(f"no tree of {ast.dump(node) if node else None}")

    return converted(ast.parse(python, mode="eval").body)
