"""Printing of what is wrong with specs."""

from __future__ import annotations

import click

from nnspec.cli.common import print_json, use_colour
from nnspec.errors import Problem, UsageError, printable

Result = tuple[str, bool, tuple[Problem, ...]]
"""A file, whether it is right, and what is wrong with it or may be."""


def print_problem(problem: Problem, *, err: bool = False) -> None:
    """Print a problem as a compiler would, in colour on a terminal."""
    lines = problem.render().split("\n")
    place, separator, message = lines[0].partition(f" {problem.severity}[")
    colour = "red" if problem.severity == "error" else "yellow"
    kind, _, rest = f"{problem.severity}[{message}".partition(": ")
    head = f"{place}{' ' if separator and place else ''}"
    styled = click.style(head, bold=True) + click.style(kind, fg=colour, bold=True)
    caret = [click.style(line, fg="cyan") for line in lines[1:]]
    click.echo("\n".join([f"{styled}: {rest}", *caret]), color=use_colour(), err=err)


def record_of(path: str, problems: tuple[Problem, ...], *, is_fine: bool) -> dict[str, object]:
    """Return what `--json` prints of a file."""
    return {"file": path, "ok": is_fine, "problems": [each.as_json() for each in problems]}


def print_problems(
    path: str, problems: tuple[Problem, ...], *, is_fine: bool, err: bool = False
) -> int:
    """Print what is wrong with a file, and return how many of it a safe fix mends."""
    for problem in problems:
        print_problem(problem, err=err)
    if is_fine:
        click.echo(f"{printable(path)}: ok", err=err)
    return sum(each.fix is not None and each.fix.is_safe for each in problems)


def print_results(results: list[Result], *, form: str) -> None:
    """Print the sum of what is wrong with files, or all of it as this format has it."""
    if form == "json":
        files = [record_of(path, problems, is_fine=is_fine) for path, is_fine, problems in results]
        print_json({"files": files})
        return
    if form != "text":
        from nnspec.cli.findings import Findings, of_problems
        from nnspec.cli.printing import print_findings

        found = [each for path, _, problems in results for each in of_problems(path, problems)]
        code = 0 if all(is_fine for _, is_fine, _ in results) else 2
        print_findings(Findings(found, code), form)
        return
    wrong = sum(not is_fine for _, is_fine, _ in results)
    fixes = [each.fix for _, _, problems in results for each in problems if each.fix is not None]
    print_summary(wrong, len(results), sum(fix.is_safe for fix in fixes))


def print_summary(wrong: int, number: int, mendable: int) -> None:
    """Say how many specs are wrong, and how many mistakes can be mended."""
    if wrong:
        noun = "spec" if number == 1 else "specs"
        click.echo(f"{wrong} of {number} {noun} {'is' if wrong == 1 else 'are'} wrong", err=True)
    if mendable:
        noun = "mistake" if mendable == 1 else "mistakes"
        click.echo(f"{mendable} {noun} can be mended by `nnspec check --fix`", err=True)


def unreadable(path: str, error: UsageError) -> Problem:
    """Return why a file cannot be read."""
    return Problem("unreadable-file", str(error).removeprefix(path).lstrip(": "), file=path)
