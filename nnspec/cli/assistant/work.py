"""Does one call of an assistant in a process of its own: a request as JSON in, its answer out."""

from __future__ import annotations

import json
import math
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnspec.cli.assistant.access import DATA, inside, present, require_inside
from nnspec.cli.assistant.child import watch
from nnspec.errors import NnspecError, SpecError, UsageError, nearest, printable

if TYPE_CHECKING:
    from nnspec.errors import Problem
    from nnspec.network.networks import Networks
    from nnspec.network.spec import Spec
    from nnspec.verification.report import Report
    from nnspec.verification.several import Reports

MOST_CHECKS = 100
"""Comparisons of one answer; further ones that passed are counted in a note."""
MOST_TEXT = 1_000_000
"""Characters of source in one answer."""
_OF_BACKENDS = ("backends", "exporters", "steps")
"""Of a request, what says how backends are compared with one another."""
Request = dict[str, Any]


def check(root: Path, request: Request) -> Request:
    """Answer `check`."""
    from nnspec.cli.check import unread_data
    from nnspec.network.fixing import mend
    from nnspec.network.loader import loads_any

    fixed: list[str] = []
    mended: str | None = None
    spec: Spec | Networks | None = None
    problems: tuple[Problem, ...]
    try:
        text, path = _text(root, request["spec"])
        if request["fix"]:
            found = mend(text, path=path, variables=request["variables"], unsafe=False)
            fixed = [each.fix.title for each in found.fixed if each.fix is not None]
            text = mended = found.text
            spec, problems = found.spec, found.problems
        else:
            spec = loads_any(text, path=path, variables=request["variables"])
        if spec is not None:
            spec = _placed(root, spec, path)
            require_inside(root, spec)
            problems = (*spec.advice, *unread_data(spec, str(path or ""), text))
    except SpecError as error:
        spec, problems = None, error.problems
    keys = ("code", "severity", "line", "column", "message", "hint")
    told = [{key: each.as_json()[key] for key in keys} for each in problems]
    return {"ok": spec is not None, "problems": told, "fixed": fixed, "text": mended}


def compile(root: Path, request: Request) -> Request:
    """Answer `compile`."""
    import nnspec

    spec: Any = _load(root, request)
    source = nnspec.compile(spec, request["to"], training=request["training"]).source
    if len(source) > MOST_TEXT:
        raise UsageError(
            f"the source has {len(source):,} characters, and an answer at most {MOST_TEXT:,}: "
            "write it by `nnspec compile`"
        )
    return {"backend": request["to"], "source": source}


def verify(root: Path, request: Request) -> Request:
    """Answer `verify`."""
    if request["against"] is not None:
        for name in [name for name in _OF_BACKENDS if request[name] is not None]:
            raise UsageError(
                f"`{name}` does not go with `against`: it says how backends are compared, and a "
                "file is judged beside the spec; leave one of the two out"
            )
    loaded = _load(root, request)
    levels, required = request["levels"], request["require"]
    if request["against"] is not None:
        against = _foreign(root, request["against"], request)
        from nnspec.judge.verify import map_of, verify_against
        from nnspec.network.loader import one_of

        known = map_of(str(present(root, request["map"]))) if request["map"] is not None else None
        spec = one_of(loaded, request["model"])
        report: Report | Reports = verify_against(
            spec, against, arguments=request["arguments"], known=known, batch=request["batch"],
            seed=request["seed"], seconds=request["seconds"], levels=levels, require=required,
        )  # fmt: skip
        return _verified(report)
    if request["map"] is not None or request["arguments"] is not None:
        raise UsageError("`map` and `arguments` are about another file: give it by `against`")
    import nnspec
    from nnspec.backend import installed_backends, lacking
    from nnspec.verification.settings import Settings

    any_spec: Any = loaded
    # Of what is asked for nothing is left out; by default it is all that is here.
    backends = request["backends"] or [
        each.name for each in installed_backends() if lacking(each) is None
    ]
    report = nnspec.verify(
        any_spec, model=request["model"], backends=backends, batch=request["batch"],
        seed=request["seed"], steps=request["steps"] or Settings.steps,
        exporters=bool(request["exporters"]), levels=levels, require=required,
    )  # fmt: skip
    return _verified(report)


def compare(root: Path, request: Request) -> Request:
    """Answer `compare`."""
    from nnspec.judge.both import compare as compared
    from nnspec.judge.verify import map_of

    sides = [_side(root, request, request[name]) for name in ("a", "b")]
    known = map_of(str(present(root, request["map"]))) if request["map"] is not None else None
    report = compared(
        *sides, args_a=request["arguments_a"], args_b=request["arguments_b"],
        inputs=request["inputs"] or (), known=known, batch=request["batch"], seed=request["seed"],
        seconds=request["seconds"],
    )  # fmt: skip
    return _verified(report)


def explain(_: Path, request: Request) -> Request:
    """Answer `explain`."""
    from nnspec.show.rules import rules

    code, known = request["code"], rules()
    if code not in known:
        raise UsageError(f'no code "{printable(code)}"{nearest(code, known)}')
    return known[code].as_json()


def layers(_: Path, request: Request) -> Request:
    """Answer `layers`."""
    from nnspec.cli.layers import brief, whole, words_named
    from nnspec.show import reference

    names = request["names"]
    if not names:
        listed = [word for kind in reference.KINDS for word in reference.words(kind)]
        return {"words": [brief(word) for word in listed]}
    return {"words": [whole(word) for name in names for word in words_named(name)]}


TOOLS: dict[str, Callable[[Path, Request], Request]] = {
    "check": check,
    "compile": compile,
    "verify": verify,
    "compare": compare,
    "explain": explain,
    "layers": layers,
}


def _text(root: Path, given: str) -> tuple[str, Path | None]:
    """Return the text of a spec, and its file: what has lines or braces is a text itself."""
    if "\n" in given or given.lstrip().startswith("{"):
        return given, None
    from nnspec.network.loader import read_text

    path = present(root, given)
    return read_text(path), path


def _load(root: Path, request: Request) -> Spec | Networks:
    from nnspec.network.loader import loads_any

    text, path = _text(root, request["spec"])
    loaded = loads_any(text, path=path, variables=request.get("variables"))
    loaded = _placed(root, loaded, path)
    require_inside(root, loaded)
    return loaded


def _placed(root: Path, loaded: Spec | Networks, path: Path | None) -> Spec | Networks:
    """Return a spec that is a text as if it stood in the folder, from where its paths lead."""
    from nnspec.network.spec import Spec

    if path is not None:
        return loaded
    place = root / f"{loaded.name}.yaml"
    if isinstance(loaded, Spec):
        return replace(loaded, path=place)
    return loaded.located(place, loaded.advice)


def _side(root: Path, request: Request, given: str) -> Spec | str:
    """Return one of two things to compare: a spec, or a file of others."""
    from nnspec.network.loader import one_of

    is_text = "\n" in given or given.lstrip().startswith("{")
    if is_text or Path(given).suffix.lower() in (".yaml", ".yml", ".json"):
        return one_of(_load(root, {"spec": given}), None)
    return _foreign(root, given, request)


def _foreign(root: Path, given: str, request: Request) -> str:
    """Return the file to judge, `FILE` or `FILE:NAME`, with its path whole."""
    name = ""
    if not inside(root, given).is_file() and ":" in given:
        given, _, name = given.rpartition(":")
    path = present(root, given)
    if path.suffix.lower() not in DATA and not request["allow_python"]:
        raise UsageError(
            f"{path.name} is not opened: opening it runs code of it, and this server was started "
            "without --allow-python"
        )
    return f"{path}:{name}" if name else str(path)


def _verified(result: Report | Reports) -> Request:
    from nnspec.cli.findings import named
    from nnspec.verification.checks import difference
    from nnspec.verification.levels import LEVELS
    from nnspec.verification.several import Reports

    reports = result.reports if isinstance(result, Reports) else {"": result}
    checks = [(name, each) for name, report in reports.items() for each in report.checks]
    checks.sort(key=lambda entry: entry[1].passed)  # first what failed, of which none is left out
    most = max(MOST_CHECKS, sum(not each.passed for _, each in checks))
    told: dict[str, list[str]] = {"failures": [], "unmet": [], "not_checked": [], "notes": []}
    for name, report in reports.items():
        told["failures"] += [
            named(name, difference(each, report.titles)) for each in report.failures()
        ]
        told["unmet"] += [named(name, each) for each in report.unmet()]
        told["not_checked"] += [
            named(name, each.told(report.titles)) for each in report.not_checked
        ]
        told["notes"] += [named(name, each) for each in (*report.remarks(), *report.notes)]
    if len(checks) > most:
        told["notes"].append(f"{len(checks) - most} comparisons that passed are left out")
    verdicts = [named(name, report.verdict) for name, report in reports.items()]
    return {
        "passed": result.passed,
        "verdict": "; ".join(verdicts),
        "levels": {
            named(name, level): report.verdict_of(level)
            for name, report in reports.items()
            for level in LEVELS
        },
        **told,
        "checks": [
            {
                "kind": each.kind,
                "pair": [named(name, one) for one in each.pair],
                "dtype": each.dtype,
                "error": each.error if math.isfinite(each.error) else None,
                "tolerance": each.tolerance if math.isfinite(each.tolerance) else None,
                "passed": each.passed,
                "layer": each.layer,
                "detail": each.detail,
            }
            for name, each in checks[:most]
        ],
    }


def main() -> None:
    """Answer the request on standard input."""
    out = os.dup(1)
    os.dup2(2, 1)  # what a framework prints is no answer
    request = json.loads(sys.stdin.buffer.read())
    if sys.platform != "win32" and os.getpgrp() == os.getpid():  # else others are of its group
        limits = request["server"], request["seconds"]
        threading.Thread(target=watch, args=limits, daemon=True).start()
    try:
        answer: dict[str, Any] = {"answer": TOOLS[request["do"]](Path(request["root"]), request)}
    except NnspecError as error:
        answer = {"refused": str(error) or type(error).__name__}
    with os.fdopen(out, "w", encoding="utf-8") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main()
