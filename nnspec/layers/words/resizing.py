"""Names of layers that make images larger or smaller, and of their keys."""

from collections.abc import Mapping

from nnspec.layers.words.word import Key, Word, keys, likely, no_key, nothing, only, same


def _size(height: object, width: object) -> dict[str, object]:
    return {"size": [height, width]}


def _is_smooth(given: Mapping[str, object]) -> bool:
    """Whether it lies between elements, at the same places in PyTorch as here."""
    mode = given.get("mode", given.get("interpolation"))
    factor = given.get("scale_factor", given.get("scale", 1))
    is_whole = isinstance(factor, int | float) and float(factor).is_integer()
    return mode not in (None, "nearest") and is_whole


_NEAREST = "it repeats each element; resize interpolates, and takes the new size"
_SIZE = "PyTorch's `size` is the new height and width, as that of resize"


def _to_a_size(given: Mapping[str, object]) -> Word | None:
    """PyTorch's `size` is the new height and width, and up_sampling2d's a factor."""
    is_smooth = _is_smooth(given)
    if "size" not in given and given.get("mode") in (None, "nearest"):
        return None
    note = (
        _SIZE if is_smooth else f"{_SIZE}; its nearest takes other elements (no half-pixel centres)"
    )
    return Word("resize", note, is_safe=is_smooth)


_ORDER = "TensorFlow's, and ONNX's in mode DCR, have the channels in another order"

WORDS = {
    **same("up_sampling2d", "nearest_upsampling", _NEAREST),
    **likely("up_sampling2d", "unpooling2d", _NEAREST),
    **{name: Word("up_sampling2d", _NEAREST, choose=_to_a_size)
       for name in ("Upsample", "UpsamplingNearest2d", "upsample_nearest", "up", "upsample2d")},
    **same("up_sampling1d", "upsample1d"),
    "UpSampling3D": Word("", "nothing here is it in three dimensions: conv3d_transpose makes a "
                         "volume larger"),
    "UpsamplingBilinear2d": Word("resize", "PyTorch's aligns corners; `size` is the new height and "
                                 "width", {"interpolation": "bilinear", "align_corners": True}),
    "upsample_bilinear": Word("resize", "PyTorch's aligns corners; `size` is the new height and "
                              "width", {"interpolation": "bilinear", "align_corners": True}),
    "Resizing": Word("resize", "`size` is the new height and width; Keras's is bilinear by default",
                     {"interpolation": "bilinear"}),
    "interpolate": Word("resize", "`size` is the new height and width; PyTorch's nearest takes other "
                        "elements (it has no half-pixel centres)", is_safe=_is_smooth),
    **same("resize", "resize2d image_resize resize_images", "`size` is the new height and width"),
    **same("pixel_shuffle", "sub_pixel subpixel PixelShuffle"),
    **same("pixel_unshuffle", "PixelUnshuffle"),
    **likely("pixel_shuffle", "depth_to_space", _ORDER),
    **likely("pixel_unshuffle", "space_to_depth", _ORDER),
    **nothing("grid_sample affine_grid spatial_transformer", "nothing here is it: an image is not "
              "read at places that are computed; `resize` scales it"),
    "ChannelShuffle": Word("", "compose it: reshape to (groups, channels / groups, ...), permute the "
                           "two, reshape back"),
    "native_channel_shuffle": Word("", "compose it: reshape to (groups, channels / groups, ...), "
                                   "permute the two, reshape back"),
}  # fmt: skip

_INTERPOLATES = ("it repeats each element (nearest); for others use resize with interpolation: "
                 "bilinear and the new size")  # fmt: skip
_SAMPLES = {
    **keys("size", "scale_factor factor scale scales upscale_factor"),
    **only("mode", ("nearest",), _INTERPOLATES),
    **only("interpolation", ("nearest",), _INTERPOLATES),
    **only("align_corners", (None, False), "resize has align_corners"),
    **only("recompute_scale_factor", (None, False, True), ""),
}
KEYS = {
    "up_sampling1d": _SAMPLES,
    "up_sampling2d": _SAMPLES,
    "resize": {
        **keys("size", "target_size output_size new_size shape"),
        "height": Key("", "`size` is [height, width]", _size, ("width",), is_split=True),
        **no_key("width", "`size` is [height, width]"),
        **keys("scale", "scale_factor factor zoom"),
        **keys("interpolation", "mode method"),
        **keys("antialias", "anti_alias anti_aliasing"),
        **only("recompute_scale_factor crop_to_aspect_ratio pad_to_aspect_ratio", (None, False),
               "nothing here is it: cropping2d and zero_padding2d do so by fixed numbers"),
        **only("fill_mode fill_value", (None, "constant", 0.0, 0), "nothing here is it"),
    },
    "pixel_shuffle": keys("upscale_factor", "block_size scale factor r scale_factor size"),
    "pixel_unshuffle": keys("downscale_factor", "block_size scale factor r scale_factor size"),
}  # fmt: skip
VALUES = {"resize": {"interpolation": {"linear": "bilinear", "cubic": "bicubic",
                                       "nearest_exact": "nearest"}}}  # fmt: skip
