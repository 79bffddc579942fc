"""Names of layers that take several inputs, or give several outputs."""

from nnspec.layers.words.word import (
    Key,
    UnsaidError,
    Word,
    axis_of,
    no_key,
    nothing,
    same,
    unbatched,
    with_one,
)

_AXIS = "axes are counted without the batch here: Keras's 1 is 0"


def _parts(given: object) -> object:
    if isinstance(given, list | tuple) and all(type(size) is int for size in given):
        return list(given)
    raise UnsaidError("`sizes` lists the size of every part: sizes: [32, 32]")


WORDS = {
    **same("concatenate", "concat Concatenate concatenation join merge",
           "along the channels where `axis` is not given; " + _AXIS),
    **with_one("concatenate", "cat torch.cat hstack", "dim axis", "along the channels where `axis` is not "
               "given; PyTorch's 0 is the batch"),
    **same("split", "split_with_sizes array_split unsafe_split", "`sizes` lists the size of every "
           "part"),
    "chunk": Word("split", "`sizes` lists the size of every part: two chunks of 64 are [32, 32]",
                  is_safe=False),
    **nothing("unbind unstack", "compose it: split into sizes of 1, and squeeze each"),
    **same("add", "sum_of residual_add addition residual skip_connection shortcut elementwise_add "
           "AddV2 plus iadd", "the inputs are named: inputs: [a, b]"),
    **same("multiply", "mul times product elementwise_multiply hadamard Hadamard",
           "the inputs are named: inputs: [a, b]"),
    **same("subtract", "sub minus difference", "the inputs are named: inputs: [a, b]"),
    **same("divide", "div true_divide truediv", "the inputs are named: inputs: [a, b]"),
    **same("average", "avg mean_of", "the inputs are named: inputs: [a, b]"),
    **same("maximum", "fmax elementwise_max", "of several inputs; reduce_max is over axes"),
    **same("minimum", "fmin elementwise_min", "of several inputs; reduce_min is over axes"),
    **same("matmul", "bmm mm batch_matmul matrix_multiply mat_mul batch_dot baddbmm"),
    **nothing("CosineSimilarity cosine_similarity", "compose it: l2_normalize of both, then dot"),
    **nothing("PairwiseDistance pairwise_distance pdist cdist", "compose it: subtract, then "
              "reduce_norm"),
    **nothing("outer", "compose it of reshape and matmul, or multiply"),
    **nothing("grouped_mm scaled_mm scaled_grouped_mm", "nothing here is it: matmul takes one "
              "matrix a row"),
}  # fmt: skip

KEYS = {
    "concatenate": axis_of("dim"),
    "split": {
        **axis_of("dim"),
        "split_size_or_sections": Key("sizes", "`sizes` lists the size of every part", _parts),
        "num_or_size_splits": Key("sizes", "`sizes` lists the size of every part", _parts),
        "split_sizes": Key("sizes", "`sizes` lists the size of every part", _parts),
        "sections": Key("sizes", "`sizes` lists the size of every part", _parts),
        "split_size": Key("sizes", "`sizes` lists the size of every part", _parts),
        **no_key("chunks num_splits indices_or_sections n parts num", "`sizes` lists the size of every "
                 "part: two of 64 are sizes: [32, 32]"),
    },
    "dot": {
        "axis": Key("axes", _AXIS, unbatched),
        "dim": Key("axes", _AXIS, unbatched),
        **no_key("normalize", "put an l2_normalize before each input"),
    },
    "matmul": no_key("transpose_a transpose_b adjoint_b", "put a permute before that input"),
}  # fmt: skip
