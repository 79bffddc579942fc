"""Functions around recurrent layers."""

from keras import ops


def steps_before(x, lengths):
    """Return which steps of `x` (batch, time, features) come before each row's length."""
    steps = ops.cumsum(ops.ones_like(x[:, :, 0], dtype="int32"), axis=1)
    return steps <= ops.expand_dims(ops.cast(lengths, "int32"), 1)


def without_mask(y, *states):
    """Return the same; later layers would obey the mask that Keras attaches to `y`."""
    y = ops.copy(y)
    return (y, *states) if states else y


def first_flipped(y, *states):
    """Return the same, the steps of `y` in reverse order."""
    return ops.flip(y, axis=1), *states
