"""Long statements are broken exactly as the ruff formatter breaks them."""

from __future__ import annotations

import ast
import random
import subprocess
import textwrap

import pytest

from nnspec.emit.code import wrap, wrap_item
from nnspec.emit.layout import LINE_LENGTH, width
from tests.formatting import RUFF

SEED = 20261127
STATEMENTS = 1500
LENGTHS = [1, 1, 2, 3, 5, 8, 12, 20, 33, 48, 64]


class Writer:
    """Writes random statements of the kinds that emitted source is made of."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def name(self) -> str:
        length = self.rng.choice(LENGTHS)
        return "n" + "".join(self.rng.choice("abcdefgh_") for _ in range(length - 1)).rstrip("_")

    def many(self, depth: int, *counts: int) -> list[str]:
        return [self.expression(depth) for _ in range(self.rng.choice(counts))]

    def atom(self) -> str:
        name = self.name()
        numbers = ["1", "2.5", "300", "-1", "0.001", "None", "x.shape[1]"]
        texts = [name, name, f"self.{name}", f'"{name}"', f'f"{{name}}.{name}"', f'"語{name}"']
        return self.rng.choice([*texts, *numbers])

    def expression(self, depth: int) -> str:
        if depth <= 0 or self.rng.random() < 0.18:
            return self.atom()
        deeper = depth - 1
        kind = self.rng.choices(
            ["call", "attribute", "index", "operation", "list", "tuple", "dict", "loop", "if"],
            [32, 7, 6, 20, 6, 5, 4, 7, 2],
        )[0]
        if kind == "call":
            keywords = [f"{self.name()}={e}" for e in self.many(deeper, 0, 0, 1, 2)]
            arguments = ", ".join([*self.many(deeper, 0, 1, 1, 1, 2, 3), *keywords])
            return f"{self.called(deeper)}({arguments})"
        if kind == "attribute":
            return f"{self.called(deeper)}.{self.name()}"
        if kind == "index":
            inner = self.rng.choice([":, None", "0", "..., None", "1:", self.expression(deeper)])
            return f"{self.called(deeper)}[{inner}]"
        if kind == "operation":
            sign = self.rng.choice(["+", "-", "*", "/", "@", "<=", "==", "and", "or"])
            return f"{self.operand(deeper)} {sign} {self.operand(deeper)}"
        if kind == "list":
            return f"[{', '.join(self.many(deeper, 0, 1, 2, 3, 8))}]"
        if kind == "tuple":
            return f"({', '.join(self.many(deeper, 2, 3))})"
        if kind == "dict":
            pairs = [f'"{self.name()}": {e}' for e in self.many(deeper, 1, 2, 3)]
            return f"{{{', '.join(pairs)}}}"
        if kind == "if":
            return " if ".join(self.operand(deeper) for _ in "ab") + f" else {self.name()}"
        loop = f"{self.expression(deeper)} for {self.name()} in {self.called(deeper)}"
        test = self.rng.choice(["", f" if {self.operand(deeper)}"])
        return self.rng.choice([f"[{loop}{test}]", f"{self.name()}({loop}{test})"])

    def operand(self, depth: int) -> str:
        text = self.expression(depth)
        if " if " in text:
            return self.name()
        is_plain = text[0] in "([{\"'f0123456789-"
        return text if is_plain or self.rng.random() > 0.15 else f"({text})"

    def called(self, depth: int) -> str:
        name, inner = self.name(), self.expression(depth)
        more = f"({self.operand(depth)} + {self.operand(depth)})"
        chain = f"{name}({inner}).{self.name()}({self.expression(depth)})"
        plain = [name, f"self.{name}", f"layers.{name}"]
        return self.rng.choice([*plain, f"{name}({inner})", f"{name}[{inner}]", more, chain])

    def statement(self) -> str:
        value = self.expression(self.rng.choice([1, 2, 2, 3, 3]))
        name, other = self.name(), self.name()
        parameters = {f"{self.name()}{i}: Tensor" for i in range(self.rng.choice([1, 2, 3, 6]))}
        given = ", ".join(sorted(parameters))
        return self.rng.choice(
            [
                *[f"{name} = {value}"] * 8,
                f"self.{name} = {value}",
                f"{name}, {other} = {value}",
                f"{name} += {value}",
                *[f"return {value}"] * 5,
                f"return {value}, {self.expression(2)}",
                f"return {value}, {self.expression(1)}, {name}",
                f"{name}({value})",
                f"for {name} in {value}:",
                f"for {name}, {other} in {value}:",
                f"if {value}:",
                f"def {name}({given}) -> tuple[Tensor, Tensor]:",
                f"def {name}({given}):",
            ]
        )


def in_function(lines: list[str]) -> str:
    """Return the lines as a body, indented by four, as `wrap` was asked for."""
    more = ["        pass"] if lines[-1].endswith(":") else []
    return "\n".join(["def function():", *lines, *more]) + "\n"


def formatted(source: str, *options: str) -> str:
    run = subprocess.run(
        [RUFF, "format", "--isolated", "--no-cache", "-q", *options, "-"],
        input=source,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout


@pytest.fixture(scope="module")
def statements() -> list[str]:
    """Statements that are too long, with the spaces and quotes that the formatter would give."""
    print(f"seed {SEED}")
    writer = Writer(SEED)
    found: list[str] = []
    while len(found) < STATEMENTS:
        statement = writer.statement()
        try:
            ast.parse(in_function([f"    {statement}"]))
        except SyntaxError:
            continue
        found.append(statement)
    text = formatted("\n\n".join(in_function([f"    {s}"]) for s in found), "--line-length=320")
    bodies = [part.rstrip().splitlines()[1:] for part in text.split("def function():")[1:]]
    # Of the compound ones the "pass" goes; of those too long for 320 columns too, all.
    lines = [body[0].strip() for body in bodies if len(body) == 1 or body[0].endswith(":")]
    return [s for s in lines if LINE_LENGTH - 4 < width(s) < 300]


def test_a_long_statement_is_broken_as_the_formatter_breaks_it(statements: list[str]) -> None:
    assert len(statements) > STATEMENTS / 3
    expected = formatted("\n\n".join(in_function([f"    {s}"]) for s in statements))
    given = [in_function(wrap(s, 4)) for s in statements]
    for statement, ours, theirs in zip(
        statements, given, expected.split("def function():")[1:], strict=True
    ):
        assert ours == f"def function():{theirs.rstrip()}\n", statement


def test_arguments_stay_open_where_the_formatter_would_break_a_variable() -> None:
    """A comma at the end says that somebody wants them so, and the formatter obeys."""
    call = 'layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}.conv1")'
    lines = wrap(f"y = {call}(x)", 4)
    assert lines[-1] == "    )(x)"
    assert formatted(in_function(lines)) == in_function(lines)


def test_an_item_of_a_dictionary_is_broken_as_the_formatter_breaks_it() -> None:
    pair = '"accuracy": ((torch.sigmoid(outputs) > 0.5) == (target > 0.5)).double().mean().item()'
    text = "\n".join(["measured = {", '    "loss": loss,', *wrap_item(pair, 4), "}"])
    assert formatted(text) == f"{text}\n"


def test_wide_characters_count_twice() -> None:
    line = f'columns = ["{"温度" * 12}", "{"圧力" * 12}"]'
    assert len(line) < LINE_LENGTH
    text = "\n".join(wrap(line))
    assert formatted(text) == f"{text}\n"
    assert textwrap.dedent(text).count("\n") > 1
