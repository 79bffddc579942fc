"""A sum of shapes that stretch is right at every batch: ops.add would take some for a bias."""

import numpy as np
import pytest

import nnspec
from nnspec.backend import get_backend

SHAPES = {
    "a column": ((3, 3), (3, 1)),
    "a number a row": ((3,), (1,)),
    "a number a row, of no axis": ((3, 2), ()),
    "a row and a column": ((3, 1), (1, 3)),
    "of the second axis": ((3, 2, 4), (3, 1, 1)),
    "of the axis between": ((3, 4, 3), (4, 1)),
    "a row": ((2, 3), (3,)),
}


@pytest.mark.parametrize("kind", ["add", "average"])
@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
def test_a_sum_that_stretches_is_right_at_every_batch(shapes, dtype, kind):
    if kind == "average" and dtype != "float32":
        pytest.skip("an average is of floats")
    inputs = {
        name: nnspec.Input(shape=shape, dtype=dtype)
        for name, shape in zip("ab", shapes, strict=True)
    }
    layer = (nnspec.layers.Add if kind == "add" else nnspec.layers.Average)(inputs=("a", "b"))
    spec = nnspec.check(nnspec.Model(name="Net", inputs=inputs, layers=(layer,)))
    program = get_backend("keras").compile(spec).build({}, dtype="float32")
    rank = max(map(len, shapes)) + 1
    for batch in (1, 2, 3, 4):
        given = [
            np.arange(batch * np.prod(shape, dtype=int)).reshape(batch, *shape).astype(dtype)
            for shape in shapes
        ]
        lined = [x.reshape(batch, *(1,) * (rank - x.ndim), *x.shape[1:]) for x in given]
        expected = sum(lined) / (2 if kind == "average" else 1)
        for found in (
            *program.forward(dict(zip("ab", given, strict=True))).values(),
            program.model(given).numpy(),
            program.model.predict(given, verbose=0),
        ):
            np.testing.assert_array_equal(found, expected)
