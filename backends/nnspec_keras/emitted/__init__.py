"""Definitions of emitted files where Keras has none that means the same.

Each definition is copied as it stands here into a file that uses it. These files are
read as text, and imported by the tests alone: nnspec writes Keras without Keras.
"""
