"""Schedules of the learning rate that are computed in float64, as Keras's own are not."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable()
class CosineSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise from 0 to the peak, then half a cosine wave down to the end."""

    def __init__(self, peak, steps, warmup=0, end=0.0):
        self.peak = peak
        self.steps = steps
        self.warmup = warmup
        self.end = end

    def __call__(self, step):
        step = ops.cast(step, "float64")
        progress = (step - self.warmup) / (self.steps - self.warmup)
        wave = (1 + ops.cos(math.pi * ops.clip(progress, 0.0, 1.0))) / 2
        rise = self.peak * step / max(self.warmup, 1)
        fall = self.end + (self.peak - self.end) * wave
        return ops.where(step < self.warmup, rise, fall)

    def get_config(self):
        return {
            "peak": self.peak,
            "steps": self.steps,
            "warmup": self.warmup,
            "end": self.end,
        }


@keras.saving.register_keras_serializable()
class ExponentialSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that is multiplied by the factor every so many steps."""

    def __init__(self, initial, factor, steps, staircase=False):
        self.initial = initial
        self.factor = factor
        self.steps = steps
        self.staircase = staircase

    def __call__(self, step):
        times = ops.cast(step, "float64") / self.steps
        if self.staircase:
            times = ops.floor(times)
        return self.initial * ops.power(self.factor, times)

    def get_config(self):
        return {
            "initial": self.initial,
            "factor": self.factor,
            "steps": self.steps,
            "staircase": self.staircase,
        }


@keras.saving.register_keras_serializable()
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise from 0 to the first rate of a schedule, which begins after it."""

    def __init__(self, schedule, warmup):
        self.schedule = schedule
        self.warmup = warmup

    def __call__(self, step):
        step = ops.cast(step, "float64")
        rate = self.schedule(ops.maximum(step - self.warmup, 0.0))
        return ops.multiply(rate, ops.minimum(step / self.warmup, 1.0))

    def get_config(self):
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "warmup": self.warmup}

    @classmethod
    def from_config(cls, config):
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(schedule, config["warmup"])


@keras.saving.register_keras_serializable()
class ConstantSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """The same rate always."""

    def __init__(self, initial):
        self.initial = initial

    def __call__(self, step):
        return ops.convert_to_tensor(self.initial, dtype="float64")

    def get_config(self):
        return {"initial": self.initial}


@keras.saving.register_keras_serializable()
class StepSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that is multiplied by the factor every so many steps, at once."""

    def __init__(self, initial, steps, factor=0.1):
        self.initial = initial
        self.steps = steps
        self.factor = factor

    def __call__(self, step):
        times = ops.floor(ops.cast(step, "float64") / self.steps)
        return self.initial * ops.power(self.factor, times)

    def get_config(self):
        return {"initial": self.initial, "steps": self.steps, "factor": self.factor}


@keras.saving.register_keras_serializable()
class MultiStepSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that is multiplied by the factor after each of several numbers of steps."""

    def __init__(self, initial, milestones, factor=0.1):
        self.initial = initial
        self.milestones = milestones
        self.factor = factor

    def __call__(self, step):
        step = ops.cast(step, "float64")
        times = sum(ops.cast(step >= turn, "float64") for turn in self.milestones)
        return self.initial * ops.power(self.factor, times)

    def get_config(self):
        return {
            "initial": self.initial,
            "milestones": self.milestones,
            "factor": self.factor,
        }


@keras.saving.register_keras_serializable()
class PiecewiseConstantSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """One of several rates, by the number of steps."""

    def __init__(self, rates, milestones):
        self.rates = rates
        self.milestones = milestones

    def __call__(self, step):
        step = ops.cast(step, "float64")
        rate = ops.convert_to_tensor(self.rates[0], dtype="float64")
        for turn, following in zip(self.milestones, self.rates[1:]):
            rate = ops.where(step >= turn, following, rate)
        return rate

    def get_config(self):
        return {"rates": self.rates, "milestones": self.milestones}


@keras.saving.register_keras_serializable()
class LinearSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that goes evenly from one to another."""

    def __init__(self, initial, steps, end=0.0):
        self.initial = initial
        self.steps = steps
        self.end = end

    def __call__(self, step):
        progress = ops.minimum(ops.cast(step, "float64") / self.steps, 1.0)
        return self.initial + (self.end - self.initial) * progress

    def get_config(self):
        return {"initial": self.initial, "steps": self.steps, "end": self.end}


@keras.saving.register_keras_serializable()
class PolynomialSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that falls by a power of the part of the steps that is left."""

    def __init__(self, initial, steps, end=0.0, power=1.0):
        self.initial = initial
        self.steps = steps
        self.end = end
        self.power = power

    def __call__(self, step):
        left = 1 - ops.minimum(ops.cast(step, "float64") / self.steps, 1.0)
        return self.end + (self.initial - self.end) * ops.power(left, self.power)

    def get_config(self):
        return {
            "initial": self.initial,
            "steps": self.steps,
            "end": self.end,
            "power": self.power,
        }


@keras.saving.register_keras_serializable()
class InverseSqrtSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that falls by one over a root of the steps."""

    def __init__(self, peak, steps):
        self.peak = peak
        self.steps = steps

    def __call__(self, step):
        step = ops.cast(step, "float64")
        return self.peak * ops.sqrt(self.steps / (self.steps + step))

    def get_config(self):
        return {"peak": self.peak, "steps": self.steps}


@keras.saving.register_keras_serializable()
class InverseTimeSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A rate over a number that grows by `decay` every so many steps."""

    def __init__(self, initial, steps, decay=1.0, staircase=False):
        self.initial = initial
        self.steps = steps
        self.decay = decay
        self.staircase = staircase

    def __call__(self, step):
        times = ops.cast(step, "float64") / self.steps
        if self.staircase:
            times = ops.floor(times)
        return self.initial / (1 + self.decay * times)

    def get_config(self):
        return {
            "initial": self.initial,
            "steps": self.steps,
            "decay": self.decay,
            "staircase": self.staircase,
        }


@keras.saving.register_keras_serializable()
class CosineRestartsSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Half cosine waves down to the end, each `growth` times as long as the last."""

    def __init__(self, peak, steps, growth=1, factor=1.0, end=0.0):
        self.peak = peak
        self.steps = steps
        self.growth = growth
        self.factor = factor
        self.end = end

    def begin(self, number):
        """Return the step at which a wave begins, by its number from 0."""
        if self.growth == 1:
            return self.steps * number
        growth = ops.convert_to_tensor(self.growth, dtype="float64")
        return self.steps * (ops.power(growth, number) - 1) / (self.growth - 1)

    def __call__(self, step):
        step = ops.cast(step, "float64")
        if self.growth == 1:
            number = ops.floor(step / self.steps)
        else:
            waves = step / self.steps * (self.growth - 1) + 1
            number = ops.floor(ops.log(waves) / math.log(self.growth) + 1e-9)
            # A logarithm may be off by its rounding.
            number = number - ops.cast(step < self.begin(number), "float64")
        length = self.begin(number + 1) - self.begin(number)
        progress = (step - self.begin(number)) / length
        height = (self.peak - self.end) * ops.power(self.factor, number)
        return self.end + height * (1 + ops.cos(math.pi * progress)) / 2

    def get_config(self):
        return {
            "peak": self.peak,
            "steps": self.steps,
            "growth": self.growth,
            "factor": self.factor,
            "end": self.end,
        }


@keras.saving.register_keras_serializable()
class OneCycleSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A rise to the peak and a longer fall, far below the first rate."""

    def __init__(
        self,
        peak,
        steps,
        pct_start=0.3,
        div_factor=25.0,
        final_div_factor=1e4,
        linear=False,
        three_phase=False,
    ):
        self.peak = peak
        self.steps = steps
        self.pct_start = pct_start
        self.div_factor = div_factor
        self.final_div_factor = final_div_factor
        self.linear = linear
        self.three_phase = three_phase

    def __call__(self, step):
        first = self.peak / self.div_factor
        return self.along(step, first, self.peak, first / self.final_div_factor)

    def along(self, step, first, middle, last):
        """Return what goes from one of these values to the next, as the rate does."""
        step = ops.minimum(ops.cast(step, "float64"), self.steps - 1.0)
        begin, start = self.pct_start * self.steps - 1, middle
        value = self.between(first, start, step / begin)
        if self.three_phase:
            end = 2 * self.pct_start * self.steps - 2
            back = self.between(start, first, (step - begin) / (end - begin))
            value = ops.where(step <= begin, value, back)
            begin, start = end, first
        progress = (step - begin) / (self.steps - 1 - begin)
        return ops.where(step <= begin, value, self.between(start, last, progress))

    def between(self, start, end, progress):
        """Return what lies between two values, at this part of the way."""
        if self.linear:
            return start + (end - start) * progress
        return end + (start - end) * (1 + ops.cos(math.pi * progress)) / 2

    def get_config(self):
        return {
            "peak": self.peak,
            "steps": self.steps,
            "pct_start": self.pct_start,
            "div_factor": self.div_factor,
            "final_div_factor": self.final_div_factor,
            "linear": self.linear,
            "three_phase": self.three_phase,
        }


@keras.saving.register_keras_serializable()
class CyclicalSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Lines up to the peak and down again, each cycle as high as the last, or less."""

    def __init__(self, initial, peak, steps, down=0, halving=False, factor=1.0):
        self.initial = initial
        self.peak = peak
        self.steps = steps
        self.down = down
        self.halving = halving
        self.factor = factor

    def __call__(self, step):
        return self.initial + (self.peak - self.initial) * self.height(step)

    def height(self, step):
        """Return the part of the way up to the peak."""
        step = ops.cast(step, "float64")
        down = self.down or self.steps
        cycle = ops.floor(step / (self.steps + down))
        at = step - cycle * (self.steps + down)
        height = ops.minimum(at / self.steps, (self.steps + down - at) / down)
        if self.halving:
            height = height / ops.power(2.0, ops.minimum(cycle, 1000.0))
        return height * ops.power(self.factor, step)

    def get_config(self):
        return {
            "initial": self.initial,
            "peak": self.peak,
            "steps": self.steps,
            "down": self.down,
            "halving": self.halving,
            "factor": self.factor,
        }


@keras.saving.register_keras_serializable()
class ChainedSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Schedules one after another, each from its own beginning."""

    def __init__(self, schedules, lengths):
        self.schedules = schedules
        self.lengths = lengths

    def __call__(self, step):
        step = ops.cast(step, "float64")
        rate, begin = self.schedules[0](step), 0
        for schedule, length in zip(self.schedules[1:], self.lengths):
            begin += length
            following = schedule(ops.maximum(step - begin, 0.0))
            rate = ops.where(step < begin, rate, following)
        return rate

    def get_config(self):
        made = [keras.saving.serialize_keras_object(each) for each in self.schedules]
        return {"schedules": made, "lengths": self.lengths}

    @classmethod
    def from_config(cls, config):
        made = map(keras.saving.deserialize_keras_object, config["schedules"])
        return cls(list(made), config["lengths"])
