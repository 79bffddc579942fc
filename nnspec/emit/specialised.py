"""A class or function for one network, made from the whole one that stands in a real file.

A class takes no argument that the network never gives, and constants of the file have the values
that the network decides. What follows from them is folded: conditions are decided, variables that
only hold another go, keywords that pass on what the called function does by itself are left out,
and so is what nothing reads any more. What stays is copied as it is written, and broken anew where
it became shorter.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate

from nnspec.emit.code import wrap, wrap_item
from nnspec.emit.parsed import Parsed
from nnspec.emit.partial import Folded, Folder, erased


@dataclass(frozen=True, slots=True)
class Specialisation:
    """The common part of all uses of a definition in one network.

    values: of constants of its file. docstring: in place of that of a class. given: parameters, of
    whichever method, that have a default and that some use gives; None for all. required: those of
    them that every use gives. facts: conditions that are decided otherwise. defaults: by function,
    keywords that a call leaves out where they have this value. renamed: new names of variables.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    docstring: Sequence[str] = ()
    given: Collection[str] | None = None
    required: Collection[str] = ()
    facts: Mapping[str, bool] = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)


def specialised(text: str, wanted: Specialisation) -> str:
    """Return the class or function for these uses."""
    lines = _Definition(text, wanted).lines()
    while (unread := _unread(text, lines)) is not None:
        del lines[unread.start : unread.stop]
    return "\n".join(lines)


def with_constants(text: str, **values: object) -> str:
    """Return the class or function, constants of its file being these values."""
    return _with_constants(text, tuple(values.items()))


@cache
def _with_constants(text: str, values: tuple[tuple[str, object], ...]) -> str:
    return specialised(text, Specialisation(values=dict(values)))


class _Lines(Parsed):
    """A class beside its text; positions count from its start, over the ends of lines."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lines = text.splitlines()
        self.starts = [0, *accumulate(len(line.encode()) + 1 for line in self.lines)]

    def span(self, node: ast.expr | ast.stmt | ast.arg) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.starts[node.lineno - 1] + node.col_offset
        return start, self.starts[node.end_lineno - 1] + node.end_col_offset

    def comment(self, position: int) -> str:
        """Return the comment that ends the line of a position, with what stands before it."""
        rest = self.source[position:].partition(b"\n")[0].decode().removeprefix(":")
        return rest if rest.lstrip().startswith("#") else ""


class _Definition:
    """Writes the class or function."""

    def __init__(self, text: str, wanted: Specialisation) -> None:
        self.parsed = _Lines(text)
        self.wanted = wanted
        self.facts = {
            ast.dump(ast.parse(condition, mode="eval").body): fact
            for condition, fact in wanted.facts.items()
        }
        self.attributes: dict[str, Folded] = {}

    def lines(self) -> list[str]:
        (node,) = self.parsed.tree.body
        if isinstance(node, ast.FunctionDef):
            return [*self.parsed.lines[: node.lineno - 1], *self.function(node, 0)]
        assert isinstance(node, ast.ClassDef)
        first, *members = node.body
        if self.wanted.docstring:
            lines = self.parsed.lines[: first.lineno - 1]
            lines += [f"    {line}" if line else "" for line in self.wanted.docstring]
        else:
            lines = self.parsed.lines[: first.end_lineno]
        for member in members:
            assert isinstance(member, ast.FunctionDef)
            lines += ["", *self.function(member, 4)]
        return lines

    def function(self, node: ast.FunctionDef, indent: int) -> Iterator[str]:
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        given = node.args.defaults
        usual = dict(
            zip([each.arg for each in arguments[len(arguments) - len(given) :]], given, strict=True)
        )
        local = {*_stored(node), *(each.arg for each in arguments)}
        known = {name: erased(value) for name, value in self.wanted.values.items()}
        for name, value in usual.items():
            if not self.is_given(name):
                known[name] = erased(ast.literal_eval(value))
        folder = Folder(
            self.parsed,
            known,
            self.attributes,
            local,
            self.facts,
            self.wanted.defaults,
            self.wanted.renamed,
        )
        yield from wrap(self.header(node, usual), indent)
        yield from _Body(folder, self.parsed).block(node.body, indent + 4)

    def is_given(self, parameter: str) -> bool:
        return self.wanted.given is None or parameter in self.wanted.given

    def header(self, node: ast.FunctionDef, usual: Mapping[str, ast.expr]) -> str:
        """Return the header, with the parameters that some use gives, required ones first."""
        required, optional = [], []
        for argument in node.args.args:
            name = self.wanted.renamed.get(argument.arg, argument.arg)
            kind = argument.annotation
            is_required = argument.arg in self.wanted.required and argument.arg in usual
            if is_required and isinstance(kind, ast.BinOp):
                kind = kind.left  # X of `X | None`
            text = name if kind is None else f"{name}: {self.parsed.text(kind)}"
            if argument.arg in usual and not is_required:
                if not self.is_given(argument.arg):
                    continue
                sign = "=" if kind is None else " = "
                optional.append(f"{text}{sign}{self.parsed.text(usual[argument.arg])}")
            else:
                required.append(text)
        rest = [f"**{node.args.kwarg.arg}"] if node.args.kwarg is not None else []
        returned = "" if node.returns is None else f" -> {self.parsed.text(node.returns)}"
        return f"def {node.name}({', '.join([*required, *optional, *rest])}){returned}:"


class _Body:
    """Writes the statements of a method."""

    def __init__(self, folder: Folder, parsed: _Lines) -> None:
        self.folder = folder
        self.parsed = parsed
        self.kept: set[str] = set()
        """Variables that a branch sets, so that they have to be there after it."""
        self.latest: tuple[str, str, list[str]] = ("", "", [])
        """Of the last assignment: the variable, its value, the lines."""

    def block(self, statements: Sequence[ast.stmt], indent: int) -> list[str]:
        lines: list[str] = []
        for node in statements:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.variable(node, node.targets[0].id, indent, lines)
            elif isinstance(node, ast.If) and (test := self.folder.fold(node.test)).is_constant:
                chosen = node.body if test.value else node.orelse
                lines += self.block(chosen, indent)
                if chosen and isinstance(chosen[-1], ast.Return | ast.Raise):
                    break
            else:
                lines += self.statement(node, indent)
        return lines

    def statement(self, node: ast.stmt, indent: int) -> list[str]:
        match node:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self")) as target]):
                value = self.folder.fold(node.value)
                if value.is_dropped:
                    self.folder.attributes[target.attr] = value
                    return []
                return self.written(node, f"self.{target.attr} = ", value, indent)
            case ast.Assign(targets=[target]):
                value = self.folder.fold(node.value)
                return self.written(node, f"{self.parsed.text(target)} = ", value, indent)
            case ast.Return(value=ast.Dict() as pairs) if pairs.end_lineno != pairs.lineno:
                return self.dictionary(pairs, indent)
            case ast.Return(value=ast.expr() as result):
                return self.written(node, "return ", self.folder.fold(result), indent)
            case ast.Expr():
                return self.written(node, "", self.folder.fold(node.value), indent)
            case ast.Raise(exc=ast.expr() as error):
                return self.written(node, "raise ", self.folder.fold(error), indent)
            case ast.AugAssign():
                value = self.folder.fold(node.value)
                assert not value.is_changed
                return self.written(node, "", value, indent)
            case ast.For():
                values = self.folder.fold(node.iter)
                body = self.block(node.body, indent + 4)
                header = f"for {self.parsed.text(node.target)} in {values.text}:"
                return [*wrap(header, indent), *body] if body else []
            case ast.If():
                return self.condition(node, indent)
            case ast.Try() if node.col_offset == indent:  # as it stands: it holds no constant
                return self.parsed.lines[node.lineno - 1 : node.end_lineno]
        raise AssertionError(f"no rule for {ast.dump(node)}")

    def variable(self, node: ast.Assign, name: str, indent: int, lines: list[str]) -> None:
        """Add the lines of an assignment, or note what the variable stands for."""
        value = self.folder.fold(node.value)
        self.folder.names.pop(name, None)
        if name not in self.kept and (
            value.is_dropped or (value.is_changed and _is_plain(value.text))
        ):
            self.folder.names[name] = value
            return
        if value.is_changed and value.text == self.latest[0]:
            # It only hands on what the line before has made.
            _, text, made = self.latest
            del lines[-len(made) :]
            value = Folded(text, is_changed=True)
        self.folder.note(name, value)
        target = self.folder.renamed.get(name, name)
        written = self.written(node, f"{target} = ", value, indent)
        lines += written
        self.latest = (name, value.text, written)

    def condition(self, node: ast.If, indent: int) -> list[str]:
        test = self.folder.fold(node.test)
        known, kept = dict(self.folder.names), self.kept
        stored = {name for each in self.live([*node.body, *node.orelse]) for name in _stored(each)}
        self.kept = kept | stored
        branches = []
        for branch in (node.body, node.orelse):
            self.folder.names = dict(known)
            branches.append(self.block(branch, indent + 4))
        self.kept = kept
        self.folder.names = {name: each for name, each in known.items() if name not in stored}
        body, other = branches
        if not (body or other):
            return []
        before = {name: known[name] for name in sorted(stored & known.keys())}
        match node.test:
            case ast.Compare(left=left, ops=[ast.IsNot()]) if body == self.latest[2] and not other:
                name, value, _ = self.latest
                if name in before:
                    usual = before[name].text
                    chosen = (
                        f"{name} = {usual} if {self.folder.fold(left).text} is None else {value}"
                    )
                    return wrap(chosen, indent)
        lines = [" " * indent + f"{name} = {each.text}" for name, each in before.items()]
        header = wrap(f"if {test.text}:", indent)
        header[-1] += self.parsed.comment(self.parsed.span(node.test)[1])
        lines += [*header, *body]
        return [*lines, " " * indent + "else:", *other] if other else lines

    def live(self, statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
        """Yield the statements, those that no decided condition leaves out."""
        for node in statements:
            if isinstance(node, ast.If) and (test := self.folder.fold(node.test)).is_constant:
                yield from self.live(node.body if test.value else node.orelse)
            else:
                yield node

    def dictionary(self, node: ast.Dict, indent: int) -> list[str]:
        """Return the lines of a dictionary that is returned, an item a line."""
        lines = []
        for key, item in zip(node.keys, node.values, strict=True):
            value = self.folder.fold(item)
            if not value.is_dropped:
                text = (
                    f"**{value.text}" if key is None else f"{self.parsed.text(key)}: {value.text}"
                )
                lines += wrap_item(text, indent + 4)
        return [" " * indent + "return {", *lines, " " * indent + "}"]

    def written(self, node: ast.stmt, head: str, value: Folded, indent: int) -> list[str]:
        """Return the lines of a statement, as they stand where nothing in it has changed."""
        assert value.is_constant or not value.is_dropped, f"{value.text} is made of nothing"
        if not value.is_changed:
            lines = self.parsed.lines[node.lineno - 1 : node.end_lineno]
            return [f"{' ' * indent}{line[node.col_offset :]}" for line in lines]
        if f"{value.text} = " == head:
            return []
        lines = wrap(f"{head}{value.text}", indent)
        lines[-1] += self.parsed.comment(self.parsed.span(node)[1])
        return lines


def _is_plain(text: str) -> bool:
    """Whether an expression is as easy to read as a variable that has its value."""
    node = ast.parse(text, mode="eval").body
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return all(isinstance(each, ast.Name | ast.Attribute) for each in (node.left, node.right))
    return isinstance(node, ast.Name)


def _stored(node: ast.AST) -> set[str]:
    names = (each for each in ast.walk(node) if isinstance(each, ast.Name))
    return {each.id for each in names if isinstance(each.ctx, ast.Store)}


def _unread(text: str, lines: Sequence[str]) -> range | None:
    """Return the lines that set what nothing reads any more, and the whole reads."""
    whole, made = (ast.parse(each).body[0] for each in (text, "\n".join(lines)))
    gone = _read(whole) - _read(made)
    for method in _methods(made):
        for node in ast.walk(method):
            if isinstance(node, ast.Assign) and _key(method, node.targets[0]) in gone:
                assert node.end_lineno is not None
                return range(node.lineno - 1, node.end_lineno)
    return None


def _methods(node: ast.stmt) -> list[ast.stmt]:
    return node.body if isinstance(node, ast.ClassDef) else [node]


def _read(node: ast.stmt) -> set[tuple[str, str]]:
    """Return the attributes and the variables, with their methods, that a class reads."""
    return {
        key
        for method in _methods(node)
        for each in ast.walk(method)
        if isinstance(each, ast.Name | ast.Attribute) and isinstance(each.ctx, ast.Load)
        for key in [_key(method, each)]
        if key is not None
    }


def _key(method: ast.stmt, node: ast.expr) -> tuple[str, str] | None:
    match node:
        case ast.Name() if isinstance(method, ast.FunctionDef):
            return method.name, node.id
        case ast.Attribute(value=ast.Name(id="self")):
            return "self", node.attr
    return None
