"""What resize means with antialias, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import nnspec
from nnspec.errors import SpecError
from nnspec.verification.sizes import find_sizes

HEAD = """nnspec: 1
name: Resized
inputs: {x: {shape: [1, 1, 8]}}
data_format: channels_first
layers:
  - {type: resize, name: y, size: [1, 4], SETTINGS}
"""


@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
def test_antialias_weighs_all_that_a_position_covers(backend: str) -> None:
    """By half, each position takes 1, 3, 3, 1 eighths of four elements, fewer at the edges."""
    spec = nnspec.loads(HEAD.replace("SETTINGS", "interpolation: bilinear, antialias: true"))
    x = np.arange(8.0) ** 2
    given = nnspec.compile(spec, backend).build(dtype="float64").forward({"x": x[None, None, None]})
    inner = [(x[i - 1] + 3 * x[i] + 3 * x[i + 1] + x[i + 2]) / 8 for i in (2, 4)]
    first = (3 * x[0] + 3 * x[1] + x[2]) / 7
    last = (x[5] + 3 * x[6] + 3 * x[7]) / 7
    np.testing.assert_allclose(given["y"].ravel(), [first, *inner, last], atol=1e-13)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("antialias: true", "resize has no antialias for interpolation nearest"),
        (
            "interpolation: bicubic, antialias: true, align_corners: true",
            "resize has no antialias with align_corners",
        ),
    ],
)
def test_antialias_that_means_nothing_is_refused(settings: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        nnspec.loads(HEAD.replace("SETTINGS", settings))


def test_a_scale_after_a_window_of_a_dynamic_axis_finds_sizes_that_fit() -> None:
    """Of the smallest sizes the window leaves nothing to scale."""
    spec = nnspec.loads(
        "nnspec: 1\nname: Net\ninputs: {x: {shape: [3, h, w]}}\nlayers:\n"
        "  - {type: max_pooling2d, pool_size: 2}\n  - {type: resize, scale: 0.5}\n"
    )
    found = find_sizes(spec.graph, {})
    assert min(found.base.values()) >= 4
