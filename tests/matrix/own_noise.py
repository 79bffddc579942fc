"""Lets `nnspec train` draw from the framework's own generator, as an emitted script does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

from nnspec.network.loader import Spec


@contextmanager
def drawn_by_framework(spec: Spec, backend: str) -> Iterator[None]:
    """Draw dropout and noise as a script would, from the seed of the spec on."""
    if not spec.graph.is_random:
        yield
        return
    assert spec.model.training is not None
    seed = spec.model.training.seed
    if backend == "torch":
        import torch

        from nnspec_torch.naming import class_name
        from nnspec_torch.noise import NoiseTaker
        from nnspec_torch.runtime import TorchProgram

        begun: list[int] = []

        def start(self: Any, _: int) -> None:
            # A script draws its first weights before, which --weights replaces.
            if not begun:
                torch.manual_seed(seed)
                getattr(self._emitted, class_name(spec.name))()
            begun.append(1)

        with (
            patch.object(NoiseTaker, "start", start),
            patch.object(TorchProgram, "reseed", lambda self, seed: None),
        ):
            yield
        return
    import keras

    from nnspec_keras.noise import NoiseTaker as Taker
    from nnspec_keras.runtime import KerasProgram

    keras.utils.set_random_seed(seed)
    with (
        patch.object(Taker, "drawing", lambda self, handed=(): nullcontext()),
        patch.object(Taker, "requests", lambda self, step: []),
        patch.object(KerasProgram, "reseed", lambda self, seed: None),
    ):
        yield
