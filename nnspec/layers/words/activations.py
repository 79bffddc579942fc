"""Names of activations and gates, the rare ones too, and of their keys."""

from collections.abc import Mapping

from nnspec.layers.words.defaults import is_keras, is_torch
from nnspec.layers.words.word import Key, Word, axis_of, keys, no_key, nothing, only, same


def _is_tanh(given: object) -> object:
    return given == "tanh" if isinstance(given, str) else given


def _says_its_slopes(given: Mapping[str, object]) -> bool:
    """Each framework has another default: which is meant, its name says, or the key."""
    name = given.get("type")
    return is_keras(name) or is_torch(name) or "num_parameters" in given or "slopes" in given


def _slopes(number: object) -> dict[str, object]:
    return {"slopes": "one"} if number == 1 else {}


WORDS = {
    **same("linear", "identity Identity none no_op noop pass passthrough null id"),
    "Activation": Word("", "write the activation itself: {type: relu}, or activation: relu of the "
                       "layer before it", by_key="activation"),
    **same("relu", "rectifier rectified_linear relu_ ReLU rectified_linear_unit"),
    **same("leaky_relu", "lrelu LeakyReLU leaky leaky_relu_ leakyrectify",
           "negative_slope is 0.01 by default, as in PyTorch; Keras 3 has 0.3"),
    "RReLU": Word("", "nothing here is it: at inference it is leaky_relu with negative_slope: 0.229; "
                  "in training its slope is random"),
    "rrelu_": Word("", "nothing here is it: at inference it is leaky_relu with negative_slope: 0.229"),
    **{name: Word("prelu", "PyTorch's has one slope by default (slopes: one), Keras's one for each "
                  "element", is_safe=_says_its_slopes) for name in ("PReLU", "parametric_relu")},
    **same("elu", "elu_ exponential_linear_unit"),
    **same("celu", "celu_"),
    **same("threshold", "threshold_"),
    **same("sigmoid", "logistic expit sigm Sigmoid"),
    **same("tanh", "hyperbolic_tangent Tanh"),
    **same("hard_tanh", "hardtanh_ clipped_linear"),
    **same("softmax", "Softmax soft_max", "over the last axis by default; axes are counted without the "
           "batch"),
    "Softmax2d": Word("softmax", "over the channels, which are axis 0 in channels_first: axis: 0",
                      {"axis": 0}, says="channels first"),
    **same("gelu", "GELU gaussian_error_linear_unit gelu_exact"),
    **{name: Word("gelu", "gelu with approximate: true", {"approximate": True})
       for name in ("gelu_new", "gelu_tanh", "gelu_fast", "gelu_pytorch_tanh", "gelu_approximate",
                    "gelu_approx")},
    **nothing("quick_gelu QuickGELU", "compose it: rescaling by 1.702, sigmoid, multiply with x"),
    **same("silu", "swish SiLU swish1 sil"),
    **same("hard_silu", "hard_swish Hardswish hswish h_swish"),
    **same("hard_sigmoid", "Hardsigmoid hsigmoid h_sigmoid"),
    **same("log_sigmoid", "LogSigmoid logsigmoid"),
    **same("soft_shrink", "Softshrink"),
    **same("hard_shrink", "Hardshrink"),
    **same("tanh_shrink", "Tanhshrink"),
    **same("log_softmax", "LogSoftmax"),
    **same("exponential", "exp_activation"),
    **same("glu", "gated_linear_unit GLU"),
    **same("swiglu", "SwiGLU silu_glu", "silu of one half times the other; the products before and "
           "after are dense layers"),
    **nothing("GEGLU reglu ReGLU geglu bilinear_glu", "nothing here is it: split in two, gelu (or relu) "
              "of one half, multiply by the other"),
    **nothing("sparsemax entmax sparse_plus sparse_sigmoid sparsemax_", "nothing here is it: softmax "
              "has no zeros"),
    **nothing("gumbel_softmax", "nothing here is it: softmax draws nothing"),
    **nothing("maxout Maxout", "compose it: dense, reshape to (units, pieces), reduce_max"),
    **nothing("snake sine_activation siren", "compose it of multiplications, sin and add"),
    **nothing("crelu CReLU concatenated_relu", "compose it: relu of x, relu of negative x, "
              "concatenate"),
    **nothing("relu_squared squared_relu relu2", "compose it: relu, then square"),
    **nothing("AdaptiveLogSoftmaxWithLoss", "nothing here is it: a dense and the "
              "categorical_cross_entropy"),
}  # fmt: skip

_ONE = (1, 1.0)
KEYS = {
    "relu": {
        **only("max_value", (None,), "relu6 stops at 6, clip at any number"),
        **only("negative_slope alpha", (0, 0.0), "leaky_relu has a negative_slope"),
        **only("threshold", (0, 0.0), "`threshold` has one"),
    },
    "leaky_relu": {
        **keys("negative_slope", "alpha slope leak a leakiness leaky_slope"),
    },
    "elu": keys("alpha", "a"),
    "celu": keys("alpha", "a"),
    "softmax": axis_of("dim"),
    "log_softmax": axis_of("dim"),
    "softmin": axis_of("dim"),
    "glu": axis_of("dim"),
    "swiglu": axis_of("dim"),
    "softplus": {
        **only("beta", _ONE, "rescaling by beta before it, and by 1 / beta after it"),
        **only("threshold", (20, 20.0), "it is exact everywhere", "it is exact everywhere"),
    },
    "threshold": keys("default_value", "value"),
    "soft_shrink": keys("threshold", "lambd lambda alpha"),
    "hard_shrink": keys("threshold", "lambd lambda alpha"),
    "hard_tanh": {
        **only("min_val min_value", (-1, -1.0), "`clip` has min_value and max_value"),
        **only("max_val max_value", _ONE, "`clip` has min_value and max_value"),
    },
    "gelu": {"approximation": Key("approximate", "", _is_tanh), "approx": Key("approximate", "", _is_tanh)},
    "silu": only("beta", _ONE, "rescaling by beta, sigmoid, multiply with x"),
    "prelu": {
        **keys("alpha_initializer", "init alpha initializer"),
        "num_parameters": Key("slopes", "slopes: one is PyTorch's num_parameters: 1", _slopes,
                              is_split=True, says="slopes"),
        **no_key("shared_axes", "slopes: channel shares them along all axes but the channels"),
    },
}  # fmt: skip
VALUES = {"gelu": {"approximate": {"tanh": True, "none": False}}}
