"""How far two computations of one function may lie apart."""

import math

import numpy as np

UNIT = 2.0**-24


def relative(got, wanted):
    assert got.shape == wanted.shape
    return float(np.abs(got - wanted).max() / max(np.abs(wanted).max(), 1e-30))


def float32_tolerance(compiled, weights, inputs, wanted):
    """How far float32 rounding may move an output, relative to its largest value.

    Rounding in a sum of K terms acts like a relative change of each term by about sqrt(K) units
    (Higham and Mary 2019); the double model, so perturbed, shows what that does.
    """
    terms = max([math.prod(np.shape(weight)[1:]) for weight in weights.values()], default=1)
    size = UNIT * math.sqrt(max(terms, 1))
    moved = 0.0
    for seed in range(3):
        rng = np.random.default_rng(seed)

        def nudged(arrays, rng=rng):
            return {
                key: value * (1 + size * rng.choice([-1, 1], np.shape(value)))
                for key, value in arrays.items()
            }

        outputs = compiled.build(nudged(weights), dtype="float64").forward(nudged(inputs))
        moved = max(moved, *(relative(outputs[key], wanted[key]) for key in wanted))
    # A final rounding of its own, and the few operations of an activation.
    return 8 * (moved + 2 * UNIT)
