"""`nnspec compare A B`: opens two files, each in a process of its own, and compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from nnspec.backend import get_backend
from nnspec.backend.foreign import Reference
from nnspec.errors import UsageError
from nnspec.judge.against import judge
from nnspec.judge.checkpoint import Side, compare_weights
from nnspec.judge.compare import compare_files
from nnspec.judge.comparison import Comparison
from nnspec.judge.folders import Folder
from nnspec.judge.judgement import Judgement
from nnspec.judge.meeting import Asked, asked_of
from nnspec.judge.places import reproduced
from nnspec.judge.process import MEMORY, SECONDS, reference_of
from nnspec.judge.stages import Progress, silent
from nnspec.judge.tensors import Tensors, opened, refuse_folder
from nnspec.judge.two_trainings import compare_trainings
from nnspec.judge.verify import verify_against
from nnspec.network.loader import Spec, load
from nnspec.verification.engines import SourceEngine, trainable_backends
from nnspec.verification.report import Report
from nnspec.verification.samples import exercised_weights

SPECS = (".yaml", ".yml", ".json")


def compare(
    a: Spec | str | Path,
    b: Spec | str | Path,
    *,
    args_a: Any = None,
    args_b: Any = None,
    inputs: Mapping[str, Asked | Sequence[int]] | Sequence[str] = (),
    known: Mapping[str, Any] | None = None,
    batch: int = 4,
    seed: int = 0,
    seconds: float = SECONDS,
    memory: int | None = MEMORY,
    reproduce: str | Path | None = None,
    force: bool = False,
    command: str = "",
    progress: Progress | None = None,
) -> Report:
    """Compare what any two networks compute, and return the report.

    a, b: a spec, or FILE or FILE:NAME that nnspec has not written: Python (which is run, in a
    process of its own), .onnx, .keras or .pt2, or weights alone. args_a, args_b: a list or a
    mapping, of the calls that make the networks of Python files. inputs: what neither file says,
    such as {"image": (3, 32, 32)} without the batch, or "ids=20:int64:1000". known: a map that was
    saved. seconds: that a file may take for one request. memory: bytes that its process may take.
    reproduce: a folder for the smallest sub-network that shows a difference, if one is found; force
    lets it take the place of an earlier one. command: the line that gives it again.
    progress: called with the name of each stage.
    A difference is no exception: see `Report.passed` and `Report.checks`. Raises SpecError, and
    UsageError for what cannot be opened, does not run, or cannot be brought together.
    """
    asked, show = _asked(inputs), progress or silent
    folder = Folder(reproduce, force=force) if reproduce is not None else None
    specs = [_spec_of(each) for each in (a, b)]
    sides: list[tuple[Any, Any]] = [(a, args_a), (b, args_b)]
    for spec, (_, arguments) in zip(specs, sides, strict=True):
        if spec is not None and arguments is not None:
            raise UsageError("a spec takes no arguments: they are of the call of a Python file")
        if spec is not None and asked:
            raise UsageError(
                f"--input is given for {', '.join(asked)}, and {spec.name} is a spec, which says "
                "what its inputs are: leave it out"
            )
    if specs[0] is not None and specs[1] is not None:
        judged = _specs(specs[0], specs[1], known, batch, seed, show)
        return _finished(judged, folder, f"{specs[0].name} and {judged.against}", command, seconds)
    for i, spec in enumerate(specs):
        if spec is not None:
            file, arguments = sides[1 - i]
            return verify_against(
                spec, file, arguments=arguments, known=known, batch=batch, seed=seed,
                seconds=seconds, memory=memory, reproduce=reproduce, force=force, command=command,
                progress=progress,
            )  # fmt: skip
    references = [reference_of(str(file), arguments) for file, arguments in sides]
    first, second = _labels(references)
    with ExitStack() as stack:
        files: list[Side] = []
        for label, each in zip((first, second), references, strict=True):
            show(f"opening {label}")
            held = stack.enter_context(opened(each, seconds=seconds, memory=memory))
            files.append(Side(label, *held))
        one, other = (each.foreign for each in files)
        if isinstance(one, Tensors) or isinstance(other, Tensors):
            refuse_folder(folder)
            return compare_weights(
                (files[0], files[1]), asked=asked, batch=batch, seed=seed, known=known
            )
        compared = compare_files(
            (first, second), (one, other), asked=asked, batch=batch, seed=seed, known=known,
            show=show,
        )  # fmt: skip
        return _finished(compared, folder, f"{first} and {second}", command, seconds)


def _finished(
    report: Judgement | Comparison, folder: Folder | None, names: str, command: str, seconds: float
) -> Report:
    """Return a report, what shows its difference written, if that is asked."""
    if folder is not None:
        title = f"Where {names} part"
        report.reproduced = reproduced(report, report.places, folder, title, command, seconds)
    report.places.clear()  # they hold the runs of the files
    return report


def _asked(inputs: Mapping[str, Asked | Sequence[int]] | Sequence[str]) -> dict[str, Asked]:
    if not isinstance(inputs, Mapping):
        return asked_of(inputs)
    return {
        name: each if isinstance(each, Asked) else Asked(tuple(each))
        for name, each in inputs.items()
    }


def _spec_of(given: Spec | str | Path) -> Spec | None:
    """Return the spec that is given, or None for a file of another kind."""
    if isinstance(given, Spec):
        return given
    return load(given) if Path(given).suffix.lower() in SPECS else None


def _labels(references: Sequence[Reference]) -> tuple[str, str]:
    first, second = (each.label for each in references)
    return (f"{first} (A)", f"{second} (B)") if first == second else (first, second)


def _specs(
    first: Spec,
    second: Spec,
    known: Mapping[str, Any] | None,
    batch: int,
    seed: int,
    show: Progress,
) -> Judgement:
    """Compare two specs: the second as its emitted source, which is judged as a file is."""
    backend = get_backend(trainable_backends()[0])
    weights = exercised_weights(second.graph, seed)
    program = SourceEngine(backend).build(second, weights, "float64")
    foreign = backend.open_program(program)
    label = second.name if second.name != first.name else f"{second.name} (B)"
    reference = Reference(label)
    found = judge(first, foreign, reference, batch=batch, seed=seed, known=known or {}, show=show)
    compare_trainings(first, second, found)
    return found
