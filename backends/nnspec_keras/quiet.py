"""Imports Keras and TensorFlow without what they say of themselves, before anything else does."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from nnspec.errors import MissingDependencyError

# Read once, when TensorFlow is first imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


@contextmanager
def _without_greeting() -> Iterator[None]:
    """Keep TensorFlow's greeting from the terminal: it is written before any log level holds."""
    try:
        error_stream = os.dup(2)
    except OSError:  # there is no such stream to protect
        yield
        return
    with tempfile.TemporaryFile() as greeting:
        os.dup2(greeting.fileno(), 2)
        try:
            yield
        except BaseException:
            greeting.seek(0)
            os.write(error_stream, greeting.read())
            raise
        finally:
            os.dup2(error_stream, 2)
            os.close(error_stream)


try:
    with _without_greeting():
        import keras  # noqa: F401
        import tensorflow  # noqa: F401
except ImportError as error:
    raise MissingDependencyError("keras", "keras") from error
