"""Layers that number the places along axes."""

from __future__ import annotations

from tests.cases.case import Case, Network, image

CASES: list[Case | Network] = [
    Case({"type": "arange"}, ((5, 4),), (5,)),
    Case({"type": "arange"}, (("time", 4),), ("time",)),
    Case({"type": "arange", "axis": -1}, ((2, 3, "width"),), ("width",), dtypes=("bool",)),
    Case({"type": "arange", "axis": 1}, ((3, "time"),), ("time",), "channels_last", ("int64",)),
    *image({"type": "coordinate_grid"}, (3, 4, 5), (2, 4, 5)),
    *image({"type": "coordinate_grid", "minimum": 0, "maximum": 2.5}, (1, 1, 5), (2, 1, 5)),
    *image({"type": "coordinate_grid"}, (3, "height", "width"), (2, "height", "width")),
    Case({"type": "coordinate_grid", "maximum": -3}, ((2, 5),), (1, 5)),
    Case({"type": "coordinate_grid", "maximum": -3}, (("time", 2),), ("time", 1), "channels_last"),
    *image({"type": "coordinate_grid"}, (1, 3, "rows", 2), (3, 3, "rows", 2)),
    Case({"type": "sequence_mask", "max_length": 5}, ((),), (5,), dtypes=("int64",)),
    Case({"type": "sequence_mask", "max_length": 2}, ((3,),), (3, 2), dtypes=("int32",)),
    Case({"type": "sequence_mask"}, ((), ("time", 4)), ("time",), dtypes=("int32", "float32")),
    Case({"type": "sequence_mask"}, ((2,), (4,)), (2, 4), dtypes=("int64", "bool")),
    # The places of a sequence, as far as it is long, look up a table of their own.
    Network(
        "positions-of-a-sequence",
        {"given": {"shape": ["time", 3]}, "length": {"shape": [], "dtype": "int64"}},
        [
            {"name": "wide", "type": "dense", "units": 4, "inputs": "given"},
            {"name": "places", "type": "arange"},
            {"name": "within", "type": "clip", "max_value": 5},
            {"name": "table", "type": "embedding", "input_dim": 6, "output_dim": 4},
            {"name": "placed", "type": "add", "inputs": ["wide", "table"]},
            {"name": "real", "type": "sequence_mask", "inputs": ["length", "wide"]},
            {"name": "column", "type": "expand_dims"},
            {"name": "nothing", "type": "stop_gradient", "inputs": "wide"},
            {"name": "kept", "type": "where", "inputs": ["column", "placed", "nothing"]},
            {"type": "reduce_sum", "axes": 0},
        ],
        (4,),
    ),
    *[
        Network(
            f"coordinates-beside-an-image-{data_format}",
            {"given": {"shape": shape}},
            [
                {"name": "places", "type": "coordinate_grid"},
                {"name": "both", "type": "concatenate", "inputs": ["given", "places"]},
                {"type": "conv2d", "filters": 2, "kernel_size": 3},
                {"type": "global_average_pooling2d"},
            ],
            (2,),
            data_format,
        )
        for data_format, shape in (
            ("channels_first", [3, "height", 6]),
            ("channels_last", [5, "width", 3]),
        )
    ],
]
