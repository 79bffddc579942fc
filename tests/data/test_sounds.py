"""Sounds of files: decoded, as long as their input, and the same in scripts."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray
from script_cases import script_of

import nnspec
from nnspec.data import sounds
from nnspec.data.rows import load_data
from nnspec.errors import DataError, SpecError, UsageError
from nnspec.network.loader import Spec, load
from nnspec.weights.canonical import load_weights

RATE, COUNT = 8000, 24
SPEC = """\
nnspec: 1
name: Heard
data_format: {layout}
inputs: {{heard: {{shape: {shape}}}}}
layers:
  - {{type: flatten}}
  - {{name: scores, type: dense, units: 2}}
  - {{name: kind, type: softmax}}
training: {{task: multiclass, optimizer: sgd, epochs: 2, batch_size: 8}}
data:
  source: {source}
  features: {{heard: file}}
  target: label
  test: 0.2
  prepare: {{file: {{sound: {{rate: 8000{more}}}}}}}
"""


def spec_of(
    folder: Path, shape: str, more: str = "", *, layout: str = "channels_first", source: str = ""
) -> Spec:
    path = folder / "heard.yaml"
    given = source or "calls.csv"
    path.write_text(SPEC.format(shape=shape, more=more, layout=layout, source=given))
    return load(path)


def written(
    folder: Path, channels: int = 1, suffix: str = "wav", rates: tuple[int, ...] = (RATE,)
) -> list[NDArray[np.float32]]:
    """Write sounds of 30 to 76 samples in two folders, and a table of them."""
    draw = np.random.default_rng(3)
    found, lines = [], ["file,label"]
    for i in range(COUNT):
        label = ("hum", "tick")[i % 2]
        path = folder / "calls" / label / f"{i:02}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = draw.integers(-30000, 30000, (30 + 2 * i, channels)).astype(np.int16)
        soundfile.write(path, samples, rates[i % len(rates)])
        found.append((samples / 32768).astype(np.float32))
        lines.append(f"calls/{label}/{i:02}.{suffix},{label}")
    (folder / "calls.csv").write_text("\n".join(lines) + "\n")
    return found


def everything(spec: Spec) -> NDArray[np.float32]:
    """Return the inputs of all rows, in the order of the parts."""
    data = load_data(spec)
    parts = [part for part in (data.train, data.validation, data.test) if part is not None]
    return np.concatenate([np.asarray(part.inputs["heard"]) for part in parts])


RATES = (RATE, 11025, 16000, 4000)
CASES = {
    "resampled": ("[2, 50]", 2, ", resample: true, normalize: peak", "channels_first"),
    "resampled mix": ("[50]", 2, ", resample: true, mix: true", "channels_last"),
    "mono": ("[50]", 1, "", "channels_first"),
    "end": ("[50]", 1, ", keep: end, normalize: peak", "channels_first"),
    "stereo": ("[2, 50]", 2, ", keep: middle", "channels_first"),
    "last": ("[50, 2]", 2, ", normalize: learned", "channels_last"),
    "mixed": ("[1, 50]", 2, ", mix: true, normalize: learned", "channels_first"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("source", ["calls.csv", "calls"])
def test_a_script_hears_as_nnspec_does(case: str, source: str, tmp_path: Path) -> None:
    shape, channels, more, layout = CASES[case]
    written(tmp_path, channels, rates=RATES if "resample: true" in more else (RATE,))
    spec = spec_of(tmp_path, shape, more, layout=layout, source=source)
    data = load_data(spec)
    taken, record = script_of(spec, "torch").load_data(tmp_path / source)
    for name, part in (("train", data.train), ("validation", data.validation), ("test", data.test)):
        assert part is not None
        np.testing.assert_array_equal(taken[name][0], part.inputs["heard"])
    feature = data.preprocessing.inputs["heard"]
    assert feature.sound is not None
    assert record["inputs"]["heard"]["sound"] == feature.sound.model_dump(exclude_none=True)


@pytest.mark.parametrize(("keep", "share"), [("start", 0), ("middle", 0.5), ("end", 1)])
def test_files_become_as_long_as_the_input(keep: sounds.Keep, share: float) -> None:
    short = np.arange(1, 31, dtype=np.float32)[:, None]
    found, before = sounds.fitted(short, keep, 50), int(20 * share)
    np.testing.assert_array_equal(found[before : before + 30], short)
    assert not found[:before].any()
    assert not found[before + 30 :].any()
    np.testing.assert_array_equal(sounds.fitted(short, keep, 20)[0], short[int(10 * share)])


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_samples_are_those_of_the_file(suffix: str, tmp_path: Path) -> None:
    known = written(tmp_path, suffix=suffix)
    every = everything(spec_of(tmp_path, "[80]"))
    assert every.shape == (COUNT, 80)
    if suffix == "ogg":  # which keeps what is heard, and not each sample
        assert 0 < np.abs(every).max() <= 2
        return
    expected = {np.pad(each[:, 0], (0, 80 - len(each))).tobytes() for each in known}
    assert {row.tobytes() for row in every} == expected


def test_learned_numbers_are_of_the_training_files(tmp_path: Path) -> None:
    written(tmp_path)
    plain = load_data(spec_of(tmp_path, "[50]")).train.inputs["heard"]
    data = load_data(spec_of(tmp_path, "[50]", ", normalize: learned"))
    by = data.preprocessing.inputs["heard"].sound
    assert by is not None
    assert by.mean == pytest.approx(plain.mean(dtype=np.float64), rel=1e-9)
    assert by.std == pytest.approx(plain.std(dtype=np.float64), rel=1e-9)
    peaks = np.abs(load_data(spec_of(tmp_path, "[50]", ", normalize: peak")).train.inputs["heard"])
    np.testing.assert_array_equal(peaks.max(axis=1), 1)


@pytest.mark.parametrize("rate", [4000, 44100])
def test_a_tone_stays_a_tone_at_another_rate(rate: int, tmp_path: Path) -> None:
    """500 Hz for a quarter of a second, and 3,000 Hz, which a rate of 4,000 cannot hold."""
    time = np.arange(rate // 4) / rate
    high = 0.25 * np.sin(2 * np.pi * 3000 * time) if rate > RATE else 0.0
    wave = 0.5 * np.sin(2 * np.pi * 500 * time) + high
    written(tmp_path)
    for path in (tmp_path / "calls").rglob("*.wav"):
        soundfile.write(path, wave, rate, subtype="FLOAT")
    found = everything(spec_of(tmp_path, "[2000]", ", resample: true"))[0]
    at = np.arange(2000) / RATE
    expected = 0.5 * np.sin(2 * np.pi * 500 * at)
    if rate > RATE:
        expected = expected + 0.25 * np.sin(2 * np.pi * 3000 * at)
    np.testing.assert_allclose(found[200:-200], expected[200:-200], atol=2e-3)


def test_sounds_of_several_rates_are_trained_on_and_predicted(tmp_path: Path) -> None:
    written(tmp_path, rates=RATES)
    with pytest.raises(DataError, match="or let `resample: true` do so"):
        load_data(spec_of(tmp_path, "[50]"))
    spec = spec_of(tmp_path, "[50]", ", resample: true")
    runs = [
        nnspec.train(spec, name, tmp_path / name, dtype="float64") for name in ("torch", "keras")
    ]
    weights = [load_weights(run.last) for run in runs]
    for path, value in weights[0].items():
        np.testing.assert_allclose(weights[1][path], value, rtol=1e-6, atol=1e-9)
    weights_file = runs[0].best
    nnspec.export(spec, tmp_path / "heard.onnx", weights=weights_file)
    found = nnspec.predict(tmp_path / "heard.onnx", tmp_path / "calls.csv").outputs["kind"]
    samples = np.zeros((COUNT, 50), np.float32)
    lines = (tmp_path / "calls.csv").read_text().splitlines()[1:]
    for row, line in enumerate(lines):
        heard, rate = soundfile.read(tmp_path / line.partition(",")[0], dtype="float32")
        heard = soxr.resample(heard, rate, RATE) if rate != RATE else heard
        samples[row, : len(heard)] = heard[:50]
    program = nnspec.compile(spec, "torch").build(load_weights(weights_file))
    np.testing.assert_allclose(found, program.forward({"heard": samples})["kind"], atol=1e-6)


def test_many_are_decoded_for_each_batch_to_equal_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path)
    spec = spec_of(tmp_path, "[50]", ", normalize: learned")
    found = []
    for held in (2**30, 0):
        monkeypatch.setattr(sounds, "HELD", held)
        data = load_data(spec)
        assert data.train.is_lazy == (not held)
        run = nnspec.train(spec, "torch", tmp_path / f"run{held}")
        found.append(hashlib.sha256(run.last.read_bytes()).hexdigest())
    assert found[0] == found[1]


def stereo(path: Path) -> None:
    soundfile.write(path, np.zeros((40, 2)), RATE)


def wrong_rate(path: Path) -> None:
    soundfile.write(path, np.zeros(40), 44100)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:80])


def cut_flac(path: Path) -> None:
    flac = path.with_suffix(".flac")
    soundfile.write(flac, np.random.default_rng(0).uniform(-1, 1, 40000), RATE)
    path.write_bytes(flac.read_bytes()[: flac.stat().st_size // 2])


def endless(path: Path) -> None:
    samples = np.zeros(40)
    samples[7] = np.inf
    soundfile.write(path, samples, RATE, subtype="DOUBLE")


def aiff(path: Path) -> None:
    soundfile.write(path, np.zeros(40), RATE, format="AIFF")


WRONG = {
    "no file": (lambda path: path.unlink(), "there is no such file"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "it is a folder|Is a directory"),
    "empty": (lambda path: path.write_bytes(b""), "the file is empty"),
    "no samples": (lambda path: soundfile.write(path, np.zeros(0), RATE), "it has no samples"),
    "text": (lambda path: path.write_text("no sound"), "it cannot be decoded as WAV"),
    "cut off": (cut, "it is cut off"),
    "cut off FLAC": (cut_flac, "it cannot be decoded as WAV, WAVEX, FLAC, OGG: "),
    "stereo": (stereo, "it has 2 channels, and the input 1; `mix: true` makes one"),
    "another rate": (wrong_rate, "it has 44,100 samples a second, and 8,000 are expected"),
    "no number": (endless, "a sample that is no finite number"),
    "another format": (aiff, "it is AIFF, and one of"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_told_with_its_row(case: str, tmp_path: Path) -> None:
    written(tmp_path)
    spoil, told = WRONG[case]
    spoil(tmp_path / "calls" / "hum" / "04.wav")
    spec = spec_of(tmp_path, "[50]")
    with pytest.raises(
        DataError, match=rf'calls.csv, line 6: .*row 5: "calls/hum/04.wav": .*{told}'
    ):
        load_data(spec)
    with pytest.raises(ValueError, match=r"calls.csv, line 6: .*row 5: .*04.wav"):
        script_of(spec, "torch").load_data(tmp_path / "calls.csv")


def test_a_path_that_leads_out_is_refused(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    written(inner)
    soundfile.write(tmp_path / "secret.wav", np.zeros(40), RATE)
    table = inner / "calls.csv"
    table.write_text(table.read_text().replace("calls/hum/04.wav", "../secret.wav"))
    with pytest.raises(DataError, match="which paths of sounds are relative to"):
        load_data(spec_of(inner, "[50]"))


def test_a_file_that_says_it_is_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path)
    monkeypatch.setattr(sounds, "MOST_SAMPLES", 60)
    with pytest.raises(DataError, match="it has more than 60 samples"):
        load_data(spec_of(tmp_path, "[50]"))


@pytest.mark.parametrize(
    ("shape", "more", "told"),
    [
        ("[2, 3, 50]", "", r"sounds are \[samples\] or \[channels, samples\]"),
        ("[2, 50]", ", mix: true", "`mix` makes one channel, and it has 2"),
    ],
)
def test_a_shape_that_holds_no_sound_is_told(
    shape: str, more: str, told: str, tmp_path: Path
) -> None:
    written(tmp_path)
    spec = spec_of(tmp_path, shape, more)
    with pytest.raises(DataError, match=told):
        load_data(spec)
    assert any("let the shape of the input" in each.hint for each in spec.advice)
    with pytest.raises(UsageError, match=told):
        script_of(spec, "torch")


@pytest.mark.parametrize("more", [", keep: all", ", length: 5", ", normalize: yes"])
def test_a_wrong_key_is_told(more: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError):
        spec_of(tmp_path, "[50]", more)
