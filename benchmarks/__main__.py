"""Measures, prints a table, and writes it to benchmarks/results/latest.json."""

from __future__ import annotations

import dataclasses
import datetime
import importlib.metadata
import json
import multiprocessing
import os
import platform
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Figure, run

NAMES = (
    "check",
    "chain",
    "emitted_torch",
    "emitted_keras",
    "training_torch",
    "training_keras",
    "training_lightning",
    "training_memory",
    "verify_process",
    "optimizer_steps",
    "onnx_export",
    "onnx_external",
    "onnx_latency",
)
LARGE = ("onnx_latency_keras", "streamed")
"""Measured only where they are named: they need more memory, or disk, than most machines have."""
RESULTS = Path(__file__).parent / "results" / "latest.json"
PACKAGES = ("nnspec", "torch", "keras", "tensorflow-cpu", "onnx", "onnxruntime", "pydantic")


def main() -> None:
    """Run the benchmarks that are named, or all but the large ones."""
    names = sys.argv[1:] or list(NAMES)
    unknown = sorted(set(names) - {*NAMES, *LARGE})
    if unknown:
        sys.exit(f"no benchmark {', '.join(unknown)}: {', '.join((*NAMES, *LARGE))}")
    console = Console(width=None if sys.stdout.isatty() else 120)
    measured: dict[str, list[Figure]] = {}
    spawn = multiprocessing.get_context("spawn")
    for name in names:
        # A process for each, because the frameworks' threads would disturb one another.
        with console.status(name), ProcessPoolExecutor(1, mp_context=spawn) as pool:
            measured[name] = pool.submit(run, name).result()
        _write(measured)  # before it is shown: some take a quarter of an hour
        console.print(_table(name, measured[name]))
    console.print(f"written to {RESULTS}")


def _table(name: str, figures: list[Figure]) -> Table:
    table = Table(title=name, title_justify="left", expand=False)
    for column in ("figure", "ours", "peer"):
        table.add_column(column)
    for column in ("median", "quartiles", "target"):
        table.add_column(column, justify="right")
    table.add_column("")
    for figure in figures:
        target = "" if figure.target is None else f"≤ {_shown(figure, figure.target)}"
        verdict = {True: "[green]met", False: "[red]missed", None: ""}[figure.is_met]
        spread = f"{_shown(figure, figure.low)} to {_shown(figure, figure.high)}"
        value = _shown(figure, figure.value)
        table.add_row(figure.name, figure.ours, figure.peer, value, spread, target, verdict)
    return table


def _shown(figure: Figure, value: float) -> str:
    if figure.unit == "milliseconds":
        return f"{value:.1f} ms"
    return f"1/{1 / value:.0f}" if 0 < value < 0.1 else f"{value:.3f}"


def _write(measured: dict[str, list[Figure]]) -> None:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    result = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "versions": versions,
        "benchmarks": {
            name: [{**dataclasses.asdict(figure), "met": figure.is_met} for figure in figures]
            for name, figures in measured.items()
        },
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
