"""Random networks: formatted and linted as written, and equal to PyTorch in double precision."""

import numpy as np
import pytest
from keras_cases import arrays_of, random_weights
from random_specs import random_spec

from nnspec.backend import Options, get_backend
from nnspec_keras import backend
from nnspec_keras.options import KerasOptions
from tests.formatting import assert_clean

FORMATTED = range(200)
COMPUTED = range(1000, 1016)


def sources(seed):
    """Yield the name and text of every source of one network."""
    spec = random_spec(seed)
    options = {"spec": Options(), "native": Options(layout="native")}
    if spec.model.training is not None:
        options |= {"training": Options(training=True), "stock": KerasOptions(True, stock=True)}
    for name, chosen in options.items():
        yield f"{seed}_{name}", backend.compile(spec, chosen).source


def test_sources_are_formatted_and_free_of_lint(tmp_path):
    """The seeds are the file names, so that a failure can be repeated."""
    for seed in FORMATTED:
        for name, source in sources(seed):
            (tmp_path / f"net_{name}.py").write_text(source)
    assert_clean(tmp_path)


@pytest.mark.parametrize("seed", COMPUTED)
def test_network_equals_pytorch(seed):
    spec = random_spec(seed)
    weights, inputs = random_weights(spec.graph), arrays_of(spec.graph)
    expected = get_backend("torch").compile(spec).build(weights, dtype="float64").forward(inputs)
    bound = 1e-8 if "leaky_relu" in repr(spec.graph) else 1e-12
    for layout in ("spec", "native"):
        program = backend.compile(spec, Options(layout=layout)).build(weights, dtype="float64")
        given = program.forward(inputs)
        assert given.keys() == expected.keys()
        for name, value in expected.items():
            scale = max(np.abs(value).max(), 1e-3)
            assert np.abs(given[name] - value).max() <= bound * scale
        kept = program.weights()
        assert all(np.array_equal(kept[name], value) for name, value in weights.items())
