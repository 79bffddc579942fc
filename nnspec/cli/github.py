"""`--format github`: results as workflow commands, which GitHub shows beside the lines of a change.

Written as docs.github.com has it under "Workflow commands for GitHub Actions": data have `%`, CR
and LF escaped, properties `:` and `,` too, so that no text of a spec can begin a command of its
own; other control characters are shown.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.cli.findings import Finding, Findings, relative
from nnspec.errors import printable

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def commands(findings: Findings) -> Iterator[str]:
    """Yield a line for each result, one for all that was not checked, and one for all remarks."""
    for each in findings.found:
        yield _command(each)
    for title, told in (("not checked", findings.unchecked), ("remarks", findings.remarks)):
        if told:
            yield f"::notice title={_property(f'nnspec: {title}')}::{_data(chr(10).join(told))}"


def _command(finding: Finding) -> str:
    properties: dict[str, object] = {}
    place = finding.place
    if place is not None:
        properties["file"] = relative(place.file)
        if place.line is not None:
            properties["line"] = place.line + 1
        if place.column is not None and place.end is not None:
            properties["col"] = place.column + 1
            # GitHub counts the last column in; and a mark never goes beyond its line.
            properties["endColumn"] = place.end
    properties["title"] = f"nnspec {finding.rule}"
    told = [finding.message]
    told += [f"{text}: {_where(other.file, other.line)}" for other, text in finding.related]
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[finding.level]} {given}::{_data(chr(10).join(told))}"


def _where(file: str, line: int | None) -> str:
    return relative(file) + (f":{line + 1}" if line is not None else "")


def _data(text: str) -> str:
    lines = [printable(line) for line in text.replace("\r\n", "\n").split("\n")]
    return "\n".join(lines).replace("%", "%25").replace("\n", "%0A")


def _property(value: object) -> str:
    return _data(str(value)).replace(":", "%3A").replace(",", "%2C")
