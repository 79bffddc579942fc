"""Runs emitted scripts, each in a namespace of its own, in a process that cannot import nnspec.

A line of standard input says what to run, a line of standard output how it ended. Both are JSON.
It imports nothing of this repository.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import io
import json
import sys
import traceback
import types
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class _Without(importlib.abc.MetaPathFinder):
    """Finds no nnspec, as on a machine that never had it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> None:
        if name.partition(".")[0].startswith(("nnspec", "tests")):
            raise ModuleNotFoundError(f"an emitted script imports {name}", name=name)


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Run a script as `python script.py`; return what it printed, and how it failed, if it did."""
    path = Path(job["script"])
    module = types.ModuleType("__main__")
    module.__file__ = str(path)
    printed, said = io.StringIO(), io.StringIO()
    before = sys.argv, sys.modules["__main__"]
    sys.argv, sys.modules["__main__"] = [str(path), *job["arguments"]], module
    problem = ""
    try:
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(said),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("error", RuntimeWarning)
            if job.get("noise"):
                module.__name__ = "script"  # whose main waits until it is given what it draws
                sys.modules["script"] = module
            exec(compile(path.read_text(), path, "exec"), vars(module))  # noqa: S102  # its purpose
            if job.get("noise"):
                _give(module, job)
                module.main()
            if job.get("stored"):
                _store(Path(job["output"]), Path(job["stored"]))
            if job.get("rows"):
                module.predict(Path(job["output"]), Path(job["rows"]))
    except SystemExit as error:
        problem = f"ends with {error.code}: {said.getvalue()[-500:]}" if error.code else ""
    except Exception:
        problem = traceback.format_exc(limit=-4)
    finally:
        sys.argv, sys.modules["__main__"] = before
    return {"printed": printed.getvalue(), "problem": problem}


def _store(saved: Path, path: Path) -> None:
    """Write the weights of a saved Keras model in order, while its own layers are known."""
    import keras
    import numpy as np

    weights = keras.saving.load_model(saved).get_weights()
    np.savez(path, **{f"{i:05}": array for i, array in enumerate(weights)})


def _give(module: types.ModuleType, job: dict[str, Any]) -> None:
    """Let two networks begin with given weights, and draw the noise that is given."""
    import numpy as np

    with np.load(job["noise"]) as arrays:
        drawn = {
            kind: iter([arrays[key] for key in sorted(arrays.files) if key.startswith(kind)])
            for kind in ("noise", "mix")
        }
    for name, path in job["first"].items():
        setattr(module, name, _begun(getattr(module, name), path))
    if hasattr(module, "torch"):
        tensor = module.torch.from_numpy
        module.torch = _Drawing(module.torch, "rand", lambda: tensor(next(drawn["mix"])))
    else:
        tensor = module.ops.convert_to_tensor
        own = _Drawing(module.keras.random, "uniform", lambda: tensor(next(drawn["mix"])))
        module.keras = _Holding(module.keras, random=own)
    module.draw_noise = lambda count, *device: tensor(next(drawn["noise"]))


def _begun(make: Any, path: str) -> Any:
    def made() -> Any:
        network = make()
        if hasattr(network, "load_weights"):
            network.load_weights(path)
        else:
            from safetensors.torch import load_file

            network.load_state_dict(load_file(path), strict=False)
        return network

    return made


class _Holding:
    """A module with other values under some of its names."""

    def __init__(self, module: Any, **values: Any) -> None:
        self.__dict__.update(values)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


class _Drawing(_Holding):
    """A module whose one function gives what was drawn, in the shape that is asked for."""

    def __init__(self, module: Any, name: str, draw: Any) -> None:
        def drawn(*shape: Any, **_: Any) -> Any:
            sizes = shape[0] if isinstance(shape[0], tuple) else shape
            values = draw()
            return values.reshape(sizes) if hasattr(values, "dim") else _folded(values, sizes)

        super().__init__(module, **{name: drawn})


def _folded(values: Any, shape: Any) -> Any:
    import keras

    return keras.ops.reshape(values, shape)


def main() -> None:
    """Run what is asked for until the input ends."""
    assert not any(name.startswith("nnspec") for name in sys.modules)
    sys.meta_path.insert(0, _Without())
    answers = sys.stdout
    sys.stdout = sys.stderr
    for line in sys.stdin:
        job = json.loads(line)
        if job.get("eager"):
            import tensorflow as tf

            tf.config.run_functions_eagerly(True)
        answers.write(json.dumps(run(job)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
