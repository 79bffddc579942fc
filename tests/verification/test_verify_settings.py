"""What a verification is asked for, and the checks that it makes, as the pages tell of them."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import re
from pathlib import Path

import pytest

import nnspec
from nnspec.backend import default_backends
from nnspec.cli.verify import verify as command
from nnspec.network.loader import loads
from nnspec.verification import suite, verifier
from nnspec.verification.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "add-a-check.md"
SPEC = json.dumps(
    {
        "nnspec": 1,
        "name": "Small",
        "inputs": {"x": {"shape": [3]}},
        "layers": [
            {"type": "dense", "units": 4, "activation": "relu"},
            {"type": "dense", "units": 2},
        ],
    }
)
OURS = ("torch", "onnx")


def test_every_setting_is_an_argument_and_an_option() -> None:
    settings = {field.name for field in dataclasses.fields(Settings)}
    arguments = set(inspect.signature(nnspec.verify).parameters)
    assert settings - {"count"} <= arguments  # which the command alone shows
    shown = {parameter.name for parameter in command.params}
    assert settings - shown == {"count", "options", "progress"}


def test_an_option_with_a_variant_adds_an_engine() -> None:
    report = nnspec.verify(loads(SPEC), backends=OURS, exporters=False, steps=1, fold=True)
    names = {name for check in report.checks for name in check.pair}
    assert report.passed
    assert {"onnx", "onnx-folded"} <= names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fold": True}, "only the backend onnx has the option fold, not torch or keras"),
        ({"foold": True}, 'no backend has an option "foold"; did you mean "fold"'),
    ],
)
def test_an_option_of_no_compared_backend_is_refused(options: dict, message: str) -> None:
    with pytest.raises(nnspec.UsageError, match=message):
        nnspec.verify(loads(SPEC), backends=("torch", "keras"), **options)


@pytest.mark.parametrize("backends", [("onnx",), ("torch",), ()])
def test_there_must_be_two_to_compare(backends: tuple[str, ...]) -> None:
    with pytest.raises(nnspec.UsageError, match="compares at least two backends"):
        nnspec.verify(loads(SPEC), backends=backends)


@pytest.mark.parametrize("is_wrong", [False, True])
def test_the_check_that_the_page_adds(monkeypatch: pytest.MonkeyPatch, *, is_wrong: bool) -> None:
    from nnspec_torch.runtime import TorchProgram

    fence = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert fence is not None
    made: dict = {}
    exec(fence[1], made)  # noqa: S102  # the page's own
    monkeypatch.setattr(verifier, "WITH_EXACT", (("repeat", made["compare_repeats"]),))
    monkeypatch.setattr(verifier, "AFTERWARDS", ())
    real = TorchProgram.forward

    def forward(self, inputs):
        outputs = real(self, inputs)
        return {name: array + 1e-6 * (array.cumsum(0) != array) for name, array in outputs.items()}

    if is_wrong:
        monkeypatch.setattr(TorchProgram, "forward", forward)
    report = nnspec.verify(loads(SPEC), backends=OURS, exporters=False)
    failed = [check.pair[0] for check in report.failures()]
    assert failed == (["torch"] if is_wrong else [])
    assert [check.kind for check in report.checks] == ["repeat"] * (1 + is_wrong)


def test_no_check_asks_a_backend_for_its_name() -> None:
    names = set(default_backends())
    for path in Path(verifier.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        assert not names.intersection(each for each in strings if isinstance(each, str)), path


def test_every_check_is_named_by_what_it_compares() -> None:
    checks = [check for _, check in (*suite.WITH_EXACT, *suite.AFTERWARDS)]
    assert all(check.__module__.endswith("_checks") for check in checks)
    assert len(set(checks)) == len(checks)
