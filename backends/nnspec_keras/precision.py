"""The precision in which Keras computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras


@contextmanager
def precision(dtype: str) -> Iterator[None]:
    """Make Keras compute in `dtype`; what it captures when it builds, it keeps."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    layout = keras.config.image_data_format()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    keras.config.set_image_data_format("channels_last")
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
        keras.config.set_image_data_format(layout)
