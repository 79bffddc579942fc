"""The commands: what they print, and the exit codes 0 (fine), 1 (does not hold), 2 (wrong)."""

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import nnspec
from nnspec.cli import COMMANDS, main

ROOT = Path(__file__).parents[2]
SPEC = str(ROOT / "specs" / "digits_cnn.yaml")
WRONG = str(ROOT / "specs" / "invalid" / "several.yaml")
FRAMEWORKS = ("torch", "tensorflow", "keras", "onnx", "onnxruntime", "numpy", "rich")
PROGRAM = [sys.executable, "-c", "from nnspec.cli import main; main()"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def test_check_says_that_a_spec_is_right() -> None:
    result = run("check", SPEC)
    assert (result.exit_code, result.stdout) == (0, f"{SPEC}: ok\n")


def test_check_prints_the_mistakes_of_every_file(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.yaml")
    result = run("check", SPEC, WRONG, missing)
    assert result.exit_code == 2
    assert f"{SPEC}: ok" in result.stdout
    assert f'{WRONG}:8:12: error[unknown-layer]: no layer type "dens"' in result.stdout
    assert f"{missing}: error[unreadable-file]: there is no such file" in result.stdout
    assert "\x1b" not in result.stdout


def test_check_json_has_the_promised_shape(tmp_path: Path) -> None:
    missing = str(tmp_path)
    result = run("check", "--json", SPEC, WRONG, missing)
    assert result.exit_code == 2
    files = json.loads(result.stdout)["files"]
    assert [(each["file"], each["ok"]) for each in files] == [
        (SPEC, True),
        (WRONG, False),
        (missing, False),
    ]
    assert files[1]["problems"][0] == {
        "code": "unknown-key",
        "severity": "error",
        "line": 3,
        "column": 1,
        "message": 'the spec has no key "data_fromat"; did you mean "data_format"?',
        "hint": files[1]["problems"][0]["hint"],
        "fix": {
            "title": "write data_format",
            "applicability": "safe",
            "edits": [
                {"line": 3, "column": 1, "end_line": 3, "end_column": 12, "text": "data_format"}
            ],
        },
    }
    for problem in (problem for each in files for problem in each["problems"]):
        assert list(problem) == ["code", "severity", "line", "column", "message", "hint", "fix"]


def test_check_gives_advice_and_stays_fine(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        "nnspec: 1\nname: Net\ninputs: {features: {shape: [4]}}\n"
        "layers: [{type: dense, units: 3}, {type: batch_normalization}]\n"
        "training: {task: multiclass}\n"
    )
    result = run("check", str(path))
    assert result.exit_code == 0
    assert "advice[redundant-bias]" in result.stdout
    assert "advice[output-activation]" in result.stdout


@pytest.mark.parametrize(
    ("layers", "layer"),
    [
        ("[{type: embedding, E}, {name: p, type: global_average_pooling1d}]", "p"),
        (
            "[{type: embedding, E}, {type: dense, units: 4, activation: relu}, {type: dropout, "
            "rate: 0.1}, {name: c, type: conv1d, filters: 2, kernel_size: 2}, {type: flatten}]",
            "c",
        ),
        (
            "[{type: embedding, E}, {type: permute, axes: [1, 0]}, {type: conv1d, filters: 6, "
            "kernel_size: 3, padding: same}, {type: relu}, {name: g, type: gru, units: 2}]",
            "g",
        ),
        ("[{type: embedding, E}, {type: permute, axes: [1, 0]}, {type: max_pooling1d, P}]", None),
        ("[{type: embedding, E}, {type: reduce_mean, axes: [0]}]", None),
        ("[{type: embedding, E}, {type: lstm, units: 2}]", None),
    ],
)
def test_axes_that_change_their_meaning_are_refused_or_advised_against(
    tmp_path: Path, layers: str, layer: str | None
) -> None:
    layers = layers.replace("E}", "input_dim: 9, output_dim: 4}").replace("P}", "pool_size: 2}")
    head = "nnspec: 1\nname: Net\ninputs: {ids: {shape: [6], dtype: int32}}\n"
    path = tmp_path / "spec.yaml"
    path.write_text(f"{head}layers: {layers}\n")
    result = run("check", str(path))
    assert result.exit_code == (2 if layer is not None else 0)
    assert result.stdout.count("error[ambiguous-layout]") == (layer is not None)
    path.write_text(f"{head}data_format: channels_first\nlayers: {layers}\n")
    result = run("check", str(path))
    assert result.exit_code == 0
    assert result.stdout.count("advice[mixed-layouts]") == (layer is not None)
    if layer is not None:
        assert f'"{layer}" takes (' in result.stdout
    path.write_text(
        f"{head}data_format: channels_last\nlayers: {layers.replace('filters: 6', 'filters: 4')}\n"
    )
    assert "mixed-layouts" not in run("check", str(path)).stdout


@pytest.mark.parametrize(
    ("backend", "options", "noted"),
    [
        ("onnx", ["--training", "--opset", "20"], ["--training"]),
        ("torch", ["--training"], []),
        ("keras", ["--training", "--stock"], []),
    ],
)
def test_training_without_effect_is_noted(
    backend: str, options: list[str], noted: list[str]
) -> None:
    result = run("compile", SPEC, "--to", backend, *options)
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        f"nnspec: {option} changes nothing of what {backend} writes" for option in noted
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compile", "--to", "torch", "--opset", "20"], "--opset is an option of the backend onnx"),
        (
            ["compile", "--to=keras", "--fold"],
            "--fold is an option of the backend onnx, not",
        ),
        (["compile", "--to", "onnx", "--stock"], "--stock is an option of the backend keras"),
        (["compile", "--to", "onnx", "--stok"], "No such option '--stok'"),
        (["export", "-o", "m.onnx", "--stock"], "--stock is an option of the backend keras"),
        (["export", "-o", "m.onnx", "--batch", "0"], "0 is not in the range x>=1"),
        (["export", "-o", "m.onnx", "--via", "kers"], 'no exporter "kers"'),
    ],
)
def test_an_option_of_other_backends_is_refused(arguments: list[str], said: str) -> None:
    result = run(*arguments, SPEC)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_help_shows_the_options_of_every_backend_or_of_the_one_named() -> None:
    shown = run("compile", "--help").stdout
    assert all(option in shown for option in ("--stock", "--opset", "--fold", "--batch"))
    shown = run("compile", "--to", "keras", "--help").stdout
    assert "--stock" in shown
    assert "--opset" not in shown


@pytest.mark.parametrize(
    ("to", "options", "said"),
    [
        ("torch", {"fold": True}, "only the backend onnx has the option fold, not torch"),
        ("keras", {"opset": 20}, "only the backend onnx has the option opset, not keras"),
        ("onnx", {"stock": True}, "only the backend keras has the option stock, not onnx"),
        ("torch", {"folds": True}, 'no backend has an option "folds"; did you mean "fold"'),
        ("onnx", {"opset": "21"}, "opset is '21', and a whole number is expected"),
        ("onnx", {"opset": True}, "opset is True, and a whole number is expected"),
        ("onnx", {"opset": 0}, "ONNX opset 0 is not supported: 18 to 23 are"),
        ("onnx", {"fold": 1}, "fold is 1, and true or false is expected"),
    ],
)
def test_an_option_that_the_backend_does_not_declare_so_is_refused(
    to: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(nnspec.UsageError, match=re.escape(said)):
        nnspec.compile(SPEC, to, **options)


def test_an_option_at_its_default_may_be_given_to_any_backend() -> None:
    given: dict[str, Any] = {"stock": False, "opset": 21, "fold": False}
    for to in ("torch", "keras", "onnx"):
        assert nnspec.compile(SPEC, to, **given).source == nnspec.compile(SPEC, to).source


def test_summary_counts() -> None:
    result = run("summary", "--json", SPEC)
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert list(summary) == [
        "name",
        "parameters",
        "trainable_parameters",
        "multiply_adds",
        "layers",
    ]
    assert summary["name"] == "DigitsCNN"
    assert summary["parameters"] == sum(layer["parameters"] for layer in summary["layers"])
    assert summary["layers"][0] == {
        "name": "stem",
        "type": "conv2d",
        "output_shape": [16, 8, 8],
        "parameters": 160,
    }
    assert summary["trainable_parameters"] < summary["parameters"]
    text = run("summary", SPEC).stdout
    assert f"{summary['parameters']:,}" in text
    assert "block1.conv1" in text


@pytest.mark.parametrize("template", ["mlp", "cnn"])
def test_init_writes_a_spec_that_is_right(
    template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("init", "--template", template).exit_code == 0
    assert run("check", "model.nnspec.yaml").stdout == "model.nnspec.yaml: ok\n"
    again = run("init")
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    assert json.loads(run("init", "--force", "--json").stdout)["path"] == "model.nnspec.yaml"


def test_schema_and_plot_print_or_write(tmp_path: Path) -> None:
    assert json.loads(run("schema").stdout)["title"] == "nnspec"
    for command in (["schema"], ["plot", SPEC]):
        path = tmp_path / command[0]
        result = run(*command, "-o", str(path))
        assert (result.exit_code, result.stdout) == (0, f"{path}\n")
        assert path.read_text(encoding="utf-8") == run(*command).stdout
    assert json.loads(run("plot", "--json", SPEC).stdout)["svg"].startswith("<svg")


def test_compile_prints_or_writes(tmp_path: Path) -> None:
    source = run("compile", SPEC, "--to", "torch").stdout
    assert "import torch" in source
    path = tmp_path / "model.py"
    result = run("compile", SPEC, "--to", "torch", "-o", str(path))
    assert (result.exit_code, result.stdout) == (0, f"{path}\n")
    assert path.read_text(encoding="utf-8") == source
    found = json.loads(run("compile", SPEC, "--to", "torch", "--json").stdout)
    assert found == {"path": None, "backend": "torch", "source": source}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["summary", WRONG], "error[unknown-layer]"),
        (["summary", "missing.yaml"], "nnspec: missing.yaml: there is no such file"),
        (["compile", SPEC, "--to", "trch"], 'no backend "trch"; did you mean "torch"?'),
        (["compile", SPEC], "--to"),
        (["plot", SPEC, "-o", "no/such/folder/x.svg"], "nnspec: no/such/folder/x.svg"),
        (["chek", SPEC], 'no command "chek"; did you mean "check"?'),
        (["check"], "SPEC"),
        (["check", "--jsn"], "--jsn"),
    ],
)
def test_a_wrong_call_is_a_message_and_exit_code_2(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_help_names_every_command() -> None:
    text = run("--help").stdout
    for name in COMMANDS:
        assert name in text
    for name in ("check", "summary", "schema", "init", "plot", "compile"):
        assert "--json" in run(name, "-h").stdout
    assert run("--version").stdout.startswith("nnspec 0.")


def test_an_interrupt_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: str, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nnspec.cli.check.load_any", interrupted)
    result = run("check", SPEC)
    assert (result.exit_code, result.stderr) == (130, "\ninterrupted\n")


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="needs a Unix pipe")
def test_a_closed_pipe_is_no_traceback() -> None:
    process = subprocess.Popen([*PROGRAM, "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert errors == b""


def test_check_imports_no_framework() -> None:
    code = (
        "import sys\n"
        "from nnspec.cli import main\n"
        "try: main()\n"
        "finally:\n"
        f"    found = {set(FRAMEWORKS)!r} & set(sys.modules)\n"
        "    assert not found, found\n"
    )
    done = subprocess.run([sys.executable, "-c", code, "check", SPEC], capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_check_starts_as_fast_as_pydantic_allows(tmp_path: Path) -> None:
    # Both compiled, as after an installation.
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    base = [sys.executable, "-c", "from pydantic import BaseModel; import yaml"]
    ours = [*PROGRAM, "check", str(ROOT / "specs" / "tabular_binary.yaml")]
    seconds: dict[int, list[float]] = {0: [], 1: []}
    for attempt in range(16):
        for i, command in enumerate((base, ours)):
            start = time.perf_counter()
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
            if attempt:
                seconds[i].append(time.perf_counter() - start)
    assert statistics.median(seconds[1]) <= 2.0 * statistics.median(seconds[0])


@pytest.mark.slow
def test_long_specs_take_linear_time() -> None:
    import yaml

    import nnspec

    def times_libyaml(layers: int) -> float:
        text = "nnspec: 1\nname: Net\ninputs: {features: {shape: [8]}}\nlayers:\n"
        text += "".join(f"  - {{name: d{i}, type: dense, units: 8}}\n" for i in range(layers))
        found = []
        for _ in range(5):
            start = time.perf_counter()
            for _event in yaml.parse(text, Loader=yaml.CSafeLoader):
                pass
            middle = time.perf_counter()
            nnspec.loads(text)
            found.append((time.perf_counter() - middle) / (middle - start) - 1)
        return min(found)

    few, many = times_libyaml(1_000), times_libyaml(10_000)
    # libyaml takes 5 microseconds for such a layer on a core of 2024, and the rest 22.
    assert many < 9
    assert many < 2 * few
