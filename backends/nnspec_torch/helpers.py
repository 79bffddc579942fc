"""Helpers of the emitted source where PyTorch has none that means the same."""

from __future__ import annotations

from collections.abc import Mapping

from nnspec.emit.helpers import Use, used_helpers
from nnspec.emit.snippets import Snippet, snippets
from nnspec_torch.attention_source import SPECIALISED

HELPERS = snippets(
    "nnspec_torch.emitted",
    "initializers",
    "core",
    "convolution",
    "embedding",
    "tensors",
    "attention",
    "recurrent",
    "dropping",
    "gated",
    "regularization",
    "activity",
)
"""Name -> definition, in the order in which a file has them."""


def helpers_of(uses: Mapping[str, list[Use]]) -> list[Snippet]:
    """Return every helper among what a network uses, in a fixed order."""
    return used_helpers(uses, HELPERS, SPECIALISED)
