"""What the attentions of a network use, so that the source that defines them has no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from nnspec.emit.helpers import Specialised, Use
from nnspec.emit.snippets import Snippet

ALWAYS_ROTARY = "always rotary"
Source = Callable[[str, frozenset[str]], Iterator[str]]
"""Gives the lines of a class of this name for what its uses give: see `given_in`."""


def attention_helpers(source: Source, masks: Sequence[str]) -> dict[str, Specialised]:
    """Return a backend's attention classes, each with the source for what a network uses of it."""

    def specialised(snippet: Snippet, uses: Sequence[Use]) -> str:
        return "\n".join(source(snippet.name, given_in(uses, masks)))

    return dict.fromkeys(("MultiHeadAttention", "GroupedQueryAttention"), specialised)


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


def docstring(summary: str, given: frozenset[str], masks: Sequence[str]) -> Iterator[str]:
    """Yield the docstring of an attention class: the summary, and the shapes of what it takes."""
    yield f'    """{summary}.'
    yield ""
    others = " and key" if "key" in given else ""
    others = f", value{others} (batch, length, size)" if "value" in given else ""
    size = "out" if "output_size" in given else "size"
    shapes = f"    {query(given)} (batch, time, size){others} -> (batch, time, {size})"
    if given.isdisjoint(masks):
        yield f"{shapes}."
    else:
        yield f"{shapes};"
        yield "    masks are True where attended."
    yield '    """'


def query(given: frozenset[str]) -> str:
    """Return what the first input is called."""
    return "query" if "value" in given else "x"


def operands(given: frozenset[str]) -> tuple[tuple[str, str, str], ...]:
    """Return for q, k and v: its name, what it is made of, the attribute that counts its heads."""
    value = "value" if "value" in given else query(given)
    key = "key" if "key" in given else value
    kv_heads = "kv_heads" if "kv_heads" in given else "heads"
    return (("q", query(given), "heads"), ("k", key, kv_heads), ("v", value, kv_heads))


def left_out(given: frozenset[str]) -> Iterator[str]:
    """Yield the lines that find value and key where a call leaves them out."""
    if "value" in given:
        yield "        value = query if value is None else value"
    if "key" in given:
        yield "        key = value if key is None else key"
