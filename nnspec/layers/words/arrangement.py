"""Names of layers that arrange elements, and of their keys."""

from nnspec.layers.words.word import (
    Key,
    UnsaidError,
    axis_of,
    keys,
    likely,
    no_key,
    nothing,
    one,
    one_axis,
    same,
    with_one,
)

_COUNTED = (
    "axes are counted from 0 without the batch: PyTorch's (0, 2, 1) and Keras's (2, 1) are [1, 0]"
)


def _order(given: object) -> object:
    """Return axes that count the batch (PyTorch), or from 1 without it (Keras), as ours."""
    if not isinstance(given, list | tuple) or not all(type(axis) is int for axis in given):
        raise UnsaidError("axes: [1, 0] lists all axes, counted from 0 without the batch")
    axes = list(given)
    if 0 in axes:
        if axes[0] != 0:
            raise UnsaidError("the batch stays the first axis")
        axes = axes[1:]
    if sorted(axes) != list(range(1, len(axes) + 1)):
        raise UnsaidError("axes: [1, 0] lists all axes, counted from 0 without the batch")
    return [axis - 1 for axis in axes]


WORDS = {
    **same("permute", "transpose swapaxes Permute swap_axes movedim moveaxis rearrange t "
           "permute_dims transposed", _COUNTED),
    **same("expand_dims", "unsqueeze add_axis newaxis"),
    **same("squeeze", "squeeze_dims"),
    **same("repeat_vector", "RepeatVector repeat_sequence"),
    **with_one("repeat_elements", "repeat repeat_interleave np.repeat", "dim axis", "each element follows itself; "
           "`tile` repeats the whole axis, as torch's Tensor.repeat does"),
    **likely("tile", "torch.tile expand broadcast_to expand_as", "it repeats an axis; layers that join "
           "inputs broadcast by themselves"),
    **same("flip", "reverse flip_axis"),
    **likely("flip", "fliplr flipud", "`axis` says which, counted from 0 without the batch"),
    **same("slice", "narrow strided_slice crop1d get_item getitem select_last Slice", "`axis`, `start`, "
           "`stop` and `step`; squeeze takes an axis of one away"),
    **nothing("select take_last last_step last", "compose it: slice with start: -1, then squeeze; an "
              "lstm gives its last step by itself"),
    **same("gather", "index_select index", "`take` looks up the indices of each row"),
    **same("roll", "shift roll_axis cyclic_shift"),
    **nothing("vstack", "concatenate with an axis; the batch is no axis here"),
    **nothing("dstack", "concatenate with an axis, or stack"),
    **with_one("stack", "torch.stack", "dim axis", "a new axis 0, after the batch, where `axis` is not "
               "given"),
    **nothing("diag diagonal trace tril triu scatter scatter_add masked_select nonzero "
              "unique", "nothing here is it: multiply by a constant of 0 and 1 keeps a part"),
}  # fmt: skip

KEYS = {
    "permute": {
        "dims": Key("axes", _COUNTED, _order),
        "perm": Key("axes", _COUNTED, _order),
        "order": Key("axes", _COUNTED, _order),
        "permutation": Key("axes", _COUNTED, _order),
        **no_key("dim0 dim1 axis1 axis2 pattern", "axes: [1, 0] lists all axes in their new order, "
                 "counted from 0 without the batch"),
    },
    **{kind: axis_of("dim") for kind in ("expand_dims", "squeeze", "stack", "flip", "gather", "roll")},
    "slice": {
        **axis_of("dim"),
        **keys("start", "begin from_ starts"),
        **keys("stop", "end to ends until"),
        **keys("step", "stride steps"),
        **no_key("length size", "stop is start + length"),
    },
    "flip": {**axis_of("dim"), **one_axis()},
    "repeat_vector": keys("n", "times repeats count length num"),
    "repeat_elements": {**axis_of("dim"), **keys("repeats", "n times rep repeat count")},
    "tile": {
        **axis_of("dim"),
        **{name: Key("repeats", "how often along `axis`", one)
           for name in ("n", "times", "reps", "multiples", "repeat", "count", "dims")},
    },
}  # fmt: skip
KEYS["gather"] = {**KEYS["gather"], **keys("indices", "index ids idx positions")}
KEYS["roll"] = {
    **KEYS["roll"],
    **one_axis(),
    **{name: Key("shift", "how far along `axis`", one) for name in ("shifts", "n", "by")},
}
