"""Names of what makes a weight whose length and direction are trained: Salimans and Kingma 2016."""

LENGTH, DIRECTION = "_g", "_v"
"""Ends of the names of a weight's length and direction, as in torch.nn.utils.weight_norm."""


def split(name: str) -> tuple[str, str]:
    """Return the name of the weight that a parameter is a part of, and which: its end, or ""."""
    for end in (LENGTH, DIRECTION):
        if name.endswith(f"weight{end}"):
            return name.removesuffix(end), end
    return name, ""
