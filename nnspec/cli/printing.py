"""Printing of results as `--format github` and `--format sarif`."""

from __future__ import annotations

import click

from nnspec.cli.common import print_json
from nnspec.cli.findings import Findings


def print_findings(findings: Findings, form: str) -> None:
    """Print results as `--format github` or `--format sarif` has them."""
    if form == "github":
        from nnspec.cli.github import commands

        for line in commands(findings):
            click.echo(line)
        return
    from nnspec.cli.sarif import log

    print_json(log(findings))
