"""Pages that show what is emitted for a few lines of YAML: a section for each layer, loss, ...

`make golden` writes them under tests/golden, from the specs under tests/rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import yaml

import nnspec.layers
import nnspec_onnx.lower
from nnspec import compile, loads
from nnspec.emit.snippets import definitions_in, with_used
from nnspec.language import losses, optimizers, schedules
from nnspec.language.optimizers import Optimizer
from nnspec.language.schedules import Schedule
from nnspec.layers import FAMILIES, initializers
from nnspec.network.loader import Spec
from tests.cases import CASES, Case
from tests.variants import variants

TESTS = Path(__file__).parent
ROWS = TESTS / "rows"
HEADER = "nnspec: 1\nname: Net\n"


class Row(NamedTuple):
    """A spec as its file has it, without the first two lines, which all have."""

    text: str
    spec: Spec


def rows(file: str) -> list[Row]:
    """Return the specs of a file under tests/rows."""
    texts = (ROWS / f"{file}.yaml").read_text(encoding="utf-8").rstrip().split("\n---\n")
    return [row(text) for text in texts]


def row(text: str) -> Row:
    return Row(text, loads(HEADER + text))


def sections(files: Sequence[str], key: Callable[[Spec], str]) -> dict[str, list[Row]]:
    """Return the specs by what they show."""
    found: dict[str, list[Row]] = {}
    for each in (each for file in files for each in rows(file)):
        found.setdefault(key(each.spec), []).append(each)
    return found


def layer_of(spec: Spec) -> str:
    return spec.model.layers[-1]["type"]


def initializer_of(spec: Spec) -> str:
    *_, last = spec.graph.walk()
    return last.node.layer.kernel_initializer.type


def loss_of(spec: Spec) -> str:
    assert spec.model.training is not None
    return spec.model.training.resolved_loss.type


def optimizer_of(spec: Spec) -> Optimizer:
    assert spec.model.training is not None
    return spec.model.training.optimizer


def schedule_of(spec: Spec) -> str:
    rate = optimizer_of(spec).learning_rate
    assert isinstance(rate, Schedule)
    return rate.schedule


def written(inputs: Mapping[str, Any], layer: Mapping[str, Any], **rest: Any) -> Row:
    """Return a spec of one layer as a person would write it."""
    lines = [f"inputs: {flow(inputs)}", "layers:", f"  - {flow(layer)}"]
    return row("\n".join([*lines, *(f"{key}: {flow(value)}" for key, value in rest.items())]))


def flow(value: Any) -> str:
    """Return YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000)
    return text.partition("\n")[0]


def first_case(layer: str) -> Row:
    """Return the first configuration of a layer in the table of cases."""
    case = next(each for each in CASES if isinstance(each, Case) and each.layer["type"] == layer)
    names = ["x"] if len(case.inputs) == 1 else list("abcd"[: len(case.inputs)])
    dtypes = case.dtypes or ("float32",) * len(names)
    inputs = {
        name: {"shape": list(shape), **({"dtype": dtype} if dtype != "float32" else {})}
        for name, shape, dtype in zip(names, case.inputs, dtypes, strict=True)
    }
    taken = {"inputs": names} if len(names) > 1 else {}
    is_last = case.data_format == "channels_last"
    rest = {"data_format": case.data_format} if is_last else {}
    return written(inputs, {**case.layer, **taken}, **rest)


def of_kind(kind: str) -> dict[str, type[Schedule]]:
    return {kind: schedules.SCHEDULES[kind]}


def of_dense(setting: Mapping[str, Any], **rest: Any) -> Row:
    return written({"x": {"shape": [8]}}, {"type": "dense", "units": 3, **setting}, **rest)


def complete(
    shown: Mapping[str, list[Row]], kinds: Iterable[str], usual: Callable[[str], Row]
) -> dict[str, list[Row]]:
    """Return the rows of every kind in order, the usual one where there is none of its own."""
    assert shown.keys() <= set(kinds)
    return {kind: shown.get(kind) or [usual(kind)] for kind in kinds}


LAYERS = complete(
    sections(
        [f"layers/{path.stem}" for path in sorted((ROWS / "layers").glob("*.yaml"))], layer_of
    ),
    nnspec.layers.LAYERS,
    first_case,
)
LOSSES = complete(
    sections(["training/losses"], loss_of),
    losses.LOSSES,
    lambda kind: of_dense({}, training={"task": "regression", "loss": {"type": kind}}),
)
OPTIMIZERS = complete(
    sections(["training/optimizers"], lambda spec: optimizer_of(spec).type),
    optimizers.OPTIMIZERS,
    lambda kind: of_dense({}, training={"task": "regression", "optimizer": {"type": kind}}),
)
SCHEDULES = complete(
    sections(["training/schedules"], schedule_of),
    schedules.SCHEDULES,
    lambda kind: of_dense(
        {},
        training={
            "task": "regression",
            "optimizer": {
                "type": "sgd",
                "learning_rate": next(variants(of_kind(kind), "schedule")),
            },
        },
    ),
)
INITIALIZERS = complete(
    sections(["initializers"], initializer_of),
    initializers.INITIALIZERS,
    lambda kind: of_dense({"kernel_initializer": kind}),
)


def definitions(source: str, wanted: Sequence[str] = ()) -> str:
    """Return the definitions of a file; with `wanted`, those and what they use of the file."""
    known = {each.name: each for each in definitions_in(source)}
    needed = with_used([name for name in wanted or known if name in known], known)
    return "\n\n\n".join(each.text for name, each in known.items() if name in needed)


class Target(NamedTuple):
    """A block of a page: what it is called, the language of its text, and the text of a spec."""

    title: str
    language: str
    emitted: Callable[[Spec], str]


def python(backend: str, wanted: Sequence[str] = ()) -> Callable[[Spec], str]:
    def emitted(spec: Spec) -> str:
        return definitions(compile(spec, backend, training=bool(wanted)).source, wanted)

    return emitted


def listing(**options: Any) -> Callable[[Spec], str]:
    """Return the listing without its first line, which says the versions."""

    def emitted(spec: Spec) -> str:
        return compile(spec, "onnx", **options).source.partition("\n")[2].rstrip()

    return emitted


def without(rewrite: str) -> Callable[[Spec], str]:
    """Return the listing without one of the rewrites."""
    nothing: dict[str, Callable[..., Any]] = {
        "cancelled": lambda nodes, tensors: (list(nodes), {}),
        "shared": lambda nodes, tensors, kept: (list(nodes), list(tensors)),
    }

    def emitted(spec: Spec) -> str:
        with patch.object(nnspec_onnx.lower, rewrite, nothing[rewrite]):
            return listing()(spec)

    return emitted


NETWORKS = (
    Target("PyTorch", "python", python("torch")),
    Target("Keras", "python", python("keras")),
    Target("ONNX", "text", listing()),
)


def trained(*names: str) -> tuple[Target, ...]:
    return (
        Target("PyTorch", "python", python("torch", names)),
        Target("Keras", "python", python("keras", names)),
    )


def rewritten(before: Callable[[Spec], str], **options: Any) -> tuple[Target, ...]:
    return Target("Before", "text", before), Target("After", "text", listing(**options))


def page(title: str, parts: Mapping[str, Sequence[Row]], targets: Sequence[Target]) -> str:
    """Return a page of Markdown with a section for each part."""
    return "\n".join([f"# {title}", "", MADE, *_sections(parts, targets)])


MADE = "Written by `make golden` from the specs in `tests/rows`, and held by `make test`.\n"


def _sections(parts: Mapping[str, Sequence[Row]], targets: Sequence[Target]) -> Iterator[str]:
    for name, shown in parts.items():
        yield f"## {name}\n"
        for each in shown:
            yield from _fenced("yaml", each.text)
            for target in targets:
                yield f"{target.title}:\n"
                yield from _fenced(target.language, target.emitted(each.spec))


def _fenced(language: str, text: str) -> Iterator[str]:
    yield f"```{language}\n{text}\n```\n"


def pages() -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield the path of each page under tests/golden, and what makes it."""
    for family, kinds in FAMILIES.items():
        parts = {kind: LAYERS[kind] for kind in kinds}
        yield f"layers/{family}.md", partial(page, family, parts, NETWORKS)
    yield "initializers.md", partial(page, "Initializers", INITIALIZERS, NETWORKS[:2])
    for title, parts, names in (
        ("Losses", LOSSES, ["loss_function"]),
        ("Optimizers", OPTIMIZERS, ["make_optimizer"]),
        ("Schedules", SCHEDULES, ["make_optimizer", "make_scheduler"]),
    ):
        yield f"training/{title.lower()}.md", partial(page, title, parts, trained(*names))
    yield "onnx_rewrites.md", onnx_rewrites


REWRITES = {
    "cancelling": rewritten(without("cancelled")),
    "sharing": rewritten(without("shared")),
    "folding": rewritten(listing(), fold=True),
}
"""Rewrite -> the listing without it, and with it."""


def onnx_rewrites() -> str:
    """Return the page of the rewrites, each by itself."""
    shown = [
        text
        for name, targets in REWRITES.items()
        for text in _sections({name: rows(f"onnx/{name}")}, targets)
    ]
    return "\n".join(["# Rewrites of the ONNX model", "", MADE, *shown])
