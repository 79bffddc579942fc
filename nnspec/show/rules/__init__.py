"""Explanations of every code of `nnspec check`, as YAML; docs/rules.md is made of them.

An example leaves out the first two lines, which all have, unless it begins with them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from nnspec.language.source import parse

FOLDER = Path(__file__).parent
HEADER = "nnspec: 1\nname: Net\n"
FILES = {
    "text": "error",
    "network": "error",
    "training": "error",
    "advice": "advice",
    "notes": "note",
}
"""The files, and the severity of the codes of each."""
_WHOLE = ("nnspec:", "{")


class Rule(NamedTuple):
    """One code: what it means, why it is told, how to mend it, and a spec before and after.

    severities: "error", "advice", or both, by the occasion; "note" is one of a run. bad,
    mended: texts of specs, empty where no short spec can show it.
    """

    code: str
    severities: tuple[str, ...]
    means: str
    why: str
    mend: str
    bad: str = ""
    mended: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the rule as `--json` prints it."""
        return {
            "code": self.code,
            "severities": list(self.severities),
            "means": self.means,
            "why": self.why,
            "mend": self.mend,
            "bad": self.bad or None,
            "mended": self.mended or None,
        }


@cache
def rules() -> dict[str, Rule]:
    """Return the rules by code, in the order of the files."""
    found = {}
    for file, severity in FILES.items():
        text = (FOLDER / f"{file}.yaml").read_text(encoding="utf-8")
        for code, entry in parse(text, is_json=False).items():
            severities = (severity, entry["also"]) if "also" in entry else (severity,)
            found[code] = Rule(
                code,
                severities,
                *(entry[key] for key in ("means", "why", "mend")),
                *(_spec(entry.get(key, "")) for key in ("bad", "mended")),
            )
    return found


def _spec(text: str) -> str:
    return text if not text or text.startswith(_WHOLE) else HEADER + text


def explained(rule: Rule) -> str:
    """Return a rule as text for a terminal."""
    lines = [
        f"{rule.code} ({' or '.join(rule.severities)})",
        "",
        rule.means,
        f"Why: {rule.why}",
        f"Mend: {rule.mend}",
    ]
    for title, spec in (("Instead of", rule.bad), ("Write", rule.mended)):
        if spec:
            lines += ["", f"{title}:", *(f"    {line}" for line in spec.splitlines())]
    return "\n".join(lines)


def page() -> str:
    """Return docs/rules.md."""
    lines = [
        "# Rules",
        "",
        "<!-- made by `make docs` from nnspec/show/rules -->",
        "",
        "Every code of `nnspec check`: errors, which make a spec wrong, and advice on specs that",
        "are right by themselves and likely not what was meant; and notes of `nnspec train` on",
        "what only its rows show. `nnspec explain CODE` prints one,",
        "`nnspec rules` lists them; both take `--json`. The codes are stable.",
    ]
    for severity, title in (("error", "Errors"), ("advice", "Advice"), ("note", "Notes of a run")):
        lines += ["", f"## {title}"]
        for rule in rules().values():
            if rule.severities[0] != severity:
                continue
            also = " (advice too)" if len(rule.severities) > 1 else ""
            lines += ["", f"### `{rule.code}`{also}", "", rule.means, rule.why, "", f"{rule.mend}"]
            if rule.bad:
                lines += ["", "```text", *rule.bad.splitlines(), "```"]
            if rule.mended:
                lines += ["", "Mended:", "", "```yaml", *rule.mended.splitlines(), "```"]
    return "\n".join(lines) + "\n"
