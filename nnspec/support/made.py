"""Arrays that are computed whenever they are asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np


class Made(Mapping[str, np.ndarray[Any, Any]]):
    """Arrays that are computed whenever they are asked for: to send them is to send their recipe.

    What derives from it is a dataclass, of fields that can be sent. The names and the shapes are
    those of arrays that have been checked.
    """

    @abstractmethod
    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        """Return an array, the same each time."""
