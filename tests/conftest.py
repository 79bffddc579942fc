"""Shared by all tests."""

from __future__ import annotations

import hashlib
import math
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Before TensorFlow is first imported, or it greets with several lines of advice.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The networks are small: threads would cost more than they give.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Keras compiles each call of a grouped convolution anew: to optimize takes longer than to run.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import pytest

# What runs in the background of a shell inherits that it is ignored, and tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARES: dict[str, float] = {
    **dict.fromkeys(("judge", "keras", "parity", "remote", "torch", "training"), 0.09),
    **dict.fromkeys(("verification", "weights", "matrix", "certificate"), 0.09),
    **dict.fromkeys(("cli", "data", "emit", "layers", "library", "onnx", "project"), 0.12),
}
"""Folder of tests -> the share of the cases of each test that `make test` runs."""

_COMPARISONS: list[int] = []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave most cases of the tests that take long to `make verify-all`, as slow ones.

    Which, the names of the cases decide, so that it is the same everywhere; each test keeps some.
    """
    cases: dict[tuple[float, str], list[pytest.Item]] = {}
    for item in items:
        share = SHARES.get(item.path.relative_to(Path(__file__).parent).parts[0])
        if share is None or not hasattr(item, "callspec") or item.get_closest_marker("slow"):
            continue
        cases.setdefault((share, item.nodeid.partition("[")[0]), []).append(item)
    for (share, _), some in cases.items():
        kept = math.ceil(share * len(some))
        some.sort(key=lambda item: hashlib.sha256(item.nodeid.encode()).digest())
        for item in some[kept:]:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def comparisons() -> list[int]:
    """How many comparisons each parity test made; their sum is printed at the end."""
    return _COMPARISONS


@pytest.fixture(scope="session", autouse=True)
def no_pictures_of_results() -> None:
    """Train without the pictures of a run's end, which take longer than small runs.

    The picture of its history is drawn here, where the packages for it are loaded once.
    """
    from nnspec.training import drawing, results

    results.DRAWS = False
    drawing.APART = False


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the backends of `tests/toy_backend`, for one test."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "toy_backend"))


@pytest.fixture
def eager(request: pytest.FixtureRequest) -> Iterator[None]:
    """Spare Keras the compilation of each small network, which takes most of the time."""
    if "keras" not in request.node.name:
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def network_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verify what a network can have wrong; tests of their own hold what is of whole programs.

    Those are what begins after many calls, the optimizer's steps by its formula, and the metrics.
    """
    from nnspec.verification import call_checks, inspected

    monkeypatch.setattr(call_checks, "CALLS", 2)
    monkeypatch.setattr(inspected, "FOLLOWS", False)
    monkeypatch.setattr(inspected, "_metrics", lambda state, spec, program: {})


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Give what a process of pytest-xdist counted to the one that prints the sum."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["comparisons"] = _COMPARISONS


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take what another process counted."""
    _COMPARISONS.extend(getattr(node, "workeroutput", {}).get("comparisons", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _COMPARISONS:
        terminalreporter.write_line(
            f"parity: {sum(_COMPARISONS):,} comparisons of backends over "
            f"{len(_COMPARISONS):,} networks of one layer"
        )
