"""Slices of an axis of any size that have a size, which Keras does not see by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

import nnspec
from nnspec.network.loader import loads

CASES = {
    "the last steps": (["time", 3], {"axis": 0, "start": -2}, ["flatten"]),
    "every other": (["time", 3], {"axis": 0, "start": -5, "stop": -1, "step": 2}, ["flatten"]),
    "from the begin": (["time", 3], {"axis": 0, "start": 1, "stop": 4, "step": 2}, ["flatten"]),
    "of an image": ([2, "height", 4], {"axis": 1, "start": -3}, ["flatten"]),
    "of both sides": (
        [2, "height", "width"],
        {"axis": 2, "start": -3},
        [{"type": "conv2d", "filters": 2, "kernel_size": 2}, "global_average_pooling2d"],
    ),
    "beside another": (
        [4, "time", "width"],
        {"axis": 1, "start": -3, "step": 2},
        ["global_max_pooling2d"],
    ),
}


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize("case", CASES)
def test_what_follows_has_its_size(case: str, data_format: str) -> None:
    shape, taken, others = CASES[case]
    layers: list[Any] = [{"type": "slice", **taken}, *others, {"type": "dense", "units": 2}]
    if data_format == "channels_last" and len(shape) == 3:
        shape = [*shape[1:], shape[0]]
        layers[0] = {**layers[0], "axis": layers[0]["axis"] - 1}
    spec = {
        "nnspec": 1,
        "name": "Net",
        "data_format": data_format,
        "inputs": {"x": {"shape": shape}},
        "layers": [{"type": each} if isinstance(each, str) else each for each in layers],
        "training": {"task": "regression", "optimizer": "sgd"},
    }
    report = nnspec.verify(loads(json.dumps(spec), is_json=True), exporters=False)
    assert report.passed, report.failures()
