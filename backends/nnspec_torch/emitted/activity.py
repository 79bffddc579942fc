"""Activations as a part of the loss."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn


class ActivityRegularization(nn.Module):
    """Gives what it takes; what the size of that adds to the loss is collected in training."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        super().__init__()
        self.l1 = l1
        self.l2 = l2
        self.terms: list[Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.terms is not None:
            if self.l1:
                self.terms.append(self.l1 * x.abs().sum())
            if self.l2:
                self.terms.append(self.l2 * x.square().sum())
        return x


@contextmanager
def collected(model: nn.Module) -> Iterator[list[Tensor]]:
    """Collect what activations add to the loss of the rows that pass, summed over these rows."""
    terms: list[Tensor] = []
    layers = [
        each for each in model.modules() if isinstance(each, ActivityRegularization)
    ]
    for layer in layers:
        layer.terms = terms
    try:
        yield terms
    finally:
        for layer in layers:
            layer.terms = None
