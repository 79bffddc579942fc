"""The memory of an exporter, estimated before it runs: too much ends the whole process."""

from __future__ import annotations

import math
import re
from pathlib import Path

from nnspec.backend import ExportMemory, Precision
from nnspec.errors import UnsupportedError, UsageError
from nnspec.network.graph import Graph
from nnspec.verification.engines import Engine, ExportedOnnx

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


class TooLarge(UnsupportedError):
    """An exporter would take more memory than it may."""


def require_memory(engine: Engine, graph: Graph, dtype: Precision, limit: int | None) -> None:
    """Raise TooLarge where an exporter would take more than this, by default than what is free."""
    if not isinstance(engine, ExportedOnnx):
        return
    cost = engine.source.backend.export_memory
    allowed = available() if limit is None else limit
    if cost is None or allowed is None:
        return
    needed = estimate(cost, graph, dtype)
    if needed > allowed:
        limited = "are free" if limit is None else "are allowed by --memory"
        raise TooLarge(
            f"{engine.source.name}'s exporter would take about {shown(needed)} in {dtype}, and "
            f"{shown(allowed)} {limited}"
        )


def estimate(cost: ExportMemory, graph: Graph, dtype: Precision) -> int:
    """Return the bytes that an exporter takes besides the network itself."""
    numbers = sum(math.prod(parameter.shape) for _, parameter in graph.parameters())
    sizes = {
        f"{at.home}": math.prod(parameter.shape)
        for at in graph.walk()
        for parameter in at.parameters()
        if parameter.name in ("weight", "weight_v")
    }
    numbers += sum(sizes.get(at.tied or "", 0) for at in graph.walk())
    return cost.base + int(cost.of_weights * numbers * (8 if dtype == "float64" else 4))


def available() -> int | None:
    """Return the bytes of memory that are free, or None where the system does not say."""
    free = []
    for path, read in (
        (Path("/proc/meminfo"), _of_machine),
        (Path("/sys/fs/cgroup"), _of_group),
    ):
        try:
            free.append(read(path))
        except (OSError, ValueError, AttributeError):
            continue
    return min(free, default=None)


def _of_machine(path: Path) -> int:
    found = re.search(r"^MemAvailable:\s+(\d+) kB", path.read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def _of_group(path: Path) -> int:
    """A container's own limit; the text "max" is none, and no number."""
    limit = int((path / "memory.max").read_text())
    used = int((path / "memory.current").read_text())
    cached = re.search(r"^inactive_file (\d+)$", (path / "memory.stat").read_text(), re.MULTILINE)
    return limit - used + (int(cached[1]) if cached is not None else 0)


def bytes_of(text: str) -> int:
    """Return the number of bytes that "12GB", "512 MiB" or "1000000" says; raises UsageError."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?\s*", text, re.IGNORECASE)
    unit = {**_UNITS, **_BINARY}.get(found[2].lower()) if found is not None else None
    if found is None or unit is None:
        raise UsageError(f'"{text}" is no amount of memory; write it as 12GB, 800MB or 16GiB')
    return int(float(found[1]) * unit)


def shown(count: int) -> str:
    """Return a number of bytes in GB, or MB."""
    return f"{count / 1e9:.1f} GB" if count >= 10**9 else f"{count / 1e6:.0f} MB"
