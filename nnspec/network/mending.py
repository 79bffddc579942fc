"""Makes fixes round by round, for one mistake may hide another.

What a fix leaves out because the language infers it must be true of the network that comes out:
that is tried first, and the fixes of what is not true are not made.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from nnspec.errors import Fix, Mark, Problem
from nnspec.language.edits import applied
from nnspec.language.source import parse
from nnspec.language.spans import Node, Spans, read_spans
from nnspec.language.tree import SourceError
from nnspec.layers.words.word import Claim
from nnspec.network.claims import Seen, Verdict, verdict

ROUNDS = 20

Attempt = Callable[[str], tuple[Any, tuple[Problem, ...], Sequence[Seen]]]
"""Reads a text: its spec or None, what is wrong with it or its advice, and the layers seen."""
_Offsets = list[tuple[int, int, str]]
_Verdicts = Mapping[tuple[int, str], Verdict]
"""By where a key stood in the first text, and what it was."""


class Mended(NamedTuple):
    """A text with its fixes, what they were, and what is wrong with it still."""

    text: str
    fixed: tuple[Problem, ...]
    problems: tuple[Problem, ...]
    spec: Any


def mended(
    text: str, attempt: Attempt, *, is_json: bool, unsafe: bool, rounds: int = ROUNDS
) -> Mended:
    """Return the text with every safe fix made, each whole or not at all; see `fixing.mend`."""
    run = _Run(text, attempt, is_json=is_json, unsafe=unsafe)
    made = run.made(rounds)
    if not run.claims:
        return made
    verdicts = run.verdicts(made)
    if all(each is True or (each is None and unsafe) for each in verdicts.values()):
        return made
    return _Run(text, attempt, is_json=is_json, unsafe=unsafe, verdicts=verdicts).made(rounds)


def judged(
    text: str, problems: tuple[Problem, ...], attempt: Attempt, *, is_json: bool
) -> tuple[Problem, ...]:
    """Return the problems of a text, without the fixes that would leave out what is not true.

    One of which that cannot be told is not safe.
    """
    trial = _Run(text, attempt, is_json=is_json, unsafe=False)
    verdicts = trial.verdicts(trial.made(ROUNDS))
    first = _Run(text, attempt, is_json=is_json, unsafe=False, verdicts=verdicts)
    return tuple(map(first.told, problems))


class _Run:
    """Fixes made one round after another."""

    def __init__(
        self,
        text: str,
        attempt: Attempt,
        *,
        is_json: bool,
        unsafe: bool,
        verdicts: _Verdicts | None = None,
    ) -> None:
        self.text = text
        self.attempt = attempt
        self.is_json = is_json
        self.unsafe = unsafe
        self.known = verdicts
        self.rounds: list[_Offsets] = []
        """The edits of each round."""
        self.claims: list[tuple[Claim, int, int]] = []
        """Those of the fixes made, with the place of the key and the round."""
        self.seen: Sequence[Seen] = ()

    def made(self, rounds: int) -> Mended:
        """Make the fixes; return what comes out."""
        fixed: list[Problem] = []
        right: Mended | None = None
        for number in range(rounds + 1):
            spec, problems, self.seen = self.attempt(self.text)
            if spec is not None and fixed and right is None:
                # It was wrong: its advice is of what its author has not seen yet.
                return Mended(self.text, tuple(fixed), problems, spec)
            if spec is not None:
                right = Mended(self.text, tuple(fixed), problems, spec)
            elif right is not None:  # what mended advice has broken it
                self.rounds.pop()
                return right
            problems = tuple(map(self.told, problems))
            done: list[Problem] = []
            if number < rounds:
                done = _chosen(self.text, problems, is_json=self.is_json, unsafe=self.unsafe)
            if not done:
                break
            self._make(done)
            fixed.extend(done)
        return right or Mended(self.text, tuple(fixed), problems, None)

    def _make(self, done: list[Problem]) -> None:
        starts = Spans.line_starts(self.text)
        for problem in done:
            for claim in problem.fix.claims if problem.fix is not None else ():
                self.claims.append((claim, _offset(claim.mark, starts), len(self.rounds)))
        edits = {edit for each in done if each.fix is not None for edit in each.fix.edits}
        self.text = applied(self.text, sorted(edits))
        self.rounds.append(
            [(starts[a] + b, starts[c] + d, new) for a, b, c, d, new in sorted(edits)]
        )

    def told(self, problem: Problem) -> Problem:
        """Return a problem, its fix as safe as what is known of its claims allows."""
        fix = problem.fix
        if fix is None or not fix.claims or self.known is None:
            return problem
        starts = Spans.line_starts(self.text)
        found = [
            self.known.get((self._origin(_offset(claim.mark, starts), len(self.rounds)), claim.key))
            for claim in fix.claims
        ]
        wrong = next((each for each in found if isinstance(each, str)), None)
        if wrong is not None:
            return problem._replace(fix=None, hint=wrong)
        if None in found:
            unsure = Fix(fix.title, fix.changes, False, fix.edits, fix.claims)
            return problem._replace(fix=unsure)
        return problem

    def verdicts(self, made: Mended) -> _Verdicts:
        """Return what is known of the claims of the fixes made, once they are made."""
        spans = read_spans(made.text, is_json=self.is_json)
        if spans is None:
            return {}
        begins = sorted(_layer_starts(spans))

        def item_at(position: int) -> int:
            return bisect_right(begins, position) - 1

        seen: dict[int, list[Seen]] = {}
        for each in self.seen:
            if each.mark is not None:
                seen.setdefault(item_at(_offset(each.mark, spans.starts)), []).append(each)
        found: dict[tuple[int, str], Verdict] = {}
        for claim, place, number in self.claims:
            position = place
            for edits in self.rounds[number:]:
                position = _moved(position, edits)
            item = item_at(position)
            layers = seen.get(item, []) if item >= 0 else []
            key = self._origin(place, number), claim.key
            found[key] = verdict(claim, layers, made.spec)
        return found

    def _origin(self, position: int, number: int) -> int:
        """Return where a place of the text of a round stood in the first text."""
        for edits in reversed(self.rounds[:number]):
            position = _before(position, edits)
        return position


def _offset(mark: Mark | None, starts: list[int]) -> int:
    return starts[mark.line] + mark.column if mark is not None else 0


def _moved(position: int, edits: _Offsets) -> int:
    """Return where a place is after edits."""
    moved = 0
    for start, end, new in edits:
        if end <= position:
            moved += len(new) - (end - start)
        elif start <= position:
            return start + moved
    return position + moved


def _before(position: int, edits: _Offsets) -> int:
    """Return where a place was before edits."""
    moved = 0
    for start, end, new in edits:
        if position < start + moved:
            break
        if position < start + moved + len(new):
            return start
        moved += len(new) - (end - start)
    return position - moved


def _layer_starts(spans: Spans) -> list[int]:
    """Return where each item of any `layers` begins."""
    found: list[int] = []
    waiting: list[Node] = [spans.root] if spans.root is not None else []
    while waiting:
        node = waiting.pop()
        waiting += node.values
        for item in node.items:
            waiting.append(item.value)
            key = spans.text[item.key.start : item.key.end].strip("'\"")
            if key == "layers" and item.value.kind == "list":
                found += [each.start for each in item.value.values]
    return found


def _chosen(
    text: str, problems: tuple[Problem, ...], *, is_json: bool, unsafe: bool
) -> list[Problem]:
    """Return the problems whose fixes are made: those that do not meet."""
    chosen: list[Problem] = []
    for problem in problems:
        fix = problem.fix
        if fix is None or not fix.edits or not (fix.is_safe or unsafe):
            continue
        candidate = [*chosen, problem]
        if not _meet(candidate):
            chosen = candidate
    if _is_read(_applied(text, chosen), is_json=is_json):
        return chosen
    # Two that do not meet may still give a key twice: then one after another.
    done: list[Problem] = []
    for problem in chosen:
        if _is_read(_applied(text, [*done, problem]), is_json=is_json):
            done.append(problem)
    return done


def _meet(problems: list[Problem]) -> bool:
    """Whether two fixes edit the same place; equal edits are one."""
    edits = sorted(
        (edit, number)
        for number, each in enumerate(problems)
        for edit in (each.fix.edits if each.fix is not None else ())
    )
    for (one, first), (other, second) in pairwise(edits):
        is_apart = one[2:4] <= other[:2] and one[:2] != other[:2]
        if first != second and one != other and not is_apart:
            return True
    return False


def _applied(text: str, problems: list[Problem]) -> str:
    edits = {edit for each in problems if each.fix is not None for edit in each.fix.edits}
    return applied(text, sorted(edits))


def _is_read(text: str, *, is_json: bool) -> bool:
    try:
        parse(text, is_json=is_json)
    except SourceError:
        return False
    return True
