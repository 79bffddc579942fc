"""Versions of the packages that a result came from."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version

_FIRST = {"nnspec": ("nnspec",)}
_LAST = {"numpy": ("numpy",), "polars": ("polars",)}


def versions(packages: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the version of Python, of nnspec, of these packages and of the core's, if installed.

    packages: name -> the distributions that may have it.
    """
    found = {"python": platform.python_version()}
    for name, distributions in {**_FIRST, **packages, **_LAST}.items():
        installed = [each for each in map(_version, distributions) if each]
        if installed:
            found[name] = installed[0]
    return found


@cache  # each reads and parses the metadata of a package
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
