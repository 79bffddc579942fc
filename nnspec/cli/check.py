"""nnspec check."""

from __future__ import annotations

import click

from nnspec.cli.common import json_option, print_json, print_problem, set_option
from nnspec.errors import Problem, SpecError, UsageError
from nnspec.loader import load


@click.command()
@click.argument("specs", metavar="SPEC...", nargs=-1, required=True, type=click.Path())
@set_option
@json_option
@click.pass_context
def check(
    ctx: click.Context, specs: tuple[str, ...], variables: dict[str, object], as_json: bool
) -> None:
    """Say what is wrong with specs, and what may be.

    No framework is needed or imported. Exit code 0 if every spec is right, 2 otherwise.
    """
    files: list[dict[str, object]] = []
    wrong = 0
    for path in specs:
        is_fine, problems = _check(path, variables)
        wrong += not is_fine
        files.append(
            {"file": path, "ok": is_fine, "problems": [each.as_json() for each in problems]}
        )
        if not as_json:
            for problem in problems:
                print_problem(problem)
            if is_fine:
                click.echo(f"{path}: ok")
    if as_json:
        print_json({"files": files})
    elif wrong:
        noun = "spec is" if wrong == 1 else "specs are"
        click.echo(f"{wrong} of {len(specs)} {noun} wrong", err=True)
    ctx.exit(2 if wrong else 0)


def _check(path: str, variables: dict[str, object]) -> tuple[bool, tuple[Problem, ...]]:
    try:
        return True, load(path, variables=variables).advice
    except SpecError as error:
        return False, error.problems
    except UsageError as error:
        message = str(error).removeprefix(path).lstrip(": ")
        return False, (Problem("unreadable-file", message, file=path),)
