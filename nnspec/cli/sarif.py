"""`--format sarif`: results as a SARIF 2.1.0 log, which code scanning and editors read."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nnspec.cli.findings import LEVELS, Finding, Findings, Place, of_verify_kind, relative
from nnspec.errors import Fix, printable, redacted

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def log(findings: Findings) -> dict[str, Any]:
    """Return the log: one run, with the rules that its results name."""
    from nnspec import __version__

    names = list(dict.fromkeys(each.rule for each in findings.found))
    seen: dict[str, int] = {}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "nnspec",
                "semanticVersion": __version__,
                "rules": [_rule(name) for name in names],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(findings)],
        "results": [_result(each, names, seen) for each in findings.found],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _invocation(findings: Findings) -> dict[str, Any]:
    """Return how the call ended; what it left unchecked is no result, and not silent."""
    ended: dict[str, Any] = {"executionSuccessful": True, "exitCode": findings.code}
    told = [f"not checked: {each}" for each in findings.unchecked]
    told += [f"remark: {each}" for each in findings.remarks]
    if told:
        ended["toolExecutionNotifications"] = [
            {"level": "note", "message": _message(each)} for each in told
        ]
    return ended


def _rule(name: str) -> dict[str, Any]:
    from nnspec.show.rules import rules

    rule = rules().get(name)
    if rule is None:
        means, mend = of_verify_kind(name)
        why, level = "", "error"
    else:
        means, why, mend, level = rule.means, rule.why, rule.mend, LEVELS[rule.severities[0]]
    text = " ".join(each for each in (means, why, mend) if each)
    markdown = "\n\n".join(each for each in (means, why, f"**Mend:** {mend}") if each)
    if rule is not None and rule.bad:
        markdown += f"\n\nInstead of\n\n```text\n{rule.bad.rstrip()}\n```"
    if rule is not None and rule.mended:
        markdown += f"\n\nwrite\n\n```yaml\n{rule.mended.rstrip()}\n```"
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "shortDescription": {"text": means},
        "fullDescription": {"text": f"{means} {why}".strip()},
        "help": {"text": text, "markdown": markdown},
        "defaultConfiguration": {"level": level},
    }


def _result(finding: Finding, names: list[str], seen: dict[str, int]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": names.index(finding.rule),
        "level": finding.level,
        "message": _message(finding.message),
        "partialFingerprints": {"nnspec/v1": _fingerprint(finding, seen)},
    }
    if finding.place is not None:
        result["locations"] = [{"physicalLocation": _physical(finding.place)}]
    if finding.related:
        result["relatedLocations"] = [
            {"id": i, "physicalLocation": _physical(place), "message": _message(text)}
            for i, (place, text) in enumerate(finding.related)
        ]
    fix = finding.fix
    if fix is not None and fix.is_safe and fix.edits and finding.place is not None:
        result["fixes"] = [_fix(fix, finding.place.file)]
    return result


def _fix(fix: Fix, file: str) -> dict[str, Any]:
    replacements = [
        {
            "deletedRegion": {
                "startLine": line + 1,
                "startColumn": column + 1,
                "endLine": end_line + 1,
                "endColumn": end_column + 1,
            },
            "insertedContent": {"text": text},
        }
        for line, column, end_line, end_column, text in fix.edits
    ]
    change = {"artifactLocation": _artifact(file), "replacements": replacements}
    return {"description": _message(redacted(fix.title)), "artifactChanges": [change]}


def _fingerprint(finding: Finding, seen: dict[str, int]) -> str:
    """Return what stays when lines are added above: the rule, the file, and the line's text.

    Where the line is not at hand, the message without its digits stands for it, which in that of
    a comparison are the errors. Equal ones are counted.
    """
    place = finding.place or Place("")
    text = place.text.strip() or "".join(c for c in finding.message if not c.isdigit())
    told = "\0".join([finding.rule, relative(place.file), text])
    found = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    seen[found] = seen.get(found, 0) + 1
    return f"{found}:{seen[found]}"


def _physical(place: Place) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _artifact(place.file)}
    if place.line is not None:
        region: dict[str, Any] = {"startLine": place.line + 1}
        if place.column is not None and place.end is not None:
            region |= {"startColumn": place.column + 1, "endColumn": place.end + 1}
        physical["region"] = region
    return physical


def _artifact(file: str) -> dict[str, Any]:
    """Return where a file lies: from the root of the checkout, or wholly where it is outside."""
    path = relative(file)
    if Path(path).is_absolute():
        return {"uri": Path(path).as_uri()}
    return {"uri": quote(os.fsencode(path)), "uriBaseId": "%SRCROOT%"}


def _message(text: str) -> dict[str, str]:
    """Return a text with control characters shown, of which nothing is a link or a placeholder.

    SARIF would have every brace doubled; most readers show both, so that only what one of them
    would fill in, as {0}, is.
    """
    shown = "\n".join(printable(line) for line in text.split("\n"))
    return {"text": re.sub(r"\{(\d+)\}", r"{{\1}}", shown.replace("](", "] ("))}
