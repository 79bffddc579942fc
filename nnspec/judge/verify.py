"""`nnspec verify SPEC --against FILE`: opens the file, and compares."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnspec.errors import UsageError
from nnspec.judge.against import judge
from nnspec.judge.fitting import judge_weights
from nnspec.judge.folders import Folder
from nnspec.judge.judgement import Judgement
from nnspec.judge.maps import sources_of
from nnspec.judge.places import reproduced
from nnspec.judge.process import MEMORY, SECONDS, reference_of
from nnspec.judge.stages import Progress, silent
from nnspec.judge.tensors import Tensors, opened, refuse_folder
from nnspec.network.loader import Spec
from nnspec.verification.levels import chosen


def verify_against(
    spec: Spec,
    file: str | Path,
    *,
    arguments: Any = None,
    known: Mapping[str, Any] | None = None,
    batch: int = 4,
    seed: int = 0,
    data: str | Path | None = None,
    seconds: float = SECONDS,
    memory: int | None = MEMORY,
    levels: Sequence[str] | str | None = None,
    require: Sequence[str] | str | None = None,
    reproduce: str | Path | None = None,
    force: bool = False,
    command: str = "",
    progress: Progress | None = None,
) -> Judgement:
    """Compare a spec with a file that nnspec has not written, and return the report.

    file: FILE or FILE:NAME, of Python (which is run, in a process of its own), .onnx, .keras or
    .pt2; or weights alone, of which a `Fitting` says whether they fit. arguments: a list or a
    mapping, of the call that makes the network of a Python file. known: what is known of the map of
    weights: a parameter -> a tensor, or what `Source.as_json` gives.
    seconds: that the file may take for one request. memory: bytes that its process may take.
    data: a file of rows, read by the spec's `data`, which are compared besides.
    levels: what is checked, by default all. require: of which nothing may be left unchecked.
    reproduce: a folder for the smallest sub-network that shows a difference, if one is found; force
    lets it take the place of an earlier one. command: the line that gives it again.
    progress: called with the name of each stage.
    Raises UsageError for a file that cannot be opened or does not run.
    """
    taken, required = chosen(levels, require)
    folder = Folder(reproduce, force=force) if reproduce is not None else None
    reference = reference_of(str(file), arguments)
    show = progress or silent
    show(f"opening {reference.label}")
    with opened(reference, seconds=seconds, memory=memory) as (described, foreign):
        if isinstance(foreign, Tensors):
            shapes = {name: each.shape for name, each in spec.graph.parameters()}
            sources = sources_of(known or {}, shapes, described.held)
            if data is not None:
                raise UsageError(f"--data: {reference.label} holds no program that takes rows")
            refuse_folder(folder)
            return judge_weights(
                spec, foreign, reference, seed=seed, known=sources, levels=taken, required=required
            )
        found = judge(
            spec, foreign, reference, batch=batch, seed=seed, known=known or {}, data=data,
            levels=taken, required=required, show=show,
        )  # fmt: skip
        if folder is not None:
            title = f"Where {spec.name} and {reference.label} part"
            show("the smallest part that shows the difference")
            found.reproduced = reproduced(found, found.places, folder, title, command, seconds)
        found.places.clear()  # they hold the run of the file
        return found


def map_of(path: str) -> dict[str, Any]:
    """Return a map that was saved; raises UsageError."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: no map of weights can be read: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path}: a map of weights is a JSON object: parameter -> tensor")
    return found


def arguments_of(text: str | None) -> Any:
    """Return what `--args` gives; raises UsageError."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"--args: no JSON: {error}") from error
