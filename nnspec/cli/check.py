"""nnspec check."""

from __future__ import annotations

import click

from nnspec.cli.common import json_option, print_json, print_problem, set_option
from nnspec.errors import DataError, Problem, SpecError, UsageError
from nnspec.network.loader import Spec, load


@click.command()
@click.argument("specs", metavar="SPEC...", nargs=-1, required=True, type=click.Path())
@set_option
@click.option("--data", is_flag=True, help="Read the rows too, as training would.")
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    specs: tuple[str, ...],
    variables: dict[str, object],
    data: bool,
    as_json: bool,
) -> None:
    """Say what is wrong with specs, and what may be; with --data, with their rows as well.

    No framework is needed or imported. Exit code 0 if every spec is right, 2 otherwise.
    """
    files: list[dict[str, object]] = []
    wrong = 0
    for path in specs:
        is_fine, problems = _check(path, variables, with_data=data)
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


def _check(
    path: str, variables: dict[str, object], *, with_data: bool
) -> tuple[bool, tuple[Problem, ...]]:
    try:
        spec = load(path, variables=variables)
    except SpecError as error:
        return False, error.problems
    except UsageError as error:
        message = str(error).removeprefix(path).lstrip(": ")
        return False, (Problem("unreadable-file", message, file=path),)
    problems = spec.advice
    wrong = _problem_of_data(spec, path) if with_data else None
    return wrong is None, problems if wrong is None else (*problems, wrong)


def _problem_of_data(spec: Spec, path: str) -> Problem | None:
    """Return why the spec cannot be trained on its rows, or None; a spec without both can't be."""
    training = spec.model.training
    if training is None or spec.model.data is None:
        return None
    from nnspec.data.rows import load_data
    from nnspec.training.batches import require_batches
    from nnspec.training.metrics import require_measurable

    try:
        require_measurable(training)
        rows = load_data(spec)
        require_batches(spec.graph, len(rows.train), training.batch_size)
    except DataError as error:
        return Problem("wrong-data", str(error), file=path)
    except UsageError as error:
        return Problem("not-trainable", str(error), file=path)
    return None
