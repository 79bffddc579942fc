"""Names of schedules of the learning rate, and of their keys."""

from nnspec.layers.words.word import (
    Key,
    Keys,
    UnsaidError,
    keys,
    likely,
    no_key,
    nothing,
    only,
    same,
)

_STEPS = "a schedule counts optimizer steps, not epochs"
_FACTORS = "rates are numbers here, not multiples of the optimizer's; " + _STEPS
_CYCLE = "the momentum is cycled with cycle_momentum: true, in PyTorch by default; " + _STEPS

WORDS = {
    **same("cosine", "CosineDecay CosineAnnealingLR cosine_decay cosine_annealing "
           "warmup_cosine cosine_with_warmup linear_warmup_cosine_decay cosineannealing", _STEPS),
    **same("exponential", "ExponentialDecay ExponentialLR exponential_decay exp_decay", _STEPS),
    **same("step", "StepLR step_lr step_decay StepDecay", _STEPS),
    **same("multi_step", "MultiStepLR multistep multistep_lr", _STEPS),
    **same("piecewise_constant", "PiecewiseConstantDecay piecewise piecewise_constant_decay",
           "the rate changes at a milestone, one step before Keras's boundary; " + _STEPS),
    **same("constant", "ConstantLR constant_with_warmup", "a piecewise_constant schedule has another "
           "rate at first; " + _FACTORS),
    **same("linear", "LinearLR linear_decay linear_schedule linear_warmup "
           "linear_schedule_with_warmup", _FACTORS),
    **same("polynomial", "PolynomialDecay PolynomialLR poly polynomial_decay", _STEPS),
    **same("inverse_time", "InverseTimeDecay inverse_time_decay", _STEPS),
    **same("inverse_sqrt", "noam inverse_square_root rsqrt NoamLR", "with as many steps as warmup it is "
           "the Transformer's; " + _STEPS),
    **likely("cosine_restarts", "CosineDecayRestarts", "each wave is as long as the last by default, "
             "Keras's twice as long; " + _STEPS),
    **same("cosine_restarts", "CosineAnnealingWarmRestarts sgdr cosine_with_restarts "
           "cosine_annealing_warm_restarts", "each wave is `growth` times as long "
           "as the last; " + _STEPS),
    **same("one_cycle", "OneCycleLR onecycle 1cycle super_convergence", _CYCLE),
    **same("cyclical", "CyclicLR cyclic clr triangular", _CYCLE),
    **same("chained", "SequentialLR sequential join_schedules", "lengths are those of the schedules, not "
           "sums; " + _STEPS),
    **nothing("ChainedScheduler", "a product of schedules has no formula of its own here: `warmup` and "
              "`chained` are what it is mostly used for"),
    **nothing("LambdaLR MultiplicativeLR", "a spec holds no functions of Python: piecewise_constant and "
              "chained make any curve of steps"),
    **same("plateau", "ReduceLROnPlateau reduce_on_plateau reduce_lr_on_plateau", "at the end of each "
           "epoch, by PyTorch's rule"),
    **nothing("LRScheduler _LRScheduler LearningRateSchedule serialize deserialize",
              "it is no schedule"),
}  # fmt: skip


def _listed_lengths(given: object) -> object:
    if not isinstance(given, list | tuple) or not all(type(each) is int for each in given):
        raise UnsaidError("write the length of each schedule but the last")
    return [each - before for before, each in zip([0, *given], given, strict=False)]


def _mode(given: object) -> dict[str, object]:
    known: dict[object, dict[str, object]] = {"triangular": {}, "triangular2": {"halving": True}}
    if given not in known:
        raise UnsaidError("exp_range is `factor`, what the height is multiplied by each step")
    return known[given]


def _anneal(given: object) -> dict[str, object]:
    if given not in ("cos", "cosine", "linear"):
        raise UnsaidError("write linear: true or false")
    return {"linear": given == "linear"}


_INITIAL: Keys = keys("initial", "initial_learning_rate learning_rate lr peak base_lr initial_rate")
_FACTOR: Keys = keys("factor", "decay_rate gamma")
_WARMUP: Keys = keys("warmup", "warmup_steps num_warmup_steps n_warmup")
_TOTAL: Keys = keys(
    "steps", "decay_steps total_iters total_steps max_steps num_training_steps T_max"
)
_EVERY: Keys = keys("steps", "decay_steps step_size every")
_SHARE: Keys = {
    "alpha": Key("", "end is a rate, alpha a share of the peak: end = alpha · peak", is_nothing=True),
}  # fmt: skip
KEYS = {
    "*": {**no_key("last_epoch name optimizer verbose", "leave it out")},
    "cosine": {
        **keys("peak", "initial_learning_rate max_lr learning_rate lr initial warmup_target base_lr"),
        **{name: Key("steps", "it counts the warmup as well", beside=("warmup", "warmup_steps"))
           for name in ("decay_steps",)},
        **keys("steps", "T_max t_max total_steps max_steps num_training_steps"),
        **_WARMUP,
        **keys("end", "eta_min min_lr end_learning_rate final"),
        **_SHARE,
    },
    "exponential": {
        **_INITIAL, **_WARMUP,
        **keys("factor", "decay_rate gamma rate decay"),
        **_EVERY,
    },
    "step": {**_INITIAL, **_FACTOR, **_WARMUP, **_EVERY, **only("staircase", (True,), "exponential "
             "is the one without stairs")},
    "multi_step": {**_INITIAL, **_FACTOR, **_WARMUP, **keys("milestones", "steps boundaries")},
    "piecewise_constant": {**keys("rates", "values learning_rates"), **_WARMUP,
                           **keys("milestones", "boundaries steps", "a rate changes at a milestone, one "
                                  "step before Keras's boundary", is_safe=False)},
    "constant": {**_INITIAL, **keys("initial", "rate value"), **_WARMUP,
                 **no_key("factor total_iters", "piecewise_constant has another rate at first: rates, "
                          "milestones")},
    "linear": {**_INITIAL, **_WARMUP, **_TOTAL, **keys("end", "end_learning_rate final min_lr"),
               **no_key("start_factor end_factor", "initial and end are rates, these are shares of the "
                        "optimizer's")},
    "polynomial": {**_INITIAL, **_WARMUP, **_TOTAL, **keys("end", "end_learning_rate final min_lr"),
                   **only("cycle", (False,), "cosine_restarts and cyclical are the ones that begin "
                          "again")},
    "inverse_time": {**_INITIAL, **_WARMUP, **_EVERY, **keys("decay", "decay_rate gamma")},
    "inverse_sqrt": {**keys("peak", "initial_learning_rate learning_rate lr max_lr initial"), **_WARMUP,
                     **keys("steps", "timescale")},
    "cosine_restarts": {
        **keys("peak", "initial_learning_rate max_lr learning_rate lr initial base_lr"), **_WARMUP,
        **keys("steps", "first_decay_steps T_0 t_0 first_steps"), **keys("growth", "t_mul T_mult t_mult"),
        **keys("factor", "m_mul gamma"), **keys("end", "eta_min min_lr final"), **_SHARE,
    },
    "one_cycle": {
        **keys("peak", "max_lr learning_rate lr max_learning_rate"), **_TOTAL,
        **{name: Key("", "linear: true for lines", _anneal, is_split=True)
           for name in ("anneal_strategy", "anneal")},
        **no_key("epochs steps_per_epoch", "steps is their product"),
    },
    "cyclical": {
        **keys("initial", "base_lr min_lr low"), **keys("peak", "max_lr high"), **_WARMUP,
        **keys("steps", "step_size_up step_size up"), **keys("down", "step_size_down"),
        **keys("factor", "gamma"), "mode": Key("", "triangular2 is halving: true", _mode, is_split=True),
        **no_key("scale_fn scale_mode", "a spec holds no functions of Python"),
    },
    "plateau": {
        **_INITIAL, **_FACTOR, **keys("metric", "monitor measure"),
        **keys("cooldown", "cool_down"), **keys("minimum", "min_lr eta_min"),
        **only("threshold_mode", ("rel",), "threshold is a share of the best measure"),
        **only("eps", (0, 0.0, 1e-8), "every fall counts"),
    },
    "chained": {
        **keys("schedules", "schedulers parts"),
        "milestones": Key("lengths", "the lengths of the schedules, not their sums", _listed_lengths),
        "boundaries": Key("lengths", "the lengths of the schedules, not their sums", _listed_lengths),
    },
}  # fmt: skip
