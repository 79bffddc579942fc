"""Options that backends declare, as options of a command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from nnspec.cli.reproduced import keep

if TYPE_CHECKING:
    from nnspec.backend import Backend, Option, OptionValue

_DECLARED = "nnspec.declared"
_GIVEN = "nnspec.given"

Chosen = Callable[[Sequence[str]], "list[Backend]"]
"""From the arguments of a command to the backends that it is about."""


class BackendCommand(click.Command):
    """A command that has, beside its own options, those of the backends that it is about.

    chosen: which these are. in_verify: leave out what a verification does not take.
    """

    def __init__(self, *args: Any, chosen: Chosen, in_verify: bool = False, **more: Any) -> None:
        super().__init__(*args, **more)
        self._chosen = chosen
        self._in_verify = in_verify

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, and say whose an option is that none of these backends has."""
        keep(ctx, args)
        backends = self._chosen(args)
        ctx.meta[_DECLARED] = self._options(backends)
        ctx.meta[_GIVEN] = {}
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            owners = _owners(error.option_name)
            if not owners:
                raise
            raise click.UsageError(
                f"{error.option_name} is an option of the backend {' and '.join(owners)}, not of "
                f"{' or '.join(backend.name for backend in backends)}",
                ctx,
            ) from None

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the options and arguments, those of the backends among them."""
        if _DECLARED not in ctx.meta:
            ctx.meta[_DECLARED] = self._options(self._chosen(()))
        return [*super().get_params(ctx), *ctx.meta[_DECLARED]]

    def _options(self, backends: Sequence[Backend]) -> list[click.Option]:
        from nnspec.backend import declared_options

        taken = {name for parameter in self.params for name in parameter.opts}
        found: dict[str, tuple[Option, list[str]]] = {}
        for backend in backends:
            for name, declared in declared_options(backend).items():
                if not (declared.in_verify if self._in_verify else declared.in_source):
                    continue
                if declared.flag in taken:
                    from nnspec.errors import UsageError

                    raise UsageError(
                        f'the backend "{backend.name}" declares the option {declared.flag}, which '
                        f"nnspec {self.name} has itself"
                    )
                found.setdefault(name, (declared, []))[1].append(backend.name)
        return [
            _option(declared, names, with_variant=self._in_verify)
            for declared, names in found.values()
        ]


def given_options() -> dict[str, OptionValue]:
    """Return the options of backends that this call gives, by name."""
    given: dict[str, OptionValue] = click.get_current_context().meta[_GIVEN]
    return given


def value_of(flag: str, args: Sequence[str], default: str | None = None) -> str | None:
    """Return what an option has in the arguments, before they are read as a whole."""
    value = default
    for i, argument in enumerate(args):
        if argument == flag and i + 1 < len(args):
            value = args[i + 1]
        elif argument.startswith(f"{flag}="):
            value = argument.partition("=")[2]
    return value


def _option(declared: Option, owners: Sequence[str], *, with_variant: bool) -> click.Option:
    least: Any = declared.minimum
    is_free = least is None  # else the help would tell of a range up to None
    kinds: dict[type, Any] = {
        int: click.INT if is_free else click.IntRange(min=least),
        float: click.FLOAT if is_free else click.FloatRange(min=least),
        str: click.Choice(declared.choices) if declared.choices else click.STRING,
    }
    is_flag = declared.kind is bool
    text = f"With {' or '.join(owners)}: {declared.description}"
    if with_variant and declared.variant:
        text += " The network is compared without and with it."

    def keep(ctx: click.Context, option: click.Parameter, value: Any) -> Any:
        if ctx.get_parameter_source(declared.name) is click.core.ParameterSource.COMMANDLINE:
            ctx.meta[_GIVEN][declared.name] = value
        return value

    return click.Option(
        [
            f"{declared.flag}/--no-{declared.flag[2:]}"
            if declared.default is True
            else declared.flag
        ],
        is_flag=is_flag,
        type=None if is_flag else kinds[declared.kind],
        default=declared.default,
        show_default=not is_flag and declared.default is not None,
        help=text,
        expose_value=False,
        callback=keep,
    )


def _owners(flag: str) -> list[str]:
    from nnspec.backend import declared_options, installed_backends

    return [
        backend.name
        for backend in installed_backends()
        if any(declared.flag == flag for declared in declared_options(backend).values())
    ]
