"""Names of schedules of the learning rate, and of their keys."""

from nnspec.layers.words.word import Key, keys, no_key, nothing, same

_STEPS = "a schedule counts optimizer steps, not epochs"

WORDS = {
    **same("cosine", "CosineDecay CosineAnnealingLR cosine_decay cosine_annealing "
           "warmup_cosine cosine_with_warmup linear_warmup_cosine_decay cosineannealing", _STEPS),
    **same("exponential", "ExponentialDecay ExponentialLR exponential_decay exp_decay", _STEPS),
    "StepLR": same("exponential", "StepLR", _STEPS)["StepLR"]._replace(
        settings={"staircase": True}, note="exponential with staircase: true; " + _STEPS),
    "step": same("exponential", "step", _STEPS)["step"]._replace(
        settings={"staircase": True}, note="exponential with staircase: true; " + _STEPS),
    **nothing("ConstantLR constant LambdaLR MultiplicativeLR PiecewiseConstantDecay MultiStepLR "
              "PolynomialDecay PolynomialLR InverseTimeDecay CosineDecayRestarts "
              "CosineAnnealingWarmRestarts CyclicLR OneCycleLR one_cycle LinearLR linear "
              "linear_warmup inverse_sqrt noam ReduceLROnPlateau SequentialLR ChainedScheduler "
              "LRScheduler _LRScheduler LearningRateSchedule serialize deserialize",
              "nothing here is it: cosine and exponential are the schedules; a number stays as it is"),
}  # fmt: skip

KEYS = {
    "*": {**no_key("last_epoch name optimizer", "leave it out")},
    "cosine": {
        **keys("peak", "initial_learning_rate max_lr learning_rate lr initial warmup_target base_lr"),
        **{name: Key("steps", "it counts the warmup as well", beside=("warmup", "warmup_steps"))
           for name in ("decay_steps",)},
        **keys("steps", "T_max t_max total_steps max_steps num_training_steps"),
        **keys("warmup", "warmup_steps num_warmup_steps n_warmup"),
        **keys("end", "eta_min min_lr end_learning_rate final"),
        "alpha": Key("", "end is a rate, alpha a share of the peak: end = alpha · peak",
                     is_nothing=True),
    },
    "exponential": {
        **keys("initial", "initial_learning_rate learning_rate lr peak base_lr"),
        **keys("factor", "decay_rate gamma rate decay"),
        **keys("steps", "decay_steps step_size every"),
    },
}  # fmt: skip
