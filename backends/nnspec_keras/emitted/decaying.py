"""Coupled and decoupled decay, and groups of variables.

Each class stands here over the base of all optimizers; an emitted file has it over the one that it
trains with.
"""

from fnmatch import fnmatchcase

import keras
from keras import ops


@keras.saving.register_keras_serializable()
class Decaying(keras.optimizers.Optimizer):
    """Adds `l2` times each weight to its gradient; takes rate times `decay` of it away."""

    def __init__(self, *, l2=0.0, decay=0.0, **kwargs):
        super().__init__(**kwargs)
        self.l2 = l2
        self.decay = decay

    def update_step(self, gradient, variable, learning_rate):
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        if self.l2:
            gradient = gradient + self.l2 * variable
        if self.decay:
            rate = ops.cast(learning_rate, variable.dtype)
            self.assign_sub(variable, rate * self.decay * variable)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        return {**super().get_config(), "l2": self.l2, "decay": self.decay}


@keras.saving.register_keras_serializable()
class Grouped(keras.optimizers.Optimizer):
    """Coupled `l2`, decoupled `decay` and rate of each weight, by the first group it is in.

    A group matches names such as "scores/kernel", by patterns.
    """

    def __init__(self, *, l2=0.0, decay=0.0, groups=(), **kwargs):
        super().__init__(**kwargs)
        self.l2 = l2
        self.decay = decay
        self.groups = groups

    def build(self, variables):
        if self.built:  # a step may ask for it, with those that have a gradient alone
            return
        super().build(variables)
        # An update sees variables that have lost their paths.
        self.settings = tuple(self.settings_of(variable) for variable in variables)

    def settings_of(self, variable):
        name = f"{variable.path.partition('/')[0]}/{variable.name}"
        for group in self.groups:
            if any(fnmatchcase(name, pattern) for pattern in group["match"]):
                return {"l2": self.l2, "decay": self.decay, **group}
        return {"l2": self.l2, "decay": self.decay}

    def update_step(self, gradient, variable, learning_rate):
        own = self.settings[self._get_variable_index(variable)]
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        if own["l2"]:
            gradient = gradient + own["l2"] * variable
        rate = own.get("scale", 1.0) * ops.cast(learning_rate, "float64")
        if "learning_rate" in own:
            rate = ops.convert_to_tensor(own["learning_rate"], "float64")
        if own["decay"]:
            shrink = ops.cast(rate * own["decay"], variable.dtype)
            self.assign_sub(variable, shrink * variable)
        super().update_step(gradient, variable, rate)

    def get_config(self):
        own = {"l2": self.l2, "decay": self.decay, "groups": self.groups}
        return {**super().get_config(), **own}
