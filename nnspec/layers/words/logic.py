"""Names of comparisons and of what chooses by them."""

from nnspec.layers.words.word import keys, nothing, same

_TWO = "of two inputs, or of one and a `value`"

WORDS = {
    **same("equal", "eq Equal", _TWO),
    **same("not_equal", "ne neq", _TWO),
    **same("greater", "gt greater_than", _TWO),
    **same("greater_equal", "ge gte greater_or_equal greater_than_or_equal", _TWO),
    **same("less", "lt less_than", _TWO),
    **same("less_equal", "le lte less_or_equal less_than_or_equal", _TWO),
    **same("logical_and", "and bitwise_and logicaland"),
    **same("logical_or", "or bitwise_or"),
    **same("logical_xor", "xor bitwise_xor"),
    **same("logical_not", "not bitwise_not invert"),
    **same("where", "cond select_where masked_where"),
    **nothing("isclose", "compose it: subtract, abs, and less of a value"),
    **nothing("masked_fill", "compose it: where, of the mask, a constant and the input"),
    **nothing("any all", "compose it: cast to float32, then reduce_max or reduce_min"),
    **nothing("isnan isinf isfinite", "nothing here is it: a network takes finite numbers"),
}
KEYS = {
    kind: keys("value", "other scalar y threshold")
    for kind in ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal")
}
