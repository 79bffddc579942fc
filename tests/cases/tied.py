"""Layers that multiply by the table of an embedding."""

from __future__ import annotations

from tests.cases.case import Network


def tied(name: str, *, use_bias: bool = False, padding: int | None = None) -> Network:
    """Return a small language model whose output is its embedding's table."""
    return Network(
        name,
        {"tokens": {"shape": [4], "dtype": "int64"}},
        [
            {
                "name": "table",
                "type": "embedding",
                "input_dim": 7,
                "output_dim": 3,
                "padding_index": padding,
            }
            if padding is not None
            else {"name": "table", "type": "embedding", "input_dim": 7, "output_dim": 3},
            {"name": "hidden", "type": "dense", "units": 3, "activation": "tanh"},
            {"name": "scores", "type": "tied_dense", "layer": "table", "use_bias": use_bias},
        ],
        (4, 7),
    )


CASES: list[Network] = [
    tied("tied"),
    tied("tied_with_bias", use_bias=True),
    tied("tied_with_padding", padding=0),
]
