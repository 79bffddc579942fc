import json
import os
import random
import re
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from nnspec.cli import main
from nnspec.errors import UsageError
from nnspec.support import files


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "model.py"
    files.write_text(path, "old")

    def fail_halfway():
        with files.replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_appears_only_at_the_end(tmp_path):
    path = tmp_path / "history.png"
    with files.replacing(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        temporary.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"


def test_text_is_utf8_with_the_line_ends_given(tmp_path):
    assert files.write_text(tmp_path / "a.txt", "é\n").read_bytes() == b"\xc3\xa9\n"


def test_the_mode_of_a_replaced_file_stays(tmp_path):
    path = files.write_text(tmp_path / "run.sh", "1")
    path.chmod(0o750)
    files.write_text(path, "2")
    assert path.stat().st_mode & 0o777 == 0o750


def test_a_new_file_has_the_usual_mode(tmp_path):
    (tmp_path / "usual").touch()
    path = files.write_text(tmp_path / "ours", "")
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_link_stays_a_link(tmp_path):
    target = files.write_text(tmp_path / "target", "old")
    link = tmp_path / "link"
    link.symlink_to(target)
    files.write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_device_is_written_and_not_replaced():
    files.write_text(os.devnull, "gone")
    assert not os.path.isfile(os.devnull)  # noqa: PTH113


@pytest.mark.parametrize(
    ("path", "message"),
    [("missing/a.py", "there is no folder .*create it"), (".", "is a folder")],
)
def test_what_cannot_be_written_is_a_usage_error(tmp_path, path, message):
    with pytest.raises(UsageError, match=message):
        files.write_text(tmp_path / path, "x")


SIZES = (0, 1, files.STEP - 1, files.STEP, files.STEP + 1, 3 * files.STEP, 5 * files.STEP + 7)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("lacks", ["nothing", "linux", "ctypes", "the function"])
def test_a_large_file_holds_what_was_written_in_whatever_parts(tmp_path, monkeypatch, size, lacks):
    if lacks == "linux":
        monkeypatch.setattr(files.sys, "platform", "darwin")
    elif lacks == "ctypes":
        monkeypatch.setitem(files.sys.modules, "ctypes", None)
    elif lacks == "the function":
        monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    files._start_output.cache_clear()
    content = random.Random(size).randbytes(size)
    path = tmp_path / "large"
    parts = random.Random(0)
    with files.open_large(path) as file:
        start = 0
        while start < size:
            end = start + parts.choice([1, 4095, 8193, files.STEP // 2, 2 * files.STEP + 1])
            file.write(memoryview(content)[start:end])
            start = end
        assert file.tell() == size
    files._start_output.cache_clear()
    assert path.read_bytes() == content


def test_each_part_of_a_large_file_is_started_once(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(files, "_start_output", lambda: lambda *part: started.append(part[1:]))
    with files.open_large(tmp_path / "large") as file:
        file.write(bytes(100))
        file.write(bytes(2 * files.STEP))
        file.write(bytes(files.STEP - 100))
        file.write(bytes(5))
    assert started == [(i * files.STEP, files.STEP) for i in range(3)]


def test_a_pipe_takes_a_large_file(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    content = random.Random(0).randbytes(2 * files.STEP + 3)
    received = []
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()))
    reader.start()
    with files.replacing(path) as given, files.open_large(given) as file:
        file.write(content)
    reader.join()
    assert received == [content]


# JSON is YAML too.
SPEC = json.dumps(
    {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"i": {"shape": [2]}},
        "layers": [{"name": "o", "type": "dense", "units": 1}],
        "data": {"source": "rows.csv", "features": {"i": ["a", "b"]}, "target": "t"},
        "training": {"task": "regression", "epochs": 1},
    }
)


@pytest.mark.parametrize(
    "call",
    [
        "compile net.yaml --to torch -o net.yaml",
        "compile net.yaml --to onnx -o rows.csv",
        "compile net.yaml --to keras -o ./link.yaml",
        "plot net.yaml -o net.yaml",
        "plot net.yaml -o rows.csv",
        "export net.yaml -o net.yaml",
        "export net.yaml -o rows.csv",
        "export net.yaml --weights w.onnx.data -o w.onnx.data",
        "export net.yaml --weights w.onnx.data -o w.onnx --external-data",
        "export net.yaml --weights w.onnx.data --map names.json -o names.json",
        "verify net.yaml --report net.yaml",
        "verify net.yaml --data other.csv --report other.csv",
        "predict m.onnx --data rows.csv -o rows.csv",
        "predict rows.csv --data other.csv -o rows.csv",
        "train net.yaml --weights run/last.safetensors -o run --overwrite",
        "train run/run.json -o run --overwrite",
    ],
)
def test_no_command_writes_over_a_file_that_it_reads(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("run/run.json").write_text(SPEC)
    Path("net.yaml").write_text(SPEC)
    Path("link.yaml").symlink_to("net.yaml")
    for name in ("rows.csv", "other.csv"):
        Path(name).write_text("a,b,t\n1,2,3\n")
    for name in ("w.onnx.data", "names.json", "m.onnx", "run/last.safetensors"):
        Path(name).write_text("{}")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    result = CliRunner().invoke(main, call.split(), catch_exceptions=False)
    assert result.exit_code == 2
    assert "is what this command reads; give another path" in result.output
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize("via", ["direct", "torch"])
def test_an_empty_path_is_no_traceback(tmp_path, monkeypatch, via):
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(SPEC)
    call = ["export", "net.yaml", "-o", "", "--via", via]
    result = CliRunner().invoke(main, call, catch_exceptions=False)
    assert result.exit_code == 2
    assert "is a folder; give the path of a file" in result.output


@pytest.mark.parametrize(
    "call",
    [
        "compile net.yaml --to torch -o none/net.py",
        "plot net.yaml -o none/net.svg",
        "export net.yaml -o none/net.onnx",
        "export net.yaml --via keras -o none/net.onnx",
        "verify net.yaml --report none/proof.html",
        "verify net.yaml --report net.folder",
        "predict net.onnx --data rows.csv -o none/rows.csv",
    ],
)
def test_what_cannot_be_written_is_said_before_the_work(tmp_path, monkeypatch, call):
    def work(*arguments, **more):
        raise AssertionError("the work was done")

    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(SPEC)
    Path("net.folder").mkdir()
    monkeypatch.setattr("nnspec.verification.verifier.verify_spec", work)
    monkeypatch.setattr("nnspec.deploy.exporting.export", work)
    monkeypatch.setattr("nnspec.deploy.predicting.predict", work)
    monkeypatch.setattr("nnspec_torch.declaration.TorchBackend.compile", work)
    monkeypatch.setattr("nnspec.show.plot.svg", work)
    result = CliRunner().invoke(main, call.split(), catch_exceptions=False)
    assert result.exit_code == 2
    assert re.search("there is no folder none|is a folder; give", result.output)
