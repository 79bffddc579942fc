"""A page for each word of the spec language: its meaning, fields, shapes, and what is emitted."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nnspec.backend import get_backend
from nnspec.cli.layers import refusals
from nnspec.language.words import foreign_words
from nnspec.layers.shapes import show
from nnspec.network.loader import loads
from nnspec.show.examples import HEADER
from nnspec.show.reference import KINDS, Word, block_source, words
from nnspec.show.trial import example_of, shown, tried

ROOT = Path(__file__).parents[2]
BACKENDS = ("torch", "keras", "onnx")
TITLES = {
    "layer": "Layers",
    "block": "Blocks",
    "loss": "Losses",
    "optimizer": "Optimizers",
    "schedule": "Schedules",
    "metric": "Metrics",
    "initializer": "Initializers",
}
_ENGINES = ("PyTorch", "Keras", "ONNX")
_NAME = re.compile(r"[a-z][a-z0-9_]+")


def path_of(word: Word) -> str:
    """Return where the site has a word."""
    folder = TITLES[word.kind].lower()
    group = f"{word.group}/" if word.kind in ("layer", "block") and word.group else ""
    return f"reference/{folder}/{group.removesuffix('.yaml/')}{word.name}.md".replace(" ", "-")


def grouped() -> dict[str, dict[str, list[Word]]]:
    """Return every word by its kind and, where a kind has any, its group."""
    found: dict[str, dict[str, list[Word]]] = {}
    for kind in sorted(KINDS, key=list(TITLES).index):
        for word in words(kind):
            group = word.title if kind in ("layer", "block") else ""
            found.setdefault(kind, {}).setdefault(group.removesuffix(".yaml"), []).append(word)
    return found


def index() -> str:
    """Return the page that lists all."""
    parts = [
        "# Reference",
        "Every word of a spec, from the class that defines it: its formula, its fields, an example "
        "that is checked, what each backend emits for it, and what other frameworks call it.",
    ]
    for kind, groups in grouped().items():
        parts.append(f"## {TITLES[kind]}")
        for group, known in groups.items():
            parts += [f"### {group.capitalize()}"] if group else []
            lines = [
                f"| [`{each.name}`]({_below(each)}) | {_cell(each.summary)} |" for each in known
            ]
            parts.append("\n".join(["| name | meaning |", "| --- | --- |", *lines]))
    return "\n\n".join(parts) + "\n"


def _below(word: Word) -> str:
    return path_of(word).removeprefix("reference/")


def page(word: Word) -> str:
    """Return the page of a word; raises SpecError where an example that it shows is none."""
    parts = [f"# {word.name}", f"`{word.signature}`{{ .signature }}"]
    also = f" It is also what `{word.places}` takes." if word.places else ""
    group = f", {word.title.removesuffix('.yaml')}" if word.group else ""
    parts.append(f"*{TITLES[word.kind][:-1] if word.kind != 'loss' else 'Loss'}{group}.*{also}")
    parts.append(word.meaning)
    if word.arguments:
        rows = [
            f"| `{each.name}` | {_cell(each.expected)} | {_default(each.default)} "
            f"| {_cell(each.meaning)} |"
            for each in word.arguments
        ]
        head = ["| field | takes | default | meaning |", "| --- | --- | --- | --- |"]
        parts += ["## Fields", "\n".join([*head, *rows])]
    if word.kind == "block":
        parts += ["## What it is", f"```yaml\n{block_source(word.name).rstrip()}\n```"]
    parts += _example(word)
    parts += [*_backends(word), *_elsewhere(word), *_divergences(word)]
    return "\n\n".join(parts) + "\n"


def _default(default: str | None) -> str:
    return "required" if default is None else f"`{default}`" if default else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _example(word: Word) -> Iterator[str]:
    example = example_of(word.kind, word.name)
    if word.kind == "layer" and example:
        trial = tried(example)
        rows = [f"- takes {trial.takes}"]
        rows.append(f"- in the first example {shown(trial.inputs)} → {shown(trial.outputs)}")
        rows += [f"- `{name}` {show(shape)}" for name, shape in trial.weights]
        yield "## Shapes\n\nWithout the batch axis.\n\n" + "\n".join(rows)
    golden = _golden().get((word.kind, word.name))
    if golden:
        yield f"## Examples, and what is emitted\n\n{_tabbed(golden)}"
    elif example:
        yield f"## Example\n\n```yaml\n{example}```"


@functools.cache
def _golden() -> dict[tuple[str, str], str]:
    """Return what tests/golden has of each word, as it stands there."""
    folder = ROOT / "tests" / "golden"
    files = [("layer", path) for path in sorted((folder / "layers").glob("*.md"))]
    trained = ("loss", "optimizer", "schedule")
    files += [(kind, folder / "training" / f"{TITLES[kind].lower()}.md") for kind in trained]
    files.append(("initializer", folder / "initializers.md"))
    found = {}
    for kind, path in files:
        _, *parts = re.split(r"^## (\w+)$", path.read_text(encoding="utf-8"), flags=re.M)
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            found[kind, name] = text.strip()
    return found


def _tabbed(text: str) -> str:
    """Return examples whole, and what is emitted for each as tabs; raises SpecError."""
    lines: list[str] = []
    within = False
    for part in re.split(r"(^```.*?^```$)", text, flags=re.M | re.S):
        if not part.startswith("```"):
            told = part.strip()
            within = told.removesuffix(":") in _ENGINES
            lines.append(f'=== "{told[:-1]}"' if within else told)
            continue
        if part.startswith("```yaml\n"):
            spec = HEADER + part.removeprefix("```yaml\n").removesuffix("```")
            loads(spec)
            part = f"```yaml\n{spec}```"
        indent = "    " if within else ""
        lines.append("\n".join(f"{indent}{line}".rstrip() for line in part.split("\n")))
    return "\n\n".join(line for line in lines if line)


def _backends(word: Word) -> Iterator[str]:
    backends = [get_backend(name) for name in BACKENDS]
    refused = refusals(word, backends)
    rounded = [
        f"- {backend.name}: {entry.reason}"
        for backend in backends
        for record, entry in backend.rounded.items()
        if record is word.record
    ]
    told = [f"- {name} cannot express it: {reason}" for name, reason in refused.items()]
    if told or rounded:
        yield "## Backends\n\n" + "\n".join([*told, *rounded])


def _elsewhere(word: Word) -> Iterator[str]:
    """Yield what other frameworks call it, with what differs there."""
    if word.kind == "block":
        return
    notes: dict[str, list[str]] = {}
    for name, foreign in foreign_words(word.kind).items():
        if foreign.meant == word.name and name[0].isupper():
            notes.setdefault(foreign.note, []).append(f"`{name}`")
    if notes:
        rows = [f"| {', '.join(sorted(each))} | {_cell(note)} |" for note, each in notes.items()]
        table = "\n".join(["| class | what differs |", "| --- | --- |", *rows])
        yield f"## In other frameworks\n\n{table}"


@functools.cache
def _diverging() -> dict[str, str]:
    """Return the sections of docs/divergences.md by their titles."""
    text = (ROOT / "docs" / "divergences.md").read_text(encoding="utf-8")
    _, *parts = re.split(r"^## (.*)$", text, flags=re.M)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _divergences(word: Word) -> Iterator[str]:
    titles = [
        title
        for title, text in _diverging().items()
        if word.name in re.findall(r"`(\w+)`", f"{title} {text}")
    ]
    if titles:
        up = "../" * path_of(word).count("/")
        lines = [f"- [{title}]({up}divergences.md#{anchor(title)})" for title in titles]
        yield "## Where frameworks differ\n\n" + "\n".join(lines)


def anchor(title: str) -> str:
    """Return the name that GitHub, and the site, give a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def navigation() -> list[Any]:
    """Return the part of the navigation that leads to all."""
    entries: list[Any] = ["reference/index.md"]
    for kind, groups in grouped().items():
        inner: list[Any] = []
        for group, known in groups.items():
            pages = [{each.name: path_of(each)} for each in known]
            inner += [{group.capitalize(): pages}] if group else pages
        entries.append({TITLES[kind]: inner})
    return entries
