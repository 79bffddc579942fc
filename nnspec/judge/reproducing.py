"""Writes a folder that shows a difference without nnspec: a script, weights and inputs a side."""

from __future__ import annotations

import ast
import io
import itertools
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.foreign import Cut
from nnspec.backend.python_files import defined, in_docstring, quoted
from nnspec.errors import NnspecError
from nnspec.judge.folders import Folder
from nnspec.judge.process import SECONDS
from nnspec.support.causes import Told, cause_of
from nnspec.verification.tolerance import relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array

LEAST = 1e-9
"""Relative: a smaller difference shows nothing."""
CLOSE = 0.05
"""Of a difference: how far a script may be from it, as one that computes in float32 is."""
MOST_AXES = 5
"""Of a value whose axes are tried in every order."""
_PRINTED = re.compile(r"largest difference from \w+: (\S+),")
_MAIN = """\
given = dict(np.load(HERE / "{name}_inputs.npz"))
kept = np.load(HERE / "outputs.npz")
for name, found in computed(given).items():
{turned}    {other} = kept[{key}]
    off = np.max(np.abs(np.subtract(found, {other}, dtype="float64")), initial=0.0)
    largest = np.max(np.abs({other}), initial=0)
    print(f"{{name}} {{found.shape}}:\\n{{found}}")
    print(f"largest difference from {other}: {{off:.6g}}, of numbers up to {{largest:.6g}}")"""


@dataclass(frozen=True)
class Part:
    """One side of a place. name: of its script. label: in texts.

    cuts: what shows the side alone, the smallest first. called: the names of its outputs on both
    sides, in order, or by its own. axes: of outputs, the order in which the other side has them;
    else found.
    """

    name: str
    label: str
    cuts: Callable[[], list[Cut]]
    called: Mapping[str, str] | tuple[str, ...] = ()
    axes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def names(self, cut: Cut) -> dict[str, str]:
        """Return the name on both sides of each output of a cut."""
        if isinstance(self.called, tuple):
            return dict(zip(cut.outputs, self.called or cut.outputs, strict=False))
        return {name: self.called.get(name, name) for name in cut.outputs}


@dataclass(frozen=True)
class Place:
    """The place where two networks part. told: as a sentence. sides: the first has the layout."""

    told: str
    sides: tuple[Part, Part]


@dataclass(frozen=True)
class Reproduced:
    """The result. written: the files, none where `reason` says why."""

    reason: str = ""
    told: str = ""
    written: tuple[Path, ...] = ()


def told_of(done: Reproduced | None) -> dict[str, object]:
    """Return what was done as an entry of a report's JSON: none where nothing was asked."""
    if done is None:
        return {}
    return {"reproduced": {"files": [str(each) for each in done.written], "reason": done.reason}}


def reproduce(
    places: Sequence[Place], folder: Folder, *, title: str, versions: Mapping[str, str],
    command: str = "", seconds: float = SECONDS,
) -> Reproduced:  # fmt: skip
    """Write the first place of which two scripts show the difference, each run alone.

    title: of the page that says what it is. command: the line that gives it again.
    """
    reasons: list[str] = []
    for place in places:
        try:
            files = _Attempt(place, seconds).files()
        except (NnspecError, Told, RuntimeError, ValueError, OSError) as error:
            reasons.append(cause_of(error))
            continue
        files["README.md"] = _page(place, files, title, versions, command).encode()
        return Reproduced("", place.told, tuple(folder.write(files)))
    return Reproduced(f"no part shows the difference alone: {'; '.join(dict.fromkeys(reasons))}")


class _Attempt:
    """Scripts of one place, tried."""

    def __init__(self, place: Place, seconds: float) -> None:
        self.place = place
        self.seconds = seconds

    def files(self) -> dict[str, bytes]:
        """Return what a folder is to hold; raises Told where the scripts do not show it."""
        options = [side.cuts() for side in self.place.sides]
        for side, cuts in zip(self.place.sides, options, strict=True):
            if not cuts:
                raise Told(f"nothing of {side.label} can be computed alone")
        firsts = [cuts[0] for cuts in options]
        found: list[tuple[Cut, dict[str, bytes]]] = []
        kept = self._outputs(firsts)
        for i in range(2):
            # Parts of a network give the same value, so that what the other gave stays as it is.
            reason = ""
            for cut in options[i]:
                files = self._script(i, cut, kept)
                reason = self._shown(i, {**files, "outputs.npz": _npz(kept)}, kept)
                if not reason:
                    found.append((cut, files))
                    break
            else:
                raise Told(reason)
        self.cuts = [cut for cut, _ in found]
        return {**found[0][1], **found[1][1], "outputs.npz": _npz(kept)}

    def _outputs(self, cuts: Sequence[Cut]) -> dict[str, Array]:
        """Return what each side gives, in the layout of the first; raises Told if that is one."""
        first, second = self.place.sides
        names = first.names(cuts[0])
        mine = {names[name]: each for name, each in cuts[0].outputs.items() if name in names}
        self.axes: dict[str, tuple[int, ...]] = {}
        theirs = {}
        names = second.names(cuts[1])
        for name, array in cuts[1].outputs.items():
            called = names.get(name, "")
            if called not in mine:
                continue
            axes = second.axes.get(called) or axes_between(array, mine[called])
            if axes is None:
                raise Told(f"{second.label} has {called} in another shape")
            self.axes[name] = axes
            theirs[called] = np.transpose(array, axes)
        mine = {name: mine[name] for name in theirs}
        if not theirs or relative_error(theirs, mine) <= LEAST:
            raise Told(f"fed the same alone, {first.label} and {second.label} give the same")
        return {
            **{f"{first.name}.{name}": each for name, each in mine.items()},
            **{f"{second.name}.{name}": each for name, each in theirs.items()},
        }

    def _script(self, i: int, cut: Cut, kept: Mapping[str, Array]) -> dict[str, bytes]:
        side, other = self.place.sides[i], self.place.sides[1 - i]
        names = side.names(cut)
        names = {name: each for name, each in names.items() if f"{other.name}.{each}" in kept}
        key = f'f"{other.name}.{{name}}"'
        if len(names) == 1:
            key = quoted(f"{other.name}.{next(iter(names.values()))}")
        elif any(name != each for name, each in names.items()):
            key = f"{ {name: f'{other.name}.{each}' for name, each in names.items()}!r}[name]"
        turned = "" if len(names) == len(cut.outputs) else (
            f"    if name not in {[*names]!r}:\n        continue  # only this has it\n"
        )  # fmt: skip
        moves = {name: axes for name, axes in self.axes.items() if axes != tuple(sorted(axes))}
        if i == 1 and moves:
            axes = next(iter(moves.values())) if len(names) == 1 else f"{self.axes!r}[name]"
            turned += f"    found = np.transpose(found, {axes})  # as {other.name} has it\n"
        imports, rest = _parted(cut.source)
        body = _MAIN.format(name=side.name, other=other.name, turned=turned, key=key)
        does = f"Print what this gives, and how far it is from what {other.name} gave."
        main = f'\n\n{defined("main()", does, body)}\n\nif __name__ == "__main__":\n    main()\n'
        needs = f"{', '.join(cut.needs[:-1])} and {cut.needs[-1]}"
        what = in_docstring(f"{side.label}{f': {cut.told}' if cut.told else ''}, alone")
        head = f'"""{what}. It needs {needs}."""\n\n'
        text = f"{head}{imports}\nHERE = Path(__file__).parent\n{rest}{main}"
        return {
            f"{side.name}.py": text.encode(),
            f"{side.name}_inputs.npz": _npz(cut.given),
            **cut.files,
        }

    def _shown(self, i: int, files: Mapping[str, bytes], kept: Mapping[str, Array]) -> str:
        """Run a script, and return why it does not show the difference, or nothing."""
        side, other = (each.name for each in (self.place.sides[i], self.place.sides[1 - i]))
        expected = max(
            float(np.max(np.abs(np.subtract(array, kept[f"{other}.{name[len(side) + 1 :]}"],
                                            dtype="float64")), initial=0.0))
            for name, array in kept.items() if name.startswith(f"{side}.")
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
            try:
                done = subprocess.run(
                    [sys.executable, "-I", f"{side}.py"], cwd=folder, capture_output=True,
                    text=True, timeout=self.seconds, check=False, stdin=subprocess.DEVNULL,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                return f"{side}.py did not end within {self.seconds:g} s"
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
            return f"{side}.py ends with {last}"
        found = max(map(float, _PRINTED.findall(done.stdout)), default=0.0)
        if not abs(found - expected) <= CLOSE * expected and np.isfinite(expected):
            return f"{side}.py shows a difference of {found:.3g}, and not of {expected:.3g}"
        return ""


def axes_between(array: Array, other: Array) -> tuple[int, ...] | None:
    """Return the order of an array's axes that gives the shape of another, and the nearest to it.

    As they are, unless another order makes the difference much smaller; None where none fits.
    """
    whole = tuple(range(array.ndim))
    if array.ndim != other.ndim:
        return None
    orders = itertools.permutations(whole) if array.ndim <= MOST_AXES else iter([whole])
    fitting = [each for each in orders if tuple(array.shape[i] for i in each) == other.shape]
    if not fitting or array.dtype.kind not in "fiub":
        return fitting[0] if fitting else None

    def error(axes: tuple[int, ...]) -> float:
        off = np.subtract(np.transpose(array, axes), other, dtype="float64")
        return float(np.max(np.abs(off), initial=0.0))

    best = min(fitting, key=error)
    return whole if whole in fitting and not error(best) < 0.1 * error(whole) else best


def _parted(source: str) -> tuple[str, str]:
    """Return the imports of Python source, in order, and the rest without its docstring."""
    tree = ast.parse(source)
    lines = source.splitlines()
    imports = ["from pathlib import Path", "import numpy as np"]
    left_out: set[int] = set()
    for node in tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text or isinstance(node, ast.Import | ast.ImportFrom):
            left_out.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(ast.unparse(node))
    rest = "\n".join(line for i, line in enumerate(lines, 1) if i not in left_out)
    rest = re.sub(r"\n{4,}", "\n\n\n", rest.strip("\n"))
    own: list[str] = []
    others: list[str] = []
    for line in sorted(dict.fromkeys(imports), key=lambda text: (text.startswith("from"), text)):
        package = line.split()[1].partition(".")[0]
        (own if package in sys.stdlib_module_names else others).append(line)
    return "\n".join([*own, "", *others, ""]), f"\n\n{rest}\n"


def _npz(arrays: Mapping[str, Array]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **dict(arrays))  # type: ignore[arg-type]
    return file.getvalue()


def _page(
    place: Place, files: Mapping[str, bytes], title: str, versions: Mapping[str, str], command: str
) -> str:
    """Return the page that says what the folder holds, in some ten lines."""
    sides = [side.name for side in place.sides]
    of = {name: [each for each in files if each.startswith((f"{name}.", f"{name}_"))]
          for name in sides}  # fmt: skip
    lines = [f"# {title}", "", place.told, ""]
    for side in place.sides:
        own = ", ".join(f"`{each}`" for each in of[side.name] if not each.endswith(".py"))
        lines.append(f"- `python {side.name}.py`: {side.label}, alone; it reads {own}.")
    lines.append(
        "- `outputs.npz`: what each gave, in the same layout. Each script prints what it gives, "
        "and the largest difference from what the other gave."
    )
    told = ", ".join(f"{name} {each}" for name, each in versions.items())
    lines.append(f"- No script needs nnspec, which wrote them with {told}.")
    if command:
        lines.append(f"- To write this again: `{command}`")
    return "\n".join(lines) + "\n"
