"""nnspec tune."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Literal

import click

from nnspec.cli.common import hardware_options, json_option, log_option, print_json, spec_argument
from nnspec.cli.progress import INTERRUPTED, stopped_by_signals
from nnspec.errors import printable

if TYPE_CHECKING:
    from nnspec.backend import Precision
    from nnspec.training.hardware import Arithmetic, Device
    from nnspec.training.tuned import Tried, Tuning


def _over(ctx: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not (equals and name.strip() and text.strip()):
            raise click.BadParameter(f'"{each}" is not NAME=RANGE', ctx, option)
        found[name.strip()] = text
    return found


@click.command()
@spec_argument
@click.option(
    "--over",
    multiple=True,
    required=True,
    callback=_over,
    metavar="NAME=RANGE",
    help="A variable of the spec, or a setting such as training.optimizer.learning_rate or "
    "layers.hidden.units, and what it may be: 16..256, 1e-4..0.1:log, 8..64:step=8, or relu,gelu. "
    "May be repeated.",
)
@click.option("--trials", type=click.IntRange(min=1), default=50, show_default=True)
@click.option(
    "--metric", help="What is best, as the history names it; by default what the spec keeps by."
)
@click.option("--mode", type=click.Choice(["min", "max"]), help="By default by the metric.")
@click.option("--backend", help="What trains; by default the first installed one that can.")
@click.option(
    "-o", "--output", required=True, type=click.Path(), help="Folder for the trials and the best."
)
@click.option(
    "-n",
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Trials at a time, each in a process of its own.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Of a trial, instead of the spec's.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), help="Of the arithmetic.")
@hardware_options
@click.option(
    "--prune/--no-prune",
    default=True,
    help="Stop trials that are worse than the median of those before at the same epoch.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Of what is chosen.",
)
@log_option
@click.option("--resume", is_flag=True, help="Go on until so many trials have ended.")
@click.option("--overwrite", is_flag=True, help="Replace the tuning that the folder holds.")
@json_option
def tune(
    spec: str,
    over: dict[str, str],
    trials: int,
    metric: str | None,
    mode: Literal["min", "max"] | None,
    backend: str | None,
    output: str,
    jobs: int,
    epochs: int | None,
    dtype: Precision | None,
    device: Device | None,
    precision: Arithmetic | None,
    prune: bool,
    seed: int,
    log: tuple[str, ...],
    resume: bool,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Train SPEC with other settings, which Optuna chooses, and keep the best.

    The folder gets a run for each trial, best.yaml with the settings of the best, tune.json, and
    importance.png: how much each setting explains of the differences.
    """
    from nnspec.training.drawing import apart
    from nnspec.training.run import TrainingInterrupted
    from nnspec.training.tuning import tune as tune_spec

    start, told = time.perf_counter(), itertools.count(1)

    def on_trial(tried: Tried, ended: int) -> None:
        seconds = (time.perf_counter() - start) / next(told) * (trials - ended)
        if not as_json:
            click.echo(_line(tried, ended, trials, seconds))

    try:
        with stopped_by_signals(), apart():
            found = tune_spec(
                spec, over, output, trials=trials, metric=metric, mode=mode, backend=backend,
                epochs=epochs, dtype=dtype, jobs=jobs, prune=prune, seed=seed, log=log,
                device=device, precision=precision, resume=resume, overwrite=overwrite,
                on_trial=on_trial,
            )  # fmt: skip
    except TrainingInterrupted as error:
        click.echo(f"nnspec: {error}", err=True)
        return INTERRUPTED
    if as_json:
        print_json(found.as_json())
    else:
        _show(found)
    return 0


def _line(tried: Tried, ended: int, trials: int, seconds: float) -> str:
    score = "" if tried.score is None else f"{tried.score:.4g}"
    told = ", ".join(f"{name.rpartition('.')[2]} {_value(v)}" for name, v in tried.values.items())
    state = "" if tried.state == "complete" else f"  {tried.state}"
    why = f": {tried.problem.splitlines()[0]}" if tried.problem else ""
    left = f"  {seconds:.0f} s left" if ended < trials else ""
    return printable(f"{ended}/{trials}  {score}{state}{why}  {told}{left}")


def _value(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _show(found: Tuning) -> None:
    best = found.best
    click.echo(f"best {found.metric} {best.score:.6g}, of trial {best.number}: {found.best_spec}")
    for name, value in best.values.items():
        share = found.importance.get(name)
        told = "" if share is None else f"  ({share:.0%} of the difference between trials)"
        click.echo(printable(f"  {name}: {_value(value)}{told}"))
