"""Functions that the steps of a generator and a discriminator call."""

from contextlib import contextmanager

import keras
import tensorflow as tf
from keras import layers, ops


def batch_normalizations(network):
    """Yield the layers that keep running statistics."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from batch_normalizations(layer)
        elif isinstance(layer, layers.BatchNormalization):
            yield layer


@contextmanager
def statistics_kept(network):
    """Keep running statistics as they are, while batches are normalised by their own."""
    norms = list(batch_normalizations(network))
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def gradient_penalty(discriminator, real, fake, mix):
    """Return how far the slope of the scores between real and fake rows is from 1."""
    mixed = mix * real + (1 - mix) * fake
    with tf.GradientTape() as tape:
        tape.watch(mixed)
        scores = discriminator(mixed, training=True)
    slopes = tape.gradient(scores, mixed)
    squares = ops.sum(ops.square(slopes), axis=tuple(range(1, len(slopes.shape))))
    return ops.mean(ops.square(ops.sqrt(squares + 1e-12) - 1))
