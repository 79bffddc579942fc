"""Names of layers that compute each element, and of reductions."""

from nnspec.layers.words.word import (
    Key,
    Keys,
    UnsaidError,
    axes_of,
    axis_of,
    keys,
    likely,
    no_key,
    nothing,
    only,
    same,
    with_one,
)

_AXES = "axes are listed without the batch: axes: [0]"

WORDS = {
    **same("rescaling", "Rescaling scale rescale affine_scale", "scale · x + offset"),
    **same("clip", "clamp clip_by_value Clip clamp_ hard_clip"),
    **same("power", "pow Power"),
    **same("sqrt", "square_root"),
    **nothing("rsqrt", "power with exponent: -0.5 is it, or sqrt and then reciprocal"),
    **same("log", "ln_of natural_log logarithm"),
    **same("sin", "sine"),
    **same("cos", "cosine"),
    **same("stop_gradient", "detach no_grad stop_grad StopGradient"),
    **same("modulo", "mod remainder floormod"),
    **likely("modulo", "fmod", "of numbers below 0 it is what is left by floor, and fmod's below 0"),
    **same("floor_divide", "floordiv floor_div"),
    **same("sign", "sgn signum"),
    **same("ceil", "ceiling"),
    **nothing("log2 log10 log1p", "compose it of log and rescaling; log1p is rescaling with offset 1, "
              "then log"),
    **nothing("expm1 exp2", "compose it of rescaling and exp"),
    **same("abs", "absolute fabs"),
    **same("negative", "neg negate"),
    **same("reciprocal", "recip"),
    **nothing("inverse inv", "reciprocal is 1 / x of each element; no matrix is inverted"),
    **same("square", "sqr squared"),
    **same("cast", "astype to_float type_as convert_dtype to_dtype"),
    **same("reduce_sum", "sum nansum sum_over", _AXES + "; `add` is of several inputs"),
    **same("reduce_mean", "mean nanmean mean_over temporal_mean", _AXES + "; `average` is of several "
           "inputs"),
    **same("reduce_max", "amax max_over", _AXES + "; `maximum` is of several inputs"),
    **same("reduce_min", "amin min_over", _AXES + "; `minimum` is of several inputs"),
    **nothing("max", "reduce_max is over axes, maximum of several inputs"),
    **nothing("min", "reduce_min is over axes, minimum of several inputs"),
    **with_one("reduce_variance", "var variance", "unbiased correction ddof", "it divides by n, not by "
               "n - 1 as torch.var does"),
    **nothing("std reduce_std", "compose it: reduce_variance, then sqrt"),
    **nothing("prod reduce_prod", "nothing here is it: exp of reduce_sum of log, for numbers above 0"),
    **same("reduce_norm", "norm vector_norm l2_norm linalg.norm", "it is the Euclidean norm"),
    **same("l2_normalize", "l2norm l2_norm_layer l2_normalization"),
    **with_one("argmax", "arg_max torch.argmax", "dim axis", "over the last axis where `axis` is not "
               "given; PyTorch's is over all, TensorFlow's over the first"),
    **nothing("argmin", "compose it: negative, then argmax"),
    **nothing("logsumexp", "compose it of exp, reduce_sum and log; subtract reduce_max before, and add "
              "it after"),
    **nothing("tan sinh cosh asin acos atan arctan arcsin arccos atan2 arctan2 arcsinh arccosh arctanh "
              "asinh acosh atanh sinc", "nothing here is it"),
    **nothing("erfc erfinv", "nothing here is it"),
}  # fmt: skip


def _from_behind(axis: object) -> object:
    """An `axis` counts the batch where it is Keras's, and not where it is ours: -1 is the same."""
    axes = list(axis) if isinstance(axis, list | tuple) else [axis]
    if not all(type(each) is int and each < 0 for each in axes):
        raise UnsaidError(
            "axes: [0] lists them, without the batch: Keras's and PyTorch's 1 is 0 here"
        )
    return axes


_REDUCTION: Keys = {
    **axes_of("dim dims"),
    "axis": Key("axes", _AXES, _from_behind),
    **keys("keepdims", "keepdim keep_dims"),
    **only("unbiased correction ddof", (False, 0), "it divides by n: rescaling by n / (n - 1) makes it "
           "that of a sample", "it divides by n"),
    **only("p ord", (2, 2.0), "it is the Euclidean norm; compose others of abs, power and reduce_sum"),
    **keys("epsilon", "eps"),
}  # fmt: skip
KEYS = {
    **{f"reduce_{kind}": _REDUCTION for kind in ("sum", "mean", "max", "min", "variance", "norm")},
    "l2_normalize": {**axis_of("dim"), **keys("epsilon", "eps"),
                     **only("p", (2, 2.0), "it divides by the Euclidean norm")},
    "argmax": {**axis_of("dim"),
               **only("keepdim keepdims", (False,), "put an expand_dims after it")},
    "rescaling": {**keys("scale", "factor multiplier gamma value"),
                  **keys("offset", "bias shift beta add")},
    "clip": {
        **keys("min_value", "min min_val minimum a_min lower low x_min clip_value_min"),
        **keys("max_value", "max max_val maximum a_max upper high x_max clip_value_max"),
    },
    "power": keys("exponent", "power p n y"),
    "modulo": keys("divisor", "other value by d"),
    "floor_divide": keys("divisor", "other value by d"),
    "cast": {**keys("dtype", "to type_ target_dtype")},
    "log": no_key("base", "divide by the logarithm of the base: a rescaling after it"),
}  # fmt: skip
VALUES = {
    "cast": {"dtype": {"float": "float32", "int": "int32", "long": "int64", "boolean": "bool",
                       "torch.float32": "float32", "torch.long": "int64", "torch.int64": "int64",
                       "torch.bool": "bool", "torch.float": "float32"}},
}  # fmt: skip
