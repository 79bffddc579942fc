"""Transposes, here and in another checkout: `python -m benchmarks.transposes CHECKOUT`.

Counted in the text over all examples and the zoo, for each backend and for both layouts of what a
network takes and gives. ONNX models have their blocks opened; in source one in a block counts once.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
COUNT = r"""
import json, re, sys
from pathlib import Path
import nnspec

TRANSPOSE = re.compile(r"\.permute\(0,|\blayers\.Permute\(|= Transpose\b")
counts = {}
for path in sorted([*Path("specs").glob("*.yaml"), *Path("specs/zoo").glob("*.yaml")]):
    spec = nnspec.load(path)
    for backend, layouts in (("torch", ("spec", "native")), ("keras", ("spec", "native")),
                             ("onnx", ("spec",))):
        for layout in layouts:
            try:
                source = nnspec.compile(spec, backend, layout=layout).source
            except nnspec.NnspecError:
                continue
            key = f"{backend}, {layout} layout at the borders"
            counts.setdefault(key, {})[path.stem] = len(TRANSPOSE.findall(source))
print(json.dumps(counts))
"""


def main() -> None:
    """Print a line for each backend, and each network whose number differs."""
    parser = argparse.ArgumentParser(description="Transposes here and in another checkout.")
    parser.add_argument("checkout", type=Path, help="one with a .venv of its own")
    other = _counted(parser.parse_args().checkout.resolve())
    ours = _counted(ROOT)
    print("| backend | networks | transposes before | after |")
    print("| --- | --- | --- | --- |")
    for key, counts in ours.items():
        both = {name: (other[key].get(name), count) for name, count in counts.items()}
        known = [(before, after) for before, after in both.values() if before is not None]
        before, after = (sum(pair[i] for pair in known) for i in (0, 1))
        print(f"| {key} | {len(known)} | {before} | {after} |")
        for name, (old, new) in both.items():
            if old not in (None, new):
                print(f"| {key}: `{name}` | | {old} | {new} |")


def _counted(checkout: Path) -> dict[str, dict[str, int]]:
    python = checkout / ".venv/bin/python"
    command = [str(python) if python.exists() else sys.executable, "-c", COUNT]
    run = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    counts: dict[str, dict[str, int]] = json.loads(run.stdout)
    return counts


if __name__ == "__main__":
    main()
