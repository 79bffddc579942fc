"""nnspec's PyTorch backend: spec graph -> PyTorch source, and what runs it."""

from nnspec_torch.declaration import backend

__all__ = ["backend"]
