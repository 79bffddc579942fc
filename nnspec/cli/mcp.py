"""nnspec mcp."""

from __future__ import annotations

from pathlib import Path

import click

from nnspec.errors import UsageError


@click.command()
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The folder whose files may be read; by default the current one.",
)
@click.option(
    "--allow-python",
    is_flag=True,
    help="Run the Python files that `verify` and `compare` are given: whoever calls may then do "
    "what you may.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=1),
    default=300.0,
    show_default=True,
    help="That one call may take.",
)
def mcp(root: Path, allow_python: bool, seconds: float) -> None:
    """Serve check, compile, verify, compare and more to an assistant over standard input.

    A server of the Model Context Protocol, which a client starts: docs/mcp.md says how it is
    registered. Needs the extra `mcp`.
    """
    if not root.is_dir():
        raise UsageError(f"--root: {root} is no folder")
    from nnspec.cli.assistant.server import Tools, server

    server(Tools(root, python=allow_python, seconds=seconds)).run()
