"""The ONNX backend: a spec straight to an ONNX model, without PyTorch or Keras."""

from nnspec_onnx.backend import OnnxBackend, OnnxCompiled, backend

__all__ = ["OnnxBackend", "OnnxCompiled", "backend"]
