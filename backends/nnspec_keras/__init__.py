"""nnspec's Keras backend: spec graph -> Keras 3 source, and what runs it."""

from nnspec_keras.declaration import backend

__all__ = ["backend"]
