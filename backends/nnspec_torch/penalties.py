"""Writes what the size of parameters adds to the loss."""

from __future__ import annotations

from nnspec.emit.code import literal
from nnspec.emit.parameter_groups import covering
from nnspec.emit.snippets import snippets
from nnspec.emit.training import indented
from nnspec.language.optimizers.groups import WEIGHTS
from nnspec.language.training_schema import Training
from nnspec.layers.weighted import split
from nnspec.network.activity import terms_of_activity
from nnspec.network.graph import Graph
from nnspec.network.regularization import Amounts, patterns_of, penalised, terms_of_parameters
from nnspec_torch.naming import state_name
from nnspec_torch.parameter_groups import matched

PENALTY = "penalty"
"""The function of the emitted source, which is called with the model."""
COLLECTED = "with collected(model) as activity"
"""The line of the block in which activations add to the loss."""


def penalty_source(graph: Graph, training: Training) -> list[str]:
    """Return the function that gives what is added to the loss, where something is."""
    parts = penalised(graph, training)
    if not parts:
        return []
    lines, tests = [], []
    for number, names in enumerate(parts.values(), start=1):
        if _are_all_but_vectors(graph, names):
            tests.append("parameter.ndim > 1")
            continue
        patterns = _patterns(graph, training, names)
        if len(patterns) == 1:
            tests.append(matched(patterns[0]))
            continue
        held = "patterns" if len(parts) == 1 else f"patterns_{number}"
        lines.append(f"{held} = {literal(tuple(patterns))}")
        tests.append(f"any(fnmatchcase(name, each) for each in {held})")
    by_name = any("name" in test for test in tests)
    lines += [
        "total: Tensor | float = 0.0",
        "for name, parameter in model.named_parameters():"
        if by_name
        else "for parameter in model.parameters():",
    ]
    for word, test, amounts in zip(["if", *["elif"] * len(tests)], tests, parts, strict=False):
        lines += [f"    {word} {test}:", f"        total = total + {_sum(amounts)}"]
    return [
        "\n".join(
            [
                f"def {PENALTY}(model: nn.Module) -> Tensor | float:",
                '    """Return what the size of the parameters adds to the loss."""',
                *indented([*lines, "return total"]),
            ]
        )
    ]


def activity_source(training: Training) -> list[str]:
    """Return the function that collects what layers give, where that adds to the loss."""
    if not terms_of_activity(training):
        return []
    return [snippets("nnspec_torch.emitted", "activity")["collected"].text]


def added(training: Training, rows: str, *, is_shared: bool = False) -> str:
    """Return what is added to the loss of so many rows, where something is.

    is_shared: whether other processes have activations of some of them.
    """
    found = f" + {PENALTY}(model)" if terms_of_parameters(training) else ""
    activity = "sum(map(summed, activity))" if is_shared else "sum(activity)"
    return found + (f" + {activity} / {rows}" if terms_of_activity(training) else "")


def given_lines(training: Training, variable: str, compute: str) -> list[str]:
    """Return the lines of `evaluate` that compute what the loss takes, of all rows."""
    line = f"    {variable} = outputs({compute}, inputs)"
    if not terms_of_activity(training):
        return [line]
    return [f"    {COLLECTED}:", f"    {line}"]


def penalty_imports(training: Training, text: list[str]) -> frozenset[str]:
    """Return the functions that these definitions import, text being that of the parameters."""
    found = {"contextmanager"} if terms_of_activity(training) else set()
    return frozenset(found | ({"fnmatchcase"} if "fnmatchcase" in "".join(text) else set()))


def _are_all_but_vectors(graph: Graph, names: list[str]) -> bool:
    """Whether these are all parameters of more than one axis, as PyTorch counts them too."""
    wide = {name for name, each in graph.parameters() if len(each.shape) > 1}
    return wide == {*names} and not any(split(name)[1] for name, _ in graph.parameters())


def _patterns(graph: Graph, training: Training, names: list[str]) -> list[str]:
    """Return patterns of these parameters as a state dict names them, and of no others."""
    others = [name for name, _ in graph.parameters() if name not in set(names)]
    known = [each for each in patterns_of(training) if each != WEIGHTS]
    inside = [*map(state_name, names)]
    return covering(inside, [*map(state_name, others)], known, ".")


def _sum(amounts: Amounts) -> str:
    terms = []
    if amounts.l1:
        terms.append(f"{literal(amounts.l1)} * parameter.abs().sum()")
    if amounts.l2:
        terms.append(f"{literal(amounts.l2)} * parameter.square().sum()")
    return " + ".join(terms)
