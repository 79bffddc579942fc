"""The networks that are tried in other runtimes, and the inputs that they are tried on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS = 3
TIME = 7
OTHER_ROWS, OTHER_TIME = 2, 5

CNN = """
nnspec: 1
name: Cnn
inputs: {image: {shape: [1, 8, 8]}}
layers:
  - {name: conv1, type: conv2d, filters: 8, kernel_size: 3, padding: same, use_bias: false}
  - {name: norm1, type: batch_normalization}
  - {name: act1, type: relu}
  - {name: pool1, type: max_pooling2d, pool_size: 2}
  - {name: conv2, type: conv2d, filters: 12, kernel_size: 3, strides: 2, activation: gelu}
  - {name: flat, type: flatten}
  - {name: scores, type: dense, units: 10}
  - {name: probabilities, type: softmax}
"""

IMAGE = """
nnspec: 1
name: Image
inputs: {image: {shape: [3, 17, 18]}}
layers:
  - {name: stem, type: conv2d, filters: 8, kernel_size: 3, strides: 2, padding: 1, activation: silu}
  - {name: depth, type: depthwise_conv2d, kernel_size: 3, padding: same, use_bias: false}
  - {name: norm, type: batch_normalization}
  - {name: act, type: hard_silu}
  - {name: added, type: add, inputs: [stem, act]}
  - {name: groups, type: group_normalization, groups: 4}
  - {name: down, type: average_pooling2d, pool_size: 2}
  - {name: up, type: conv2d_transpose, filters: 8, kernel_size: 2, strides: 2}
  - {name: wide, type: resize, size: [9, 9], interpolation: bilinear}
  - {name: joined, type: concatenate, axis: 0, inputs: [wide, added]}
  - {name: result, type: conv2d, filters: 2, kernel_size: 1, activation: sigmoid}
"""

LSTM = """
nnspec: 1
name: Lstm
inputs:
  tokens: {shape: [TIME], dtype: int64}
  lengths: {shape: [], dtype: int32}
layers:
  - {name: embedded, type: embedding, input_dim: 20, output_dim: 6, inputs: [tokens]}
  - {name: states, type: lstm, units: 5, inputs: [embedded, lengths]}
  - {name: scores, type: dense, units: 3}
"""

BIDIRECTIONAL = """
nnspec: 1
name: Bidirectional
inputs: {x: {shape: [TIME, 4]}}
layers:
  - {name: first, type: bidirectional, layer: {type: lstm, units: 5, return_sequences: true}}
  - {name: second, type: bidirectional, layer: {type: gru, units: 3, return_sequences: true}}
  - {name: tags, type: dense, units: 4}
"""

TRANSFORMER = """
nnspec: 1
name: Transformer
inputs:
  tokens: {shape: [TIME], dtype: int64}
  keep: {shape: [TIME], dtype: bool}
layers:
  - {name: embedded, type: embedding, input_dim: 20, output_dim: 8, inputs: [tokens]}
  - {name: placed, type: position_embedding, max_length: 16}
  - {name: norm1, type: layer_normalization}
  - {name: attention, type: multi_head_attention, num_heads: 2, key_padding: keep}
  - {name: attended, type: add, inputs: [placed, attention]}
  - {name: norm2, type: layer_normalization}
  - {name: widen, type: dense, units: 16, activation: gelu}
  - {name: narrow, type: dense, units: 8}
  - {name: result, type: add, inputs: [attended, narrow]}
  - {name: scores, type: dense, units: 20}
"""

NETWORKS = {
    "CNN": CNN,
    "image network": IMAGE,
    "LSTM with lengths": LSTM,
    "bidirectional stack": BIDIRECTIONAL,
    "transformer with padding": TRANSFORMER,
}


@dataclass(frozen=True)
class Form:
    """How a network is exported: with open sizes, a fixed number of rows, or every size fixed."""

    name: str
    batch: int | None
    time: int | None


FORMS = (
    Form("open", None, None),
    Form("rows fixed", ROWS, None),
    Form("all fixed", ROWS, TIME),
    Form("one row", 1, TIME),
)


def text_of(network: str, form: Form) -> str:
    """Return the spec; the time axis is a number where the form fixes it."""
    return NETWORKS[network].replace("TIME", "time" if form.time is None else str(form.time))


def sizes_of(network: str, form: Form) -> list[tuple[int, int]]:
    """Return the rows and steps to try: a second pair where the form leaves any open."""
    first = (form.batch or ROWS, form.time or TIME)
    second = (form.batch or OTHER_ROWS, form.time or OTHER_TIME)
    is_open = form.batch is None or (form.time is None and "TIME" in NETWORKS[network])
    return [first, second] if is_open else [first]


def inputs_of(network: str, rows: int, time: int) -> dict[str, NDArray[np.generic]]:
    """Return inputs of one size; lengths differ, and some steps are padding."""
    draw = np.random.default_rng(rows * 100 + time)
    lengths = draw.integers(1, time + 1, rows).astype(np.int32)
    lengths[0] = time if rows > 1 else time - 2
    every: dict[str, dict[str, NDArray[np.generic]]] = {
        "CNN": {"image": draw.normal(size=(rows, 1, 8, 8)).astype(np.float32)},
        "image network": {"image": draw.normal(size=(rows, 3, 17, 18)).astype(np.float32)},
        "LSTM with lengths": {"tokens": draw.integers(0, 20, (rows, time)), "lengths": lengths},
        "bidirectional stack": {"x": draw.normal(size=(rows, time, 4)).astype(np.float32)},
        "transformer with padding": {
            "tokens": draw.integers(0, 20, (rows, time)),
            "keep": np.arange(time) < lengths[:, None],
        },
    }
    return every[network]
