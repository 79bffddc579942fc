"""Compiles and verifies thousands of random specs, in child processes that may die.

`python -m tests.fuzz.run --count 2000 -n 2` goes on where it was stopped, and ends with 1 if
anything is wrong. Beside its log lies each spec that failed, with what was wrong with it.
With `--trainings` the specs are small networks with random trainings, which are run as well. With
`--judged` the emitted file of each, of one backend in turn and rewritten so that nothing changes,
is judged as `nnspec verify SPEC --against FILE` judges a file of somebody else's.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import yaml

from tests.fuzz.checks import compiled, ruff_findings, verified
from tests.fuzz.judged import judged
from tests.fuzz.specs import document_of, load_document
from tests.fuzz.training_checks import checked
from tests.fuzz.trainings import TRAININGS, training_of
from tests.logs import code_of, entries, require_of, write

ROOT = Path(__file__).parents[2]
CHUNK = 20
"""Specs of one process: frameworks keep memory."""
TRAINED = 8
"""Of those that are trained as well, which takes longer."""
SECONDS = 600
"""For one process; what takes longer counts as dead."""
HARMLESS = (
    "refused by check", "refused by compile", "refused by train", "left out", "left to rounding",
    "no finite output", "beyond floats",
)  # fmt: skip
"""Kinds that are counted and no failure: the generator asks for what no backend has, or for a
network of which float32 leaves little."""


def spec_of(number: int) -> dict[str, Any]:
    """Return the document of a number."""
    return document_of(number) if number < TRAININGS else training_of(number)


def child(
    numbers: list[int], log: Path, of: dict[str, str], *, verifies: bool = True,
    judges: bool = False,
) -> None:  # fmt: skip
    """Check the specs of these numbers; write what begins, and what was wrong with it.

    of: the code and the mode of the run, for each entry.
    """
    with log.open("a", buffering=1) as file, tempfile.TemporaryDirectory() as folder:

        def say(number: int, **more: Any) -> None:
            file.write(json.dumps({"number": number, **more, **of}) + "\n")

        for number in numbers:
            say(number, state="begun")
            start = time.perf_counter()
            problems: list[tuple[str, str]] = []
            spec = load_document(document_of(number)) if number < TRAININGS else None
            if number >= TRAININGS:
                problems += checked(number, Path(folder))
            elif spec is None:
                problems.append(("refused by check", ""))
            elif judges:
                problems += judged(spec, number, Path(folder))
            else:
                problems += compiled(spec, number, Path(folder))
                problems += verified(spec, number) if verifies else ()
            seconds = round(time.perf_counter() - start, 2)
            say(number, state="done", problems=problems, seconds=seconds)
        for number, kind, text in ruff_findings(Path(folder)):
            say(number, state="found", problems=[(kind, text)])


def work(
    waiting: queue.Queue[list[int]], log: Path, command: list[str], of: dict[str, str]
) -> None:
    """Run children until nothing waits; what kills one is written down, and the rest goes on."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    while True:
        try:
            numbers = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            run = subprocess.run(
                [*command, *map(str, numbers)],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
            how = f"ended with {run.returncode}: {run.stderr[-500:]}" if run.returncode else ""
        except subprocess.TimeoutExpired:
            how = f"took more than {SECONDS} s"
        if not how:
            continue
        states = last_states(log)
        begun = [number for number in numbers if states.get(number) == "begun"]
        left = [number for number in numbers if number not in states]
        if begun:
            dead = {"number": begun[0], "state": "done", "problems": [("dead process", how)]}
            write(log, {**dead, **of})
        elif not left:
            dead = {"number": numbers[-1], "state": "found", "problems": [("dead process", how)]}
            write(log, {**dead, **of})
        if left and (begun or len(left) < len(numbers)):
            waiting.put(left)
        elif left:  # it has done nothing, and never will
            print(how, file=sys.stderr)


def last_states(log: Path) -> dict[int, str]:
    return {e["number"]: e["state"] for e in entries(log) if e["state"] != "found"}


def summary(log: Path, numbers: range, folder: Path) -> int:
    """Print what was found, write the specs that failed; return how many did."""
    found: dict[int, list[tuple[str, str]]] = {}
    seconds = 0.0
    for entry in entries(log):
        if entry["number"] in numbers or entry["number"] < 0:
            seconds += entry.get("seconds", 0)
            problems = [(kind, text) for kind, text in entry.get("problems", ())]
            found.setdefault(entry["number"], []).extend(problems)
    kinds = collections.Counter(
        kind for problems in found.values() for kind in {kind for kind, _ in problems}
    )
    failed = {
        number: [p for p in problems if p[0] not in HARMLESS]
        for number, problems in sorted(found.items())
    }
    failed = {number: problems for number, problems in failed.items() if problems}
    for number, problems in failed.items():
        for kind, text in problems:
            print(f"{number}: {kind}: {' '.join(text.split())[-300:]}")
        comments = [f"# {kind}: {line}" for kind, text in problems for line in text.splitlines()]
        spec = yaml.safe_dump(spec_of(number), sort_keys=False) if number >= 0 else ""
        name = problems[0][0].replace(" ", "_")
        (folder / f"{number}_{name}.yaml").write_text("\n".join([*comments, spec]))
    counted = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    print(f"{len(found)} specs in {seconds:.0f} s of work: {counted or 'nothing found'}")
    print(f"{len(failed)} failed; the specs are in {folder}" if failed else "none failed")
    return len(failed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--trainings", action="store_true", help="specs that are trained")
    parser.add_argument("--no-verify", action="store_true", help="compile and lint alone")
    parser.add_argument("--judged", action="store_true", help="judge emitted files, as --against")
    parser.add_argument("-n", type=int, default=2, help="processes at a time")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "fuzz")
    parser.add_argument("--log", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--numbers", type=int, nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--code", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    mode = "judged" if arguments.judged else "compiled" if arguments.no_verify else "verified"
    mode = "trained" if arguments.trainings else mode
    of = {"code": arguments.code or code_of("tests/fuzz", "tests/detection"), "mode": mode}
    if arguments.log is not None:
        verifies = not arguments.no_verify
        child(arguments.numbers, arguments.log, of, verifies=verifies, judges=arguments.judged)
        return 0
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log.jsonl"
    require_of(log, of["code"], of["mode"])
    start = arguments.start + (TRAININGS if arguments.trainings else 0)
    numbers = range(start, start + arguments.count)
    states = last_states(log)
    left = [number for number in numbers if states.get(number) != "done"]
    waiting: queue.Queue[list[int]] = queue.Queue()
    chunk = TRAINED if arguments.trainings else CHUNK
    for at in range(0, len(left), chunk):
        waiting.put(left[at : at + chunk])
    command = [sys.executable, "-m", "tests.fuzz.run", "--log", str(log), "--code", of["code"]]
    command += ["--trainings"] if arguments.trainings else []
    command += ["--no-verify"] if arguments.no_verify else []
    command += ["--judged"] if arguments.judged else []
    given = (waiting, log, [*command, "--numbers"], of)
    threads = [threading.Thread(target=work, args=given) for _ in range(arguments.n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1 if summary(log, numbers, folder) else 0


if __name__ == "__main__":
    sys.exit(main())
