"""Writes what a network of several losses is trained by."""

from __future__ import annotations

from dataclasses import replace

from nnspec.emit.body import Body
from nnspec.emit.code import literal, printed, wrap, wrap_item
from nnspec.emit.composed import goals_of, named_terms, weighted_sum
from nnspec.emit.statements import Style, forward_lines
from nnspec.emit.tree import Name, apply
from nnspec.emit.values import Value
from nnspec.language.weighting import SAMPLE_WEIGHT, is_weighted
from nnspec.network.graph import Head
from nnspec.network.loader import Spec


def forward_methods(body: Body, heads: tuple[Head, ...], style: Style) -> list[str]:
    """Return `for_loss`, which gives the outputs as the losses take them, and `forward`."""
    main, ends, given = _parted(body, heads)
    steps = [*(body.steps[i] for i in main), *(body.steps[i] for i in ends)]
    whole = replace(body, steps=steps)
    first = forward_lines(whole, style, indent=8, steps=range(len(main)), outputs=given)
    arguments = ", ".join(["self", *(f"{name}: Tensor" for name in first.inputs)])
    result = result_of(len(given))
    lines = wrap(f"def for_loss({arguments}) -> {result}:", 4)
    lines += ['        """Return the outputs, with logits where a loss is computed from them."""']
    lines += [*first.lines, *wrap(f"return {', '.join(map(printed, first.results))}", 8), ""]
    last = Body(whole.graph, steps, given, body.outputs)
    final = forward_lines(last, style, indent=8, steps=range(len(main), len(steps)))
    called = printed(apply("self.for_loss", *map(Name, first.inputs)))
    lines += wrap(f"def forward({arguments}) -> {result}:", 4)
    lines += wrap(f"{', '.join(final.inputs)} = {called}", 8)
    return [*lines, *final.lines, *wrap(f"return {', '.join(map(printed, final.results))}", 8)]


def result_of(count: int) -> str:
    """Return the type of what a network of so many outputs gives."""
    return "Tensor" if count == 1 else f"tuple[{', '.join(['Tensor'] * count)}]"


def _parted(body: Body, heads: tuple[Head, ...]) -> tuple[list[int], list[int], tuple[Value, ...]]:
    """Return the steps before the last activations, these, and what the losses take.

    An activation whose result other layers take too is of both.
    """
    makers = {value: i for i, step in enumerate(body.steps) for value in step.outputs}
    nodes = [head.node for head in heads]
    ends: set[int] = set()
    given = []
    for output in body.outputs:
        value, chain = output, []
        while value in makers:
            chain.append(makers[value])
            step = body.steps[makers[value]]
            if step.node is not None:
                break
            value = step.inputs[0]  # what transposes the output
        last = body.steps[chain[-1]] if chain else None
        if last is not None and any(last.node is node for node in nodes):
            ends.update(chain)
            given.append(last.inputs[0])
        else:
            given.append(output)
    wanted = set(given)
    main: list[int] = []
    for i in reversed(range(len(body.steps))):
        step = body.steps[i]
        if i not in ends or wanted.intersection(step.outputs):
            main.append(i)
            wanted.update(step.inputs)
    return main[::-1], sorted(ends), tuple(given)


def loss_functions(spec: Spec) -> list[str]:
    """Return `losses`, which gives each, and `loss_function`, their sum."""
    named, outputs = named_terms(spec), spec.graph.outputs
    variables = {each.term.output: each.variable for each in named}
    names = [variables.get(name, "_") for name in outputs]
    is_one = len(outputs) == 1
    kind = result_of(len(outputs))
    given = names[0] if is_one else "outputs"
    arguments = [f"{given}: {kind}", *(f"{name}: Tensor" for name in goals_of(spec))]
    more = f", {SAMPLE_WEIGHT}" if is_weighted(spec.model) else ""
    pairs = [
        f"{literal(each.term.output)}: {each.function}({each.variable}, {each.goal}{more})"
        for each in named
    ]
    terms = [(each.term.loss.weight, f"found[{literal(each.term.output)}]") for each in named]
    return [
        "\n".join(
            [
                *wrap(f"def losses({', '.join(arguments)}) -> dict[str, Tensor]:"),
                '    """Return the loss of each output that has one, without its weight."""',
                *([] if is_one else wrap(f"{', '.join(names)} = outputs", 4)),
                "    return {",
                *(line for pair in pairs for line in wrap_item(pair, 8)),
                "    }",
            ]
        ),
        "\n".join(
            [
                "def weighted_sum(found: dict[str, Tensor]) -> Tensor:",
                '    """Return the sum of losses by their weights."""',
                *wrap(f"return {weighted_sum(terms)}", 4),
            ]
        ),
        "\n".join(
            [
                *wrap(f"def loss_function(outputs: {kind}, *targets: Tensor) -> Tensor:"),
                '    """Return what is minimised."""',
                "    return weighted_sum(losses(outputs, *targets))",
            ]
        ),
    ]
