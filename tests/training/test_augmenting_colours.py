"""Images turned, cut, recoloured and mixed: by known laws, and alike wherever they are trained."""

import numpy as np
import pytest
from augmented_specs import spec_of
from PIL import Image, ImageEnhance
from scipy import ndimage, stats
from script_cases import first_weights, require_weights_of_train, run, script_of

import nnspec
from nnspec.data import pictures
from nnspec.data.augmenting import augmented
from nnspec.data.changing import Change, mixed_images
from nnspec.data.mixing import beta, mixture
from nnspec.data.rows import load_data
from nnspec.errors import SpecError, UsageError
from nnspec.language.augmentation import Augmentation
from nnspec.weights.canonical import load_weights

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]

DRAW = np.random.default_rng(7)
COLOURS = {"brightness": 0.4, "contrast": 0.5, "saturation": 0.6}


def test_turned_and_cut_images_are_those_of_scipy():
    images = DRAW.normal(size=(70, 9, 12, 3))
    drawn = DRAW.random((70, 5))
    by = Augmentation(crop=0.3, rotate=40)
    found = Change(by, is_first=False, sampled=drawn).images(images)
    for image, value, (share, shape, down, across, turn) in zip(images, found, drawn, strict=True):
        area, ratio = (0.3 + 0.7 * share) * 108, (3 / 4) * (16 / 9) ** shape
        high, wide = min((area / ratio) ** 0.5, 9), min((area * ratio) ** 0.5, 12)
        y = down * (9 - high) + (np.arange(9) + 0.5) * high / 9
        x = across * (12 - wide) + (np.arange(12) + 0.5) * wide / 12
        y, x = np.meshgrid(y - 4.5, x - 6, indexing="ij")
        angle = np.deg2rad((2 * turn - 1) * 40)
        places = [
            np.cos(angle) * y - np.sin(angle) * x + 4,
            np.sin(angle) * y + np.cos(angle) * x + 5.5,
        ]
        for channel in range(3):
            expected = ndimage.map_coordinates(image[..., channel], places, order=1, mode="nearest")
            np.testing.assert_allclose(value[..., channel], expected, atol=1e-12)
    quarter = np.full((70, 5), 1.0)
    square = images[:, :, :9]
    turned = Change(Augmentation(rotate=90), is_first=False, sampled=quarter).images(square)
    np.testing.assert_allclose(turned, np.rot90(square, -1, (1, 2)), atol=1e-12)
    still = Change(Augmentation(rotate=90), is_first=False, sampled=quarter / 2).images(images)
    np.testing.assert_allclose(still, images, atol=1e-12)


@pytest.mark.parametrize("key", COLOURS)
def test_colours_are_those_of_pillow(key):
    images = DRAW.integers(0, 256, (40, 6, 8, 3), np.uint8)
    drawn = DRAW.random((40, 3))
    by = Augmentation.model_validate({key: COLOURS[key], "range": [0, 255]})
    change = Change(by, is_first=False, coloured=drawn, black=np.array(0.0), white=np.array(255.0))
    enhance = {"brightness": ImageEnhance.Brightness, "contrast": ImageEnhance.Contrast,
               "saturation": ImageEnhance.Color}[key]  # fmt: skip
    found = change.images(images)
    assert found.dtype == np.uint8
    for image, value, numbers in zip(images, found, drawn, strict=True):
        factor = 1 + (2 * numbers[[*COLOURS].index(key)] - 1) * COLOURS[key]
        expected = np.asarray(enhance(Image.fromarray(image)).enhance(factor))
        # Pillow rounds a grey before it is used.
        assert np.abs(value.astype(int) - expected).max() <= 1
    # In other units, and channels first, it is the same change.
    shifted = (images.transpose(0, 3, 1, 2) / 255 - 0.5) / 0.25
    other = Change(by, is_first=True, coloured=drawn, black=np.array(-2.0), white=np.array(2.0))
    back = (other.images(shifted) * 0.25 + 0.5).transpose(0, 2, 3, 1) * 255
    assert np.abs(back - found).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0, 4.0])
def test_shares_are_drawn_by_the_law_beta(alpha):
    drawn = np.random.default_rng(3).random((3, 20_000))
    found = beta(alpha, *drawn)
    assert stats.kstest(found, stats.beta(alpha, alpha).cdf).pvalue > 0.01


@pytest.mark.parametrize("keys", [("mixup",), ("cutmix",), ("mixup", "cutmix")])
def test_what_is_mixed_has_the_targets_of_what_it_shows(keys):
    by = Augmentation.model_validate(dict.fromkeys(keys, 0.7))
    labels = DRAW.integers(0, 4, 300)
    # An image has the number of its row in every pixel.
    images = np.tile(np.arange(300.0)[:, None, None, None], (1, 2, 8, 10))
    how = mixture(by, DRAW.random((300, 7)), 8, 10)
    found = mixed_images(images, images[how.other], how, is_first=True)
    targets = how.targets(labels, 4)
    assert targets.dtype == np.float32
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    kinds = set()
    for row, (image, target) in enumerate(zip(found, targets, strict=True)):
        other, share = how.other[row], how.share[row]
        expected = np.zeros(4)
        expected[labels[row]] += share
        expected[labels[other]] += 1 - share
        np.testing.assert_allclose(target, expected, atol=1e-6)
        if other == row:
            continue
        np.testing.assert_allclose(image.mean(), share * row + (1 - share) * other, atol=1e-9)
        is_box = bool(np.isin(image, [row, other]).all())
        kinds.add(is_box and 0 < share < 1)
        if is_box:
            inside = np.argwhere(image[0] == other)
            spread = np.ptp(inside, axis=0) + 1 if len(inside) else np.zeros(2)
            assert len(inside) == np.prod(spread)  # a box, and nothing else
    assert kinds >= {"cutmix" in keys, "mixup" not in keys}


SEVERAL = {
    "photo": {"flip": "horizontal", "rotate": 20, "brightness": 0.3, "range": [-3, 3]},
    "mark": {"crop": 0.5, "contrast": 0.4, "range": [-3, 3]},
}
OF_ONE = {"flip": "both", "rotate": 10, "range": [-3, 3], "contrast": 0.4}
NAMED = {"loss": {"out": {"type": "categorical_cross_entropy"}}, "data": {"target": {"out": "y"}}}
CASES = {
    "sampled": ({"photo": {"rotate": 30, "crop": 0.4}}, {}),
    "recoloured": ({"photo": {**COLOURS, "range": [-3, 3]}}, {}),
    "contrast": ({"photo": {"contrast": 0.5, "range": [-3, 3]}}, {"data_format": "channels_last"}),
    "mixup": ({"photo": {"mixup": 0.4}}, {}),
    "cutmix": ({"photo": {"shift": 1, "cutmix": 1.0}}, {"data_format": "channels_last"}),
    "both": ({"photo": {"flip": "both", "shift": 1, "rotate": 10, "crop": 0.6, **COLOURS,
                        "range": [-3, 3], "mixup": 0.4, "cutmix": 1.0}}, {}),
    "binary": ({"photo": {"mixup": 0.4, "cutmix": 0.4}}, {"task": "binary", "dense": 1}),
    "number": ({"photo": {"mixup": 0.4}}, {"task": "regression", "dense": 1}),
    "several": (SEVERAL, {"several": True}),
    "some": ({**SEVERAL, "mark": {"shift": 1}}, {"several": True}),
    "named": ({"photo": OF_ONE}, NAMED),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_both_frameworks_see_the_same_images(tmp_path, name):
    augment, more = CASES[name]
    weights = []
    for backend in ("torch", "keras"):
        spec = spec_of(tmp_path / backend, augment, **more)
        trained = nnspec.train(spec, backend, tmp_path / backend / "run", dtype="float64")
        weights.append(load_weights(trained.last))
    for path, value in weights[0].items():
        np.testing.assert_allclose(weights[1][path], value, rtol=1e-6, atol=1e-7)
    plain = spec_of(tmp_path / "plain", None, **more)
    other = load_weights(nnspec.train(plain, "torch", tmp_path / "plain" / "run").last)
    assert any(np.abs(other[path] - weights[0][path]).max() > 1e-3 for path in other)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("name", CASES)
def test_a_script_ends_with_the_weights_of_train(tmp_path, backend, name):
    augment, more = CASES[name]
    spec = spec_of(tmp_path, augment, batch_size=6, **more)
    module = script_of(spec, backend)
    output = tmp_path / f"out.{ {'torch': 'safetensors', 'keras': 'keras'}[backend] }"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)


def of_files(folder, augment, normalize, **more):
    for i in range(20):
        pixels = np.random.default_rng(i).integers(0, 256, (6, 8, 3), np.uint8)
        file = folder / "pets" / "ab"[i % 2] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)
    image = {"normalize": normalize} if normalize else {}
    data = {"source": "pets", "features": {"photo": "file"}, "target": "label",
            "prepare": {"file": {"image": image}}}  # fmt: skip
    return spec_of(folder, augment, data=data, **more)


GIVEN = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25]}
EVERYTHING = {"photo": {**CASES["both"][0]["photo"], "range": None}}


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("normalize", [None, GIVEN, "learned"])
def test_files_are_changed_in_scripts_as_in_train(tmp_path, backend, normalize):
    augment = EVERYTHING if normalize == "learned" else {"photo": COLOURS}
    spec = of_files(tmp_path, augment, normalize, batch_size=6)
    module = script_of(spec, backend)
    output = tmp_path / f"out.{ {'torch': 'safetensors', 'keras': 'keras'}[backend] }"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)


@pytest.mark.parametrize("normalize", [None, GIVEN, "learned"])
def test_files_that_are_not_held_are_changed_alike(tmp_path, monkeypatch, normalize):
    spec = of_files(tmp_path, EVERYTHING, normalize)
    held = augmented(spec, load_data(spec), 3)
    monkeypatch.setattr(pictures, "HELD", 0)
    lazy = augmented(spec, load_data(spec), 3)
    assert lazy.is_lazy
    np.testing.assert_array_equal(lazy.target, held.target)
    for part in (slice(None), np.array([5, 2, 9])):
        expected = held.take(part).inputs["photo"]
        np.testing.assert_array_equal(np.asarray(lazy.take(part).inputs["photo"]), expected)


REFUSED = {
    "range": ({"photo": {"contrast": 0.2}}, {}, "needs to know black and white"),
    "standard": ({"photo": {"contrast": 0.2, "range": [0, 1]}}, {"data": {"standardize": True}},
                 "`standardize` changes them before"),
    "grey": ({"mark": {"saturation": 0.2, "range": [0, 1]}}, {"several": True},
             "`saturation` is of red, green and blue"),
    "several": ({"photo": {"mixup": 1}}, {"several": True},
                'the network takes "rest" too, which is not mixed'),
    "named": ({"photo": {"mixup": 1}}, NAMED, "write `target: COLUMN`, `task: multiclass`"),
    "weights": ({"photo": {"cutmix": 1}}, {"data": {"balance": "y"}}, "rows have weights"),
    "loss": ({"photo": {"mixup": 1}}, {"task": "binary", "dense": 1, "loss": "hinge"},
             "the loss hinge takes no mean of two targets"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_meaning_is_refused(tmp_path, name):
    augment, more, message = REFUSED[name]
    spec = spec_of(tmp_path, augment, **more)
    with pytest.raises(UsageError, match=message):
        nnspec.train(spec, "torch", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(UsageError, match=message):
        nnspec.compile(spec, "torch", training=True)


@pytest.mark.parametrize(("augment", "message"), [
    ({"range": [0, 1], "flip": "both"}, "`range` is for `brightness`"),
    ({"range": [1, 0], "contrast": 0.1}, "black is less"),
    ({"rotate": 181}, "180"), ({"crop": 0}, "crop"), ({"mixup": 0.01}, "0.1"),
])  # fmt: skip
def test_numbers_that_say_nothing_are_refused(tmp_path, augment, message):
    with pytest.raises(SpecError, match=message):
        spec_of(tmp_path, {"photo": augment})


def test_a_range_is_not_of_files(tmp_path):
    with pytest.raises(UsageError, match="leave out `range`"):
        nnspec.train(
            of_files(tmp_path, {"photo": {"contrast": 0.2, "range": [0, 1]}}, None),
            "torch", tmp_path / "run",
        )  # fmt: skip
