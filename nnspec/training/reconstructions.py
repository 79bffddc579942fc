"""Pictures of a network that gives back its input, and of what it makes of drawn codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.backend import Options, get_backend
from nnspec.backend.programs import Trainable
from nnspec.data.dataset import Part
from nnspec.layers.shapes import product
from nnspec.network.loader import Spec
from nnspec.network.prior import decoder_of
from nnspec.support.streams import normal, stream
from nnspec.training.drawing import draw
from nnspec.training.runs import RunFolder
from nnspec.training.sample_pictures import ACROSS, as_images

Array = NDArray[Any]

SHOWN = 4 * ACROSS
"""Rows of a picture of reconstructions; twice as many are drawn of codes."""


def reconstructed(spec: Spec) -> dict[str, str]:
    """Return by output the input that it gives back, where that is what it learns."""
    training, data = spec.model.training, spec.model.data
    assert training is not None
    if data is None:
        return {}
    from nnspec.language.objectives import is_composed

    graph = spec.graph
    found: dict[str, str] = {}
    if is_composed(spec.model):
        from nnspec.network.objectives import terms_of

        for term in terms_of(spec.model, graph):
            if term.own is not None and term.own.input is not None:
                found[term.output] = term.own.input
    elif training.task == "autoencoder" and not data.targets:
        found[graph.outputs[0]] = next(iter(graph.inputs))
    return {
        output: name
        for output, name in found.items()
        if graph.types[output].shape == graph.inputs[name].shape
    }


def show_reconstructions(
    program: Trainable, spec: Spec, backend: str, part: Part, paths: RunFolder
) -> bool:
    """Draw rows above what the network makes of them, and rows that it makes of drawn codes.

    Returns whether the network gives back images at all.
    """
    pairs = reconstructed(spec)
    if not pairs:
        return False
    output, name = next(iter(pairs.items()))
    rows = part.take(slice(0, SHOWN))
    given = rows.inputs[name]
    layout = spec.graph.data_format
    if as_images(given, layout) is None:
        return False
    limits = float(part.inputs[name].min()), float(part.inputs[name].max())
    made = program.forward(rows.inputs)[output]
    above = [
        each[start : start + ACROSS]
        for start in range(0, len(given), ACROSS)
        for each in (_filled(given, limits[0]), _filled(made, limits[0]))
    ]
    shown: dict[str, Any] = {"data_format": layout, "limits": limits}
    draw("images", path=paths.reconstructions, rows=np.concatenate(above), **shown)
    samples = drawn_rows(spec, backend, program.weights(), output, 2 * SHOWN)
    if samples is not None:
        draw("images", path=paths.samples, rows=samples, **shown)
    return True


def drawn_rows(
    spec: Spec, backend: str, weights: Mapping[str, Array], output: str, count: int
) -> Array | None:
    """Return what the decoder of a variational autoencoder makes of codes of the standard normal.

    None where there is none, or its codes have no size of their own. They depend on the seed of
    the training alone.
    """
    decoder = decoder_of(spec, output)
    assert spec.model.training is not None
    seed = spec.model.training.seed
    if decoder is None:
        return None
    codes: dict[str, Array] = {}
    for name in decoder.codes:
        shape = decoder.spec.graph.inputs[name].shape
        if not all(isinstance(size, int) for size in shape):
            return None
        numbers = normal(stream("codes", seed, name), count * (product(shape) or 0))
        codes[name] = numbers.reshape(count, *shape).astype(np.float32)
    own = {
        f"{name}.{parameter}": weights[f"{path}.{parameter}"]
        for name, path in decoder.sources.items()
        for parameter in _parameters(weights, path)
    }
    compiled = get_backend(backend).compile(decoder.spec, Options())
    made = compiled.build(own).forward(codes)
    return made[decoder.spec.graph.outputs[0]]


def _parameters(weights: Mapping[str, Array], path: str) -> list[str]:
    """Return the parameters of the layer at this path, which is no beginning of another's."""
    start = f"{path}."
    return [name.removeprefix(start) for name in weights if name.startswith(start)]


def _filled(rows: Array, dark: float) -> Array:
    """Return the rows, with dark ones after them up to a whole line of the picture."""
    missing = -len(rows) % ACROSS
    return np.concatenate([rows, np.full((missing, *rows.shape[1:]), dark, rows.dtype)])
