"""The command line that gives a report again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

import click

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
