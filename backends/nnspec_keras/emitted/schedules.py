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
