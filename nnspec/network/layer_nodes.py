"""Makes the node of a layer: checks what it takes, and asks it what it gives."""

from __future__ import annotations

from nnspec.errors import ShapeError
from nnspec.language.limits import MAX_ELEMENTS, big
from nnspec.layers.base import Layer, require_drawable, require_few_axes
from nnspec.layers.shapes import TensorType, product, show
from nnspec.network.entries import Entry
from nnspec.network.features import features_given, finds_features
from nnspec.network.graph import LayerNode
from nnspec.network.state import BodyState
from nnspec.network.wiring import output_names


def layer_node(
    body: BodyState,
    entry: Entry,
    layer: Layer,
    types: tuple[TensorType, ...],
    owner: LayerNode | None = None,
) -> LayerNode | None:
    """Return the node of a layer that takes values of these types; what is wrong is reported.

    owner: whose weights it uses in an operation of its own.
    """
    key = (id(layer), types)
    found = body.resolver.given.get(key) if owner is None else None
    if found is not None:
        if not finds_features(body, entry, layer, types):
            return None
        _, outputs, size = found
    else:
        given = _given(body, entry, layer, types, owner)
        if given is None:
            return None
        layer, outputs, size = given
        if owner is None:
            body.resolver.given[key] = given
    body.size += size
    names = output_names(entry.name, len(outputs))
    for name, given_type in zip(names, outputs, strict=True):
        body.types[name] = given_type
        if len(given_type.shape) > 1:
            features = features_given(body, entry, layer, types, given_type)
            if features is not None:
                body.features[name] = features
    mark = body.problems.place(entry.mark)
    tied = owner.name if owner is not None else None
    return LayerNode(entry.name, layer, entry.inputs or (), names, mark, tied=tied)


def _given(
    body: BodyState,
    entry: Entry,
    layer: Layer,
    types: tuple[TensorType, ...],
    owner: LayerNode | None,
) -> tuple[Layer, tuple[TensorType, ...], int] | None:
    """Return the layer as its owner's weights make it, what it gives, and its parameters' sizes."""
    least, most = layer.arity
    named = sum(getattr(layer, field) is not None for field in layer.named_inputs)
    given = len(types) - named
    if given < least or (most is not None and given > most):
        body.wrong_number(entry, layer.type, least, most, given)
        return None
    if not _takes(body, entry, layer, types) or not finds_features(body, entry, layer, types):
        return None
    if type(layer).whole_numbers is not Layer.whole_numbers:
        body.resolver.takes_ids = True
    shapes = tuple(type_.shape for type_ in types)
    try:
        if owner is not None:
            layer = layer.using(owner.layer)
        outputs = layer.infer_shape(shapes, body.model.data_format)
        activation = layer.output_activation
        if activation is not None:
            outputs = activation.infer_shape(outputs, body.model.data_format)
        dtypes = layer.infer_dtype(tuple(type_.dtype for type_ in types))
        size = 0
        for parameter in layer.parameters(shapes, body.model.data_format):
            require_drawable(layer.type, parameter)
            size += product(parameter.shape) or 0
        for shape in outputs:
            require_few_axes(layer.type, shape)
    except ShapeError as error:
        if entry.name in body.accused:
            return None  # it looks for the features elsewhere, which has been said
        sources = ", ".join(body.described(name) for name in entry.inputs or ())
        within = f' in block "{body.chain[-1]}"' if body.chain else ""
        body.problems.add(
            error.code,
            f'layer "{entry.name}"{within}: {error.message}; {sources}',
            entry.mark,
            error.hint,
        )
        return None
    for shape in outputs:
        elements = product(shape) or 0
        if elements > MAX_ELEMENTS:
            body.problems.add(
                "too-large",
                f'layer "{entry.name}" gives {show(shape)}: {big(elements)} numbers a row; '
                f"at most {MAX_ELEMENTS:,} are allowed",
                entry.mark,
                "use smaller sizes",
            )
            return None
    return layer, tuple(map(TensorType, outputs, dtypes)), size


def _takes(body: BodyState, entry: Entry, layer: Layer, types: tuple[TensorType, ...]) -> bool:
    """Whether the layer takes elements of these types, all of one where it takes several."""
    shapes = tuple(type_.shape for type_ in types)
    for i, (name, type_) in enumerate(zip(entry.inputs or (), types, strict=True)):
        allowed = layer.input_dtypes(i, shapes)
        first = types[layer.like(i)].dtype
        if type_.dtype in allowed and (type_.dtype == first or first not in allowed):
            continue
        wanted = first if type_.dtype in allowed else " or ".join(sorted(allowed))
        body.problems.add(
            "wrong-dtype",
            f'{layer.type} "{entry.name}" takes {wanted}, and "{name}" is {type_.dtype}',
            entry.mark,
            f"declare the input as {wanted}, if that is what its data hold, or cast it before",
        )
        return False
    return True
