"""A momentum that runs against the rate: schedules that say it, and an optimizer that follows.

The classes of optimizers stand here over the base of all; an emitted file has them over the one that
it trains with.
"""

import keras
from keras import ops

from nnspec_keras.emitted.schedules import CyclicalSchedule, OneCycleSchedule, WarmUp


@keras.saving.register_keras_serializable()
class OneCycleMomentumSchedule(OneCycleSchedule):
    """One cycle of the rate, and of a momentum that falls where the rate rises."""

    def __init__(self, peak, steps, base_momentum=0.85, max_momentum=0.95, **kwargs):
        super().__init__(peak, steps, **kwargs)
        self.base_momentum = base_momentum
        self.max_momentum = max_momentum

    def momentum(self, step):
        """Return the momentum of the step after so many."""
        most = self.max_momentum
        return self.along(step, most, self.base_momentum, most)

    def get_config(self):
        own = {"base_momentum": self.base_momentum, "max_momentum": self.max_momentum}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable()
class CyclicalMomentumSchedule(CyclicalSchedule):
    """Cycles of the rate, and of a momentum that falls where the rate rises."""

    def __init__(
        self, initial, peak, steps, base_momentum=0.8, max_momentum=0.9, **kwargs
    ):
        super().__init__(initial, peak, steps, **kwargs)
        self.base_momentum = base_momentum
        self.max_momentum = max_momentum

    def momentum(self, step):
        """Return the momentum of the step after so many."""
        spread = self.max_momentum - self.base_momentum
        return self.max_momentum - spread * self.height(step)

    def get_config(self):
        own = {"base_momentum": self.base_momentum, "max_momentum": self.max_momentum}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable()
class MomentumWarmUp(WarmUp):
    """A rise to the first rate of a schedule, whose momentum is the first until then."""

    def momentum(self, step):
        """Return the momentum of the step after so many."""
        step = ops.cast(step, "float64")
        return self.schedule.momentum(ops.maximum(step - self.warmup, 0.0))


@keras.saving.register_keras_serializable()
class CyclingMomentum(keras.optimizers.Optimizer):
    """An optimizer whose `momentum` is, at each step, what its schedule says."""

    def __init__(self, momentum=0.9, **kwargs):
        super().__init__(momentum=momentum, **kwargs)
        self.first_momentum = momentum

    def apply(self, grads, trainable_variables=None):
        self.cycled = self._learning_rate.momentum(self.iterations)
        return super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        self.momentum = ops.cast(self.cycled, variable.dtype)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        return {**super().get_config(), "momentum": self.first_momentum}


@keras.saving.register_keras_serializable()
class CyclingBeta(keras.optimizers.Optimizer):
    """An optimizer whose `beta_1` is, at each step, what its schedule says."""

    def __init__(self, beta_1=0.9, **kwargs):
        super().__init__(beta_1=beta_1, **kwargs)
        self.first_beta_1 = beta_1

    def apply(self, grads, trainable_variables=None):
        # In float64 for the bias corrections, which are powers of this step's.
        self.beta_1 = self.cycled = self._learning_rate.momentum(self.iterations)
        return super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        self.beta_1 = ops.cast(self.cycled, variable.dtype)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        return {**super().get_config(), "beta_1": self.first_beta_1}
