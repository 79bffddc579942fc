"""Which packages a result came from."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = {
    "nnspec": ("nnspec",),
    "torch": ("torch",),
    "keras": ("keras",),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "onnx": ("onnx",),
    "onnxruntime": ("onnxruntime",),
    "numpy": ("numpy",),
    "polars": ("polars",),
}
"""Name -> the distributions that have it."""


def versions() -> dict[str, str]:
    """Return the version of Python, of nnspec and of each package it may run on, if installed."""
    return dict(_versions())


@cache  # each reads and parses the metadata of a package
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name, distributions in _PACKAGES.items():
        for distribution in distributions:
            try:
                found[name] = version(distribution)
                break
            except PackageNotFoundError:
                continue
    return found
