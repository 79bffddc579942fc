"""nnspec check."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from nnspec.cli.common import STDIN, format_option, set_option
from nnspec.errors import Problem, SpecError, UsageError, VariableError, printable
from nnspec.language.arrays import IN_FILES
from nnspec.language.databases import is_server
from nnspec.language.training_schema import Data
from nnspec.network.loader import Spec, load_any

if TYPE_CHECKING:
    from nnspec.network.networks import Networks


@click.command()
@click.argument("specs", metavar="SPEC...", nargs=-1, required=True, type=click.Path())
@set_option
@click.option("--data", is_flag=True, help="Read the rows too, as training would.")
@click.option("--fix", is_flag=True, help="Mend what can be mended for certain, in the files.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix, what is only likely too.")
@format_option
@click.pass_context
def check(
    ctx: click.Context,
    specs: tuple[str, ...],
    variables: dict[str, object],
    data: bool,
    fix: bool,
    unsafe_fixes: bool,
    form: str,
) -> None:
    """Say what is wrong with specs, and what may be; with --data, with their rows as well.

    "-" reads a spec from standard input; with --fix it is printed as mended, and what was wrong
    goes to the standard error. No framework is needed or imported. Exit code 0 if every spec is
    right, 2 otherwise.
    """
    if fix or unsafe_fixes or STDIN in specs:
        from nnspec.cli.fix import check_texts  # which few calls need

        if not fix and unsafe_fixes:
            raise UsageError("--unsafe-fixes says which fixes --fix makes: add --fix")
        code = check_texts(
            specs, variables, _judged, with_data=data, fix=fix, unsafe=unsafe_fixes, form=form
        )
        ctx.exit(code)
    results = []
    for path in specs:
        is_fine, problems = _check(path, variables, with_data=data)
        results.append((path, is_fine, problems))
        if is_fine and not problems and form == "text":
            click.echo(f"{printable(path)}: ok")
        elif form == "text":
            from nnspec.cli.problems import print_problems

            print_problems(path, problems, is_fine=is_fine)
    wrong = sum(not is_fine for _, is_fine, _ in results)
    if wrong or form != "text":
        from nnspec.cli.problems import print_results

        print_results(results, form=form)
    ctx.exit(2 if wrong else 0)


def _check(
    path: str, variables: dict[str, object], *, with_data: bool
) -> tuple[bool, tuple[Problem, ...]]:
    try:
        spec = load_any(path, variables=variables)
    except SpecError as error:
        return False, error.problems
    except VariableError:  # the call is wrong, and no file
        raise
    except UsageError as error:
        from nnspec.cli.problems import unreadable

        return False, (unreadable(path, error),)
    return _judged(spec, path, with_data=with_data)


def _judged(
    spec: Spec | Networks, path: str, *, with_data: bool
) -> tuple[bool, tuple[Problem, ...]]:
    """Return whether a spec is right, with its rows where those are asked for, and what may be."""
    problems = spec.advice
    if not with_data:
        return True, (*problems, *unread_data(spec, path))
    document = spec.model if isinstance(spec, Spec) else spec.document
    if document.training is None or document.data is None:
        return True, problems
    from nnspec.cli.checked_rows import problem_of_data

    wrong = problem_of_data(spec, path)
    if wrong is None:
        return True, problems
    return False, (*(each for each in problems if each.code != wrong.code), wrong)


def unread_data(spec: Spec | Networks, path: str, text: str = "") -> Iterator[Problem]:
    """Yield advice where the rows cannot be read, without reading them.

    text: the spec's, where that is not what its file holds.
    """
    data = (spec.model if isinstance(spec, Spec) else spec.document).data
    if data is None or spec.path is None:
        return
    if is_server(data.source):
        return
    source = spec.folder / data.source
    declared = getattr(data, "prepare", None) or {}
    is_known = source.is_dir() and any(
        each.image is not None or each.sound is not None for each in declared.values()
    )
    if isinstance(data, Data) and source.suffix.lower() in IN_FILES:
        from nnspec.data.sources import is_there  # with polars, which few calls need

        is_known = is_there(spec.folder, data)
    if not source.is_file() and not is_known:
        what = "is a folder" if source.is_dir() else "there is no such file"
        hint = "`data.source` is relative to the spec"
        message = f"{data.source}: {what}"
        problem = Problem("wrong-data", message, hint, None, "advice", file=path)
        from nnspec.network.places import placed  # which few specs need

        yield placed(problem, spec, "data", "source", text=text)
