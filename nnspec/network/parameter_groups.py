"""Parameters by the settings that an optimizer has for them."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from nnspec.errors import Mark, Problem, nearest
from nnspec.language.optimizers import Optimizer
from nnspec.language.optimizers.groups import WEIGHTS, Part, Settings
from nnspec.language.paths import mark_at
from nnspec.language.problems import Problems
from nnspec.language.schedules import Schedule
from nnspec.layers.registry import FAMILIES
from nnspec.layers.weighted import LENGTH, split
from nnspec.network.graph import Graph

_NORMS = FAMILIES["batch_normalization"].keys() | FAMILIES["normalization"].keys()


def parameter_settings(graph: Graph, optimizer: Optimizer) -> dict[str, Settings]:
    """Return by name the settings of each parameter that learns."""
    matcher = matcher_of(graph)
    found = {
        name: optimizer.settings(matcher(name))
        for name, parameter in graph.parameters()
        if parameter.learns
    }
    if optimizer.takes_matrices:
        from nnspec.network.matrices import hidden_matrices  # which few optimizers ask for

        for name in hidden_matrices(graph) & found.keys():
            found[name] = found[name]._replace(is_matrix=True)
    return found


def parts_of(graph: Graph, optimizer: Optimizer) -> dict[Settings, list[str]]:
    """Return the names by their settings, those of most parameters first."""
    found: dict[Settings, list[str]] = {}
    for name, own in parameter_settings(graph, optimizer).items():
        found.setdefault(own, []).append(name)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def patterns_of(optimizer: Optimizer) -> list[str]:
    """Return the patterns that the settings name, each once."""
    given = [group.match for group in optimizer.groups]
    given += [each.of for each in (optimizer.l2, optimizer.decay) if isinstance(each, Part)]
    return [each for each in dict.fromkeys(p for some in given for p in some) if each != WEIGHTS]


def check_groups(graph: Graph, optimizer: Optimizer, problems: Problems, tree: Any) -> None:
    """Report what matches no parameter, and a group that sets nothing or a rate beside a schedule.

    tree: the document, which knows places.
    """
    start = ("training", "optimizer")
    named: list[tuple[tuple[int | str, ...], tuple[str, ...]]] = [
        ((*start, "groups", i, "match"), group.match) for i, group in enumerate(optimizer.groups)
    ]
    for key in ("l2", "decay"):
        amount = getattr(optimizer, key)
        if isinstance(amount, Part):
            named.append(((*start, key, "of"), amount.of))
    for place, patterns in named:
        for i, pattern in enumerate(patterns):
            mark = mark_at((*place, i), tree) or mark_at(place, tree)
            problem = unmatched(graph, pattern, mark)
            if problem is not None:
                problems.extend([(problem, ())])
    for i, group in enumerate(optimizer.groups):
        mark = mark_at((*start, "groups", i), tree)
        if group.learning_rate is None and group.l2 is None and group.decay is None:
            message = "the group sets neither learning_rate, l2 nor decay"
            problems.add("missing-argument", message, mark, "a group sets one of them at least")
        is_rate = isinstance(group.learning_rate, float | int)
        rate = optimizer.learning_rate
        if not isinstance(rate, Schedule):
            continue
        if rate.schedule == "plateau" and group.learning_rate is not None:
            problems.add(
                "wrong-value",
                "on a plateau one rate is reduced, and the group has another",
                mark_at((*start, "groups", i, "learning_rate"), tree) or mark,
                "leave out the group's learning_rate, or take a schedule of steps",
            )
        elif is_rate:
            problems.add(
                "wrong-value",
                "the group has a rate of its own, and the optimizer's follows a schedule",
                mark_at((*start, "groups", i, "learning_rate"), tree) or mark,
                "write a multiple of the scheduled rate: learning_rate: {scale: 0.1}",
            )


def unmatched(graph: Graph, pattern: str, mark: Mark | None) -> Problem | None:
    """Return what is wrong with a pattern that no parameter has which is trained."""
    names = [name for name, parameter in graph.parameters() if parameter.learns]
    matcher = matcher_of(graph)
    if any(matcher(name)(pattern) for name in names):
        return None
    return Problem(
        "unknown-owner",
        f'no parameter that is trained is called "{pattern}"{nearest(pattern, names)}',
        "name parameters, by patterns such as encoder.* and *.bias as well, or all "
        f"`{WEIGHTS}`; `nnspec weights SPEC` lists them",
        mark,
    )


def matcher_of(graph: Graph) -> Callable[[str], Callable[[str], bool]]:
    """Return what says whether a parameter is one of a pattern."""
    shapes = {name: parameter.shape for name, parameter in graph.parameters()}
    norms = {at.home for at in graph.walk() if at.node.layer.type in _NORMS}

    def matches(name: str) -> Callable[[str], bool]:
        layer, _, last = name.rpartition(".")
        is_weight = (
            len(shapes[name]) > 1
            and layer not in norms
            and not last.startswith("bias")
            and split(name)[1] != LENGTH
        )
        return lambda pattern: is_weight if pattern == WEIGHTS else fnmatchcase(name, pattern)

    return matches
