"""Short ways to write the body of a loss."""

from nnspec.emit.code import literal
from nnspec.emit.training import LossBody


def calls(name: str, title: str, **keywords: object) -> LossBody:
    """Return what calls a function of PyTorch, whose reduction is the mean."""
    given = "".join(f", {key}={literal(value)}" for key, value in keywords.items())
    lines = (f"return {name}(output, target{given})",)
    modules = frozenset({name.partition(".")[0]})
    return LossBody(title, lines, modules)


def written(title: str, *lines: str, says_mean: bool = True, more: str = "") -> LossBody:
    """Return a body of these lines, with the modules that they use.

    says_mean and more: see `LossBody`.
    """
    text = "\n".join(lines)
    modules = frozenset(name for name in ("F", "math", "torch") if f"{name}." in text)
    return LossBody(title, lines, modules, says_mean=says_mean, more=more)
