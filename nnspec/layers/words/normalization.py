"""Names of normalisations, batch normalisation too, and of their keys."""

from collections.abc import Mapping

from nnspec.layers.words.defaults import is_keras
from nnspec.layers.words.word import (
    Key,
    Keys,
    Word,
    axis_of,
    complement,
    inferred,
    keys,
    no_key,
    nothing,
    only,
    same,
    with_one,
)

_OPPOSITE = "momentum is the weight of what was there, as in Keras: PyTorch's 0.1 is 0.9 here"
_FROM_TORCH: Keys = {
    "momentum": Key("momentum", _OPPOSITE, complement),
    "eps": Key("epsilon"),
    **inferred("num_features", says="features"),
    **only("track_running_stats", (True,), "nothing here is it"),
}
_DEFAULTS = (
    "by default momentum is 0.9 and epsilon 1e-5 here, as PyTorch's; Keras's are 0.99 and 1e-3"
)
_TORCH_INSTANCE = "PyTorch's has no scale and shift by default: affine: false"


def _has_clear_momentum(given: Mapping[str, object]) -> bool:
    """A momentum may be PyTorch's, who gives the weight of what is new, unless Keras is named."""
    return "momentum" not in given or is_keras(given.get("type"))


def _is_not_keras(given: Mapping[str, object]) -> bool:
    return not is_keras(given.get("type"))


WORDS = {
    **{name: Word("batch_normalization", _OPPOSITE, keys=_FROM_TORCH)
       for name in ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LazyBatchNorm1d",
                    "LazyBatchNorm2d", "LazyBatchNorm3d", "SyncBatchNorm", "batch_norm2d_torch")},
    **same("batch_normalization", "BatchNormalization batchnorm2d_keras batch_normalisation",
           _DEFAULTS),
    **{name: Word("batch_normalization", _DEFAULTS, is_safe=_has_clear_momentum)
       for name in ("BatchNorm", "batch_norm", "bn", "spatial_batch_norm")},
    **same("layer_normalization", "LayerNorm layer_norm ln layernorm layer_normalisation",
           "by default epsilon is 1e-5 here, as PyTorch's; Keras's is 1e-3"),
    **same("rms_normalization", "RMSNorm rms_norm rms RMSNormalization t5_layer_norm",
           "by default epsilon is 1e-6 here, as Keras's; PyTorch's is 1.2e-7"),
    **same("group_normalization", "GroupNorm group_norm gn"),
    **same("instance_normalization", "instance_norm InstanceNormalization"),
    **{name: Word("instance_normalization", _TORCH_INSTANCE, {"affine": False})
       for n in (1, 2, 3) for name in (f"InstanceNorm{n}d", f"LazyInstanceNorm{n}d")},
    **same("unit_normalization", "unit_norm UnitNormalization"),
    **with_one("unit_normalization", "normalize F.normalize", "dim axis", "it divides by the Euclidean "
               "norm over the last axis by default; PyTorch's is over axis 1, which is 0 here"),
    **{name: Word("local_response_normalization", "TensorFlow's alpha is alpha / size here, and its "
                  "depth_radius (size - 1) / 2", is_safe=_is_not_keras)
       for name in ("LocalResponseNorm", "CrossMapLRN2d", "lrn", "local_response_norm",
                    "tf.nn.local_response_normalization")},
    **nothing("Normalization standardize standardization", "a spec shifts and scales rows by "
              "`data: {standardize: true}`; `rescaling` does it with fixed numbers"),
    **nothing("SpectralNormalization spectral_norm", "nothing here is it: weights are normalised by "
              "their lengths alone, weight_normalization: true"),
    **nothing("WeightNormalization WeightNorm weight_norm weight_normalization", "it is a key of the "
              "layer whose weight it normalises: {type: dense, units: 8, weight_normalization: true}"),
}  # fmt: skip

_ALL: Keys = {
    **keys("epsilon", "eps variance_epsilon layer_norm_eps layer_norm_epsilon norm_eps rms_norm_eps "
           "layernorm_epsilon"),
    **inferred("num_channels num_features size hidden_size features channels filters units d_model",
               says="features"),
    **only("beta_initializer", ("zeros",), "nothing here is it: the shift begins at 0"),
    **only("gamma_initializer", ("ones",), "nothing here is it: the scale begins at 1"),
}  # fmt: skip
_BY_LAYOUT = "it is over channels, by `data_format`"
_OVER_CHANNELS = only("axis", (-1, 1, 2, 3), _BY_LAYOUT, _BY_LAYOUT, says="channels axis")
_AFFINE: Keys = {
    **keys("affine", "elementwise_affine"),
    **no_key("center scale bias", "affine: false leaves out the scale and the shift, both; there is "
             "no layer with one of them"),
}  # fmt: skip


def _last_axes(shape: object) -> dict[str, object]:
    """PyTorch names the sizes of the last axes, which are normalised together."""
    if isinstance(shape, list | tuple) and len(shape) > 1:
        return {"axis": list(range(-len(shape), 0))}
    return {}


def _last_axis(dim: object) -> dict[str, object]:
    """A number below 0 is an axis; others have the size of the last one here."""
    return {"axis": dim} if isinstance(dim, int) and dim < 0 else {}


_NORMALIZED: Keys = {
    "normalized_shape": Key("", "leave it out: it is over the last axis, or over `axis`", _last_axes,
                            is_split=True, says="normalized"),
    "dim": Key("", "it is over the last axis, or over `axis`", _last_axis, is_split=True,
               says="normalized"),
}  # fmt: skip
_TORCH_KEYS = ("eps", "num_features", "track_running_stats")
KEYS = {
    "batch_normalization": {
        **{name: key._replace(beside=("momentum",)) if name in _TORCH_KEYS else key
           for name, key in _ALL.items()},
        "decay": Key("momentum", "the weight of what was there"),
        **_AFFINE,
        **only("track_running_stats", (True,), "nothing here is it: instance_normalization and "
               "layer_normalization keep no statistics"),
        **_OVER_CHANNELS,
        **only("moving_mean_initializer", ("zeros",), "nothing here is it: it begins at 0"),
        **only("moving_variance_initializer", ("ones",), "nothing here is it: it begins at 1"),
        **only("synchronized process_group", (None, False, True), ""),
        **only("renorm renorm_clipping renorm_momentum virtual_batch_size", (None, False), ""),
    },
    "layer_normalization": {
        **_ALL,
        **only("elementwise_affine", (True,), "write scale: false and center: false"),
        **keys("center", "bias use_bias beta"),
        **keys("scale", "gamma use_scale"),
        **_NORMALIZED,
    },
    "rms_normalization": {
        **_ALL,
        **only("elementwise_affine scale", (True,), "nothing here is it: its scale is learnt"),
        **_NORMALIZED,
    },
    "group_normalization": {
        **_ALL,
        **keys("groups", "num_groups n_groups group"),
        **_OVER_CHANNELS,
        **_AFFINE,
    },
    "instance_normalization": {
        **_ALL,
        **_AFFINE,
        **only("momentum", (0.1,), "nothing here is it: no statistics are kept", "no statistics are "
               "kept"),
        **only("track_running_stats", (False,), "nothing here is it: no statistics are kept"),
    },
    "unit_normalization": {
        **_ALL,
        **axis_of(),
        **only("p", (2, 2.0), "nothing here is it: it divides by the Euclidean norm",
               "it divides by the Euclidean norm"),
    },
}  # fmt: skip
