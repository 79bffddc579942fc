"""Shows a value of the spec in a message."""

from __future__ import annotations

from collections.abc import Mapping

MERGE_HINT = "YAML 1.2 has no merge keys; describe what is shared as a block"


def shown(value: object) -> str:
    """Return a value as a message may show it."""
    if isinstance(value, str):
        text = f'"{value}"'
    elif value is None:
        text = "empty"
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, Mapping):
        text = "a mapping"
    elif isinstance(value, list | tuple):
        text = f"[{', '.join(shown(item) for item in value[:30])}]"
    else:
        text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
