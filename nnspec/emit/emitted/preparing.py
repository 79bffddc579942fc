"""Rows as the network takes them."""

from typing import Any

import numpy as np

IS_STANDARDISED = True


def standard(rows: np.ndarray) -> dict[str, list[float]]:
    """Return mean and deviation of each element; one that never changes is only shifted."""
    rows = rows.reshape(len(rows), -1).astype("float64")
    constant = (rows == rows[0]).all(axis=0)
    mean = np.where(constant, rows[0], rows.mean(axis=0))
    scale = np.where(constant, 1.0, rows.std(axis=0))
    scale[scale == 0] = 1.0
    return {"mean": mean.tolist(), "scale": scale.tolist()}


def standardised(values: np.ndarray, by: dict[str, Any]) -> np.ndarray:
    """Return rows less the mean of each element, in units of its deviation."""
    flat = values.reshape(len(values), -1).astype("float64")
    shifted: np.ndarray = (flat - by["mean"]) / by["scale"]
    return shifted.reshape(values.shape)


def restored(output: np.ndarray, record: dict[str, Any]) -> np.ndarray:
    """Return what a network gives in the units of its target."""
    flat = output.reshape(len(output), -1).astype("float64")
    values: np.ndarray = flat * record["target_scale"] + record["target_mean"]
    return values.reshape(output.shape)


def prepared(inputs: dict[str, np.ndarray], record: dict[str, Any]) -> list[np.ndarray]:
    """Return the inputs as the network takes them."""
    arrays = []
    for name, kind in record["inputs"].items():
        values = inputs[name]
        if IS_STANDARDISED and "mean" in kind:
            values = standardised(values, kind)
        arrays.append(np.ascontiguousarray(values.astype(kind["dtype"])))
    return arrays
