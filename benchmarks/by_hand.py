"""Trains digits as one would write it by hand: `python -m benchmarks.by_hand torch digits_mlp 3`.

A process of its own, whose memory is what `nnspec train` is measured against. It imports nothing of
nnspec, and reads the rows by polars too.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np
import polars as pl

Rows = tuple[Any, Any]
"""Pixels and labels."""
ROWS = "specs/data/digits.csv"
SIZE = 32
"""Rows of a batch, as in both specs."""


def main() -> None:
    """Train by a framework a network for so many epochs."""
    framework, name, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    table = pl.read_csv(ROWS).to_numpy().astype(np.float32)
    pixels, label = table[:, :-1] / 16, table[:, -1].astype(np.int64)
    if name == "digits_cnn":
        pixels = pixels.reshape(-1, 1, 8, 8)
    kept = len(label) // 5
    train = by_torch if framework == "torch" else by_keras
    train(name, (pixels[kept:], label[kept:]), (pixels[:kept], label[:kept]), epochs)


def by_torch(name: str, train: Rows, validation: Rows, epochs: int) -> None:
    """Train a twin by a loop over a `DataLoader`."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    twin = importlib.import_module(f"benchmarks.twins.torch_{name}")
    model = twin.DigitsMLP() if name == "digits_mlp" else twin.DigitsCNN()
    sets = [TensorDataset(*map(torch.from_numpy, rows)) for rows in (train, validation)]
    batches = DataLoader(sets[0], batch_size=SIZE, shuffle=True)
    seen = DataLoader(sets[1], batch_size=SIZE)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_function = nn.CrossEntropyLoss()
    for _ in range(epochs):
        model.train()
        for image, target in batches:
            optimizer.zero_grad()
            loss_function(model(image), target).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            right = sum(int((model(x).argmax(1) == y).sum()) for x, y in seen)
        print(right / len(validation[1]))


def by_keras(name: str, train: Rows, validation: Rows, epochs: int) -> None:
    """Train a twin by `compile` and `fit`."""
    import keras

    model = importlib.import_module(f"benchmarks.twins.keras_{name}").build()
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )

    def last(rows: Rows) -> Rows:
        return (np.moveaxis(rows[0], 1, -1) if rows[0].ndim == 4 else rows[0]), rows[1]

    model.fit(
        *last(train), batch_size=SIZE, epochs=epochs, validation_data=last(validation), verbose=2
    )


if __name__ == "__main__":
    main()
