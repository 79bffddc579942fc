"""The ONNX backend: a spec straight to an ONNX model, without PyTorch or Keras."""

from nnspec_onnx.declaration import backend

__all__ = ["backend"]
