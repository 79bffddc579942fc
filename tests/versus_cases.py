"""A generator and a discriminator, small enough to train in a test, with rows of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nnspec.network.loader import loads_any
from nnspec.network.networks import Networks
from nnspec.support.streams import normal, stream, uniform

ROWS = 22
SPEC = """\
nnspec: 1
name: Small
blocks:
  step:
    variables: {filters: 4}
    layers:
      - name: conv
        type: conv2d
        filters: "${filters}"
        kernel_size: 3
        padding: 1
        use_bias: false
      - {name: norm, type: NORM}
      - {name: bend, type: tanh}
models:
  maker:
    inputs: {noise: {shape: [6]}}
    layers:
      - {name: seed, type: dense, units: 32, use_bias: false}
      - {type: batch_normalization}
      - {type: tanh}
      - {type: reshape, shape: [8, 2, 2]}
      - {name: grow, type: conv2d_transpose, filters: 4, kernel_size: 4, strides: 2, padding: 1}
      - {name: block, type: step, filters: 6}
      - {name: pixels, type: conv2d, filters: 1, kernel_size: 1, activation: tanh}
  judge:
    inputs: {image: {shape: [1, 4, 4]}}
    layers:
      - {name: block, type: step, filters: 5}
      - {type: flatten}
      - {type: dropout, rate: 0.25}
      - {name: hidden, type: dense, units: 8, activation: tanh}
      - {name: score, type: dense, units: 1}
data:
  source: rows.csv
  features: {image: "pixel_*"}
training:
  type: adversarial
  loss: LOSS
  generator: {model: maker, optimizer: {type: adam, learning_rate: 0.01, beta_1: 0.5}MADE}
  discriminator: {model: judge, optimizer: OPTIMIZER, steps: STEPSJUDGED}
  epochs: 2
  batch_size: 8
  pictures: 1
"""
LOSSES = {
    "non_saturating": "{type: non_saturating, label_smoothing: 0.1}",
    "least_squares": "{type: least_squares, label_smoothing: 0.2}",
    "hinge": "hinge",
    "penalty": "{type: wasserstein, gradient_penalty: 10.0}",
    "clipped": "{type: wasserstein, weight_clip: 0.05}",
}

UPDATES = {
    "": ("", ""),
    "averaged": (
        ", average: {type: ema, decay: 0.9}, clip: {norm: 0.05}",
        ", clip: {norm: 0.1}, accumulate: 2",
    ),
    # Classes of one name in Keras, which are not the same.
    "gathered": (
        ", average: {type: swa, start: 2, every: 2}, clip: {value: 0.01}, accumulate: 3",
        ", clip: {norm_each: 0.05}, accumulate: 2",
    ),
}
"""What the generator and the discriminator have beside their optimizers."""


def text_of(
    loss: str = "non_saturating",
    *,
    norm: str = "batch_normalization",
    optimizer: str = "{type: adam, learning_rate: 0.01, beta_1: 0.5}",
    steps: int = 2,
    updates: str = "",
    changes: tuple[tuple[str, str], ...] = (),
) -> str:
    """Return the spec with this loss; changes: (old, new) texts."""
    text = SPEC.replace("NORM", norm).replace("LOSS", LOSSES[loss])
    text = text.replace("OPTIMIZER", optimizer).replace("STEPS", str(steps))
    for role, own in zip(("MADE", "JUDGED"), UPDATES[updates], strict=True):
        text = text.replace(role, own)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def networks_of(loss: str = "non_saturating", **settings: Any) -> Networks:
    """Return the checked networks; those of a penalty have no batch normalisation to keep."""
    if loss == "penalty":
        settings.setdefault("norm", "rms_normalization, axis: 0")
    networks = loads_any(text_of(loss, **settings))
    assert isinstance(networks, Networks)
    return networks


def write(folder: Path, text: str | None = None) -> Path:
    """Write the spec and rows of it to a folder; return the spec's path."""
    path = folder / "small.yaml"
    path.write_text(text_of() if text is None else text)
    values = np.tanh(normal(stream("rows"), ROWS * 16)).reshape(ROWS, 16).round(4)
    # As text: Polars would start threads, which a process that is forked from this one lacks.
    lines = [
        ",".join(f"pixel_{i}" for i in range(16)),
        *(",".join(map(str, row)) for row in values),
    ]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    return path


def batch(*key: str | int, rows: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return real rows, noise, and a share of each real row in a mix."""
    bits = stream("batch", *key)
    real = normal(bits, rows * 16).reshape(rows, 1, 4, 4)
    return real, normal(bits, rows * 6).reshape(rows, 6), uniform(bits, rows)
