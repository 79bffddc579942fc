"""What `--reproduce` writes: scripts that show a planted fault, and run without nnspec."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import nnspec
import nnspec_torch.lowerings as torch_rows
from nnspec import layers
from nnspec.backend import get_backend
from nnspec.cli import main
from nnspec.emit.lowering import Context, Lowered, lower
from nnspec.errors import UsageError
from nnspec.judge.against import judge
from nnspec.judge.compare import compare_files
from nnspec.judge.folders import Folder
from nnspec.judge.meeting import Asked
from nnspec.judge.places import reproduced
from nnspec.judge.process import reader_of, reference_of
from nnspec.judge.reproducing import Reproduced
from tests.judge.test_against import (
    FAULTS,
    PICTURES,
    TORCH,
    pictures_as_onnx,
    pictures_in_keras,
    spec_of,
    written,
)
from tests.judge.test_exported_programs import exported, made

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
BARE = """
import runpy, sys
for name in ("nnspec", "nnspec_torch", "nnspec_keras", "nnspec_onnx"):
    sys.modules[name] = None  # an import of it raises
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def printed(folder: Path, script: str) -> float:
    """Run a script as somebody does who has no nnspec, and return the difference that it prints."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", BARE, str(folder / script)],
        capture_output=True, text=True, check=False, cwd=folder.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (found,) = re.findall(r"largest difference from (?:ours|theirs|a|b): (\S+),", done.stdout)
    return float(found)


def shown(folder: Path, *scripts: str) -> float:
    """Return the difference that both scripts print."""
    both = [printed(folder, each) for each in scripts or ("ours.py", "theirs.py")]
    assert both[0] == pytest.approx(both[1], rel=0.05)
    kept = np.load(folder / "outputs.npz")
    assert len(kept.files) == 2
    first, second = (kept[name] for name in kept.files)
    assert float(np.max(np.abs(first - second))) == pytest.approx(both[0], rel=0.05)
    return both[0]


def reproduced_of(document: dict[str, Any], file: str | Path, folder: Path) -> Reproduced:
    """Judge a file in this process, and write what shows the difference."""
    reference = reference_of(str(file))
    foreign = get_backend(reader_of(reference).name).open_file(reference)
    report = judge(spec_of(document), foreign, reference, batch=4, seed=0, known={})
    return reproduced(report, report.places, Folder(folder), "Where they part", "", 120)


@pytest.mark.parametrize(
    ("fault", "part"),
    [
        ("epsilon", 'get_submodule("features.2.n")'),
        ("no-residual", 'get_submodule("features.2")'),
        ("activation", 'Kept("gelu"'),
        ("flatten-order", 'Kept("flatten"'),
        ("no-softmax", "network().to("),
    ],
)
def test_a_fault_of_a_pytorch_file_shows_without_nnspec(
    fault: str, part: str, tmp_path: Path
) -> None:
    old, new, layer, *_ = FAULTS[fault]
    file = written(tmp_path, TORCH.replace(old, new, 1))
    done = reproduced_of(PICTURES, f"{file}:Net", tmp_path / "shown")
    assert done.written, done.reason
    assert shown(tmp_path / "shown") > 1e-4
    assert part in (tmp_path / "shown" / "theirs.py").read_text()
    assert "nnspec" not in (tmp_path / "shown" / "ours.py").read_text()
    page = (tmp_path / "shown" / "README.md").read_text()
    assert f'"{layer}"' in page
    assert len(page.splitlines()) <= 12


@pytest.mark.slow
def test_a_fault_of_a_keras_file_shows_in_the_layer_alone(tmp_path: Path) -> None:
    pictures_in_keras(epsilon=1e-3).save(tmp_path / "net.keras")
    done = reproduced_of(PICTURES, tmp_path / "net.keras", tmp_path / "shown")
    assert done.written, done.reason
    assert shown(tmp_path / "shown") > 1e-4
    names = {each.name for each in done.written}
    assert {"theirs.keras", "theirs_inputs.npz", "ours.safetensors"} <= names
    assert (tmp_path / "shown" / "theirs.keras").stat().st_size < (
        tmp_path / "net.keras"
    ).stat().st_size


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the exporter
def test_a_fault_of_a_program_shows_in_a_call_within_it(tmp_path: Path) -> None:
    module = made(tmp_path, TORCH.replace(*FAULTS["activation"][:2], 1))
    file = exported(tmp_path, module, torch.randn(2, 2, 6, 6))
    done = reproduced_of(PICTURES, file, tmp_path / "shown")
    assert done.written, done.reason
    assert shown(tmp_path / "shown") > 1e-4
    text = (tmp_path / "shown" / "theirs.py").read_text()
    assert 'Kept("gelu.default"' in text
    assert 'os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"' in text


SUBCLASSED = """\
import keras
from keras import layers


class Normed(layers.Layer):
    def __init__(self, **named):
        super().__init__(**named)
        self.norm = layers.BatchNormalization(epsilon=1e-3)

    def call(self, x):
        return self.norm(x)


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = layers.Dense(6)
        self.normed = Normed()
        self.last = layers.Dense(3)

    def call(self, x):
        return self.last(self.normed(self.first(x)))
"""
ROWS: dict[str, Any] = {
    "nnspec": 1,
    "name": "Rows",
    "inputs": {"x": {"shape": [5]}},
    "layers": [
        {"name": "first", "type": "dense", "units": 6},
        {"name": "norm", "type": "batch_normalization"},
        {"name": "last", "type": "dense", "units": 3},
    ],
}


@pytest.mark.slow
@pytest.mark.slow
def test_a_layer_within_a_class_of_the_user_shows_alone(tmp_path: Path) -> None:
    done = reproduced_of(ROWS, f"{written(tmp_path, SUBCLASSED)}:Net", tmp_path / "shown")
    assert done.written, done.reason
    assert shown(tmp_path / "shown") > 1e-5
    assert "_flatten_layers()" in (tmp_path / "shown" / "theirs.py").read_text()


def test_a_fault_of_an_onnx_file_shows_in_a_node_cut_out(tmp_path: Path) -> None:
    import onnx

    file = pictures_as_onnx(tmp_path, TORCH.replace(*FAULTS["no-activation"][:2], 1))
    done = reproduced_of(PICTURES, file, tmp_path / "shown")
    assert done.written, done.reason
    assert shown(tmp_path / "shown") > 1e-2
    cut = onnx.load(tmp_path / "shown" / "theirs.onnx")
    assert [node.op_type for node in cut.graph.node] == ["Gemm"]


def test_the_names_of_a_file_are_no_code(tmp_path: Path) -> None:
    """An ONNX file of somebody is data, and stays that in a script."""
    import onnx

    file = pictures_as_onnx(tmp_path, TORCH.replace(*FAULTS["no-activation"][:2], 1))
    model = onnx.load(file)
    for node in model.graph.node:
        node.name = f'x"""\nraise SystemExit(3)\n"""{node.name}'
    onnx.save(model, file)
    done = reproduced_of(PICTURES, file, tmp_path / "shown")
    assert done.written, done.reason
    assert shown(tmp_path / "shown") > 1e-2


@pytest.mark.slow
def test_two_files_part_in_two_scripts(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    old, new, *_ = FAULTS["epsilon"]
    mine = written(tmp_path / "mine", TORCH.replace(old, new, 1))
    pictures_in_keras().save(tmp_path / "net.keras")
    references = [reference_of(f"{mine}:Net"), reference_of(str(tmp_path / "net.keras"))]
    files = [get_backend(reader_of(each).name).open_file(each) for each in references]
    report = compare_files(
        ("mine", "net.keras"), (files[0], files[1]), asked={"pictures": Asked((2, 6, 6))},
        batch=4, seed=0,
    )  # fmt: skip
    done = reproduced(report, report.places, Folder(tmp_path / "shown"), "t", "", 120)
    assert done.written, done.reason
    assert shown(tmp_path / "shown", "a.py", "b.py") > 1e-4
    assert 'get_submodule("features.2.n")' in (tmp_path / "shown" / "a.py").read_text()
    assert (tmp_path / "shown" / "b.keras").exists()


@pytest.mark.slow
def test_two_specs_part_in_two_scripts(tmp_path: Path) -> None:
    other = json.loads(json.dumps(PICTURES))
    other["layers"][5]["activation"] = "tanh"
    paths = [tmp_path / "one.json", tmp_path / "two.json"]
    for path, document in zip(paths, (PICTURES, other), strict=True):
        path.write_text(json.dumps(document))
    report = nnspec.compare(paths[0], paths[1], reproduce=tmp_path / "shown")
    assert not report.passed
    assert shown(tmp_path / "shown") > 1e-2
    text = (tmp_path / "shown" / "theirs.py").read_text()
    assert "class Pictures(nn.Module)" in text


@pytest.mark.slow
def test_what_differs_at_some_inputs_alone_is_shown_there(tmp_path: Path) -> None:
    text = TORCH.replace("F.relu(self.fc1(x))", "F.relu(self.fc1(x)).clamp(max=15)")
    done = reproduced_of(PICTURES, f"{written(tmp_path, text)}:Net", tmp_path / "shown")
    assert done.written, done.reason
    assert "model.py:31 (clamp)" in (tmp_path / "shown" / "README.md").read_text()
    assert shown(tmp_path / "shown") > 1e-3


def test_the_command_writes_nothing_where_nothing_differs(tmp_path: Path) -> None:
    spec = tmp_path / "net.json"
    spec.write_text(json.dumps(PICTURES))
    given = ["verify", str(spec), "--against", f"{written(tmp_path, TORCH)}:Net", "--json"]
    done = CliRunner().invoke(main, [*given, "--reproduce", str(tmp_path / "shown")])
    assert done.exit_code == 0, done.output
    assert "nothing is reproduced: no difference was found" in done.stderr
    assert json.loads(done.stdout)["reproduced"] == {
        "files": [], "reason": "no difference was found",
    }  # fmt: skip
    assert not (tmp_path / "shown").exists()


@pytest.mark.slow
def test_the_command_writes_what_shows_a_difference(tmp_path: Path) -> None:
    spec = tmp_path / "net.json"
    spec.write_text(json.dumps(PICTURES))
    old, new, *_ = FAULTS["epsilon"]
    file = f"{written(tmp_path, TORCH.replace(old, new, 1))}:Net"
    given = ["verify", str(spec), "--against", file, "--reproduce", str(tmp_path / "shown")]
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 1, done.output
    assert "files show it" in done.stderr
    assert shown(tmp_path / "shown") > 1e-4
    assert "To write this again: `nnspec verify" in (tmp_path / "shown" / "README.md").read_text()


@pytest.mark.slow
def test_two_backends_that_part_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = partial(lower, torch_rows.LOWERINGS[layers.BatchNormalization])

    def wrong(layer: layers.BatchNormalization, context: Context) -> Lowered:
        return original(layer.model_copy(update={"epsilon": 1e-2}), context)

    monkeypatch.setitem(torch_rows.LOWERINGS, layers.BatchNormalization, wrong)
    spec = tmp_path / "net.json"
    spec.write_text(json.dumps(ROWS))
    given = ["verify", str(spec), "--backends", "torch,keras", "--no-processes", "--level",
             "outputs", "--reproduce", str(tmp_path / "shown")]  # fmt: skip
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 1, done.output
    assert shown(tmp_path / "shown") > 1e-4
    assert "keras" in (tmp_path / "shown" / "theirs.py").read_text()


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "shown"
    folder.mkdir()
    Folder(folder).write({"README.md": b"1", "ours.py": b"", "theirs.py": b"", "outputs.npz": b""})
    with pytest.raises(UsageError, match=r"not empty \(README.md\).*--force"):
        Folder(folder)
    Folder(folder, force=True).write({"README.md": b"2", "a.py": b""})
    assert sorted(each.name for each in folder.iterdir()) == ["README.md", "a.py"]
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="has not written"):
        Folder(folder, force=True)
    with pytest.raises(UsageError, match="is a file"):
        Folder(folder / "thesis.txt")
    with pytest.raises(UsageError, match="there is no folder"):
        Folder(tmp_path / "nowhere" / "shown")


def test_a_folder_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shown"
    Folder(folder).write({"README.md": b"1", "ours.py": b"", "theirs.py": b"", "outputs.npz": b""})
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(UsageError, match="No space left"):
        Folder(folder, force=True).write({"README.md": b"2"})
    assert (folder / "README.md").read_bytes() == b"1"
    assert [each.name for each in tmp_path.iterdir()] == ["shown"]


def test_the_folder_is_refused_before_long_work(tmp_path: Path) -> None:
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "x").touch()
    spec = tmp_path / "net.json"
    spec.write_text(json.dumps(PICTURES))
    given = ["verify", str(spec), "--against", "nowhere.py", "--reproduce", str(tmp_path / "held")]
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 2
    assert "is not empty" in done.output
