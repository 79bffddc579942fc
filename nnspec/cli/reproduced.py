"""The command line that gives a report again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from nnspec.judge.reproducing import Reproduced

_ARGUMENTS = f"{__name__}.arguments"


class Kept(click.Command):
    """A command that keeps its arguments as they were given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments."""
        keep(ctx, args)
        return super().parse_args(ctx, args)


def keep(ctx: click.Context, args: Sequence[str]) -> None:
    """Keep the arguments of a call."""
    ctx.meta[_ARGUMENTS] = tuple(args)


def reproduced(defaults: Mapping[str, object]) -> str:
    """Return the call, quoted for a shell. defaults: options that it took and need not give."""
    ctx = click.get_current_context()
    given: tuple[str, ...] = ctx.meta[_ARGUMENTS]
    words = ["nnspec", str(ctx.info_name), *given]
    end = words.index("--") if "--" in words else len(words)  # what follows is no option
    for flag, value in defaults.items():
        if not any(each == flag or each.startswith(f"{flag}=") for each in given):
            words[end:end] = [flag, str(value)]
            end += 2
    return shlex.join(words)


reproduce_option = click.option(
    "--reproduce",
    "folder",
    metavar="DIR",
    type=click.Path(),
    help="Where outputs differ, write the smallest part that shows it: weights, inputs and one "
    "script a side, which need no nnspec.",
)
force_option = click.option(
    "--force", is_flag=True, help="Let --reproduce replace what it wrote to DIR before."
)


def tell_reproduced(done: Reproduced | None) -> None:
    """Say on the error stream what was written, or why nothing was."""
    if done is None:
        return
    if not done.written:
        click.echo(f"nothing is reproduced: {done.reason}", err=True)
        return
    click.echo(
        f"{done.written[0].parent}: {len(done.written)} files show it; see README.md", err=True
    )
