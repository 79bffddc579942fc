"""The attention layers with the arguments that a network gives and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from nnspec.emit.attention import attention, given_in
from nnspec.emit.helpers import Specialised, Use
from nnspec.emit.snippets import Snippet

MASKS = ("attention_mask", "key_padding")
GIVEN = (*MASKS, "score_bias")
"""Keywords of a call."""
_DEFAULTS: Mapping[str, Mapping[str, object]] = {"layers.Dense": {"use_bias": True}}


def _layer(snippet: Snippet, uses: Sequence[Use]) -> str:
    has_leading = frozenset(use.rank is not None and use.rank > 2 for use in uses)
    return _written(snippet, *given_in(uses, GIVEN), has_leading)


@cache
def _written(
    snippet: Snippet,
    given: frozenset[str],
    is_always_rotary: bool,
    has_leading: frozenset[bool],
) -> str:
    has_masks = not given.isdisjoint(MASKS)
    what = "k and v in fewer heads than q" if "kv_heads" in given else "in several heads"
    nothing = "; a query that may attend to nothing gets 0" if has_masks else ""
    # What is done without a mask is written apart, and only where no use has one.
    facts = {"attention_mask is None and key_padding is None": not has_masks}
    if "initializers" in given:
        given |= {"kernel_initializer"}
    else:
        facts["self.initializers"] = False
    if len(has_leading) == 1:
        (is_leading,) = has_leading
        facts |= {"len(query.shape) > 3": is_leading, "len(leading) > 1": is_leading}
    if "rotary" not in given or is_always_rotary:
        facts["self.rotary is not None"] = is_always_rotary
    more = {f"{name}_shape" for name in ("value", "key") if name in given}
    if "dropout" in given:
        more.add("training")
    return attention(
        snippet,
        given | more,
        MASKS,
        f"Attention, {what}{nothing}",
        facts=facts,
        has_leading=True in has_leading,
        defaults=_DEFAULTS,
    )


SPECIALISED: dict[str, Specialised] = dict.fromkeys(
    ("MultiHeadAttention", "GroupedQueryAttention"), _layer
)
