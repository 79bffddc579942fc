"""Printing of the result of `nnspec verify`, by --format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnspec.errors import SpecError, UsageError, VariableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from nnspec.network.loader import Spec
    from nnspec.network.networks import Networks
    from nnspec.verification.report import Report
    from nnspec.verification.several import Reports


def load_or_tell(path: str, variables: Mapping[str, object], form: str) -> Spec | Networks | None:
    """Return a checked spec; None where it is wrong, and the format has told how."""
    from nnspec.cli.problems import print_results, unreadable
    from nnspec.network.loader import load_any

    try:
        return load_any(path, variables=dict(variables))
    except (SpecError, UsageError) as error:
        if form == "text" or isinstance(error, VariableError):
            raise
        wrong = error.problems if isinstance(error, SpecError) else (unreadable(path, error),)
        print_results([(path, False, wrong)], form=form)
        return None


def print_verified(
    result: Report | Reports,
    form: str,
    console: Console,
    path: str,
    loaded: Spec | Networks,
    against: str | None = None,
) -> None:
    """Print a verification. path: of the spec; against: of the file that was judged."""
    if form == "json":
        click.echo(result.to_json())
    elif form == "text":
        result.print(console)
    else:
        from nnspec.cli.findings import of_verification
        from nnspec.cli.printing import print_findings

        print_findings(of_verification(path, loaded, result, against=against), form)
