"""The negative control: faults that the same checks must find, by the same thresholds.

A verification that finds nothing proves something only if it would have found a fault. So in the
same run, with the same spec, weights, inputs and settings, all engines but the first are made wrong
on purpose, and compared with it again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from nnspec.training.lengths import with_assumed_steps
from nnspec.verification.checks import Kind
from nnspec.verification.engines import SourceEngine
from nnspec.verification.first_runs import can_compare, run_engines
from nnspec.verification.float32_checks import compare_float32
from nnspec.verification.output_checks import compare_outputs
from nnspec.verification.recorder import Recorder
from nnspec.verification.suite import Suite
from nnspec.verification.trained import batches_of
from nnspec.verification.training_checks import compare_training
from nnspec.verification.verifier import prepared, run_suite

if TYPE_CHECKING:
    from nnspec.backend import Array, Precision, Program
    from nnspec.certificate.evidence import ChangedWeight
    from nnspec.network.loader import Spec
    from nnspec.remote.processes import Workers
    from nnspec.verification.checks import Check
    from nnspec.verification.engines import Engine
    from nnspec.verification.recorder import Blame
    from nnspec.verification.report import Report
    from nnspec.verification.settings import Settings

LEVELS: dict[Kind, str] = {
    "forward": "outputs",
    "export": "outputs",
    "gradient": "gradients",
    "training": "training",
}
"""The level of each kind of check that faults are injected for."""
TRAINED = ("gradients", "training")
"""Those of a network that is trained."""
SHARE = 0.01
"""Of the largest number of a tensor, by which an injected fault is off."""
OUTPUTS: Suite = (
    ("forward", compare_outputs),
    (("forward", "export"), compare_float32),
)
TRAINING: Suite = ((("gradient", "training"), compare_training),)

E = TypeVar("E", bound="Engine")
Key = tuple[Kind, tuple[str, str], str]


class Fault(NamedTuple):
    """One thing made wrong. change: of the weights. spoil: of a program, in place."""

    what: str
    change: ChangedWeight | None = None
    spoil: Callable[[Any, int], None] | None = None

    def put_into(self, engine: E, steps: int) -> E:
        """Return an engine that has the fault."""

        def build(
            spec: Spec, weights: Mapping[str, Array], dtype: Precision, *, optimized: bool = False
        ) -> Program:
            given = weights if self.change is None else self.change.applied(weights)
            program = engine.build(spec, given, dtype, optimized=optimized)
            if self.spoil is not None:
                self.spoil(program, batches_of(steps, spec))
            return program

        wrong = copy.copy(engine)
        vars(wrong)["build"] = build
        return wrong


class Injected(NamedTuple):
    """A fault, the check that found it, and what that check allowed where there was none."""

    level: str
    fault: str
    found: Check
    threshold: float


@dataclass
class Control:
    """The faults that were found, and what is said of levels in which none was."""

    injected: list[Injected] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def control(
    spec: Spec,
    settings: Settings,
    workers: Workers | None,
    report: Report,
    change: ChangedWeight | None,
) -> Control:
    """Inject faults for each level that a report has checks of, and compare again."""
    known = with_assumed_steps(spec)
    right = {(each.kind, each.pair, each.dtype): each for each in report.checks}
    made = Control()
    alone = replace(settings, exporters=False, require=())
    if "training" not in settings.levels:
        alone = replace(alone, steps=1)  # as in the verification
    for level, suite, faults in _plan(change):
        if not any(LEVELS.get(kind) == level for kind, _, _ in right):
            continue
        why = []
        for fault in faults:
            settings.show(f"a control of {level}: {fault.what}")
            found, missed = _tried(known, alone, workers, fault, (level, suite, right))
            if found and not missed:
                made.injected += found
                break
            told = ", ".join(missed) or f"any check of {level}"
            why.append(f"{fault.what}, and {told} did not find it")
        else:
            made.missed.append(f"{level}: {'; '.join(why)}")
    return made


def _plan(change: ChangedWeight | None) -> Iterator[tuple[str, Suite, list[Fault]]]:
    """Yield each level with the faults that are tried, until one is found."""
    output = Fault(f"one number of an output is {SHARE:.0%} off", spoil=_turn_output)
    outputs = [output]
    if change is not None:
        what = f"number {change.position} of the weight {change.tensor} is {change.value:.6g}"
        outputs = [Fault(what, change)]
    gradient = Fault(f"the largest number of a gradient is {SHARE:.0%} off", spoil=_turn_gradient)
    step = Fault("the last optimizer step is left out", spoil=_leave_out_step)
    yield "outputs", OUTPUTS, outputs
    yield "gradients", TRAINING, [gradient]
    yield "training", TRAINING, [step]


def _tried(
    spec: Spec,
    settings: Settings,
    workers: Workers | None,
    fault: Fault,
    wanted: tuple[str, Suite, Mapping[Key, Check]],
) -> tuple[list[Injected], list[str]]:
    """Return the checks of a level that find a fault, and the names of those that do not."""
    level, suite, right = wanted
    state = prepared(spec, settings, workers)
    state.recorder = _Unblamed(state.recorder.report, state.recorder.unbounded)
    first, *others = state.engines
    wrong = {each.name: fault.put_into(each, settings.steps) for each in others}
    state.engines = [first, *wrong.values()]
    state.sources = [each for each in state.engines if isinstance(each, SourceEngine)]
    run_engines(state)
    if can_compare(state):
        run_suite(state, suite)
    found: list[Injected] = []
    missed: dict[Key, None] = {}
    for check in state.recorder.report.checks:
        key = check.kind, check.pair, check.dtype
        honest = right.get(key)
        if honest is None or LEVELS.get(check.kind) != level:
            continue
        if not check.passed and check.error > honest.tolerance:
            found.append(Injected(level, fault.what, check, honest.tolerance))
        elif _is_about(check.pair, first.name, set(wrong)):
            missed[key] = None
    for each in found:  # a pair may have several checks of a kind
        missed.pop((each.found.kind, each.found.pair, each.found.dtype), None)
    caught = set().union(*(_names(each.found.pair) for each in found))
    for key in right:
        # An engine that gives no answer any more is compared with nothing, and so not found.
        is_wanted = LEVELS.get(key[0]) == level and _is_about(key[1], first.name, set(wrong))
        if is_wanted and not _names(key[1]) & set(wrong) & caught:
            missed[key] = None
    return found, [f"{' and '.join(pair)} in {dtype}" for _, pair, dtype in missed]


def _names(pair: tuple[str, str]) -> set[str]:
    """Return the engines that a check compares."""
    return {each.partition(",")[0].removesuffix(" float64") for each in pair}


def _is_about(pair: tuple[str, str], first: str, wrong: set[str]) -> bool:
    """Whether a check compares an engine that is wrong with the first."""
    names = _names(pair)
    return first in names and bool(wrong & names)


class _Unblamed(Recorder):
    """A recorder that looks for no layer: here it is known what is wrong."""

    def add(
        self,
        kind: Kind,
        pair: tuple[str, str],
        dtype: str,
        error: float,
        tolerance: float,
        *,
        blame: Blame | None = None,
        always: bool = False,
        is_share: bool = False,
    ) -> None:
        super().add(kind, pair, dtype, error, tolerance, always=always, is_share=is_share)


def _turn_output(program: Any, steps: int) -> None:
    """Let one number of a program's first output be another."""
    forward = program.forward

    def turned(inputs: Mapping[str, Array]) -> dict[str, Array]:
        outputs = dict(forward(inputs))
        name = next(iter(outputs))
        outputs[name] = _off(outputs[name], 0)
        return outputs

    program.forward = turned


def _turn_gradient(program: Any, steps: int) -> None:
    """Let the largest number of a program's last gradient be another."""
    gradients = program.gradients if hasattr(program, "gradients") else None
    if gradients is None:
        return

    def turned(*given: Any) -> tuple[float, dict[str, Array]]:
        loss, found = gradients(*given)
        name = max(found, key=lambda each: float(np.max(np.abs(found[each]), initial=0.0)))
        return loss, {**found, name: _off(found[name], int(np.argmax(np.abs(found[name]))))}

    program.gradients = turned


def _leave_out_step(program: Any, steps: int) -> None:
    """Let a program undo the last of its steps."""
    if not hasattr(program, "train_step"):
        return
    step = program.train_step
    taken = 0

    def leaving_out(*given: Any) -> float:
        nonlocal taken
        taken += 1
        before = program.weights() if taken == steps else None
        loss: float = step(*given)
        if before is not None:
            program.load_weights({name: np.array(array) for name, array in before.items()})
        return loss

    program.train_step = leaving_out


def _off(array: Array, index: int) -> Array:
    """Return an array of which one number is off by a share of the largest; a truth is turned."""
    changed = np.array(array)
    flat = changed.reshape(-1)
    if changed.dtype.kind == "b":
        flat[index] = not flat[index]
    elif changed.dtype.kind == "f":
        largest = float(np.max(np.abs(changed), initial=0.0, where=np.isfinite(changed)))
        flat[index] = (flat[index] if np.isfinite(flat[index]) else 0.0) + SHARE * (largest or 1.0)
    else:
        flat[index] += 1
    return changed
