"""Writes what the size of variables adds to the loss: Keras's own regularizers."""

from __future__ import annotations

import ast

from nnspec.emit.code import call, literal, wrap
from nnspec.emit.parameter_groups import covering
from nnspec.errors import UnsupportedError
from nnspec.language.objectives import is_composed
from nnspec.language.optimizers.groups import WEIGHTS
from nnspec.language.training_schema import Training
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.network.objectives import terms_of
from nnspec.network.regularization import Amounts, patterns_of, penalised
from nnspec_keras.parameter_groups import variables_of

REGULARIZE = "regularize"
"""The function of the emitted source, which is called with the model."""


def penalty_source(spec: Spec) -> list[str]:
    """Return the function that gives variables their regularizers, where some have one."""
    training, graph = spec.model.training, spec.graph
    assert training is not None
    if (
        training.regularization
        and is_composed(spec.model)
        and len(terms_of(spec.model, graph)) < len(graph.outputs)
    ):
        raise UnsupportedError(
            "Keras regularizes what its losses are computed from: give every output a loss, or "
            "leave out `regularization`"
        )
    parts = penalised(graph, training)
    if not parts:
        return []
    lines = [
        f"def {REGULARIZE}(model: keras.Model) -> None:",
        '    """Let the size of variables add to the loss."""',
    ]
    tests = []
    for number, names in enumerate(parts.values(), start=1):
        patterns = _patterns(graph, training, names)
        if len(patterns) == 1 and not any(sign in patterns[0] for sign in "*?["):
            tests.append(f"name == {literal(patterns[0])}")
        elif len(patterns) == 1:
            tests.append(f"fnmatchcase(name, {literal(patterns[0])})")
        else:
            held = "patterns" if len(parts) == 1 else f"patterns_{number}"
            lines += wrap(f"{held} = {literal(tuple(patterns))}", 4)
            tests.append(f"any(fnmatchcase(name, each) for each in {held})")
    lines += [
        "    for variable in model.trainable_variables:",
        "        name = f\"{variable.path.partition('/')[0]}/{variable.name}\"",
    ]
    for number, (test, amounts) in enumerate(zip(tests, parts, strict=True)):
        lines += wrap(f"{'elif' if number else 'if'} {test}:", 8)
        lines += wrap(f"variable.regularizer = {_regularizer(amounts)}", 12)
    return ["\n".join(lines)]


def penalty_imports(text: str) -> frozenset[str]:
    """Return the functions that the text imports."""
    names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    return frozenset({"fnmatchcase"} & names)


def _regularizer(amounts: Amounts) -> str:
    if amounts.l1 and amounts.l2:
        return call("keras.regularizers.L1L2", l1=amounts.l1, l2=amounts.l2).render()
    name, value = ("L1", amounts.l1) if amounts.l1 else ("L2", amounts.l2)
    return f"keras.regularizers.{name}({literal(value)})"


def _patterns(graph: Graph, training: Training, names: list[str]) -> list[str]:
    """Return patterns of the variables that hold these parameters, and of no others."""
    variables = variables_of(graph)
    inside = dict.fromkeys(variables[name] for name in names)
    others = {variables[name]: name for name, _ in graph.parameters() if name not in {*names}}
    both = [name for name in inside if name in others]
    if both:
        held = [name for name, variable in variables.items() if variable == both[0]]
        raise UnsupportedError(
            f"{' and '.join(held)} add different amounts to the loss, and are one variable in "
            "Keras, or two of one name"
        )
    known = [each for each in patterns_of(training) if each != WEIGHTS]
    return covering([*inside], [*others], known, "/")
