"""nnspec layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from nnspec.cli.common import json_option, print_json, use_colour
from nnspec.errors import UsageError, nearest

if TYPE_CHECKING:
    from nnspec.backend import Backend
    from nnspec.show.reference import Word


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--sheet", is_flag=True, help="Print the language on one page, for language models.")
@click.option("--training-sheet", is_flag=True, help="Print how training is said, likewise.")
@json_option
def layers(names: tuple[str, ...], sheet: bool, training_sheet: bool, as_json: bool) -> None:
    """List the layers, or explain some: arguments, formula, shapes, an example, backends.

    Losses, optimizers, schedules, metrics, initializers and the library's blocks are listed and
    explained too. docs/layers.md has the same as one page.
    """
    if sheet or training_sheet:
        from nnspec.show import sheet as pages

        asked_pages = [pages.sheet] * sheet + [pages.training_sheet] * training_sheet
        click.echo("\n".join(page() for page in asked_pages), nl=False)
        return
    from nnspec.show import reference

    if not names:
        found = {kind: list(reference.words(kind)) for kind in reference.KINDS}
        if as_json:
            print_json({"words": [brief(word) for words in found.values() for word in words]})
        else:
            click.echo("\n".join(_listed(found)), color=use_colour())
        return
    asked = [word for name in names for word in words_named(name)]
    if as_json:
        print_json({"words": [whole(word) for word in asked]})
    else:
        click.echo("\n\n".join(map(_explained, asked)), color=use_colour())


def words_named(name: str) -> list[Word]:
    """Return everything of a name; raises UsageError with what is like it."""
    from nnspec.show.reference import find, known_names

    found = find(name)
    if found:
        return found
    foreign = _foreign(name)
    if foreign is not None:
        meant, note = foreign
        # Beside the answer, which may be read by a program.
        click.echo(f"{name} is {meant} here{f': {note}' if note else ''}\n", err=True)
        return find(meant)
    known = known_names()
    holding = [each for each in known if len(name) > 2 and name.lower() in each]
    hint = nearest(name, known)
    if holding:
        hint += f"\nnames that hold it: {', '.join(holding)}"
    raise UsageError(f'no layer "{name}"{hint or "; `nnspec layers` lists them"}')


def _foreign(name: str) -> tuple[str, str] | None:
    """Return what a name of another framework is here, and what differs.

    Raises UsageError, with what to write instead, where nothing here is it.
    """
    from nnspec.language.words import find_word
    from nnspec.show.reference import KINDS

    known = (find_word(kind, name) for kind in KINDS)
    word = next((each for each in known if each is not None), None)
    if word is None:
        return None
    if not word.meant:
        raise UsageError(f"{name}: {word.note}")
    return word.meant, word.note


_TITLES = {
    "loss": "losses, as `training: {loss: NAME}`",
    "optimizer": "optimizers, as `training: {optimizer: NAME}`",
    "metric": "metrics, as `training: {metrics: [NAME]}`",
    "schedule": "schedules, as `learning_rate: {schedule: NAME, ...}`",
    "initializer": "initializers, as `kernel_initializer: NAME`",
    "block": "blocks of the library, used as layers",
}


def _listed(found: dict[str, list[Word]]) -> list[str]:
    lines: list[str] = []
    title = ""
    for kind, words in found.items():
        for word in words:
            own = _TITLES.get(kind) or word.title
            if own != title:
                lines += (
                    ["", click.style(own, bold=True)] if lines else [click.style(own, bold=True)]
                )
                title = own
            lines.append(f"  {word.name:<27} {word.summary}")
    return [*lines, "", "`nnspec layers NAME` explains one: arguments, shapes, an example"]


def brief(word: Word) -> dict[str, Any]:
    """Return a word as the list of `--json` has it."""
    return {
        "name": word.name,
        "kind": word.kind,
        "group": word.group,
        "signature": word.signature,
        "summary": word.summary,
    }


def whole(word: Word) -> dict[str, Any]:
    """Return all that is known of a word, as `--json` has it."""
    from nnspec.show.trial import example_of, tried

    entry = {
        **brief(word),
        "meaning": word.meaning,
        "also_as": word.places,
        "arguments": [each._asdict() for each in word.arguments],
        "example": example_of(word.kind, word.name),
    }
    if word.kind == "layer" and entry["example"]:
        trial = tried(entry["example"])
        entry |= {
            "takes": trial.takes,
            "ranks": list(trial.ranks),
            "weights": {name: list(shape) for name, shape in trial.weights},
        }
        for key, values in (("inputs", trial.inputs), ("outputs", trial.outputs)):
            entry[key] = [{"shape": list(shape), "dtype": dtype} for shape, dtype in values]
    return {**entry, "refused": _refusals(word)}


_SUPPORTS = {
    "layer": "layers",
    "loss": "losses",
    "optimizer": "optimizers",
    "schedule": "schedules",
    "initializer": "initializers",
}
"""Kind -> the attribute of a backend that says whether it expresses one."""


def refusals(word: Word, backends: Iterable[Backend]) -> dict[str, str]:
    """Return which of the backends cannot express it, each with its reason.

    A backend that trains nothing refuses no optimizer; a block is refused for its layers.
    """
    found = {}
    for backend in backends:
        support = getattr(backend, _SUPPORTS.get(word.kind, ""), None)
        if support is None or word.record is None or not (support.lowerings or support.unsupported):
            continue
        if word.record not in support.lowerings:
            found[backend.name] = support.unsupported.get(word.record, "it has no lowering for it")
    return found


def _refusals(word: Word) -> dict[str, str]:
    from nnspec.backend.installed import installed_backends

    return refusals(word, installed_backends())


def _explained(word: Word) -> str:
    from nnspec.layers.shapes import show
    from nnspec.show.reference import block_source
    from nnspec.show.trial import example_of, shown, tried

    what = f"a {word.kind}" if word.kind[0] not in "aeiou" else f"an {word.kind}"
    group = f", {word.title}" if word.group else ""
    places = f"; also as `{word.places}`" if word.places else ""
    lines = [*_wrapped(word.signature, 4, bold=True), f"{what}{group}{places}", "", word.meaning]
    if word.arguments:
        lines += ["", *_table(word)]
    if word.kind == "block":
        lines += ["", *(f"  {line}" for line in block_source(word.name).splitlines())]
    example = example_of(word.kind, word.name)
    if example:
        lines += ["", "example:", *(f"  {line}" for line in example.splitlines())]
    if example and word.kind == "layer":
        trial = tried(example)
        lines += ["", f"takes     {trial.takes}"]
        lines.append(f"here      {shown(trial.inputs)} -> {shown(trial.outputs)}")
        if trial.weights:
            weights = ", ".join(f"{name} {show(shape)}" for name, shape in trial.weights)
            lines.append(f"weights   {weights}")
    for backend, reason in _refusals(word).items():
        lines.append(f"{backend:<9} cannot express it: {reason}")
    return "\n".join(lines)


_EVIDENT = ("true or false", "activation", "initializer")
"""Expectations that are left out: the default, or the meaning, says as much."""


def _table(word: Word) -> Iterator[str]:
    width = max(len(each.signed) for each in word.arguments)
    for each in word.arguments:
        expected = f" ({each.expected})" if each.expected not in ("", *_EVIDENT) else ""
        text = f"  {each.signed:<{width}}  {each.meaning}{expected}".rstrip()
        yield from _wrapped(text, width + 4)


def _wrapped(text: str, indent: int, *, bold: bool = False) -> list[str]:
    lines = wrap(text, 100, subsequent_indent=" " * indent, replace_whitespace=False)
    return [click.style(line, bold=True) if bold else line for line in lines]
