"""The Dockerfile, as far as it can be held without Docker: what it copies, runs and ends as."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    """Return each instruction with what follows it, on one line."""
    lines = [line for line in TEXT.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(name, rest) for name, rest in found]


def copied() -> list[str]:
    """Return what is copied from the repository, and not from an earlier stage."""
    return [
        source
        for name, rest in instructions()
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]


def test_what_is_copied_is_there_and_reaches_the_build() -> None:
    _, *rules = (
        line
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    kept = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert {*copied()} == kept
    for source in copied():
        assert (ROOT / source).exists(), source
        assert not any(fnmatch.fnmatch(source, rule) for rule in rules if not rule.startswith("!"))


def test_what_a_wheel_is_made_of_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = [project["project"]["readme"], *project["project"]["license-files"]]
    needed += project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    for path in needed:
        assert any(path == source or path.startswith(f"{source}/") for source in copied()), path
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for name in ("hatchling", "editables"):  # which --no-build-isolation needs
        assert re.search(f"^{name}==", lock, re.M)


def test_it_runs_the_command_of_the_package_by_no_root() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    last = dict(instructions())
    (command,) = json.loads(last["ENTRYPOINT"])
    assert command in project["scripts"]
    assert last["USER"].isdigit()
    assert int(last["USER"]) > 0
    assert f"--uid {last['USER']} " in TEXT
    assert last["WORKDIR"] == "/work"
    images = [rest.split()[0] for name, rest in instructions() if name == "FROM"]
    python = re.search(r"CPython (\S+) ", (ROOT / "requirements.lock").read_text(encoding="utf-8"))
    assert python is not None
    assert {*images} == {f"python:{python[1]}-slim"}


@pytest.mark.parametrize("version", ["2.13.0+cpu", "2.13.0"])
def test_a_build_without_pytorch_for_cpus_ends_early(tmp_path: Path, version: str) -> None:
    check = next(rest for name, rest in instructions() if name == "RUN" and "torch.txt" in rest)
    (tmp_path / "requirements.lock").write_text("toml==1\ntorch==2.13.0\n", encoding="utf-8")
    # In the place of pip, what it would report.
    tool = tmp_path / "pip"
    report = shlex.quote(json.dumps({"version": version}))
    tool.write_text(f"#!/bin/sh\ncat torch.txt; echo {report} > torch.json\n", encoding="utf-8")
    tool.chmod(0o755)
    ended = subprocess.run(
        ["/bin/sh", "-c", check],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "torch==2.13.0\n"
    assert (ended.returncode == 0) == version.endswith("+cpu")
    assert ("PIP_EXTRA_INDEX_URL" in ended.stderr) == (ended.returncode != 0)
