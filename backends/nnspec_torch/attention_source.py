"""The attention modules with the arguments that a network gives and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from nnspec.emit.attention import attention, given_in
from nnspec.emit.helpers import Specialised, Use
from nnspec.emit.snippets import Snippet

MASKS = ("mask", "key_padding")
GIVEN = (*MASKS, "score_bias")
"""Keywords of a call."""
_DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "nn.Linear": {"bias": True},
    "F.scaled_dot_product_attention": {
        "attn_mask": None,
        "dropout_p": 0.0,
        "is_causal": False,
        "scale": None,
    },
}


def _module(snippet: Snippet, uses: Sequence[Use]) -> str:
    return _written(snippet, *given_in(uses, GIVEN))


@cache
def _written(snippet: Snippet, given: frozenset[str], is_always_rotary: bool) -> str:
    is_grouped = "kv_heads" in given
    what = "with fewer heads of k and v than of q" if is_grouped else "in several heads"
    facts = {}
    if "bias" not in given:
        facts["linear.bias is not None"] = not is_grouped
    if "rotary" not in given or is_always_rotary:
        facts["self.rotary is not None"] = is_always_rotary
    return attention(
        snippet,
        given,
        MASKS,
        f"softmax(q kᵀ / √d) v {what}",
        required=["rotary"] if is_always_rotary else [],
        facts=facts,
        defaults=_DEFAULTS,
    )


SPECIALISED: dict[str, Specialised] = dict.fromkeys(
    ("MultiHeadAttention", "GroupedQueryAttention"), _module
)
