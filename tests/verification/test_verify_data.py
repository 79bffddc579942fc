"""`verify --data`: the user's own rows as inputs and targets, admitted as everywhere."""

import numpy as np
import pytest

import nnspec
from nnspec.cli import main
from nnspec.errors import DataError, UsageError

SPEC = """
nnspec: 1
name: Net
inputs: {ids: {shape: [2], dtype: int64}, x: {shape: [1]}}
layers:
  - {name: table, type: embedding, input_dim: 4, output_dim: 2, inputs: ids}
  - {name: flat, type: flatten}
  - {name: joined, type: concatenate, inputs: [flat, x]}
  - {name: scores, type: dense, units: 3, activation: softmax}
data: {source: rows.csv, features: {ids: [a, b], x: c}, target: y, standardize: true}
training: {task: multiclass}
"""
BARE = """
nnspec: 1
name: Bare
inputs: {x: {shape: [time, 2]}, n: {shape: [], dtype: int32}}
layers:
  - {name: last, type: gru, units: 2, inputs: [x, n]}
"""


def write_rows(path, *, last="3,0,1.5,blue"):
    words = ("blue", "red", "green")
    rows = [f"{i % 4},{(i + 1) % 4},{i * 0.5},{words[i % 3]}" for i in range(11)]
    path.write_text("\n".join(["a,b,c,y", *rows, last]) + "\n")


def verify(spec, **more):
    return nnspec.verify(spec, steps=1, exporters=False, **more)


def test_rows_of_a_table_are_verified_on(tmp_path):
    write_rows(tmp_path / "mine.csv")
    data = str(tmp_path / "mine.csv")
    report = verify(nnspec.loads(SPEC), backends=("torch", "keras"), data=data)
    assert report.passed
    assert any("12 rows" in check.pair[0] for check in report.checks)
    assert any(data in note and "drawn" not in note for note in report.notes)
    assert {"forward", "gradient", "training"} <= {check.kind for check in report.checks}


def test_a_row_outside_the_domain_is_refused(tmp_path, capsys):
    (tmp_path / "spec.yaml").write_text(SPEC)
    write_rows(tmp_path / "mine.csv", last="4,0,1.5,blue")
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(tmp_path / "spec.yaml"), "--data", str(tmp_path / "mine.csv")])
    assert ended.value.code == 2
    message = 'line 13: column "a", row 12: 4 is not within 0 to 3'
    assert message in capsys.readouterr().err


def test_a_fault_that_only_the_rows_reach_is_seen(tmp_path, monkeypatch):
    from nnspec_torch.runtime import TorchProgram

    write_rows(tmp_path / "mine.csv", last="3,0,777.25,blue")
    spec = nnspec.loads(SPEC.replace("standardize: true", "standardize: false"))
    forward = TorchProgram.forward

    def wrong(self, inputs):
        x = np.asarray(inputs["x"])
        return forward(self, {**inputs, "x": np.where(x == 777.25, 0, x)})

    monkeypatch.setattr(TorchProgram, "forward", wrong)
    report = verify(spec, backends=("torch", "keras"), data=tmp_path / "mine.csv", batch=2)
    assert not report.passed
    assert any("12 rows" in check.pair[0] and not check.passed for check in report.checks)


def test_arrays_are_taken_by_the_names_of_the_inputs(tmp_path):
    lengths = np.array([1, 5, 3])
    np.savez(tmp_path / "rows.npz", x=np.ones((3, 5, 2)), n=lengths, unused=np.array([{}]))
    report = verify(nnspec.loads(BARE), backends=("torch", "keras"), data=tmp_path / "rows.npz")
    assert report.passed
    assert any("targets are drawn" in note for note in report.notes)
    np.savez(tmp_path / "rows.npz", x=np.ones((3, 4, 2)), n=lengths)
    with pytest.raises(DataError, match='array "n", row 2: 5 is not within 1 to 4'):
        verify(nnspec.loads(BARE), data=tmp_path / "rows.npz")


def test_a_table_without_data_in_the_spec_is_refused(tmp_path):
    write_rows(tmp_path / "mine.csv")
    with pytest.raises(UsageError, match="has no `data`"):
        verify(nnspec.loads(BARE), data=tmp_path / "mine.csv")
