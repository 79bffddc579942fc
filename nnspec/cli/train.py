"""nnspec train."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import click

from nnspec.cli.common import (
    hardware_options,
    json_option,
    log_option,
    print_json,
    set_option,
    spec_argument,
)
from nnspec.cli.outputs import require_apart_from
from nnspec.cli.progress import values_text, watched
from nnspec.cli.weights_files import read_weights, weights_options
from nnspec.errors import UsageError

if TYPE_CHECKING:
    from nnspec.backend import Precision
    from nnspec.training.hardware import Arithmetic, Device, Strategy
    from nnspec.training.run import Run


@click.command()
@spec_argument
@set_option
@click.option(
    "--backend",
    help="What trains; by default the first installed one that can, torch, or what a run to be "
    "resumed was trained by; another one goes on with it all the same.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(),
    help="Folder for the weights, the history and what resuming needs.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    help="Of the arithmetic; float32 by default. In float64 every backend ends with equal weights.",
)
@click.option(
    "--compile",
    "compiled",
    is_flag=True,
    help="Run steps through torch.compile, or Keras's jit_compile.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Instead of the spec's number.")
@weights_options
@click.option(
    "--diagnose",
    is_flag=True,
    help="Record every layer, and say which vanishes, explodes or dies.",
)
@hardware_options
@click.option(
    "--devices",
    type=click.IntRange(min=1),
    default=1,
    help="Processes that share each batch, with a device each; the weights are those of one.",
)
@click.option(
    "--strategy",
    type=click.Choice(["ddp", "fsdp"]),
    default="ddp",
    show_default=True,
    help="With --devices: each holds all weights, or a share of them, of gradients and optimizer.",
)
@click.option(
    "--folds",
    type=click.IntRange(min=2, max=100),
    help="Cross-validate: train anew for each of so many folds, fold1, fold2, ... of the folder.",
)
@click.option(
    "--save-every",
    type=click.IntRange(min=1),
    metavar="STEPS",
    help="Save what resuming needs after so many steps of an epoch too.",
)
@log_option
@click.option("--resume", is_flag=True, help="Go on with an interrupted or finished run.")
@click.option("--overwrite", is_flag=True, help="Replace the run that the folder holds.")
@json_option
def train(
    spec: str,
    variables: dict[str, object],
    backend: str | None,
    output: str,
    dtype: Precision | None,
    compiled: bool,
    epochs: int | None,
    weights: str | None,
    renames: tuple[str, ...],
    partial: bool,
    diagnose: bool,
    device: Device | None,
    devices: int,
    precision: Arithmetic | None,
    strategy: Strategy,
    folds: int | None,
    save_every: int | None,
    log: tuple[str, ...],
    resume: bool,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Train the network on its data.

    The folder gets best.safetensors (the epoch of the lowest validation loss), last.safetensors,
    history.json, history.png, run.json and a checkpoint. Exit code 1 where the loss is no longer a
    finite number.
    """
    from nnspec.network.loader import Spec, load_any
    from nnspec.training.drawing import apart
    from nnspec.training.epochs import train as train_network
    from nnspec.training.hardware import Hardware, place_here
    from nnspec.training.runs import Begun, RunFolder, begun

    loaded = load_any(spec, variables=variables)
    if not isinstance(loaded, Spec):
        from nnspec.cli.versus import train_several  # which few calls need

        if diagnose:
            raise UsageError("--diagnose is of a network that is trained by itself")
        if compiled:
            raise UsageError("--compile is of a network that is trained by itself")
        if folds is not None:
            raise UsageError("--folds is of a network that is trained by itself")
        asked = {"--device": device, "--devices": devices > 1, "--precision": precision,
                 "--strategy": strategy != "ddp"}  # fmt: skip
        if named := next((name for name, is_asked in asked.items() if is_asked), ""):
            raise UsageError(f"{named} is of a network that is trained by itself")
        if save_every is not None:
            raise UsageError("--save-every is of a network that is trained by itself")
        if weights is not None or renames or partial:
            raise UsageError("a training of several networks starts from its first weights")
        return train_several(
            loaded, backend, output, epochs, dtype, log=log,
            resume=resume, overwrite=overwrite, as_json=as_json,
        )  # fmt: skip
    if folds is not None:
        from nnspec.cli.folds import train_folds  # which few calls need

        if weights is not None or renames or partial or diagnose:
            raise UsageError("each fold is trained from its first weights, and none is diagnosed")
        return train_folds(
            loaded, folds, backend, output, epochs, dtype, compiled=compiled, log=log,
            resume=resume, overwrite=overwrite, as_json=as_json,
            hardware={
                "device": device, "devices": devices, "precision": precision,
                "strategy": strategy, "save_every": save_every,
            },
        )  # fmt: skip
    place = place_here()
    if place is not None and place.rank > 0:
        from nnspec.cli.followers import follow_first  # which few calls need

        hardware = Hardware.asked(device, devices, precision, strategy, is_follower=True)
        going_on = begun(RunFolder(output).checkpoint) if resume else Begun()
        return follow_first(loaded, backend, dtype, hardware, going_on)
    if overwrite:
        for path in RunFolder(output).files:
            require_apart_from(loaded, str(path), weights, *renames)
    settings = loaded.model.training
    first = read_weights(loaded, weights, renames, partial=partial)
    total = epochs or (settings.epochs if settings is not None else 0)
    with apart():  # what draws takes memory
        run = watched(
            functools.partial(
                train_network,
                loaded,
                backend,
                output,
                resume=resume,
                overwrite=overwrite,
                epochs=epochs,
                weights=first,
                diagnose=diagnose,
                dtype=dtype,
                compiled=compiled,
                log=log,
                device=device,
                devices=devices,
                precision=precision,
                strategy=strategy,
                save_every=save_every,
            ),
            total,
            quiet=as_json,
        )
    if isinstance(run, int):
        return run
    for note in run.notes:
        click.echo(f"nnspec: {note}", err=True)
    if as_json:
        print_json(run.as_json())
    else:
        click.echo(_summary(run))
    return 0


def _summary(run: Run) -> str:
    lines = [f"best epoch {run.best_epoch} of {len(run.history)}: {run.best}"]
    if run.test is not None:
        lines.append(f"on the test rows: {values_text(run.test)}")
    if run.confusion is not None:
        from nnspec.training.run import count_text

        lines.append("classes, each as what it is predicted:")
        table = [[*map(count_text, row)] for row in run.confusion]
        width = max(len(count) for row in table for count in row)
        lines += ["  " + " ".join(f"{count:>{width}}" for count in row) for row in table]
    lines += [finding.text for finding in run.findings or ()]
    if run.findings == ():
        lines.append("diagnosis: no layer vanishes, explodes or dies")
    return "\n".join(lines)
