"""Files are judged with the first weights that they draw: alike in every run."""

from __future__ import annotations

import keras
import pytest
import torch


@pytest.fixture(autouse=True)
def same_first_weights() -> None:
    """Draw the first weights of files alike in every run."""
    keras.utils.set_random_seed(0)
    torch.manual_seed(0)
