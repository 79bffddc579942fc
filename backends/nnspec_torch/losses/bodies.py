"""Short ways to write the body of a loss."""

from nnspec.emit.code import literal
from nnspec.emit.training import LossBody


def calls(name: str, summary: str, **keywords: object) -> LossBody:
    """Return what calls a function of PyTorch, whose reduction is the mean."""
    given = "".join(f", {key}={literal(value)}" for key, value in keywords.items())
    lines = (f"return {name}(output, target{given})",)
    modules = frozenset({name.partition(".")[0]})
    return LossBody(f"{summary}, the mean over the batch.", lines, modules)


def written(summary: str, *lines: str) -> LossBody:
    """Return a body of these lines, with the modules that they use."""
    text = "\n".join(lines)
    modules = frozenset(name for name in ("F", "math", "torch") if f"{name}." in text)
    return LossBody(summary, lines, modules)
