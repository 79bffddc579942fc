"""Names of initializers, the rare ones too, and of their keys."""

from nnspec.layers.words.word import (
    Key,
    UnsaidError,
    Word,
    inferred,
    keys,
    likely,
    no_key,
    nothing,
    only,
    same,
)

_CUT = "cut at two deviations and rescaled, as in Keras; PyTorch does not cut"

_DEVIATION = "of mean 0; stddev is 0.02 by default, in Keras 0.05 and in PyTorch 1"

WORDS = {
    **same("zeros", "zero zeros_ zeros_init 0"),
    **same("ones", "one ones_ ones_init"),
    **same("constant", "constant_ const fill"),
    **{name: Word("normal", _DEVIATION, {"stddev": 0.05}) for name in ("random_normal", "RandomNormal")},
    **{name: Word("normal", _DEVIATION, {"stddev": 1.0}) for name in ("normal_", "randn")},
    **likely("normal", "gaussian", _DEVIATION),
    **same("glorot_uniform", "xavier_uniform xavier_uniform_ xavier glorot Xavier XavierUniform"),
    **same("glorot_normal", "xavier_normal xavier_normal_ XavierNormal", _CUT),
    **same("he_uniform", "kaiming_uniform kaiming_uniform_ KaimingUniform", "bounds ±sqrt(6 / fan_in), "
           "as for ReLU; the default of PyTorch's own layers is a = sqrt(5), a third of that"),
    **same("he_normal", "kaiming_normal kaiming_normal_ kaiming he msra KaimingNormal", _CUT),
    **same("orthogonal", "orthogonal_ OrthogonalInitializer orthogonal_init"),
    **same("lecun_normal", "LecunNormal lecun", _CUT),
    **same("lecun_uniform", "LecunUniform"),
    **{name: Word("truncated_normal", _DEVIATION, {"stddev": 0.05})
       for name in ("TruncatedNormal", "trunc_normal")},
    "trunc_normal_": Word("truncated_normal", _DEVIATION, {"stddev": 1.0}),
    **{name: Word("uniform", "from low to high", {"low": -0.05, "high": 0.05})
       for name in ("random_uniform", "RandomUniform")},
    **{name: Word("uniform", "from low to high", {"low": 0.0, "high": 1.0})
       for name in ("uniform_", "rand")},
    **same("variance_scaling", "VarianceScaling", "its fans are those of the operation"),
    **same("identity", "Identity IdentityInitializer eye eye_", "of dense layers, and of simple_rnn's "
           "recurrent weights"),
    **nothing("dirac dirac_", "nothing here is it: a convolution that passes what it takes is `zeros` "
              "beside a residual"),
    **nothing("sparse sparse_ STFT STFTInitializer stft", "nothing here is it: `constant` layers hold "
              "tables, and no layer here begins sparse"),
    **nothing("default None calculate_gain Initializer serialize deserialize get Literal", "it is no "
              "initializer; leave the key out for the layer's own"),
    **nothing("bilinear", "nothing here is it: `resize` interpolates"),
}  # fmt: skip


def _is_zero(given: object) -> dict[str, object]:
    if given not in (0, 0.0):
        raise UnsaidError("nothing here is it: the mean is 0")
    return {}


KEYS = {
    "*": {
        **inferred("seed generator", "every random number follows from `training.seed`"),
        **only("mode", ("fan_in",), "he_uniform and he_normal are of fan_in"),
        **only("nonlinearity", ("relu",), "he_uniform and he_normal are for ReLU"),
        **only("a", (0, 0.0), "he_uniform and he_normal are for ReLU"),
        **only("gain", (1, 1.0), "{type: normal, stddev: s} has a deviation of its own"),
        **inferred("input_axes output_axes", "the fans are those of the operation"),
        **only("dtype", ("float32", None), "a network computes in float32", "a network computes in "
               "float32"),
    },
    "constant": keys("value", "val c constant fill_value v"),
    "normal": {
        **keys("stddev", "std sigma scale standard_deviation initializer_range"),
        "mean": Key(note="leave it out: the mean is 0", value=_is_zero, is_split=True),
    },
    "truncated_normal": {
        **keys("stddev", "std sigma scale standard_deviation initializer_range"),
        "mean": Key(note="leave it out: the mean is 0", value=_is_zero, is_split=True),
        **only("a b", (), "it is cut at two deviations"),
    },
    "uniform": {**keys("low", "minval a min"), **keys("high", "maxval b max")},
    "variance_scaling": keys("distribution", "law"),
    "identity": keys("gain", "scale"),
    "orthogonal": {"scale": Key("gain"), **no_key("num_rows", "it has the weight's shape")},
}  # fmt: skip
