"""Names of optimizers, and of their keys."""

from collections.abc import Callable

from nnspec.layers.words.word import Key, Keys, UnsaidError, Word, keys, nothing, only, same


def _betas(given: object) -> dict[str, object]:
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise UnsaidError("write beta_1 and beta_2")
    return {"beta_1": given[0], "beta_2": given[1]}


def _pair(first: str, second: str) -> Callable[[object], dict[str, object]]:
    """Return what parts a list of two."""

    def parted(given: object) -> dict[str, object]:
        if not isinstance(given, list | tuple) or len(given) != 2:
            raise UnsaidError(f"write {first} and {second}")
        return {first: given[0], second: given[1]}

    return parted


def _alike(meant: str, names: str, note: str) -> dict[str, Word]:
    """Return names of what differs by its defaults."""
    return {name: Word(meant, note, is_safe=False) for name in names.split()}


_EPSILON = "epsilon is 1e-8 by default, as PyTorch's; Keras's is 1e-7, and added elsewhere"

WORDS = {
    **same("adam", "Adam adam_optimizer optim_adam", _EPSILON),
    **same("sgd", "SGD gd gradient_descent stochastic_gradient_descent momentum_sgd"),
    "momentum": Word("sgd", "sgd with momentum: 0.9", {"momentum": 0.9}, is_safe=False),
    "nesterov": Word("sgd", "sgd with momentum and nesterov: true",
                     {"momentum": 0.9, "nesterov": True}, is_safe=False),
    **_alike("adamw", "AdamW adam_w", "its decay is 0.01 by default, as PyTorch's; Keras's is 0.004"),
    **_alike("adamax", "Adamax", "its rate is 0.002 by default, as PyTorch's; Keras's is 0.001"),
    **_alike("rms_prop", "RMSprop rmsprop RMSProp", "its rate is 0.001, rho 0.99 and epsilon 1e-8 by "
             "default, PyTorch's 0.01, 0.99 and 1e-8, Keras's 0.001, 0.9 and 1e-7"),
    **_alike("adagrad", "Adagrad", "its rate is 0.01 and its sum of squares begins at 0 by default, as "
             "PyTorch's; Keras's are 0.001 and 0.1"),
    **_alike("nadam", "Nadam NAdam", "its rate is 0.002 and its momentum_decay 0.004 by default, as PyTorch's; "
             "Keras's rate is 0.001, and its momentum_decay 1"),
    **same("radam", "RAdam RectifiedAdam"),
    **same("lion", "Lion EvoLved_Sign_Momentum"),
    **same("lamb", "Lamb LAMB", "decay is taken of the weights before, and is no part of the ratio"),
    **_alike("adadelta", "Adadelta", "its rate is 1 and rho 0.9 by default, as PyTorch's; Keras's are "
             "0.001 and 0.95"),
    **same("ftrl", "Ftrl FTRL"),
    **same("rprop", "Rprop resilient_backpropagation"),
    **same("asgd", "ASGD", "PyTorch's also keeps a mean that it never uses: training.average keeps one"),
    "amsgrad": Word("adam", "adam with amsgrad: true", {"amsgrad": True}),
    **nothing("LBFGS lbfgs", "nothing here is it: it takes the loss several times in a step, of all rows"),
    **nothing("SparseAdam", "nothing here is it: it moves the rows of an embedding that a batch has alone; "
              "adam moves all, by their means"),
    **_alike("adafactor", "Adafactor", "its epsilon_1 is 1e-15, PyTorch's that of the precision; Keras's is "
             "added to g², and its means are of other axes: its layout is transposed"),
    **_alike("muon", "Muon MuonWithAuxAdam SingleDeviceMuon", "hidden matrices by muon and all else by adamw, "
             "its scale that of Keras's and of match_rms_adamw; PyTorch's computes in bfloat16, Keras's takes "
             "the last layer too"),
    **_alike("schedule_free_adamw", "ScheduleFreeAdamW AdamWScheduleFree ScheduleFree schedule_free",
             "its average is measured and exported; Keras's trains it and gives no way to it"),
    **nothing("Ranger", "nothing here is it: radam, adamw and schedule_free_adamw are near"),
    **nothing("LossScaleOptimizer", "nothing here is it: it multiplies the loss so that float16 can hold its "
              "gradients, which `nnspec train --precision 16-mixed` does, in PyTorch"),
    **nothing("MultiOptimizer OptimizerMap", "groups is it, of one optimizer: each has parameters by their "
              "names, and a learning_rate, l2 and decay of their own"),
    **nothing("Optimizer schedules serialize deserialize get legacy", "it is no optimizer"),
}  # fmt: skip

_ALL: Keys = {
    **keys("learning_rate", "lr rate eta step_size alpha_lr learning_rate_init initial_learning_rate "
           "base_lr lrate"),
    **only("clipnorm", (None,), "`clip`, a key of `training`, is it: clip: {norm_each: 1.0}"),
    **only("global_clipnorm clip_grad_norm grad_clip max_grad_norm", (None,),
           "`clip`, a key of `training`, is it: clip: {norm: 1.0}"),
    **only("clipvalue", (None,), "`clip`, a key of `training`, is it: clip: {value: 0.5}"),
    **only("gradient_accumulation_steps", (None,), "`accumulate` is it, a key of `training`"),
    **only("weight_decay", (None, 0, 0.0), "PyTorch's adam and sgd add it to the gradient: that is l2; "
           "Keras's, and adamw, take it of the weights, times the rate: decay"),
    **keys("l2", "l2_penalty l2_regularization l2_reg coupled_decay"),
    **keys("decay", "decoupled_decay decoupled_weight_decay_rate"),
    **keys("groups", "param_groups parameter_groups"),
    **only("use_ema", (False,), "`average`, a key of `training`, is it: average: {type: ema, decay: 0.99}"),
    **only("maximize differentiable decoupled_weight_decay", (False,),
           "nothing here is it"),
    **only("ema_momentum ema_overwrite_frequency loss_scale_factor "
           "relative_step foreach fused capturable params", (None, False, True, 0.99), ""),
    **only("lr_decay", (0, 0.0), "learning_rate takes a schedule: {schedule: exponential, ...}"),
}  # fmt: skip
_ADAM: Keys = {
    **_ALL,
    "betas": Key("", "PyTorch's betas are beta_1 and beta_2", _betas, is_split=True),
    **keys("beta_1", "beta1 b1"),
    **keys("beta_2", "beta2 b2"),
    **keys("epsilon", "eps"),
    "momentum": Key("beta_1", "adam's is beta_1"),
}
KEYS = {
    "*": _ALL,
    "adam": _ADAM,
    "adamw": {**_ADAM, **keys("decay", "weight_decay")},
    "adamax": _ADAM,
    "nadam": _ADAM,
    "radam": _ADAM,
    "lamb": _ADAM,
    "lion": {key: each for key, each in _ADAM.items() if each.meant != "epsilon"},
    "adadelta": {**_ALL, **keys("rho", "alpha decay_rate"), **keys("epsilon", "eps")},
    "ftrl": {
        **_ALL,
        **keys("power", "learning_rate_power"),
        **keys("initial_sum", "initial_accumulator_value"),
        **keys("l1", "l1_regularization_strength"),
        **keys("ridge", "l2_regularization_strength"),
        **only("l2_shrinkage_regularization_strength", (0, 0.0), "l2 adds to the gradient: half of it"),
    },
    "adafactor": {
        **_ALL,
        **keys("beta_2_decay", "beta2_decay decay_rate"),
        **keys("clip_threshold", "d"),
        "eps": Key("", "PyTorch's eps is epsilon_1 and epsilon_2", _pair("epsilon_1", "epsilon_2"), is_split=True),
        **only("relative_step", (True,), "the rate is at most 1/√t always, as PyTorch's"),
    },
    "muon": {
        **_ADAM,
        **keys("momentum", "mu"),
        **keys("decay", "weight_decay"),
        **only("adjust_lr_fn", (None, "original"), "scale is it: match_rms_adamw, or original"),
        **only("rms_rate", (0.2,), "scale: match_rms_adamw has 0.2 in it"),
        **only("ns_coefficients", ([3.4445, -4.775, 2.0315], (3.4445, -4.775, 2.0315)), "they are those of its authors always"),
        **only("muon_a", (3.4445,), "the coefficients are those of its authors always"),
        **only("muon_b", (-4.775,), "the coefficients are those of its authors always"),
        **only("muon_c", (2.0315,), "the coefficients are those of its authors always"),
        **keys("beta_1", "adam_beta_1"),
        **keys("beta_2", "adam_beta_2"),
        **only("adam_weight_decay", (), "decay is of all parameters: groups give some a decay of their own"),
        **only("adam_lr_ratio", (1, 1.0), "groups give some parameters a learning_rate of their own"),
        **only("exclude_embeddings", (True,), "embeddings take the step of adam always"),
        **only("exclude_layers", (None,), "its page says which parameters take the step of adam: by their kind, not by names"),
    },
    "schedule_free_adamw": {
        **_ADAM,
        **keys("decay", "weight_decay"),
        **only("warmup_steps", (0,), "learning_rate takes a schedule: {schedule: constant, warmup: 100, ...}"),
        **only("weight_lr_power", (2, 2.0), "the average weighs steps by the square of the rate"),
    },
    "rprop": {
        **_ALL,
        "etas": Key("", "PyTorch's etas are shrink and grow", _pair("shrink", "grow"), is_split=True),
        "step_sizes": Key("", "PyTorch's are least and most", _pair("least", "most"), is_split=True),
    },
    "asgd": {
        **_ALL,
        **keys("pull", "lambd"),
        **keys("power", "alpha"),
        **only("t0", (1000000.0, 1000000), "training.average says from which step on: {type: swa, start}"),
    },
    "rms_prop": {**_ALL, **keys("rho", "alpha decay_rate"), **keys("epsilon", "eps")},
    "adagrad": {
        **_ALL,
        **keys("initial_sum", "initial_accumulator_value"),
        **keys("epsilon", "eps"),
    },
    "sgd": {
        **_ALL,
        **keys("momentum", "mu beta"),
        **keys("nesterov", "use_nesterov"),
    },
}  # fmt: skip
