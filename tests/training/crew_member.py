"""Another process of several trainings, one after the other: it starts but once."""

import json
import os
import sys
from pathlib import Path

from nnspec.network.loader import check
from nnspec.training.crew import Task, follow
from nnspec.training.hardware import Hardware, Place


def main() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def ready() -> None:
        answers.write(b'{"problem": ""}\n')
        answers.flush()

    for line in sys.stdin.buffer:
        task = Task(**json.loads(line))
        hardware = Hardware(task.device, task.processes, task.precision, strategy=task.strategy)
        place = Place(task.rank, task.processes, Path(task.store))
        spec = check(task.spec, folder=task.folder)
        follow(spec, task.backend, task.dtype, hardware, place, None, ready)


if __name__ == "__main__":
    main()
