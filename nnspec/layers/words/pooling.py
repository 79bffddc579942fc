"""Names of pooling layers, and of their keys."""

import re
from collections.abc import Mapping

from nnspec.layers.words.defaults import is_keras
from nnspec.layers.words.word import Keys, Word, keys, likely, nothing, only, same


def _counted(given: Mapping[str, object]) -> dict[str, object]:
    """PyTorch's mean counts the padding; Keras's and ours do not."""
    name = str(given.get("type", ""))
    if is_keras(name) or re.search(r"[Pp]ool\d?D\b", name):
        return {}
    padded = given.get("padding", 0) not in (0, "valid", "same", [0, 0], None)
    return {"count_include_pad": True} if padded else {}


_COUNTED = "PyTorch counts the padding in the mean: count_include_pad: true"
_STEP = "like Keras and PyTorch it steps by its window where `strides` is not given"

WORDS = {
    **{name: Word(f"max_pooling{n}d", _STEP)
       for n in (1, 2, 3) for name in (f"MaxPool{n}d", f"max_pool{n}d", f"pool{n}d_max")},
    **{name: Word(f"average_pooling{n}d", _COUNTED, _counted)
       for n in (1, 2, 3) for name in (f"AvgPool{n}d", f"avg_pool{n}d", f"mean_pooling{n}d",
                                       f"avg_pooling{n}d", f"average_pool{n}d")},
    **{name: Word(f"global_average_pooling{n}d")
       for n in (1, 2, 3) for name in (f"GlobalAvgPool{n}D", f"global_mean_pooling{n}d",
                                       f"global_avg_pooling{n}d", f"gap{n}d",
                                       f"global_average_pool{n}d")},
    **{name: Word(f"global_max_pooling{n}d")
       for n in (1, 2, 3) for name in (f"GlobalMaxPool{n}D", f"gmp{n}d")},
    **{name: Word(f"adaptive_average_pooling{n}d")
       for n in (1, 2) for name in (f"AdaptiveAvgPool{n}d", f"adaptive_avg_pooling{n}d")},
    **{name: Word(f"adaptive_max_pooling{n}d") for n in (1, 2) for name in (f"AdaptiveMaxPool{n}d",)},
    **same("max_pooling2d", "max_pool maxpool maxpooling max_pooling mp",
           "a pooling layer of images; max_pooling1d is of sequences"),
    **likely("max_pooling2d", "pool pooling", "average_pooling2d takes the mean"),
    **same("average_pooling2d", "avg_pool avgpool average_pool average_pooling mean_pool avg_pooling",
           "a pooling layer of images; average_pooling1d is of sequences"),
    **same("global_average_pooling2d", "gap global_avg_pool global_pool global_average_pool "
           "global_average_pooling spatial_mean", "of images; global_average_pooling1d is of "
           "sequences"),
    **same("global_max_pooling2d", "gmp global_max_pool global_max_pooling",
           "of images; global_max_pooling1d is of sequences"),
    **same("adaptive_average_pooling2d", "adaptive_avg_pool adaptive_average_pool adaptive_pool"),
    **nothing("AdaptiveAvgPool3d AdaptiveAveragePooling3D AdaptiveMaxPool3d AdaptiveMaxPooling3D",
              "nothing here is it: global_average_pooling3d and global_max_pooling3d pool to 1, "
              "average_pooling3d and max_pooling3d by a window"),
    **nothing("FractionalMaxPool2d FractionalMaxPool3d", "nothing here is it: its windows are drawn "
              "at random; max_pooling2d has fixed ones"),
    **nothing("LPPool1d LPPool2d LPPool3d", "nothing here is it: compose it of power, "
              "average_pooling2d, rescaling and power"),
    **nothing("MaxUnpool1d MaxUnpool2d MaxUnpool3d", "nothing here is it: max pooling does not give "
              "its places; up_sampling2d or conv2d_transpose make a map larger"),
    **nothing("SpatialPyramidPooling SPP ROIPool ROIAlign roi_align", "nothing here is it; "
              "adaptive_average_pooling2d at several sizes, flatten and concatenate make a pyramid"),
}  # fmt: skip
for _n in (1, 2, 3):
    for _ending in ("", "_with_indices"):
        WORDS[f"adaptive_max_pool{_n}d{_ending}"] = WORDS[f"AdaptiveMaxPool{_n}d"]
        WORDS[f"max_pool{_n}d{_ending}"] = WORDS[f"MaxPool{_n}d"]
        if _n > 1:
            WORDS[f"fractional_max_pool{_n}d{_ending}"] = WORDS[f"FractionalMaxPool{_n}d"]

_WINDOW: Keys = {
    **keys("pool_size", "kernel_size kernel size window window_size ksize pool kernel_shape"),
    **keys("strides", "stride step"),
    **keys("padding", "pad pads"),
    **only("dilation", (1,), "nothing here is it: a window of pooling has no gaps"),
    **only("return_indices", (False,), "nothing here is it: the places are not given"),
    **only("divisor_override", (None,), "nothing here is it: put a rescaling after it"),
}
_GLOBAL: Keys = {
    **keys("keepdims", "keepdim keep_dims"),
    **only("output_size", (1, [1, 1], [1]), "adaptive_average_pooling2d has an output_size",
           "it gives one value for each channel"),
}  # fmt: skip
_ADAPTIVE: Keys = {
    **keys("output_size", "size target_size output_shape"),
    **only("return_indices", (False,), "nothing here is it: the places are not given"),
}

KEYS = {
    **{f"{kind}_pooling{n}d": _WINDOW for kind in ("max", "average") for n in (1, 2, 3)},
    **{f"global_{kind}_pooling{n}d": _GLOBAL for kind in ("max", "average") for n in (1, 2, 3)},
    **{f"adaptive_{kind}_pooling{n}d": _ADAPTIVE for kind in ("max", "average") for n in (1, 2)},
}
VALUES = {
    f"{kind}_pooling{n}d": {"padding": {"same_upper": "same", "none": "valid", "no": "valid"}}
    for kind in ("max", "average")
    for n in (1, 2, 3)
}
