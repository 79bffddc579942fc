"""Docstrings of the emitted losses of a generator and a discriminator."""

from __future__ import annotations

from textwrap import wrap

from nnspec.emit.code import literal

_WIDTH = 84

NON_SATURATING = ("Return the cross-entropy of made rows as real ones: the non-saturating loss.",)
SQUARE = ("Return half the square by which made rows miss the score of real ones, 1.",)
HINGE = ("Return by how much real rows score less than 1, and made ones more than -1.",)
SCORE = ("Return minus the mean score of the made rows.",)
DISTANCE = ("Return how much more made rows score than real ones, in the mean.",)
_SMOOTHED = "That is one-sided label smoothing (Salimans et al. 2016)."


def cross_entropy(smoothing: float) -> tuple[str, ...]:
    """Return what the discriminator's cross-entropy is."""
    goal = literal(1 - smoothing) if smoothing else "1"
    summary = f"Return the cross-entropy of logits: {goal} for real rows, 0 for made ones."
    if not smoothing:
        return (summary,)
    share = literal(smoothing)
    return (
        summary,
        f"{_SMOOTHED} The cross-entropy of the logit r and the target {goal} is softplus(-r) + "
        f"{share} r.",
    )


def squares(goal: str, smoothing: float) -> tuple[str, ...]:
    """Return what the discriminator's squares are."""
    summary = f"Return half the squares by which scores miss {goal} for real rows, 0 for made ones."
    return (summary, _SMOOTHED) if smoothing else (summary,)


def docstring(told: tuple[str, ...]) -> list[str]:
    """Return the lines of the docstring of a function: a summary, and what else is told."""
    summary, *more = told
    if not more:
        return [f'    """{summary}"""']
    lines = [line for each in more for line in ("", *wrap(each, _WIDTH))]
    return [f'    """{summary}', *(f"    {line}" if line else "" for line in lines), '    """']
