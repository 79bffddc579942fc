"""nnspec's PyTorch backend: spec graph -> PyTorch source, and what runs it."""

from nnspec_torch.module import backend

__all__ = ["backend"]
