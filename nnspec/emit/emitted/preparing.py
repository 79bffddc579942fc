"""Rows as the network takes them."""

from typing import Any

import numpy as np

IS_STANDARDISED = True
GIVES_SPREADS = False
IS_LOGARITHM = False


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
    if GIVES_SPREADS and flat.shape[1] == len(record["output_mean"]):
        flat *= record["output_scale"]
        flat += record["output_mean"]
        return flat.reshape(output.shape)
    flat *= record["target_scale"]
    flat += record["target_mean"]
    return flat.reshape(output.shape)


def with_spreads(by: dict[str, Any], shape: tuple[int, ...]) -> dict[str, list[float]]:
    """Return by what an output of means and variances is shifted and scaled."""
    mean, scale = (np.reshape(by[key], shape) for key in ("mean", "scale"))
    if IS_LOGARITHM:
        added, factor = 2 * np.log(scale), np.ones_like(scale)
    if not IS_LOGARITHM:
        added, factor = np.zeros_like(mean), scale**2
    return {
        "output_mean": np.concatenate([mean, added], axis=-1).ravel().tolist(),
        "output_scale": np.concatenate([scale, factor], axis=-1).ravel().tolist(),
    }


def prepared(inputs: dict[str, np.ndarray], record: dict[str, Any]) -> list[np.ndarray]:
    """Return the inputs as the network takes them."""
    arrays = []
    for name, kind in record["inputs"].items():
        values = inputs[name]
        if IS_STANDARDISED and "mean" in kind:
            values = standardised(values, kind)
        arrays.append(np.ascontiguousarray(values.astype(kind["dtype"])))
    return arrays
