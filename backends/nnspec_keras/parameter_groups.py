"""Writes the optimizer of Keras with its decay, and with groups of variables."""

from __future__ import annotations

from typing import Any, NamedTuple

from nnspec.emit.code import Call, call
from nnspec.emit.parameter_groups import covering
from nnspec.emit.snippets import snippets
from nnspec.emit.training import row_of
from nnspec.errors import UnsupportedError
from nnspec.language.optimizers import Optimizer
from nnspec.language.optimizers.groups import Settings
from nnspec.network.graph import Graph
from nnspec.network.parameter_groups import parts_of, patterns_of
from nnspec_keras.defined import SOURCES, derived
from nnspec_keras.natives import natives_of
from nnspec_keras.optimizers import OPTIMIZERS


class Made(NamedTuple):
    """The call that makes the optimizer, and its definitions in the order of a file."""

    call: Call
    definitions: list[str]
    uses: frozenset[str]
    """The modules and functions that the definitions import."""


def made_optimizer(graph: Graph, optimizer: Optimizer, *, stock: bool) -> Made:
    """Return the optimizer of a network."""
    optimizer = optimizer.begun()
    row = row_of(OPTIMIZERS, optimizer, f"the optimizer {optimizer.type}")
    parts = _parts(graph, optimizer, stock=stock)
    base = next(iter(parts))
    plain = row.bare(optimizer, stock=stock)
    besides = {} if stock else row.by_variable(optimizer, graph)
    plain = call(plain.function, **dict(plain.keywords), **besides)
    if (
        len(parts) == 1
        and base == Settings(decay=base.decay)
        and (not base.decay or row.decoupled_of(optimizer, stock=stock) is not None)
    ):
        made = row.decayed(optimizer, base.decay, stock=stock)
        return _cycling(_with_sources(plain if besides else made), optimizer, stock=stock)
    kind = "Decaying" if len(parts) == 1 and base.rate is None and base.scale == 1 else "Grouped"
    amounts = {key: getattr(base, key) for key in ("l2", "decay") if getattr(base, key)}
    groups: dict[str, Any] = {}
    if kind == "Grouped":
        groups = {"groups": _groups(graph, optimizer, parts)}
    inner = _cycling(_with_sources(plain), optimizer, stock=stock)
    return _over(inner, "decaying", kind, kind, **amounts, **groups)


def _cycling(inner: Made, optimizer: Optimizer, *, stock: bool) -> Made:
    """Return the optimizer that follows the momentum of its schedule, if that says one."""
    if not optimizer.cycles_momentum:
        return inner
    if stock:
        raise UnsupportedError(
            "Keras's own optimizers have one momentum for all steps: compile without --stock, or "
            "leave out cycle_momentum"
        )
    kind = "CyclingMomentum" if optimizer.cycled == "momentum" else "CyclingBeta"
    return _over(inner, "cycling", kind, "Cycling")


def _over(inner: Made, file: str, kind: str, prefix: str, **keywords: Any) -> Made:
    """Return an optimizer of a class of `emitted/` over another one's, under a name of its own."""
    base = inner.call
    name = f"{prefix}{base.function.rpartition('.')[2]}"
    source = snippets("nnspec_keras.emitted", file)[kind]
    own = derived(source.text, kind, name, base.function)
    made = call(name, **dict(base.keywords), **keywords)
    return Made(made, [*inner.definitions, own], inner.uses | {*source.imports})


def _parts(graph: Graph, optimizer: Optimizer, *, stock: bool) -> dict[Settings, list[str]]:
    """Return the names by their settings, without those that the optimizer's own class takes."""
    found: dict[Settings, list[str]] = {}
    for own, names in parts_of(graph, optimizer).items():
        rest = own._replace(is_matrix=False)
        if optimizer.holds_decay and not stock:
            rest = rest._replace(decay=0.0)
        found.setdefault(rest, []).extend(names)
    largest = sorted(found.items(), key=lambda item: -len(item[1]))
    return dict(largest) or {Settings(): []}


def _with_sources(made: Call) -> Made:
    names = _defined(made)
    uses = frozenset(use for name in names for use in SOURCES[name].imports)
    return Made(made, [SOURCES[name].text for name in names], uses)


def _defined(made: Call) -> list[str]:
    """Return the names of what the source must define to make this, in the order of a file."""
    values = [value for _, value in (*made.positional, *made.keywords)]
    values += [each for value in values if isinstance(value, list) for each in value]
    inner = [value for value in values if isinstance(value, Call)]
    called = {made.function, *(name for call in inner for name in _defined(call))}
    called |= {base for name in called & SOURCES.keys() for base in SOURCES[name].uses}
    return [name for name in SOURCES if name in called]


def _groups(
    graph: Graph, optimizer: Optimizer, parts: dict[Settings, list[str]]
) -> list[dict[str, Any]]:
    """Return the groups but the first, or that one too where it has a rate of its own."""
    base = next(iter(parts))
    names = variables_of(graph)
    found = []
    for own, members in parts.items():
        options: dict[str, Any] = {
            key: getattr(own, key)
            for key in ("l2", "decay")
            if getattr(own, key) != getattr(base, key)
        }
        if own.rate is not None:
            options["learning_rate"] = own.rate
        elif own.scale != 1:
            options["scale"] = own.scale
        if not options:
            continue
        inside = list(dict.fromkeys(names[name] for name in members))
        outside = {names[name] for each, some in parts.items() if each != own for name in some}
        both = outside.intersection(inside)
        if both:
            variable = sorted(both)[0]
            held = [name for name, held in names.items() if held == variable]
            raise UnsupportedError(
                f"{' and '.join(held)} have settings of the optimizer that differ, and are one "
                "variable in Keras, or two of one name"
            )
        patterns = covering(inside, sorted(outside), patterns_of(optimizer), "/")
        found.append({"match": patterns, **options})
    return found


def variables_of(graph: Graph) -> dict[str, str]:
    """Return by canonical name the layer and the name of its variable in Keras."""
    return {
        f"{path}.{native.parameter}": f"{path}/{native.name}"
        for path, natives in natives_of(graph)
        for native in natives
    }
