"""The sentences of two files on the map of their tensors, and how far it is proven."""

from __future__ import annotations

from nnspec.judge.attempts import Attempt
from nnspec.judge.fitting import some_of
from nnspec.judge.unusual import unusual
from nnspec.layers.shapes import show
from nnspec.verification.recorder import Recorder


def tell_map(best: Attempt, recorder: Recorder, pair: tuple[str, str], *, are_ported: bool) -> None:
    """Add notes on a map, and what was not found. are_ported: whether the weights are the same."""
    walk, mine, theirs = best.walk, best.mine.label, best.theirs.label
    for told in walk.missing().values():
        reason = f"no tensor of {theirs} was found for {told}: say which by --map"
        recorder.leave_out("interface", pair, reason)
    if best.unused:
        some = some_of([f"{each.name} {show(each.shape)}" for each in best.unused])
        recorder.note(f"{mine} has no place for {some}")
    recorder.note(
        f"{len(walk.proven)} of {len(walk.sources)} tensors of {mine} were found in "
        f"{theirs}, and proven by the values that they give"
    )
    unproven = [name for name in walk.sources if name not in walk.proven]
    if unproven:
        some = some_of([f"{name} ({walk.sources[name].told()})" for name in unproven])
        recorder.note(f"taken by shape and order alone: {some}")
    constant = [name for name, each in walk.sources.items() if not each.tensor]
    if constant:
        some = ", ".join(f"{name} ({walk.sources[name].told()})" for name in constant[:5])
        unsure = "; whether they were folded rightly its weights cannot tell"
        recorder.note(f"{theirs} does without some tensors: {some}{'' if are_ported else unsure}")
    for told in unusual(walk.sources):
        recorder.note(told)
