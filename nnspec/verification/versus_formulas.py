"""The losses of a generator and a discriminator by the spec's formulas, in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.language.adversarial import (
    AdversarialLoss,
    Hinge,
    LeastSquares,
    NonSaturating,
    Wasserstein,
)

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.backend.versus import Versus

MOST = 256
"""Elements of a row up to which a slope is measured by differences."""
_STEP = 1e-5


def _softplus(scores: Array) -> float:
    return float(np.logaddexp(0.0, scores).mean())


def discriminator_loss(loss: AdversarialLoss, real: Array, fake: Array) -> float:
    """Return the discriminator's loss of these scores, without a penalty."""
    match loss:
        case NonSaturating():
            smooth = loss.label_smoothing * float(real.mean())
            return _softplus(-real) + smooth + _softplus(fake)
        case LeastSquares():
            goal = 1 - loss.label_smoothing
            return float(np.square(real - goal).mean() + np.square(fake).mean()) / 2
        case Hinge():
            return float(np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean())
        case Wasserstein():
            return float(fake.mean() - real.mean())
    raise TypeError(f"no formula of {loss.type}")


def generator_loss(loss: AdversarialLoss, fake: Array) -> float:
    """Return the generator's loss of the scores of what it made."""
    match loss:
        case NonSaturating():
            return _softplus(-fake)
        case LeastSquares():
            return float(np.square(fake - 1).mean()) / 2
        case Hinge() | Wasserstein():
            return -float(fake.mean())
    raise TypeError(f"no formula of {loss.type}")


def penalty(program: Versus, model: str, real: Array, fake: Array, mix: Array) -> float:
    """Return the mean of (‖slope‖ - 1)², by differences; each row is scored by itself."""
    share = mix.reshape(len(mix), *(1 for _ in real.shape[1:]))
    mixed = share * real + (1 - share) * fake
    squares = np.zeros(len(mixed))
    for place in np.ndindex(*mixed.shape[1:]):
        step: Any = np.zeros((1, *mixed.shape[1:]))
        step[(0, *place)] = _STEP
        up, down = (program.outputs_in_training(model, mixed + sign * step) for sign in (1.0, -1.0))
        slope = (up - down).reshape(len(mixed), -1).sum(1) / (2 * _STEP)
        squares += np.square(slope)
    return float(np.square(np.sqrt(squares + 1e-12) - 1).mean())
