"""An ONNX file out of a spec, and predictions out of an ONNX file.

What is exported is run once against its source before it is handed out. Imports verification,
weights, data and backend.
"""
