"""Runs the whole matrix, and prints of each kind of feature how far scripts end from `train`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Print the matrix, kinds of features by frameworks, and what is apart."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("words", nargs="*", help="that the name of a case must hold")
    parser.add_argument("--backend", choices=["torch", "keras"], help="of one framework alone")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

    from nnspec.training import drawing, results
    from tests.matrix import adversarial
    from tests.matrix.cases import alone
    from tests.matrix.pairs import pairs
    from tests.matrix.running import FRAMEWORKS, TOLERANCE, Process, Result, compared

    results.DRAWS = drawing.APART = False  # no pictures
    cases = {**alone(), **pairs()}
    names = [
        name
        for name in (*cases, *adversarial.CASES)
        if all(word in name for word in arguments.words)
    ]
    frameworks = [arguments.backend] if arguments.backend else FRAMEWORKS
    found: dict[str, dict[str, list[tuple[float, str]]]] = {}
    wrong = 0
    for backend in frameworks:
        process = Process()
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                result: Result = (
                    compared(cases[name], backend, Path(folder), process)
                    if name in cases
                    else adversarial.compared(name, backend, Path(folder), process)
                )
            if result.problem or not result.error <= TOLERANCE:
                wrong += 1
                print(f"{backend}: {name}: {result.error:.1e} {result.where} {result.problem}")
            of_kind = found.setdefault(name.partition(" ")[0], {})
            of_kind.setdefault(backend, []).append((result.error, name))
        process.close()
    for kind, by_framework in found.items():
        said = [f"{backend} {len(each):3} cases, worst {max(each)[0]:.1e} ({max(each)[1]})"
                for backend, each in by_framework.items()]  # fmt: skip
        print(f"{kind:14}{'; '.join(said)}")
    print(f"{len(names)} cases; {wrong} end otherwise than nnspec train")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
