"""Names of padding and cropping layers, and of their keys."""

from collections.abc import Mapping

from nnspec.layers.words.word import Key, Keys, UnsaidError, Word, keys, nothing, only, same


def _sides(axes: int):  # type: ignore[no-untyped-def]
    """Return what turns PyTorch's padding, the last axis first, into pairs by axis."""

    def value(given: object) -> object:
        if isinstance(given, int):
            return given
        if not isinstance(given, list | tuple) or len(given) != 2 * axes:
            raise UnsaidError("one number, or [begin, end] for each axis, is expected")
        pairs = [list(given[i : i + 2]) for i in range(0, 2 * axes, 2)]
        return pairs[::-1] if axes > 1 else pairs[0]

    return value


def _torch(kind: str, axes: int) -> Word:
    note = "padding is [begin, end] for each axis in order; PyTorch counts from the last axis"
    return Word(f"{kind}{axes}d", note, keys={"padding": Key("padding", note, _sides(axes))})


def _constant(axes: int) -> Word:
    word = _torch("zero_padding", axes)
    zero = only("value", (0, 0.0), "nothing here is it: padding is with 0; add a rescaling before "
                "and after it", "padding is with 0")  # fmt: skip
    return word._replace(keys={**word.keys, **zero})


def _is_alike(given: Mapping[str, object]) -> bool:
    """Whether every side is padded alike, so that the order of the axes is no matter."""
    return all(isinstance(given.get(key), int | None) for key in ("padding", "pad", "pads"))


WORDS = {
    **{f"ZeroPad{n}d": _torch("zero_padding", n) for n in (1, 2, 3)},
    **{f"ConstantPad{n}d": _constant(n) for n in (1, 2, 3)},
    **{f"ReflectionPad{n}d": _torch("reflection_padding", n) for n in (1, 2)},
    **{f"reflect_padding{n}d": Word(f"reflection_padding{n}d") for n in (1, 2)},
    **{f"mirror_padding{n}d": Word(f"reflection_padding{n}d") for n in (1, 2)},
    **{f"ReplicationPad{n}d": _torch("replication_padding", n) for n in (1, 2)},
    **{f"edge_padding{n}d": Word(f"replication_padding{n}d") for n in (1, 2)},
    **nothing("ReflectionPad3d reflection_padding3d ReplicationPad3d replication_padding3d",
              "nothing here is it in three dimensions: zero_padding3d pads with 0"),
    **nothing("CircularPad1d CircularPad2d CircularPad3d", "compose it: slice both ends, and "
              "concatenate each to the other side"),
    **{name: Word("zero_padding2d", "torch's pad counts from the last axis: [left, right, top, bottom]",
                  is_safe=_is_alike) for name in ("pad", "zero_pad", "pad2d")},
    **same("zero_padding2d", "padding zero_padding", "it pads images with 0; "
           "reflection_padding2d and replication_padding2d pad with what is there"),
    **same("cropping2d", "crop cropping crop2d"),
    **nothing("CenterCrop RandomCrop", "nothing here is it: cropping2d takes a fixed number of rows "
              "and columns from each side"),
}  # fmt: skip

_PADS: Keys = {
    **keys("padding", "pad pads paddings pad_width size"),
    **only("mode", ("constant",), "reflection_padding2d and replication_padding2d are layers of "
           "their own", "padding is with 0"),
    **only("value", (0, 0.0), "nothing here is it: padding is with 0", "padding is with 0"),
}  # fmt: skip
KEYS = {
    **{f"{kind}_padding{n}d": _PADS
       for kind in ("zero", "reflection", "replication")
       for n in ((1, 2, 3) if kind == "zero" else (1, 2))},
    **{f"cropping{n}d": keys("cropping", "crop size padding margins") for n in (1, 2, 3)},
}  # fmt: skip
