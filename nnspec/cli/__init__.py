"""The command line: `nnspec COMMAND ...`; one module for each command, imported when it is run."""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any, NoReturn

import click

from nnspec.errors import NnspecError, printable

COMMANDS = {
    "check": ("nnspec.cli.check:check", "Say what is wrong with specs, and what may be."),
    "explain": ("nnspec.cli.explain:explain", "What a code of `nnspec check` means, and its mend."),
    "rules": ("nnspec.cli.explain:rules", "The codes of `nnspec check`, listed."),
    "summary": ("nnspec.cli.summary:summary", "Layers, shapes, parameters and cost."),
    "weights": ("nnspec.cli.weights:weights", "Names, shapes and first values of the weights."),
    "compile": ("nnspec.cli.compile:compile", "Write a spec as PyTorch, Keras or ONNX."),
    "train": ("nnspec.cli.train:train", "Train the network on its data."),
    "tune": ("nnspec.cli.tune:tune", "Train with other settings, and keep the best."),
    "runs": ("nnspec.cli.runs:runs", "List runs of `nnspec train`, and compare them."),
    "export": ("nnspec.cli.export:export", "Write the network with its weights as ONNX."),
    "verify": ("nnspec.cli.verify:verify", "Prove that the backends compute the same."),
    "certify": ("nnspec.cli.certify:certify", "Verify, and write what replays without nnspec."),
    "compare": ("nnspec.cli.compare:compare", "Whether any two networks compute the same."),
    "predict": ("nnspec.cli.predict:predict", "Run an ONNX model on rows of data."),
    "layers": ("nnspec.cli.layers:layers", "The layers and their like, listed or explained."),
    "schema": ("nnspec.cli.schema:schema", "The JSON Schema of specs, for editors."),
    "init": ("nnspec.cli.init:init", "Write a spec to start from."),
    "mcp": ("nnspec.cli.mcp:mcp", "Serve assistants by the Model Context Protocol."),
    "plot": ("nnspec.cli.plot:plot", "Draw the network as an SVG picture."),
}
"""Name -> where the command is, and what it does."""


class Commands(click.Group):
    """A group that imports a command only when it is run, and turns errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        gc.freeze()  # nor does collecting look at them when the process ends
        gc.enable()
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest one."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            from nnspec.errors import nearest

            ctx.fail(f'no command "{args[0]}"{nearest(args[0], COMMANDS)}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def main(  # type: ignore[override]  # click's overloads only tell whether it returns
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run a command: 0 fine, 1 what was asked did not hold, 2 a wrong spec or call."""
        extra["standalone_mode"] = False
        _start_fast()
        try:
            code = super().main(args, prog_name or "nnspec", **extra)
            # A full disk or a closed pipe shows here at the latest.
            sys.stdout.flush()
        except click.ClickException as error:
            error.show()
            sys.exit(2)
        except NnspecError as error:
            # Names in files must not move the cursor; a message's own lines stay lines.
            lines = [printable(line) for line in (str(error) or type(error).__name__).split("\n")]
            message = "\n".join(lines)
            click.echo(f"nnspec: {message}" if len(lines) == 1 else message, err=True)
            sys.exit(2)
        except (KeyboardInterrupt, click.Abort):
            click.echo("interrupted", err=True)
            sys.exit(130)
        except BrokenPipeError:
            _drop_output()  # what reads it has read enough
            sys.exit(1)
        except OSError as error:
            if error.filename is not None or error.errno not in (errno.ENOSPC, errno.EIO):
                raise
            _drop_output()
            with suppress(OSError):
                click.echo(f"nnspec: the output cannot be written: {error.strerror}", err=True)
            sys.exit(1)
        finally:
            gc.enable()
        sys.exit(code if isinstance(code, int) else 0)


def _drop_output() -> None:
    """Send what is still to be printed nowhere, or the interpreter's own flush would fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _start_fast() -> None:
    """Leave out what takes a sixth of the time of `nnspec check` and does nothing for it."""
    # Modules stay: until the command runs, collecting would look at them again and again.
    gc.disable()
    # pydantic asks here for plugins. None has business in this process, and the real module
    # imports importlib.metadata and reads the metadata of every installed distribution, even where
    # PYDANTIC_DISABLE_PLUGINS is set. With this, `nnspec check` takes 0.86 of the time without
    # (benchmarks/check.py, "by it with plugins"), and 1.53 times that of importing pydantic and
    # yaml, where 1.6 is the target; without it, the target is missed.
    stand_in = ModuleType("pydantic.plugin._loader")
    stand_in.get_plugins = tuple  # type: ignore[attr-defined]
    sys.modules.setdefault(stand_in.__name__, stand_in)


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from nnspec import __version__

        click.echo(f"nnspec {__version__}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and exit.",
)
def main() -> None:
    """Write a neural network once, as data; get PyTorch, Keras and ONNX, proved equal."""
