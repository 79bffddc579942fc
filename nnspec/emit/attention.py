"""Copies definitions of attention with no more than the attentions of a network use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nnspec.emit.helpers import Use
from nnspec.emit.snippets import Snippet
from nnspec.emit.tree import MODULE, Apply, walk


def given_in(uses: Sequence[Use], masks: Sequence[str]) -> tuple[frozenset[str], bool]:
    """Return what the uses give: keywords of the construction, masks, "value" and "key".

    masks: what a call names its masks. The second result is whether every use has rotary positions.
    """
    given: set[str] = set()
    has_rotary = []
    for use in uses:
        assert use.construction is not None
        keywords = {name for name, _ in use.construction.keywords}
        has_rotary.append("rotary" in keywords)
        assert use.forward is not None
        call = next(
            each
            for each in walk(use.forward)
            if isinstance(each, Apply) and each.function == MODULE
        )
        named = {name for name, _ in call.keywords}.intersection(masks)
        given.update(keywords, named, ("value", "key")[: len(call.arguments) - 1])
    return frozenset(given), all(has_rotary)


def attention(
    snippet: Snippet,
    given: frozenset[str],
    masks: Sequence[str],
    summary: str,
    *,
    required: Sequence[str] = (),
    facts: Mapping[str, bool],
    has_leading: bool = False,
    defaults: Mapping[str, Mapping[str, object]],
) -> str:
    """Return an attention class for what the uses give; its only input is called x.

    has_leading: whether it takes axes between the batch and the time.
    """
    from nnspec.emit.specialised import Specialisation, specialised

    renamed = {} if "value" in given else {"query": "x", "query_shape": "x_shape"}
    lines = list(docstring(summary, given, masks, has_leading=has_leading))
    wanted = Specialisation(
        docstring=lines,
        given=given,
        required=required,
        facts=facts,
        defaults=defaults,
        renamed=renamed,
    )
    return specialised(snippet.text, wanted)


def docstring(
    summary: str, given: frozenset[str], masks: Sequence[str], *, has_leading: bool = False
) -> Iterator[str]:
    """Yield the docstring of an attention class: the summary, and the shapes of what it takes."""
    yield f'"""{summary}.'
    yield ""
    query = "query" if "value" in given else "x"
    others = " and key" if "key" in given else ""
    rows = "batch, ..." if has_leading else "batch"
    others = f", value{others} ({rows}, length, size)" if "value" in given else ""
    size = "out" if "output_size" in given else "size"
    shapes = f"{query} ({rows}, time, size){others} -> ({rows}, time, {size})"
    if given.isdisjoint(masks):
        yield f"{shapes}."
    else:
        yield f"{shapes};"
        yield "masks are True where attended."
    yield '"""'
