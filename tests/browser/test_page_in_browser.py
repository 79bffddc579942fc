"""The page of a report in Chromium: at the width of a phone and of a desk, light and dark.

`make page` installs the browser, and sets NNSPEC_BROWSER to the folder that has it.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from nnspec.verification.checks import Check
from tests.verification.test_page import report

HOME = os.environ.get("NNSPEC_BROWSER", "")
pytestmark = pytest.mark.skipif(
    not HOME, reason="NNSPEC_BROWSER names no folder with a browser: `make page` makes one"
)


def test_the_page_can_be_read_at_any_width_by_anyone(tmp_path: Path) -> None:
    found = report()
    single, pair = "float32", ("onnx, optimized", "torch float64")
    found.checks += [
        Check("export", pair, single, 2e-6, 5e-6, passed=True),
        Check("export", pair, single, float("inf"), 5e-6, False, "block.conv", "does not run"),
        Check("interface", ("torch, keras", "the spec"), single, 0.0, 0.0, passed=True),
    ]
    page = tmp_path / "page.html"
    page.write_text(found.to_html(), encoding="utf-8")
    script = Path(__file__).with_name("look.mjs")
    folder = Path(os.environ.get("NNSPEC_PICTURES", tmp_path))
    done = subprocess.run(
        ["node", str(script), str(page), str(folder)],
        cwd=HOME,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    looks = json.loads(done.stdout)
    assert [each["width"] for each in looks] == [375, 375, 1280, 1280]
    for each in looks:
        assert each["violations"] == [], each
        assert each["wide"] <= each["width"]
        assert len(each["bars"]) == 4  # of every error that has a tolerance
        assert min(each["bars"]) > 60
    papers = {each["scheme"]: each["paper"] for each in looks}
    assert papers == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 25, 30)"}
