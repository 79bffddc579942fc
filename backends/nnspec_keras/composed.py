"""Writes what a network of several losses is trained by."""

from __future__ import annotations

from nnspec.emit.code import Expr, literal, quoted, wrap
from nnspec.emit.composed import named_terms
from nnspec.emit.goals import is_named
from nnspec.language.weighting import is_weighted
from nnspec.network.graph import Head
from nnspec.network.loader import Spec
from nnspec.network.regularization import terms_of_parameters
from nnspec_keras.measuring import STEPS_PER_EXECUTION
from nnspec_keras.penalties import REGULARIZE


def compiled_source(spec: Spec) -> str:
    """Return `compiled`."""
    named, outputs = named_terms(spec), spec.graph.outputs
    terms = [each.term for each in named]
    heads = [term.head for term in terms]
    lines = ["def compiled(model: keras.Model) -> keras.Model:"]
    name = "model"
    if is_model(spec):
        lines.append('    """Return the model, ready to fit."""')
    else:
        name = "network"
        lines.append('    """Return the model up to what its losses take, ready to fit."""')
        given = [
            f"model.get_layer({quoted(layer_of(head))}).input"
            if head is not None
            else f"model.outputs[{outputs.index(term.output)}]"
            for term, head in zip(terms, heads, strict=True)
        ]
        taken = _by_output(spec, given)
        lines += wrap(f"network = keras.Model(model.inputs, {taken})", 4)
    weights = [term.loss.weight for term in terms]
    functions = [each.function for each in named]
    if is_weighted(spec.model):
        functions = [f"Weighted({function})" for function in functions]
    losses = _by_output(spec, functions)
    keywords = [("optimizer", Expr("make_optimizer()")), ("loss", Expr(losses))]
    if any(weight != 1.0 for weight in weights):
        told = _by_output(spec, list(map(literal, weights)))
        keywords.append(("loss_weights", Expr(told if is_named(spec) else literal(weights))))
    keywords.append(("steps_per_execution", Expr(str(STEPS_PER_EXECUTION))))
    arguments = ", ".join(f"{key}={literal(value)}" for key, value in keywords)
    if terms_of_parameters(spec.model.training):
        lines.append(f"    {REGULARIZE}(model)")
    lines += [*wrap(f"{name}.compile({arguments})", 4), f"    return {name}"]
    return "\n".join(lines)


def is_model(spec: Spec) -> bool:
    """Whether the network that is compiled is the one that is served."""
    return not is_named(spec) and named_terms(spec)[0].term.head is None


def layer_of(head: Head) -> str:
    """Return the name of the Keras layer that is the activation at the end of an output."""
    return head.node.name + (f".{head.activation.type}" if head.is_fused else "")


def _by_output(spec: Spec, values: list[str]) -> str:
    """Return the dictionary of values by output, or the one where it has no name."""
    if not is_named(spec):
        return values[0]
    names = [literal(each.term.output) for each in named_terms(spec)]
    pairs = [f"{name}: {value}" for name, value in zip(names, values, strict=True)]
    return f"{{{', '.join(pairs)}}}"
