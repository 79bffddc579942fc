"""Losses that Keras computes in float32 alone, or not at all."""

from keras import ops


def ctc_losses(target, output, blank, padding):
    """Return -log of the probability of each row's labels, over all alignments with the steps.

    Graves et al. 2006. A row whose labels its steps cannot hold costs 0.
    """
    logs = ops.log_softmax(output)
    labels = ops.cast(target, "int64")
    kept = labels != padding
    labels = ops.where(kept, labels, blank)
    # Blanks stand before, between and after the labels.
    blanks = ops.full_like(labels, blank)
    states = ops.reshape(
        ops.stack([blanks, labels], axis=-1), (-1, 2 * labels.shape[1])
    )
    states = ops.pad(states, ((0, 0), (0, 1)), constant_values=blank)
    earlier = ops.pad(states[:, :-2], ((0, 0), (2, 0)), constant_values=blank)
    may_skip = ops.logical_and(states != blank, states != earlier)
    steps = ops.repeat(ops.expand_dims(states, 1), ops.shape(output)[1], axis=1)
    scores = ops.moveaxis(ops.take_along_axis(logs, steps, axis=-1), 1, 0)

    least = -1e30  # the logarithm of no probability; an infinite one has no gradient

    def advance(reached, score):
        one = ops.pad(reached[:, :-1], ((0, 0), (1, 0)), constant_values=least)
        two = ops.pad(reached[:, :-2], ((0, 0), (2, 0)), constant_values=least)
        two = ops.where(may_skip, two, least)
        reached = ops.logsumexp(ops.stack([reached, one, two]), axis=0) + score
        return reached, reached

    reached = ops.where(ops.arange(states.shape[1]) < 2, scores[0], least)
    reached, _ = ops.scan(advance, reached, scores[1:])
    end = ops.expand_dims(2 * ops.sum(ops.cast(kept, "int64"), axis=-1), -1)
    last = ops.take_along_axis(reached, end, axis=-1)
    before = ops.take_along_axis(reached, ops.maximum(end - 1, 0), axis=-1)
    before = ops.where(end > 0, before, least)
    total = ops.logsumexp(ops.concatenate([last, before], axis=-1), axis=-1)
    return ops.where(total > least / 10, -total, 0)
