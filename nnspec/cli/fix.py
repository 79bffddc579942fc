"""`nnspec check` of standard input, and with --fix."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from nnspec.cli.common import STDIN, print_json
from nnspec.cli.problems import (
    Result,
    print_problems,
    print_results,
    print_summary,
    record_of,
    unreadable,
)
from nnspec.errors import Problem, SpecError, UsageError, VariableError, printable, redacted
from nnspec.language.source import MAX_CHARACTERS
from nnspec.network.fixing import Mended, mend
from nnspec.network.loader import loads_any, read_text

NAME = "<stdin>"


def check_texts(
    specs: tuple[str, ...],
    variables: dict[str, object],
    judge: Callable[..., tuple[bool, tuple[Problem, ...]]],
    *,
    with_data: bool,
    fix: bool,
    unsafe: bool,
    form: str,
) -> int:
    """Check files, one of which may be standard input, and mend them if asked; the exit code.

    judge: says of a spec whether it is right with its rows, and what may be wrong.
    """
    if fix and STDIN in specs and form in ("github", "sarif"):
        raise UsageError(f"--fix prints the mended standard input: leave out --format {form}")
    if specs.count(STDIN) > 1:
        raise UsageError('standard input can be read once; "-" is given twice')
    files: list[dict[str, object]] = []
    results: list[Result] = []
    wrong = mendable = 0
    for path in specs:
        name = NAME if path == STDIN else path
        # What is mended is printed; so what is said of it goes elsewhere.
        err = fix and path == STDIN
        text = ""
        try:
            text = _input() if path == STDIN else read_text(path)
            mended = _mended(text, path, variables, fix=fix, unsafe=unsafe)
        except SpecError as error:
            mended = Mended(text, (), error.problems, None)
        except VariableError:  # the call is wrong, and no file
            raise
        except UsageError as error:
            mended = Mended(text, (), (unreadable(path, error),), None)
        is_fine, problems = mended.spec is not None, mended.problems
        if mended.spec is not None:
            is_fine, problems = judge(mended.spec, name, with_data=with_data)
        problems = tuple(each._replace(file=name) for each in problems)
        wrong += not is_fine
        record = record_of(name, problems, is_fine=is_fine)
        if fix:
            record["fixed"] = [each.as_json() for each in mended.fixed]
            if path == STDIN:
                record["text"] = mended.text
        files.append(record)
        results.append((name, is_fine, problems))
        if form == "text":
            for each in mended.fixed:
                _print_fixed(each._replace(file=name), err=err)
            mendable += print_problems(name, problems, is_fine=is_fine, err=err)
            if err:
                click.echo(mended.text, nl=False)
    if form == "json":
        print_json({"files": files})
    elif form != "text":
        print_results(results, form=form)
    else:
        print_summary(wrong, len(specs), 0 if fix else mendable)
    return 2 if wrong else 0


def _mended(
    text: str, path: str, variables: dict[str, object], *, fix: bool, unsafe: bool
) -> Mended:
    file = None if path == STDIN else path
    if not fix:
        spec = loads_any(text, path=file, variables=variables)
        return Mended(text, (), spec.advice, spec)
    mended = mend(text, path=file, variables=variables, unsafe=unsafe)
    if file is not None and mended.fixed:
        _write(file, text, mended.text)
    return mended


def _write(path: str, before: str, text: str) -> None:
    """Write a mended spec whole or not at all; a mark of byte order stays."""
    from nnspec.support.files import rewrite

    mark = "\ufeff" if before.startswith("\ufeff") else ""
    rewrite(path, (mark + text).encode())


def _input() -> str:
    raw = sys.stdin.buffer.read(4 * MAX_CHARACTERS + 4)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"standard input is not UTF-8 text: {error.reason}"
        raise SpecError([Problem("not-text", message)]) from None


def _print_fixed(problem: Problem, *, err: bool) -> None:
    assert problem.fix is not None
    mark = problem.mark
    place = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
    title = printable(redacted(problem.fix.title))
    click.echo(f"{printable(problem.file or '')}{place}: fixed[{problem.code}]: {title}", err=err)
