"""Which layers of a spec a place of an emitted file computes: the truth that blame is held to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from nnspec.backend.foreign import Step, Trace
from nnspec.judge.ours import Ours
from nnspec.judge.prints import Prints
from nnspec.judge.walk import Walk
from tests.detection.catalogue.edits import Source


class Owners:
    """The operations of each layer in the run of the file that has no fault."""

    def __init__(self, ours: Ours, trace: Trace, walk: Walk) -> None:
        numbers = walk.ways.numbers
        known = {number for each in numbers.values() for number in each}
        by_output = {number: step for step in trace.steps for number in step.outputs}
        self.paths = ours.paths
        self.sources = dict(walk.found.sources)
        self.kinds = {ours.path_of(n): n.layer.type for n in ours.nodes}
        self.steps: dict[str, list[Step]] = {}
        for node in ours.nodes:
            start = {n for value in node.outputs for n in numbers.get(value, ())}
            before = {n for value in node.inputs for n in numbers.get(value, ())} - start
            path = ours.path_of(node)
            self.steps[path] = list(_behind(start, (known - start) | before, by_output))

    def at_lines(self, first: int, last: int) -> set[str]:
        """Return the layers that lines of a Python file compute, or make."""
        found = set()
        for path, steps in self.steps.items():
            # Where an operation stands, and not what calls it: a block, or the whole network.
            told = [re.sub(r", called from .*?(?=, in |$)", "", step.place) for step in steps]
            lines = {int(n) for each in told for n in re.findall(r"\.py:(\d+)", each)}
            if any(first <= line <= last for line in lines):
                found.add(path)
        return found

    def of_node(self, name: str) -> set[str]:
        """Return the layers that a node of an ONNX graph, or a layer of Keras, computes.

        The nodes that nnspec writes are named after their layers.
        """
        named = [path for path in self.kinds if f"{name}.".startswith(f"{path}.")]
        if named:
            return {max(named, key=len)}
        told = (f'node "{name}"', f'layer "{name}"')
        return {
            path
            for path, steps in self.steps.items()
            if any(step.place.startswith(told) for step in steps)
        }

    def of_kinds(self, kinds: tuple[str, ...]) -> set[str]:
        return {path for path, kind in self.kinds.items() if kind in kinds}

    def in_keras(self, source: Source, place: int) -> set[str]:
        """Return the layers of a statement of an emitted Keras file.

        By the name that it gives; of a definition those that use it.
        """
        names = _names(source, source.statement(place))
        owner = source.enclosing(place)
        if not names and owner and "name" not in _arguments(source, owner):
            lines = source.text.splitlines()
            for number, line in enumerate(lines, 1):
                if re.search(rf"\b{owner}\b", line) and not line.startswith(("def ", "class ")):
                    at = source.at(number, len(line) - len(line.lstrip()))
                    if source.is_touched(at):
                        names += _names(source, source.statement(at))
        return {path for path in self.kinds if any(re.fullmatch(name, path) for name in names)}


def _behind(start: set[int], ends: set[int], by_output: Mapping[int, Step]) -> Iterator[Step]:
    """Yield the operations that lead to values, back to others."""
    waiting, met = list(start), set(start)
    while waiting:
        step = by_output.get(waiting.pop())
        if step is None:
            continue
        yield step
        for number in step.inputs:
            if number not in met and number not in ends:
                met.add(number)
                waiting.append(number)


def _names(source: Source, lines: tuple[int, int]) -> list[str]:
    """Return patterns of the names that layers get in lines of an emitted Keras file."""
    told = "\n".join(source.text.splitlines()[lines[0] - 1 : lines[1]])
    found = re.findall(r"\bname=f?[\"']([^\"']+)[\"']", told)
    return [re.sub(r"\\{[^}]*\\}", ".*", re.escape(each)) for each in found]


def _arguments(source: Source, name: str) -> str:
    """Return the first line of a definition."""
    found = re.search(rf"^(?:def|class) {name}\b[^\n]*", source.text, re.MULTILINE)
    return found.group() if found else ""


__all__ = ["Owners", "Prints"]
