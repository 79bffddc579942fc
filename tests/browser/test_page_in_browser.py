"""The page of a report in Chromium: at the width of a phone and of a desk, light and dark.

`make page` installs the browser, and sets NNSPEC_BROWSER to the folder that has it.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

import nnspec
from nnspec.judge.verify import verify_against
from nnspec.verification.checks import Check
from nnspec.verification.several import Reports
from tests.verification.test_page import report

HOME = os.environ.get("NNSPEC_BROWSER", "")
pytestmark = pytest.mark.skipif(
    not HOME, reason="NNSPEC_BROWSER names no folder with a browser: `make page` makes one"
)


SPEC = nnspec.load("specs/digits_cnn.yaml")


def one() -> str:
    """Return the page of a report with its graph, in which a layer is to blame."""
    found = report()
    single, pair = "float32", ("onnx, optimized", "torch float64")
    layer = next(each.path for each in SPEC.graph.walk())
    found.checks += [
        Check("export", pair, single, 2e-6, 5e-6, passed=True),
        Check("export", pair, single, float("inf"), 5e-6, False, layer, "does not run"),
        Check("interface", ("torch, keras", "the spec"), single, 0.0, 0.0, passed=True),
    ]
    return found.to_html(SPEC, "nnspec verify net.yaml --seed 0")


def against(folder: Path) -> str:
    """Return the page of a file that differs from its spec."""
    emitted = folder / "model.py"
    source = nnspec.compile(SPEC, "torch").source
    assert "F.relu(" in source
    emitted.write_text(source.replace("F.relu(", "F.gelu(", 1), encoding="utf-8")
    return verify_against(SPEC, f"{emitted}:DigitsCNN").to_html(
        SPEC, "nnspec verify --against model.py"
    )


def several() -> str:
    """Return the page of two networks."""
    reports = Reports("two", "0" * 64, {"first": report(), "second": report()})
    return reports.to_html(None, "nnspec verify two.yaml")


@pytest.mark.parametrize("kind", ["one", "against", "several"])
def test_the_page_can_be_read_at_any_width_by_anyone(kind: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    text = {"one": one, "against": lambda: against(tmp_path), "several": several}[kind]()
    page.write_text(text, encoding="utf-8")
    script = Path(__file__).with_name("look.mjs")
    folder = Path(os.environ.get("NNSPEC_PICTURES", tmp_path)) / kind
    folder.mkdir(exist_ok=True)
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
        assert len(each["bars"]) >= 3  # of every error that has a tolerance
        assert min(each["bars"]) > 60
        keys = each["keys"]
        assert len(keys["all"]) > 3
        assert [stop["name"] for stop in keys["reached"]] == keys["all"]
        for stop in keys["reached"]:
            assert stop["outline"] == "solid", stop
            assert stop["isInView"], stop
        assert keys["folds"] == [True, False, True]
        is_drawn = any(name.startswith("Graph of") for name in keys["all"])
        assert is_drawn == (kind != "several")
    papers = {each["scheme"]: each["paper"] for each in looks}
    assert papers == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 25, 30)"}
