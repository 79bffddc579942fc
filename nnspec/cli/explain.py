"""nnspec explain, and nnspec rules."""

from __future__ import annotations

import click

from nnspec.cli.common import json_option, print_json
from nnspec.errors import UsageError, nearest


@click.command()
@click.argument("code")
@json_option
def explain(code: str, as_json: bool) -> None:
    """Say what a code of `nnspec check` means, why it is told, and how to mend it."""
    from nnspec.show.rules import explained, rules

    known = rules()
    if code not in known:
        raise UsageError(f'no code "{code}"{nearest(code, known)}; `nnspec rules` lists them')
    if as_json:
        print_json(known[code].as_json())
    else:
        click.echo(explained(known[code]))


@click.command()
@json_option
def rules(as_json: bool) -> None:
    """List every code of `nnspec check`."""
    from nnspec.show.rules import rules as known

    found = known().values()
    if as_json:
        print_json({"rules": [rule.as_json() for rule in found]})
        return
    width = max(len(rule.code) for rule in found)
    for rule in found:
        click.echo(f"{rule.code:<{width}}  {'/'.join(rule.severities):<12}  {rule.means}")
