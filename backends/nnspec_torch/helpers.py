"""Helpers of the emitted source where PyTorch has none that means the same."""

from __future__ import annotations

from nnspec.emit.body import Body
from nnspec.emit.helpers import used_helpers
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
    "gated",
    "regularization",
)
"""Name -> definition, in the order in which a file has them."""


def helpers_of(network: Body) -> list[Snippet]:
    """Return every helper that the network uses, in a fixed order."""
    return used_helpers(network, HELPERS, SPECIALISED)
