"""The part of a document with mistakes that is fine: its layers are checked nevertheless."""

from __future__ import annotations

from typing import Any

from nnspec.language.schema import FORMAT_VERSION, Input, Model


def rest(
    values: dict[str, Any], unread: set[str], bad: set[tuple[str, str]]
) -> tuple[Model, frozenset[str]]:
    """Return a model of what is fine, so that the layers can be checked nevertheless."""
    fine = {key: value for key, value in values.items() if key in Model.model_fields}
    fine = {key: value for key, value in fine.items() if key not in unread}
    if "data_format" not in fine and unread:
        layout = _layout_meant(values, is_given="data_format" in unread)
        if layout is not None:
            fine["data_format"] = layout
    for kind in ("inputs", "blocks"):
        if kind in fine and any(key == kind for key, _ in bad):
            # A name that stands for an input or block of unknown content.
            fine[kind] = {
                name: value for name, value in fine[kind].items() if (kind, name) not in bad
            }
    broken = {name for _, name in bad}
    fine.setdefault("name", "Network")
    inputs = dict(fine.get("inputs", {}))
    inputs.update({name: Input(shape=()) for kind, name in bad if kind == "inputs"})
    if not inputs:
        broken.add("?")
        inputs["?"] = Input(shape=())
    fine["inputs"] = (
        {name: inputs[name] for name in [*values.get("inputs", {}), "?"] if name in inputs}
        if isinstance(values.get("inputs"), dict)
        else inputs
    )
    return Model.model_validate({**fine, "nnspec": FORMAT_VERSION}), frozenset(broken)


def _layout_meant(values: dict[str, Any], *, is_given: bool) -> str | None:
    """Return the layout that a wrong key or value means, so that no layer is blamed for it."""
    for key, value in values.items():
        if isinstance(value, str) and (key == "data_format" or key not in Model.model_fields):
            text = value.lower()
            if "last" in text or text in ("nhwc", "nwc", "nlc", "ndhwc"):
                return "channels_last"
            if key == "data_format" or "first" in text:
                return "channels_first"
    return "channels_first" if is_given else None
