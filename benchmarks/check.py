"""`nnspec check` as a whole process, against the imports that no checker of YAML can do without.

Processor time of each process, alternately; with bytecode beside nnspec's files, as an installed
package has it, and without, as the first run of a checkout that may not write any.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import ORDERS, Figure, ratio

ROOT = Path(__file__).parents[1]
CACHED, UNCACHED = 1.6, 2.0
ROUNDS = 41
SPEC = str(ROOT / "specs/digits_cnn.yaml")
CHECK = f"import sys; sys.argv = ['nnspec', 'check', {SPEC!r}]; from nnspec.cli import main; main()"
COMMANDS = {
    "ours": CHECK,
    "floor": "from pydantic import BaseModel; import yaml",
    # The real module is imported before the command line can stand in for it.
    "plugins": f"import pydantic.plugin._loader; {CHECK}",
    "help": "import sys; sys.argv = ['nnspec', '--help']; from nnspec.cli import main; main()",
    "python": "pass",
}


def run() -> list[Figure]:
    """Return the two figures, and three that say where the time goes."""
    with tempfile.TemporaryDirectory() as folder:
        # A copy, so that bytecode can be kept from it; packages keep theirs.
        shutil.copytree(
            ROOT / "nnspec", Path(folder) / "nnspec", ignore=shutil.ignore_patterns("__pycache__")
        )
        bare = _measured(folder, ("ours", "floor"), is_cached=False)
        times = _measured(folder, tuple(COMMANDS), is_cached=True)
    name, notes = "nnspec check digits_cnn.yaml", "pydantic and yaml"
    return [
        ratio(name, times["ours"], times["floor"], CACHED, notes),
        ratio(f"{name}, without bytecode", bare["ours"], bare["floor"], UNCACHED, notes),
        ratio(f"{name}, by it with plugins", times["ours"], times["plugins"], None, "the same"),
        ratio("nnspec --help", times["help"], times["floor"], None, notes),
        ratio("python -c pass", times["python"], times["floor"], None, notes),
    ]


def _measured(folder: str, names: tuple[str, ...], *, is_cached: bool) -> dict[str, list[float]]:
    """Return the seconds of each command, round by round, after one that is not counted."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = folder
    if not is_cached:
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
    times: dict[str, list[float]] = {name: [] for name in names}
    order = list(names)
    for number in range(ROUNDS + 1):
        ORDERS.shuffle(order)
        for name in order:
            used = _processor_time([sys.executable, "-c", COMMANDS[name]], environment)
            if number:
                times[name].append(used)
    return times


def _processor_time(command: list[str], environment: dict[str, str]) -> float:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[2]}: exit code {process.returncode}")
    return used.ru_utime + used.ru_stime
