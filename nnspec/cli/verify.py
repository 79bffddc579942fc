"""nnspec verify."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from nnspec.cli.backend_options import BackendCommand, given_options, value_of
from nnspec.cli.common import format_option, model_option, set_option, spec_argument
from nnspec.cli.outputs import require_output, require_page
from nnspec.cli.progress import stages
from nnspec.cli.reproduced import (
    force_option,
    reproduce_option,
    reproduced,
    tell_reproduced,
)
from nnspec.cli.verified import load_or_tell, print_verified
from nnspec.cli.weights_files import read_weights, weights_options
from nnspec.errors import UsageError
from nnspec.verification.levels import LEVELS, chosen
from nnspec.verification.settings import Settings

if TYPE_CHECKING:
    from nnspec.backend import Backend
    from nnspec.judge.folders import Folder
    from nnspec.network.loader import Spec
    from nnspec.verification.report import Report
    from nnspec.verification.several import Reports


def read_sizes(
    ctx: click.Context, option: click.Parameter, given: tuple[str, ...]
) -> dict[str, tuple[int, ...]]:
    """Read the sizes of `--size`, each given as AXIS=SIZE."""
    sizes: dict[str, tuple[int, ...]] = {}
    for each in given:
        name, _, text = each.partition("=")
        if not text.strip().isdecimal() or int(text) < 1:
            message = f'"{each}" is not AXIS=SIZE with a whole number from 1, as time=64'
            raise click.BadParameter(message, ctx, option)
        sizes[name.strip()] = (*sizes.get(name.strip(), ()), int(text))
    return sizes


def backends_chosen(args: Sequence[str]) -> list[Backend]:
    """Return the backends that `--backends` names, or all."""
    from nnspec.backend import get_backend, installed_backends

    names = value_of("--backends", args)
    return installed_backends() if names is None else [get_backend(n) for n in names_in(names)]


def names_in(text: str) -> tuple[str, ...]:
    """Return the names of a list with commas, each once."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


_NO_WEIGHTS = "--save-weights takes weights alone, and no program: --against FILE"
PROGRAMS = (".py", ".onnx", ".keras", ".pt2", ".torchscript")
"""Endings of files that hold more than weights."""
_OF_BACKENDS = ("steps", "backends", "exporters", "processes", "memory")
"""Options that say how backends are compared with one another."""

steps_option = click.option(
    "--steps",
    type=click.IntRange(min=1, max=10_000),
    default=Settings.steps,
    show_default=True,
    help="Optimizer steps of the training check.",
)
seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=Settings.seed, help="Of weights and inputs."
)
processes_option = click.option(
    "--processes/--no-processes",
    default=True,
    show_default=True,
    help="Run each backend in a process of its own.",
)


@click.command(cls=BackendCommand, chosen=backends_chosen, in_verify=True)
@spec_argument
@set_option
@model_option
@weights_options
@click.option(
    "--backends",
    show_default="all installed",
    help="Names of what to compare, as torch,keras,onnx; with onnx, the ONNX exporters of the "
    "others too.",
)
@steps_option
@click.option(
    "--batch",
    type=click.IntRange(min=2),
    default=Settings.batch,
    show_default=True,
    help="Rows of every batch: fewer for a large network.",
)
@seed_option
@click.option(
    "--exporters/--no-exporters",
    default=Settings.exporters,
    show_default=True,
    help="With onnx: also what the frameworks' own exporters write.",
)
@click.option(
    "--size",
    "sizes",
    metavar="AXIS=SIZE",
    multiple=True,
    callback=read_sizes,
    help="Of a dynamic axis; else found. Repeated for one axis: the first, then others to compare.",
)
@click.option(
    "--data", type=click.Path(), help="Verify on these rows instead of drawn inputs and targets."
)
@click.option(
    "--level",
    "levels",
    metavar="LEVELS",
    help=f"What is checked, of {', '.join(LEVELS)}; all by default. The rest is listed as not "
    "checked.",
)
@click.option(
    "--require",
    metavar="LEVELS",
    help="Levels, as gradients,training, of which nothing may be left unchecked: else exit code 1.",
)
@processes_option
@click.option(
    "--device",
    type=click.Choice(["cuda", "mps"]),
    help="Also compute there, and compare with the processor: in double precision, in float32, and "
    "on cuda in float32 with TF32.",
)
@click.option(
    "--memory",
    metavar="BYTES",
    help="What an exporter may take, as estimated, such as 12GB; by default what is free.",
)
@click.option(
    "--against",
    metavar="FILE[:NAME]",
    help="Compare with this file instead: model.py:Net (which is run), .onnx, .keras, .pt2 or "
    ".torchscript; or say whether weights fit: .safetensors, .npz, or .pt, .pth and .bin of "
    "torch.save.",
)
@click.option("--args", "arguments", metavar="JSON", help="With --against: of the call of NAME.")
@click.option(
    "--save-map",
    "saved_map",
    type=click.Path(),
    help="With --against: write which tensor is which parameter, to give back by --map.",
)
@click.option(
    "--save-weights",
    "saved_weights",
    type=click.Path(),
    help="With --against weights: write them as the spec takes them, for --weights.",
)
@click.option("--report", type=click.Path(), help="Write the report as a page to this .html file.")
@reproduce_option
@force_option
@format_option
def verify(
    spec: str,
    variables: dict[str, object],
    model: str | None,
    weights: str | None,
    renames: tuple[str, ...],
    partial: bool,
    backends: str | None,
    sizes: dict[str, tuple[int, ...]],
    memory: str | None,
    data: str | None,
    levels: str | None,
    require: str | None,
    processes: bool,
    against: str | None,
    arguments: str | None,
    saved_map: str | None,
    saved_weights: str | None,
    report: str | None,
    folder: str | None,
    force: bool,
    form: str,
    **asked: Any,  # the other options, each named as its field of Settings
) -> int:
    """Prove that the backends compute the same: outputs, gradients, training steps, exports.

    With --against, prove that a file of yours computes what the spec says. Exit code 1 where two
    of them differ by more than rounding explains.
    """
    from rich.console import Console

    from nnspec.backend import default_backends
    from nnspec.network.loader import Spec, one_of
    from nnspec.remote.processes import started
    from nnspec.support.files import write_text

    console = Console(emoji=False)
    names = default_backends() if backends is None else names_in(backends)
    loaded = load_or_tell(spec, variables, form)
    if loaded is None:
        return 2
    if isinstance(loaded, Spec) or model is not None:
        loaded = one_of(loaded, model)
    require_output(loaded, report, weights, data, *renames)
    asked["levels"], asked["require"] = chosen(levels, require)
    if against is not None:
        given = {
            "--weights": weights,
            "--size": sizes,
            "--partial": partial,
            "--device": asked["device"],
            **_asked_of_backends(),
        }
        return _against(
            one_of(loaded, model), against, arguments, renames, saved_map, report, given,
            saved_weights=saved_weights, form=form, data=data, levels=levels, require=require,
            batch=asked["batch"], seed=asked["seed"], folder=folder, force=force,
        )  # fmt: skip
    require_page(report)
    if backends is None:
        _require_all(names)
    place = _place(folder, force=force)
    if place is not None:
        loaded = one_of(loaded, model)
    if asked["device"] is not None and not processes:
        raise UsageError(
            "--device computes in processes of its own, which --no-processes forbids: leave one out"
        )
    if any(each is not None for each in (arguments, saved_map, saved_weights)):
        told = "--args, --save-map and --save-weights are about another file"
        raise UsageError(f"{told}: add --against FILE")
    # First of all, before this process has threads: while they import frameworks, it imports NumPy
    # and the checks, and shows its progress.
    largest = loaded if isinstance(loaded, Spec) else next(iter(loaded.models.values()))
    with started(largest, names, asked["batch"]) if processes else nullcontext() as workers:
        from nnspec.verification.memory import bytes_of
        from nnspec.verification.verifier import verify_spec

        with stages("verifying", is_shown=form == "text") as shown:
            first = None
            if isinstance(loaded, Spec):
                first = read_weights(loaded, weights, renames, partial=partial)
            elif weights is not None or renames or partial:
                raise UsageError("weights are of one network: say which by --model")
            settings = Settings(
                backends=names,
                weights=first,
                sizes=sizes,
                memory=bytes_of(memory) if memory is not None else None,
                data=data,
                options=given_options(),
                progress=shown.show,
                count=shown.done,
                **asked,
            )
            result: Report | Reports
            if isinstance(loaded, Spec):
                result = verify_spec(loaded, settings, workers)
            else:
                from nnspec.verification.several import verify_networks  # which few calls need

                result = verify_networks(loaded, settings, workers)
    # First what cannot fail for a disk that is full by now.
    print_verified(result, form, console, spec, loaded)
    taken: dict[str, object] = {"--backends": ",".join(names), "--steps": asked["steps"]}
    taken |= _taken(asked["batch"], asked["seed"], asked["levels"])
    if place is not None:
        from nnspec.judge.engine_places import reproduce_verification

        single = cast("tuple[Report, Spec]", (result, loaded))
        tell_reproduced(reproduce_verification(*single, settings, place, reproduced(taken)))
    if report is not None:
        write_text(report, result.to_html(loaded, reproduced(taken)))
    return 0 if result.passed else 1


def _asked_of_backends() -> dict[str, object]:
    """Return the options of this call that are about the backends, which a file has none of."""
    ctx = click.get_current_context()
    options = (*_OF_BACKENDS, *given_options())
    is_given = {
        name: ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        for name in options
    }
    return {f"--{name.replace('_', '-')}": each for name, each in is_given.items()}


def _require_all(names: Sequence[str]) -> None:
    """Raise UsageError where a framework is not there: nothing is left out unsaid."""
    from nnspec.backend import get_backend, lacking

    absent = {name: package for name in names if (package := lacking(get_backend(name)))}
    if absent:
        rest = [name for name in names if name not in absent]
        extras = ",".join(absent)
        instead = f", or leave it out by --backends {','.join(rest)}" if len(rest) > 1 else ""
        raise UsageError(
            f"{' and '.join(absent.values())} {'is' if len(absent) == 1 else 'are'} not installed, "
            "and all backends are compared: "
            f'pip install "nnspec[{extras}]"{instead}'
        )


def _place(folder: str | None, *, force: bool) -> Folder | None:
    """Return the folder of `--reproduce`; raises UsageError where nothing can be written there."""
    if folder is None:
        if force:
            raise UsageError("--force is about the folder of --reproduce: add --reproduce DIR")
        return None
    from nnspec.judge.folders import Folder  # which few calls need

    return Folder(folder, force=force)


def _taken(batch: int, seed: int, levels: Sequence[str]) -> dict[str, object]:
    return {"--batch": batch, "--seed": seed, "--level": ",".join(levels)}


def _against(
    spec: Spec,
    file: str,
    arguments: str | None,
    maps: tuple[str, ...],
    saved_map: str | None,
    page: str | None,
    given: Mapping[str, object],
    *,
    saved_weights: str | None,
    form: str,
    data: str | None,
    levels: str | None,
    require: str | None,
    batch: int,
    seed: int,
    folder: str | None,
    force: bool,
) -> int:
    """Verify a spec against somebody's file. given: options that do not go with that."""
    import json

    from rich.console import Console

    from nnspec.judge.fitting import Fitting, save_fitted
    from nnspec.judge.process import reference_of
    from nnspec.judge.verify import arguments_of, map_of, verify_against
    from nnspec.support.files import write_text

    for option in [name for name, value in given.items() if value]:
        raise UsageError(
            f"{option} does not go with --against: a file is judged with its own weights and "
            "sizes, on the processor, beside the spec"
        )
    if len(maps) > 1:
        raise UsageError("--map is given once with --against: a file that --save-map wrote")
    if saved_map or saved_weights or page:
        judged = str(reference_of(file).path)
        require_output(spec, page, judged, data, *maps)
        require_output(spec, saved_map, judged, page, data, *maps)
        require_output(spec, saved_weights, judged, saved_map, page, data, *maps)
        require_page(page)
        if saved_weights is not None and Path(judged).suffix.lower() in PROGRAMS:
            raise UsageError(_NO_WEIGHTS)
    console = Console(emoji=False)
    known = map_of(maps[0]) if maps else None
    taken = _taken(batch, seed, chosen(levels, require)[0])
    with stages("verifying", is_shown=form == "text") as shown:
        found = verify_against(
            spec, file, arguments=arguments_of(arguments), known=known, batch=batch, seed=seed,
            data=data, levels=levels, require=require, reproduce=folder, force=force,
            command=reproduced(taken), progress=shown.show,
        )  # fmt: skip
    path = str(spec.path) if spec.path is not None else ""
    print_verified(found, form, console, path, spec, reference_of(file).path)
    tell_reproduced(found.reproduced)
    if saved_map is not None:
        write_text(saved_map, json.dumps(found.map_as_json(), indent=1) + "\n")
    if page is not None:
        write_text(page, found.to_html(spec, reproduced(taken)))
    if saved_weights is not None:
        if not isinstance(found, Fitting):
            raise UsageError(_NO_WEIGHTS)
        save_fitted(found, spec, saved_weights)
    return 0 if found.passed else 1
