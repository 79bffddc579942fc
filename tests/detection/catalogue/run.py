"""Puts a catalogue's faults into files, in child processes, and goes on where it was stopped."""

from __future__ import annotations

import collections
import itertools
import json
import os
import queue
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from nnspec.errors import UnsupportedError
from tests.detection import INJECTIONS, Injection, measure
from tests.detection.catalogue import KINDS
from tests.detection.catalogue.harmless import HARMLESS, harmless, harmless_of
from tests.detection.catalogue.judged import Outcome, judged
from tests.detection.catalogue.networks import LAYERS, NETWORKS, ROOT
from tests.detection.catalogue.target import Target
from tests.detection.framework import verified
from tests.logs import code_of, entries, require_of, write

SIDES = ("torch", "keras", "onnx")
CHUNK = 60
"""Injections of one process: frameworks keep memory."""
SECONDS = 3600
"""For one process; what takes longer counts as dead."""
REFUSED = "refused"
"""The verdict of a file that there is not."""
Key = tuple[str, str, str, int]
"""A kind, a side, a network, and the place among those that the kind finds there."""


def places(target: Target, kind: str) -> list[tuple[Any, Any]]:
    """Return the places of a kind in a file: an edit, or a node and what changes it."""
    finder = getattr(KINDS[kind], target.side)
    if finder is None:
        return []
    if target.side == "onnx":
        return list(finder(target.model))
    return [(edit, None) for edit in finder(target.source)]


def all_keys(sides: Sequence[str] = SIDES, names: Sequence[str] = tuple(NETWORKS)) -> list[Key]:
    """Return every injection that there is."""
    found: list[Key] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, side in itertools.product(names, sides):
            target = Target(name, side, Path(folder))
            for kind in KINDS:
                found += [(kind, side, name, i) for i in range(len(places(target, kind)))]
    return found


def chosen(keys: Sequence[Key], count: int, seed: int) -> list[Key]:
    """Return as many injections, of each kind and side about alike many, over many networks."""
    rng = random.Random(seed)
    rows: dict[tuple[str, str], list[Key]] = collections.defaultdict(list)
    for (kind, side), those in itertools.groupby(sorted(keys), key=lambda key: key[:2]):
        by_network: dict[str, list[Key]] = collections.defaultdict(list)
        for key in those:
            by_network[key[2]].append(key)
        for some in by_network.values():
            rng.shuffle(some)
        turns = [*by_network.values()]
        rng.shuffle(turns)
        rows[kind, side] = [
            key for each in itertools.zip_longest(*turns) for key in each if key is not None
        ]
    found: list[Key] = []
    for turn in itertools.zip_longest(*rows.values()):
        found += [key for key in turn if key is not None]
    return found[:count]


def without_faults(sides: Sequence[str]) -> list[Key]:
    """Return the files without a fault: each network in every way, each layer in one."""
    found: list[Key] = [
        (way, side, name, 0) for side in sides for name in NETWORKS for way in harmless_of(side)
    ]
    for i, name in enumerate(LAYERS):
        side = sides[i % len(sides)]
        ways = harmless_of(side)
        found.append((ways[i // len(sides) % len(ways)], side, name, 0))
    return found


# One process


def child(keys: Sequence[Key], log: Path, code: str) -> None:
    """Put these faults in; write what begins, and what came of it. code: of the run, for each."""
    with log.open("a", buffering=1) as file, tempfile.TemporaryDirectory() as folder:
        target: Target | None = None
        for key in keys:
            kind, side, name, place = key
            file.write(json.dumps({"key": key, "state": "begun", "code": code}) + "\n")
            start = time.perf_counter()
            if side == "engine":
                found = of_engine(kind, name)
            else:
                try:
                    if target is None or (target.name, target.side) != (name, side):
                        home = Path(folder) / f"{name}_{side}"
                        home.mkdir(exist_ok=True)
                        target = Target(name, side, home)
                    found = of_file(target, kind, place)
                except UnsupportedError as error:
                    found = refused(key, str(error))
            seconds = round(time.perf_counter() - start, 2)
            entry = {"key": key, "state": "done", "seconds": seconds, "code": code,
                     **found.as_json()}  # fmt: skip
            file.write(json.dumps(entry) + "\n")


def of_file(target: Target, kind: str, place: int) -> Outcome:
    """Judge a file with a fault, or one that is written otherwise."""
    if kind in HARMLESS or kind == "none":
        return harmless(target, kind, place)
    where, change = places(target, kind)[place]
    return judged(target, KINDS[kind], place, where, change)


def refused(key: Key, told: str) -> Outcome:
    """Return that there is no such file: a backend refuses the network by name."""
    kind, side, name, place = key
    return Outcome(
        kind, side, name, place, 0.0, 0.0, REFUSED, is_caught=False, is_blamed=None,
        is_placed=None, told=told,
    )  # fmt: skip


def injections() -> dict[str, tuple[Injection, str]]:
    """Return the injections into an engine by their ids, each with its kind."""
    found = {}
    for each in INJECTIONS:
        told = f"{each.kind}:{each.name}"
        for kind in KINDS.values():
            if any(re.fullmatch(pattern, told) for pattern in kind.engine):
                found[each.id] = (each, kind.id)
    return found


@cache
def right_engines() -> dict[str, Injection]:
    """Return an injection for each network and engines that faults are put into, by its id."""
    found: dict[tuple[str, str, str], Injection] = {}
    for each, _ in injections().values():
        found.setdefault((each.spec, each.side, json.dumps(each.options, default=str)), each)
    return {each.id: each for each in found.values()}


def of_engine(kind: str, name: str) -> Outcome:
    """Verify a network with a fault in one engine, or with none."""
    if kind == "none":
        report = verified(right_engines()[name], None)
        return Outcome(
            kind, "engine", name, 0, 0.0, 0.0, "verified" if report.passed else "not the same",
            not report.passed, None, None,
            "; ".join(f"{each.kind} {each.detail}"[:100] for each in report.failures()[:2]),
        )  # fmt: skip
    injection = injections()[name][0]
    found = measure(injection, pytest.MonkeyPatch())
    told = ", ".join(map(str, found.blamed))
    # Of what lies below rounding, or beyond the domain of inputs, the table of faults says so.
    effect = 0.0 if injection.is_out_of_sight else float("inf")
    return Outcome(
        kind, "engine", name, 0, effect, 0.0, "not the same" if found.is_caught else "verified",
        found.is_caught, found.is_blamed, None, told, injection.layers,
    )  # fmt: skip


# All of them


def work(waiting: queue.Queue[list[Key]], log: Path, code: str) -> None:
    """Run children until nothing waits; what kills one is written down, and the rest goes on."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.detection.catalogue.run", str(log), code]
    while True:
        try:
            keys = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            run = subprocess.run(
                command, input=json.dumps(keys), cwd=ROOT, env=environment, capture_output=True,
                text=True, timeout=SECONDS,
            )  # fmt: skip
            how = f"ended with {run.returncode}: {run.stderr[-400:]}" if run.returncode else ""
        except subprocess.TimeoutExpired:
            how = f"took more than {SECONDS} s"
        if not how:
            continue
        states = {tuple(e["key"]): e["state"] for e in entries(log)}
        begun = [key for key in keys if states.get(tuple(key)) == "begun"]
        for key in begun[:1]:
            dead = {"key": key, "state": "done", "verdict": "dead process", "told": how,
                    "code": code}  # fmt: skip
            write(log, dead)
        left = [key for key in keys if tuple(key) not in states]
        if left and begun:
            waiting.put(left)
        elif left:
            print(how, file=sys.stderr)


def outcomes(log: Path) -> dict[Key, dict[str, Any]]:
    """Return what came of each injection that is done."""
    found = {}
    for entry in entries(log):
        if entry["state"] == "done":
            kind, side, name, place = entry["key"]
            found[kind, side, name, place] = entry
    return found


def run(keys: Sequence[Key], log: Path, processes: int) -> dict[Key, dict[str, Any]]:
    """Return what came of these injections; those of before are not run again."""
    code = code_of("tests/detection")
    require_of(log, code)
    done = outcomes(log)
    left = sorted((key for key in keys if key not in done), key=lambda key: (key[1], key[2]))
    waiting: queue.Queue[list[Key]] = queue.Queue()
    for some in _chunks(left):
        waiting.put(some)
    threads = [threading.Thread(target=work, args=(waiting, log, code)) for _ in range(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = outcomes(log)
    return {key: done[key] for key in keys if key in done}


def _chunks(keys: Sequence[Key]) -> Iterator[list[Key]]:
    """Yield injections of one side together, as many as a process takes."""
    for _, those in itertools.groupby(keys, key=lambda key: key[1]):
        some = list(those)
        for at in range(0, len(some), CHUNK):
            yield some[at : at + CHUNK]


__all__ = ["Key", "all_keys", "chosen", "outcomes", "right_engines", "run", "without_faults"]


if __name__ == "__main__":
    import torch  # noqa: F401 - before TensorFlow, whose libraries would hide its own

    child([tuple(key) for key in json.loads(sys.stdin.read())], Path(sys.argv[1]), sys.argv[2])
