"""Short ways to write the body of a loss."""

from nnspec.emit.training import LossBody, counted


def written(title: str, *lines: str, says_mean: bool = True, more: str = "") -> LossBody:
    """Return a body of these lines, with the modules that they use beside `ops`.

    says_mean and more: see `LossBody`.
    """
    text = "\n".join(lines)
    modules = frozenset(name for name in ("math",) if f"{name}." in text)
    return LossBody(title, lines, modules, says_mean=says_mean, more=more)


def classes_last(axis: int, rank: int, *names: str) -> list[str]:
    """Return the lines that bring the axis of the classes to the end, where it is elsewhere."""
    if axis % rank == rank - 1:
        return []
    return [f"{name} = ops.moveaxis({name}, {counted(axis)}, -1)" for name in names]


CLASSES = 'classes = ops.cast(target, "int64")'


def kept_classes(ignored: int | None) -> list[str]:
    """Return the lines that give the class numbers, and what is kept of them."""
    if ignored is None:
        return [CLASSES]
    return [
        CLASSES,
        f"kept = classes != {ignored}",
        "classes = ops.where(kept, classes, 0)",
    ]


def kept_mean(losses: str, ignored: int | None) -> list[str]:
    """Return the lines that end in the mean of what is kept, 0 of nothing."""
    if ignored is None:
        return [f"return ops.mean({losses})"]
    return [
        "kept = ops.cast(kept, output.dtype)",
        f"return ops.sum(kept * {losses}) / ops.maximum(ops.sum(kept), 1)",
    ]
