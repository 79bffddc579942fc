"""Images of folders and tables, beside Pillow and NumPy on the same files."""

import json
import struct
import zlib

import numpy as np
import polars as pl
import pytest
from PIL import Image

import nnspec
from nnspec.cli import main
from nnspec.data import pictures
from nnspec.data.files import read
from nnspec.data.folders import passed_over
from nnspec.data.images import Unreadable, decoded
from nnspec.data.preprocessing import Preprocessing
from nnspec.data.rows import load_data
from nnspec.errors import DataError, SpecError
from nnspec.network.loader import loads
from nnspec.weights.canonical import load_weights

SIDE = 12


def picture(seed, height=SIDE, width=SIDE, mode="RGB"):
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, *channels), np.uint8)
    return Image.fromarray(pixels)


def opened(path):
    """Return an image as Pillow decodes it."""
    with Image.open(path) as image:
        image.load()
        return image


def folder_of(path, labels=("cat", "dog"), count=5, **kinds):
    for k, label in enumerate(labels):
        (path / label).mkdir(parents=True)
        for i in range(count):
            picture(10 * k + i, **kinds).save(path / label / f"{i}.png")
    return path


def spec_of(
    folder,
    source="pets",
    image=None,
    shape=(3, SIDE, SIDE),
    *,
    target="label",
    column="file",
    units=2,
    dtype="float32",
    data_format="channels_first",
    **data,
):
    data = {"validation": 0.2, **data}
    document = {
        "nnspec": 1, "name": "Pets", "data_format": data_format,
        "inputs": {"image": {"shape": list(shape), "dtype": dtype}},
        "layers": [*([{"type": "cast", "dtype": "float32"}] if dtype != "float32" else []),
                   {"type": "flatten"}, {"type": "dense", "units": units}, {"type": "softmax"}],
        "data": {"source": source, "features": {"image": column}, "target": target,
                 "prepare": {column: {"image": image or {}}}, **data},
        "training": {"task": "multiclass", "epochs": 2, "batch_size": 4},
    }  # fmt: skip
    (folder / "net.json").write_text(json.dumps(document))
    return loads(json.dumps(document), path=folder / "net.json")


def of_all(spec):
    """Return the raw bytes and the numbers of all rows, in the order of the folder."""
    data = load_data(spec)
    path = spec.folder / spec.model.data.source
    rows = read(path)
    return rows, np.asarray(data.preprocessing.apply(rows, file=path)["image"])


def test_a_folder_is_a_table_of_files_and_labels(tmp_path):
    path = folder_of(tmp_path / "pets", ("dog", "Cat", "a b"), 2)
    (path / "dog" / "more").mkdir()
    picture(3).save(path / "dog" / "more" / "x.JPG", "JPEG")
    for name in (".DS_Store", "dog/.thumb.png", "README.md"):
        (path / name).write_text("x")
    (path / ".git").mkdir()
    table = read(path)
    assert table["file"].to_list() == [
        "Cat/0.png", "Cat/1.png", "a b/0.png", "a b/1.png",
        "dog/0.png", "dog/1.png", "dog/more/x.JPG",
    ]  # fmt: skip
    assert table["label"].to_list() == ["Cat"] * 2 + ["a b"] * 2 + ["dog"] * 3
    assert passed_over(path) == [".DS_Store", ".git", "README.md", "dog/.thumb.png"]
    data = load_data(spec_of(tmp_path, units=3))
    assert data.preprocessing.labels == ("Cat", "a b", "dog")
    assert data.notes == (
        f"{path}: 4 files are passed over: .DS_Store, .git, README.md, dog/.thumb.png",
    )


@pytest.mark.parametrize("layout", ["channels_first", "channels_last", "gray", "flat"])
def test_bytes_become_numbers_in_the_layout_of_the_input(tmp_path, layout):
    path = folder_of(tmp_path / "pets")
    shape = {"channels_first": (3, SIDE, SIDE), "channels_last": (SIDE, SIDE, 3),
             "gray": (1, SIDE, SIDE), "flat": (SIDE, SIDE)}[layout]  # fmt: skip
    format_ = layout if layout.startswith("channels") else "channels_first"
    image = {"range": [-1, 1], "normalize": {"mean": 0.25, "std": [0.5]}}
    rows, values = of_all(spec_of(tmp_path, image=image, shape=shape, data_format=format_))
    mode = "RGB" if 3 in shape else "L"
    raw = np.stack([np.asarray(opened(path / name).convert(mode)) for name in rows["file"]])
    if layout == "channels_first":
        raw = raw.transpose(0, 3, 1, 2)
    expected = ((raw.reshape(-1, *shape) / 255 * 2 - 1) - 0.25) / 0.5
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, expected.astype(np.float32))


def test_inputs_of_bytes_take_them_as_they_are(tmp_path):
    folder_of(tmp_path / "pets")
    rows, values = of_all(spec_of(tmp_path, dtype="uint8"))
    raw = np.stack([np.asarray(opened(tmp_path / "pets" / name)) for name in rows["file"]])
    assert values.dtype == np.uint8
    np.testing.assert_array_equal(values, raw.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("interpolation", ["nearest", "box", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("way", ["both", "shorter", "crop"])
def test_images_are_resized_by_pillow_and_cropped_in_the_middle(tmp_path, interpolation, way):
    path = tmp_path / "pets"
    folder_of(path, ("cat",), 3, height=31, width=20)
    folder_of(path, ("dog",), 3, height=17, width=40)
    image = {
        "both": {"resize": [SIDE, SIDE], "interpolation": interpolation},
        "shorter": {"resize": 15, "crop": SIDE, "interpolation": interpolation},
        "crop": {"crop": [SIDE, SIDE]},
    }[way]
    rows, values = of_all(spec_of(tmp_path, image=image))
    resample = Image.Resampling[interpolation.upper()]
    for name, value in zip(rows["file"], values, strict=True):
        given = opened(path / name)
        if way == "both":
            given = given.resize((SIDE, given.height), resample).resize((SIDE, SIDE), resample)
        if way == "shorter":
            size = (15, 15 * 31 // 20) if given.width == 20 else (15 * 40 // 17, 15)
            given = given.resize((size[0], given.height), resample).resize(size, resample)
        top, left = round((given.height - SIDE) / 2), round((given.width - SIDE) / 2)
        raw = np.asarray(given)[top : top + SIDE, left : left + SIDE].transpose(2, 0, 1)
        np.testing.assert_array_equal(value, (raw / 255).astype(np.float32))


@pytest.mark.parametrize("usual", [False, True])
def test_channels_are_normalised_by_the_training_images_alone(tmp_path, usual):
    path = folder_of(tmp_path / "pets", count=8)
    Image.new("RGB", (SIDE, SIDE), (255, 255, 255)).save(path / "dog" / "white.png")
    image = {"range": [0, 2]} if usual else {"range": [0, 2], "normalize": "learned"}
    spec = spec_of(tmp_path, image=image, standardize=usual)
    data = load_data(spec)
    train = data.train.inputs["image"].astype(float)
    np.testing.assert_allclose(train.mean((0, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(train.std((0, 2, 3)), 1, rtol=1e-6)
    by = data.preprocessing.inputs["image"].image
    raw = train * np.reshape(by.std, (3, 1, 1)) + np.reshape(by.mean, (3, 1, 1))
    np.testing.assert_allclose(by.mean, raw.mean((0, 2, 3)), rtol=1e-6)
    assert Preprocessing.from_json(data.preprocessing.to_json()) == data.preprocessing
    # One that never changes is only shifted.
    for file in path.glob("*/*.png"):
        Image.new("RGB", (SIDE, SIDE), (9, 0, 255)).save(file)
    assert not load_data(spec).train.inputs["image"].any()


def test_an_image_is_turned_as_exif_says(tmp_path):
    path = folder_of(tmp_path / "pets", height=SIDE, width=20)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    turned = opened(path / "cat" / "0.png")
    turned.rotate(90, expand=True).save(path / "cat" / "0.png", exif=exif)
    assert opened(path / "cat" / "0.png").size == (SIDE, 20)
    rows, values = of_all(spec_of(tmp_path, shape=(3, SIDE, 20)))
    assert rows["file"][0] == "cat/0.png"
    np.testing.assert_array_equal(
        values[0], (np.asarray(turned).transpose(2, 0, 1) / 255).astype(np.float32)
    )


def test_palettes_and_opaque_alpha_become_rgb(tmp_path):
    path = folder_of(tmp_path / "pets")
    given = picture(77)
    given.quantize(16).save(path / "cat" / "0.png")
    opaque = given.copy()
    opaque.putalpha(255)
    opaque.save(path / "cat" / "1.png")
    picture(5, mode="L").save(path / "cat" / "2.png")
    given.convert("1").save(path / "cat" / "3.png")
    _, values = of_all(spec_of(tmp_path))
    expected = [given.quantize(16).convert("RGB"), given, picture(5, mode="L").convert("RGB"),
                given.convert("1").convert("RGB")]  # fmt: skip
    for value, image in zip(values, expected, strict=False):
        raw = np.asarray(image).transpose(2, 0, 1)
        np.testing.assert_array_equal(value, (raw / 255).astype(np.float32))


def test_a_table_of_paths_beside_other_columns(tmp_path):
    folder_of(tmp_path / "pets")
    names = [f"pets/{label}/{i}.png" for label in ("cat", "dog") for i in range(5)]
    pl.DataFrame({"path": names, "kind": ["cat"] * 5 + ["dog"] * 5}).write_csv(tmp_path / "t.csv")
    data = load_data(spec_of(tmp_path, "t.csv", target="kind", column="path"))
    same = load_data(spec_of(tmp_path))
    for part in ("train", "validation"):
        ours, theirs = getattr(data, part), getattr(same, part)
        np.testing.assert_array_equal(ours.inputs["image"], theirs.inputs["image"])
        np.testing.assert_array_equal(ours.target, theirs.target)
    before = data.sha256
    picture(99).save(tmp_path / "pets" / "cat" / "0.png")
    assert load_data(spec_of(tmp_path, "t.csv", target="kind", column="path")).sha256 != before


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_images_that_are_not_held_train_to_the_same_weights(tmp_path, monkeypatch, backend):
    folder_of(tmp_path / "pets", count=6)
    spec = spec_of(tmp_path, image={"normalize": "learned"})
    held = nnspec.train(spec, backend, tmp_path / "held")
    monkeypatch.setattr(pictures, "HELD", 0)
    data = load_data(spec)
    assert data.train.is_lazy
    lazy = nnspec.train(spec, backend, tmp_path / "lazy")
    ours, theirs = load_weights(held.best), load_weights(lazy.best)
    for name, value in ours.items():
        np.testing.assert_allclose(theirs[name], value, rtol=1e-5, atol=1e-6)


def cut(path):
    path.write_bytes(path.read_bytes()[:-60])


def text(path):
    path.write_text("no image")


def deep(path):
    Image.fromarray(np.zeros((SIDE, SIDE), np.uint16)).save(path)


def bomb(path):
    Image.new("1", (2**13, 2**13 + 1)).save(path)


def frames(path):
    gif = path.with_suffix(".gif")
    picture(1).save(gif, save_all=True, append_images=[picture(2)])
    path.unlink()


def clear(path):
    picture(4, mode="RGBA").save(path)


def ink(path):
    picture(4).convert("CMYK").save(path.with_suffix(".jpg"))
    path.unlink()


def other_size(path):
    picture(1, height=13).save(path)


def tiff(path):
    picture(1).save(path, format="TIFF")


WRONG = {
    "cut": (cut, "it cannot be decoded: "),
    "text": (text, "it is no image of BMP, GIF, JPEG, PNG, PPM, WEBP"),
    "tiff": (tiff, "it is no image of "),
    "deep": (deep, "it has more than 8 bits a channel"),
    "bomb": (bomb, "it has 8192 x 8193 pixels, and 67,108,864 in all are the most"),
    "frames": (frames, "it has several frames, and one is expected"),
    "clear": (clear, "it has transparent pixels: save it over a background"),
    "ink": (ink, "its colours are CMYK; RGB or grayscale are expected"),
    "size": (other_size, r"it is 13 high and 12 wide and 12 high and 12 wide is expected"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("is_held", [True, False])
def test_what_is_no_such_image_is_told_with_its_file(tmp_path, monkeypatch, kind, is_held):
    spoil, message = WRONG[kind]
    monkeypatch.setattr(pictures, "HELD", 2**30 if is_held else 0)
    path = folder_of(tmp_path / "pets")
    spoil(path / "dog" / "3.png")
    with pytest.raises(DataError, match=f"pets/dog/3.[a-z]+: {message}"):
        nnspec.train(spec_of(tmp_path), "torch", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_sixteen_bits_of_colours_are_no_eight(tmp_path):
    # Pillow does not write them.
    def chunk(kind, content):
        code = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + code

    path = folder_of(tmp_path / "pets")
    rows = b"".join(b"\0" + bytes(SIDE * 6) for _ in range(SIDE))
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 16, 2, 0, 0, 0)
    (path / "cat" / "1.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )  # fmt: skip
    with Image.open(path / "cat" / "1.png") as image:
        assert image.mode == "RGB"
    with pytest.raises(DataError, match=r"cat/1.png: it has more than 8 bits a channel"):
        load_data(spec_of(tmp_path))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lost.png", "there is no such file"),
        ("../secret.png", "it is outside of .*, which paths of images are relative to"),
        ("/etc/hostname", "it is outside of "),
        ("pets/link.png", "it is outside of "),
        ("pets", "it is a folder|Is a directory"),
        ("", "the value is missing"),
    ],
)
def test_a_path_that_is_none_is_told_with_its_line(tmp_path, name, message):
    home = tmp_path / "home"
    folder_of(home / "pets")
    picture(1).save(tmp_path / "secret.png")
    (home / "pets" / "link.png").symlink_to(tmp_path / "secret.png")
    rows = [f"pets/{label}/{i}.png,{label}" for label in ("cat", "dog") for i in range(5)]
    rows[6] = f"{name},dog"
    (home / "t.csv").write_text("\n".join(["path,kind", *rows]) + "\n")
    with pytest.raises(DataError, match=rf'(?s)t.csv, line 8: column "path", row 7.*({message})'):
        load_data(spec_of(home, "t.csv", target="kind", column="path"))


def test_folders_without_labels_or_images_are_refused(tmp_path):
    path = folder_of(tmp_path / "pets")
    (path / "empty").mkdir()
    with pytest.raises(DataError, match='the folder of the label "empty" has no image'):
        load_data(spec_of(tmp_path))
    (path / "empty").rmdir()
    (path / "dog" / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"notes.txt is no image"):
        load_data(spec_of(tmp_path))
    (path / "dog" / "notes.txt").unlink()
    picture(1).save(path / "loose.png")
    with pytest.raises(DataError, match=r"loose.png: the image is in no folder of a label"):
        load_data(spec_of(tmp_path))
    (path / "loose.png").unlink()
    (path / "link").symlink_to(path / "dog")
    with pytest.raises(DataError, match="link is a link to a folder"):
        load_data(spec_of(tmp_path))
    (path / "link").unlink()
    with pytest.raises(DataError, match=r"holds 2 labels .*, and the network gives 3 scores"):
        load_data(spec_of(tmp_path, units=3))
    one = folder_of(tmp_path / "one", ("cat",))
    with pytest.raises(DataError, match=r'holds 1 label ."cat"., and the network gives 2 scores'):
        load_data(spec_of(tmp_path, "one"))
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="none is a folder, and there is no image in it"):
        load_data(spec_of(tmp_path, "none"))
    for file in one.glob("cat/*"):
        file.rename(one / file.name)
    (one / "cat").rmdir()
    with pytest.raises(DataError, match='there is no column "label"'):
        load_data(spec_of(tmp_path, "one"))
    assert read(one).columns == ["file"]


def test_a_folder_needs_images_that_are_declared(tmp_path):
    folder_of(tmp_path / "pets")
    spec = spec_of(tmp_path)
    document = json.loads((tmp_path / "net.json").read_text())
    del document["data"]["prepare"]
    spec = loads(json.dumps(document), path=tmp_path / "net.json")
    with pytest.raises(DataError, match="pets is a folder, and nothing says what becomes of its"):
        load_data(spec)


MISFITS = [
    ({}, (4, SIDE, SIDE), "images are [3, height, width] or [1, height, width]"),
    ({}, (SIDE, SIDE, 3), "images are [3, height, width] or [1, height, width]"),
    ({"resize": [9, 9]}, (3, SIDE, SIDE), "its images become 9 high and 9 wide"),
    ({"resize": 9}, (3, SIDE, SIDE), "images of a given shorter side have no one size"),
    ({"resize": 9, "crop": SIDE}, (3, SIDE, SIDE), "`crop` [12, 12] is more than `resize` leaves"),
    ({"normalize": {"mean": [1, 2], "std": 1}}, (3, SIDE, SIDE), "`mean` has 2 numbers, and its"),
]


@pytest.mark.parametrize(("image", "shape", "message"), MISFITS)
def test_what_is_declared_fits_the_input(tmp_path, image, shape, message, capsys):
    folder_of(tmp_path / "pets")
    spec = spec_of(tmp_path, image=image, shape=shape)
    with pytest.raises(DataError) as error:
        load_data(spec)
    assert message in str(error.value)
    assert any(message in problem.message for problem in spec.advice)
    with pytest.raises(SystemExit):
        main(["check", "--data", str(tmp_path / "net.json")])
    assert message in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({"resize": 0}, "is 0, and more than 0 is expected"),
        ({"interpolation": "box"}, "`interpolation` is of `resize`"),
        ({"range": [1, 1]}, "`range` is .low, high., and low is less"),
        ({"normalize": {"mean": 1, "std": 0}}, "std"),
        ({"normalize": "imagenet"}, "learned"),
        ({"mode": "RGB"}, "mode"),
    ],
)
def test_a_wrong_declaration_is_told(tmp_path, image, message):
    with pytest.raises(SpecError, match=message):
        spec_of(tmp_path, image=image)


def test_images_have_no_other_preparation(tmp_path):
    with pytest.raises(SpecError, match="images have no `scale`"):
        spec_of(tmp_path, prepare={"file": {"image": {}, "scale": "standard"}})


def test_random_damage_never_gives_another_error(tmp_path):
    draw = np.random.default_rng(5)
    refused = 0
    for i in range(400):
        form = ["PNG", "JPEG", "GIF", "BMP", "WEBP", "PPM"][i % 6]
        path = tmp_path / "image"
        picture(i, 9, 7).save(path, form)
        content = bytearray(path.read_bytes())
        for at in draw.integers(0, len(content), 3):
            content[at] = draw.integers(0, 256)
        path.write_bytes(bytes(content[: draw.integers(1, len(content) + 1)]))
        try:
            found = decoded(path, "RGB")
        except Unreadable:
            refused += 1
        else:
            assert found.mode == "RGB"
    assert 150 < refused < 400
