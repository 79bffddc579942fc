"""Progress of a training on the terminal, and the requests to end it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import click

if TYPE_CHECKING:
    from nnspec.training.epoch import OnStep
    from nnspec.training.sample_pictures import Measured

R = TypeVar("R")

INTERRUPTED = 130
"""The exit code of what Ctrl-C, or another request to end, has stopped."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let a request to end, or the loss of the terminal, be what Ctrl-C is.

    A signal that is ignored, as `nohup` has it, stays ignored.
    """

    def interrupt(number: int, frame: object) -> None:
        # Once is enough: what is kept must not be interrupted in turn.
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before: dict[int, object] = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


@contextmanager
def progress(
    total: int, *, quiet: bool
) -> Iterator[tuple[OnStep | None, Callable[[Measured], None] | None]]:
    """Give callbacks that show a bar on a terminal, and a line for each epoch anywhere."""
    if quiet:
        yield None, None
        return
    from rich.console import Console

    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        yield None, lambda epoch: click.echo(_line(epoch, total))
        return
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    told = (
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[loss]}"),
    )
    with Progress(*columns, *told, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None, loss="", rate="")
        first: list[float] = []

        def on_step(epoch: int, step: int, steps: int, loss: float) -> None:
            done = (epoch - 1) * steps + step
            if not first:  # a resumed run begins later
                first.extend((done - 1, time.perf_counter()))
            seconds = time.perf_counter() - first[1]
            bar.update(
                task,
                description=f"epoch {epoch}/{total}, step {step}/{steps}",
                completed=done,
                total=total * steps,
                loss=f"loss {loss:.4g}",
                rate=f"{(done - first[0] - 1) / seconds:.3g} steps/s" if seconds > 0 else "",
            )

        def on_epoch(epoch: Measured) -> None:
            bar.console.print(_line(epoch, total))

        yield on_step, on_epoch


@contextmanager
def rows_told(*, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Give a callback that shows on a terminal how many rows are done, how fast, and what is left.

    On the terminal of errors: what is printed may be read by a program.
    """
    from rich.console import Console

    console = Console(stderr=True, highlight=False, emoji=False)
    if quiet or not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None, rate="")
        start = time.perf_counter()

        def on_rows(done: int, total: int) -> None:
            seconds = time.perf_counter() - start
            bar.update(
                task,
                description=f"{done:,} of {total:,} rows",
                completed=done,
                total=total,
                rate=f"{done / seconds:,.0f} rows/s" if seconds > 0 else "",
            )

        yield on_rows


class Stages(NamedTuple):
    """Callbacks of long work on the terminal: what is at work, and how much of it is done.

    None where nothing is shown.
    """

    show: Callable[[str], None] | None = None
    done: Callable[[int, int], None] | None = None


@contextmanager
def stages(title: str, *, is_shown: bool) -> Iterator[Stages]:
    """Give callbacks that show on a terminal the stage, the time taken, and what is left of it.

    title: the stage that it begins with. is_shown: whether anything is, on a terminal.
    """
    from rich.console import Console

    console = Console(highlight=False, emoji=False)
    if not is_shown or not console.is_terminal:
        yield Stages()
        return
    from rich.markup import escape  # a stage names what users have named
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20))
    times = (TimeElapsedColumn(), TextColumn("{task.fields[left]}"), TimeRemainingColumn())
    with Progress(*columns, *times, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, left="")

        def show(stage: str) -> None:
            bar.update(task, description=escape(stage))

        def done(parts: int, total: int) -> None:
            bar.update(task, completed=parts, total=total, left="left about")

        yield Stages(show, done)


def watched(train: Callable[..., R], total: int, *, quiet: bool) -> R | int:
    """Train with these callbacks, and return the run; the exit code where it does not end."""
    from nnspec.training.run import TrainingError, TrainingInterrupted

    try:
        with stopped_by_signals(), progress(total, quiet=quiet) as (on_step, on_epoch):
            return train(on_step=on_step, on_epoch=on_epoch)
    except TrainingError as error:
        click.echo(f"nnspec: {error}", err=True)
        return 1
    except TrainingInterrupted as error:
        with suppress(OSError):  # the terminal may be what is gone
            click.echo(f"nnspec: {error}", err=True)
        return INTERRUPTED


def _line(epoch: Measured, total: int) -> str:
    number = f"{epoch.number:>{len(str(total))}}/{total}"
    return f"epoch {number}  {values_text(epoch.values)}  {epoch.seconds:.1f} s"


def values_text(values: dict[str, float]) -> str:
    """Return measures on one line."""
    return "  ".join(f"{name} {value:<6.4g}".rstrip() for name, value in values.items())
