"""Write the public names of PyTorch and Keras: of layers, losses, optimizers and the like.

`tests/language/foreign_names.json` holds them, so that the tests need neither. Run it anew for a
new version of either: `python -m scripts.foreign_names`.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from types import ModuleType
from typing import Any

PATH = Path(__file__).parents[1] / "tests/language/foreign_names.json"


def main() -> None:
    """Write the file."""
    import keras
    import torch
    from torch import nn, optim
    from torch.nn import functional, init

    of_torch = {
        "layer": {**_classes(nn, nn.Module), **_functions(functional)},
        "initializer": _functions(init),
        "optimizer": _classes(optim, optim.Optimizer),
        "schedule": _classes(optim.lr_scheduler, optim.lr_scheduler.LRScheduler),
    }
    of_keras = {
        "layer": _public(keras.layers),
        "loss": _public(keras.losses),
        "initializer": _public(keras.initializers),
        "activation": _public(keras.activations),
        "optimizer": _public(keras.optimizers),
        "schedule": _public(keras.optimizers.schedules),
    }
    losses = {name for name in of_torch["layer"] if name.lower().endswith(_LOSSES)}
    of_torch["loss"] = {name: of_torch["layer"].pop(name) for name in sorted(losses)}
    names: dict[str, Any] = {
        "versions": {"torch": torch.__version__.partition("+")[0], "keras": keras.__version__},
        "torch": of_torch,
        "keras": of_keras,
    }
    PATH.write_text(json.dumps(names, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{PATH}: {sum(len(each) for table in (of_torch, of_keras) for each in table.values())}")


_LOSSES = ("loss", "entropy", "entropy_with_logits", "nllloss2d", "kl_div", "lossoptions")


def _classes(module: ModuleType, base: type) -> dict[str, list[str]]:
    return {
        name: _parameters(value)
        for name, value in sorted(vars(module).items())
        if isinstance(value, type) and issubclass(value, base) and not name.startswith("_")
    }


def _functions(module: ModuleType) -> dict[str, list[str]]:
    """Return the functions, but for the helpers that the module itself uses."""
    return {
        name: _parameters(value)
        for name, value in sorted(vars(module).items())
        if callable(value)
        and not isinstance(value, type)
        and not name.startswith("_")
        and name not in ("Optional", "Literal")
        and "torch_function" not in name
        and name not in ("boolean_dispatch", "assert_int_or_pair")
    }


def _public(module: ModuleType) -> dict[str, list[str]]:
    return {
        name: _parameters(getattr(module, name))
        for name in dir(module)
        if not name.startswith("_") and callable(getattr(module, name))
    }


def _parameters(value: Any) -> list[str]:
    """Return the names of what it takes; a recurrent layer of PyTorch shows those of its base."""
    if (
        isinstance(value, type)
        and value.__name__ in ("LSTM", "GRU", "RNN")
        and "torch" in value.__module__
    ):
        value = value.__mro__[1]
    try:
        found = inspect.signature(value).parameters
    except ValueError:
        return []
    return [name for name in found if name not in ("self", "args", "kwargs", "mode")]


if __name__ == "__main__":
    main()
