"""Times things against one another, so that what else the machine does hits all of them alike."""

from __future__ import annotations

import importlib
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Unit = Literal["ratio", "milliseconds"]
Action = Callable[[], Any]
ORDERS = random.Random(0)


class Times(defaultdict[str, list[float]]):
    """The seconds of each of several actions, round by round."""

    def __init__(self) -> None:
        super().__init__(list)

    def add(self, times: dict[str, list[float]]) -> None:
        """Take the rounds of another measurement as further ones."""
        for name, rounds in times.items():
            self[name] += rounds


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    value: the median over the rounds, `low` and `high` its quartiles. unit "ratio": our time by
    the peer's of the same round. target: the largest value that will do; None where the figure
    only informs.
    """

    name: str
    ours: str
    peer: str
    value: float
    low: float
    high: float
    target: float | None
    unit: Unit = "ratio"

    @property
    def is_met(self) -> bool | None:
        """Whether the value reaches the target; None without one."""
        return None if self.target is None else self.value <= self.target


def run(name: str) -> list[Figure]:
    """Return the figures of a benchmark, by the name of its module."""
    figures: list[Figure] = importlib.import_module(f"benchmarks.{name}").run()
    return figures


def seconds(
    action: Action, calls: int = 1, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return how long one call takes, the mean of several."""
    start = clock()
    for _ in range(calls):
        action()
    return (clock() - start) / calls


def interleaved(
    actions: dict[str, Action],
    *,
    rounds: int,
    at_least: float = 0.0,
    clock: Callable[[], float] = time.perf_counter,
    before: Action = lambda: None,
    rest: float = 0.0,
) -> dict[str, list[float]]:
    """Return the seconds of each action in each round, every round in another order.

    at_least: an action is repeated until a round of it takes this many seconds, so that the clock
    and the loop do not count. clock: `time.process_time` for work of one thread, so that what else
    the machine does does not count either. before: done before each round of an action, untimed.
    rest: seconds to wait before each round of an action, which is then called once untimed: threads
    that other actions left spinning have gone to sleep by then.
    """
    calls: dict[str, int] = {}
    for name, action in actions.items():
        before()
        time.sleep(rest)
        action()
        calls[name] = max(1, round(at_least / max(seconds(action, 3 if at_least else 1), 1e-9)))
    times: dict[str, list[float]] = {name: [] for name in actions}
    order = list(actions)
    for _ in range(rounds):
        ORDERS.shuffle(order)
        for name in order:
            before()
            if rest:
                time.sleep(rest)
                actions[name]()
            times[name].append(seconds(actions[name], calls[name], clock))
    return times


def ratio(
    name: str, ours: list[float], peer: list[float], target: float | None, notes: str = ""
) -> Figure:
    """Return the figure of our times against a peer's of the same rounds."""
    ratios = [a / b for a, b in zip(ours, peer, strict=True)]
    low, value, high = quartiles(ratios)
    shown = [shown_time(statistics.median(times)) for times in (ours, peer)]
    return Figure(name, shown[0], f"{shown[1]} {notes}".strip(), value, low, high, target)


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """Return the quartiles; of a single value, that."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def shown_time(value: float) -> str:
    """Return seconds with three digits and a unit that suits them."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size or unit == "µs":
            return f"{value / size:.3g} {unit}"
    raise AssertionError
