"""A statement's syntax tree beside its text, which knows what the tree leaves out."""

from __future__ import annotations

import ast


class Parsed:
    """One statement; positions are those of its bytes, as the tree has them."""

    def __init__(self, statement: str) -> None:
        self.tree = ast.parse(statement)
        self.source = statement.encode()

    def span(self, node: ast.expr) -> tuple[int, int]:
        """Return where the node starts, and where it ends."""
        assert node.end_col_offset is not None
        return node.col_offset, node.end_col_offset

    def slice(self, start: int, stop: int) -> str:
        """Return the text between two positions."""
        return self.source[start:stop].decode()

    def text(self, node: ast.expr) -> str:
        """Return the node as it is written."""
        return self.slice(*self.span(node))

    def between(self, first: ast.expr, second: ast.expr) -> str:
        """Return what is written between two nodes."""
        return self.slice(self.span(first)[1], self.span(second)[0])

    def header(self, node: ast.FunctionDef) -> str:
        """Return the first line of a function, without its colon."""
        return self.slice(0, node.body[0].col_offset).rstrip().removesuffix(":")

    def in_parentheses(self, node: ast.expr) -> bool:
        """Whether parentheses stand around the node.

        Those of a call with it as the only argument look alike: who writes calls tells them apart.
        """
        start, stop = self.span(node)
        is_closed = self.source[stop : stop + 1] == b")"
        return is_closed and self.source[start - 1 : start] == b"(" and start > 0

    def is_argument_in_parentheses(self, node: ast.expr) -> bool:
        """Whether the only argument of a call stands in parentheses beside those of the call."""
        start, stop = self.span(node)
        return self.source[start - 2 : start] == b"((" and self.source[stop : stop + 2] == b"))"

    def is_argument(self, node: ast.GeneratorExp) -> bool:
        """Whether the parentheses of a generator, a call's only argument, are those of the call."""
        return self.source[node.col_offset - 1 : node.col_offset] != b"("

    def is_written_tuple(self, node: ast.Tuple) -> bool:
        """Whether a tuple has parentheses."""
        if not node.elts:
            return True
        return self.text(node).startswith("(") and self.span(node.elts[0])[0] > node.col_offset
