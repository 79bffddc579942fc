"""What the attentions of a network use, so that the source that defines them has no more."""

from __future__ import annotations

from collections.abc import Sequence

from nnspec.emit.helpers import Use

ALWAYS_ROTARY = "always rotary"


def given_in(uses: Sequence[Use], masks: Sequence[str]) -> frozenset[str]:
    """Return what the uses give: keywords of the construction, masks, "value" and "key".

    masks: what a call names its masks. ALWAYS_ROTARY is there where every use has rotary positions.
    """
    given: set[str] = set()
    has_rotary = []
    for use in uses:
        assert use.construction is not None
        keywords = {name for name, _ in use.construction.keywords}
        has_rotary.append("rotary" in keywords)
        named = [name for name in masks if f"{name}=" in use.forward]
        # The braces of the module, of the inputs in order and of the masks.
        inputs = use.forward.count("{") - 1 - len(named)
        given.update(keywords, named, ("value", "key")[: inputs - 1])
    if all(has_rotary):
        given.add(ALWAYS_ROTARY)
    return frozenset(given)
