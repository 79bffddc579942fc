"""Images that training changes: by the seed and the epoch alone, alike wherever it runs."""

import numpy as np
import pytest
from augmented_specs import spec_of
from PIL import Image
from script_cases import first_weights, require_weights_of_train, run, script_of

import nnspec
from nnspec.cli import main
from nnspec.data import pictures
from nnspec.data.augmenting import augmented
from nnspec.data.changing import Change
from nnspec.data.rows import load_data
from nnspec.errors import SpecError, UsageError
from nnspec.language.augmentation import Augmentation
from nnspec.weights.canonical import load_weights

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]

BOTH = {"flip": "both", "shift": [2, 1]}


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
def test_images_are_flipped_and_then_shifted(data_format):
    is_first = data_format == "channels_first"
    draw = np.random.default_rng(2)
    images = draw.normal(size=(200, 7, 9, 3))
    drawn = draw.random((200, 4))
    given = images.transpose(0, 3, 1, 2) if is_first else images
    found = Change(Augmentation.model_validate(BOTH), is_first, moved=drawn).images(given)
    found = found.transpose(0, 2, 3, 1) if is_first else found
    seen = set()
    for image, value, (up, left, down, across) in zip(images, found, drawn, strict=True):
        y, x = int(down * 5) - 2, int(across * 3) - 1
        expected = image[::-1] if up < 0.5 else image
        expected = expected[:, ::-1] if left < 0.5 else expected
        padded = np.pad(expected, [(2, 2), (1, 1), (0, 0)], "edge")
        np.testing.assert_array_equal(value, padded[2 - y : 9 - y, 1 - x : 10 - x])
        seen.add((up < 0.5, left < 0.5, y, x))
    assert len(seen) > 50  # of 60
    flat = Change(Augmentation(flip="horizontal"), is_first, moved=drawn).images(images[..., 0])
    expected = np.where(drawn[:, 1, None, None] < 0.5, images[:, :, ::-1, 0], images[..., 0])
    np.testing.assert_array_equal(flat, expected)


def test_each_epoch_draws_anew_and_what_is_measured_stays(tmp_path):
    spec = spec_of(tmp_path, {"photo": BOTH})
    data = load_data(spec)
    first, again, second = (augmented(spec, data, epoch) for epoch in (1, 1, 2))
    np.testing.assert_array_equal(first.inputs["photo"], again.inputs["photo"])
    assert not np.array_equal(first.inputs["photo"], second.inputs["photo"])
    assert not np.array_equal(first.inputs["photo"], data.train.inputs["photo"])
    np.testing.assert_array_equal(first.target, data.train.target)
    # With no step to speak of, the loss of the rows as they are is the same in every epoch.
    still = spec_of(tmp_path / "still", {"photo": BOTH},
                    optimizer={"type": "sgd", "learning_rate": 1e-30})  # fmt: skip
    run = nnspec.train(still, "torch", tmp_path / "run")
    losses = [(each.values["loss"], each.values["val_loss"]) for each in run.history]
    assert losses[0][1] == losses[1][1]
    assert losses[0][0] != losses[1][0]


@pytest.mark.parametrize("several", [False, True])
def test_both_frameworks_see_the_same_images(tmp_path, several):
    augment = {"photo": BOTH, **({"mark": {"shift": 1}} if several else {})}
    weights = []
    for backend in ("torch", "keras"):
        spec = spec_of(tmp_path / backend, augment, several=several)
        run = nnspec.train(spec, backend, tmp_path / backend / "run", dtype="float64")
        weights.append(load_weights(run.last))
    for name, value in weights[0].items():
        np.testing.assert_allclose(weights[1][name], value, rtol=1e-6, atol=1e-7)
    plain = spec_of(tmp_path / "plain", None, several=several)
    other = load_weights(nnspec.train(plain, "torch", tmp_path / "plain" / "run").last)
    assert any(np.abs(other[name] - weights[0][name]).max() > 1e-3 for name in other)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("several", [False, True])
def test_a_script_ends_with_the_weights_of_train(tmp_path, backend, several):
    augment = {"photo": {"flip": "horizontal"}, **({"mark": {"shift": 1}} if several else {})}
    spec = spec_of(tmp_path, augment, several=several, batch_size=6)
    module = script_of(spec, backend)
    output = tmp_path / f"out.{ {'torch': 'safetensors', 'keras': 'keras'}[backend] }"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)
    text = (tmp_path / f"script_of_{backend}.py").read_text()
    assert ("np.clip" in text) == several


def test_files_that_are_not_held_are_changed_alike(tmp_path, monkeypatch):
    for i in range(20):
        pixels = np.random.default_rng(i).integers(0, 256, (6, 8, 3), np.uint8)
        file = tmp_path / "pets" / "ab"[i % 2] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)
    data = {"source": "pets", "features": {"photo": "file"}, "target": "label",
            "prepare": {"file": {"image": {}}}}  # fmt: skip
    spec = spec_of(tmp_path, {"photo": BOTH}, data=data)
    held = augmented(spec, load_data(spec), 3)
    monkeypatch.setattr(pictures, "HELD", 0)
    lazy = augmented(spec, load_data(spec), 3)
    assert lazy.is_lazy
    order = np.array([5, 2, 9])
    for part in (slice(None), order):
        expected = held.take(part).inputs["photo"]
        np.testing.assert_array_equal(np.asarray(lazy.take(part).inputs["photo"]), expected)


PLACES = [{"name": "out", "type": "conv2d", "filters": 2, "kernel_size": 1}]
REFUSED = {
    "places": ({"layers": PLACES}, 'the output "out" is of places in an image'),
    "own": ({"data": {"target": None}, "layers": [{"type": "linear"}], "task": "autoencoder"},
            "is of places in an image|the target is the input as it is"),
    "order": ({"shuffle": False}, "with `shuffle: false` every epoch takes the rows as they are"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_not_move_with_the_image_is_refused(tmp_path, name):
    more, message = REFUSED[name]
    spec = spec_of(tmp_path, {"photo": BOTH}, **more)
    with pytest.raises(UsageError, match=message):
        nnspec.train(spec, "torch", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_shifts_beyond_the_image_and_inputs_that_hold_none_are_refused(tmp_path, capsys):
    with pytest.raises(UsageError, match=r'"photo" is .*, too small to shift by 6'):
        nnspec.train(spec_of(tmp_path, {"photo": {"shift": 6}}), "torch", tmp_path / "run")
    spec = spec_of(tmp_path, {"rest": {"shift": 1}}, several=True)
    with pytest.raises(UsageError, match=r'input "rest" is .*, and `augment` is of images'):
        nnspec.compile(spec, "torch", training=True)
    with pytest.raises(SystemExit):
        main(["check", "--data", str(tmp_path / "net.json")])
    assert "`augment` is of images" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(SpecError, match=r'`data.augment` names "foto", which is no input'):
        spec_of(tmp_path, {"foto": BOTH})
    with pytest.raises(SpecError, match="say what is drawn"):
        spec_of(tmp_path, {"photo": {"shift": 0}})
