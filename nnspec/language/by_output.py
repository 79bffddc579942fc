"""Fields of a training that are one value, or several by the names of outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from nnspec.layers.fields import Frozen, Positive, Text
from nnspec.layers.records import ByType

_SEVERAL = "\0several"
_ONE = "\0one"
_OWN = "\0own"
_TAUGHT = "\0taught"
"""Tags of pydantic's paths, which no key of a document is."""


class OneOrByOutput(ByType):
    """Field metadata: a record chosen by its `type`, or a mapping of outputs to such records."""

    def record_of(self, value: object) -> Any:
        """Return the class of the record that `value` describes, or the mapping's annotation."""
        if is_by_output(value):
            return dict[str, Annotated[Frozen, ByType(self.kind, self.table)]]
        return super().record_of(value)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        one = super().__get_pydantic_core_schema__(source, handler)
        several = core_schema.dict_schema(core_schema.str_schema(strict=True), one, min_length=1)
        return core_schema.tagged_union_schema(
            {_ONE: one, _SEVERAL: several},
            discriminator=lambda value: _SEVERAL if is_by_output(value) else _ONE,
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        table = super().__get_pydantic_json_schema__(schema, handler)
        return {"anyOf": [table, {"type": "object", "additionalProperties": table}]}


class OrByOutput:
    """Field metadata: a value, or a mapping of outputs to such values.

    To a type checker it is the value: those of several outputs are seen here alone.
    """

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        one = handler(source)
        several = core_schema.dict_schema(core_schema.str_schema(strict=True), one)
        return core_schema.tagged_union_schema(
            {_ONE: one, _SEVERAL: several},
            discriminator=lambda value: _SEVERAL if isinstance(value, Mapping) else _ONE,
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        choices: Any = schema["choices"]
        return {"anyOf": [handler(choices[_ONE]), {"type": "object"}]}


class Own(Frozen):
    """A target that the network's own input is, or the next of its ids at each position."""

    input: Text | None = None
    shifted: Text | None = None

    @model_validator(mode="after")
    def _one(self) -> Own:
        if (self.input is None) == (self.shifted is None):
            raise ValueError("either `input` or `shifted` names an input of the network")
        return self

    @property
    def name(self) -> str:
        """The input's name."""
        return self.input or self.shifted or ""


class Taught(Frozen):
    """A target that another network gives: what the trained teacher makes of the same rows."""

    teacher: Text = Field(min_length=1, description="Its spec, relative to this one.")
    weights: Text = Field(min_length=1, description="Its weights, relative to this spec.")
    output: Text | None = Field(default=None, description="Which of its outputs, of several.")
    temperature: Positive = Field(
        default=1.0, description="T of the target softmax(z / T), z the teacher's logits."
    )


class Targets(OrByOutput):
    """Field metadata: a target, one of the network's own or a teacher's, or these by output."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        either = core_schema.tagged_union_schema(
            {
                _ONE: handler(source),
                _OWN: handler.generate_schema(Own),
                _TAUGHT: handler.generate_schema(Taught),
            },
            discriminator=lambda value: (
                _OWN if is_own(value) else _TAUGHT if is_taught(value) else _ONE
            ),
        )
        several = core_schema.dict_schema(core_schema.str_schema(strict=True), either)
        return core_schema.tagged_union_schema(
            {_ONE: either, _SEVERAL: several},
            discriminator=lambda value: (
                _SEVERAL
                if isinstance(value, Mapping) and not is_own(value) and not is_taught(value)
                else _ONE
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        either: Any = schema["choices"][_ONE]
        column = handler(either["choices"][_ONE])
        inner = {"anyOf": [column, {"type": "object"}]}
        return {"anyOf": [column, {"type": "object", "additionalProperties": inner}]}


def is_own(value: object) -> bool:
    """Whether a target is given as one of the network's own: {input: x} or {shifted: tokens}."""
    if isinstance(value, Own):
        return True
    return (
        isinstance(value, Mapping)
        and len(value) == 1
        and next(iter(value)) in Own.model_fields
        and isinstance(next(iter(value.values())), str)
    )


def is_taught(value: object) -> bool:
    """Whether a target is given as another network's: {teacher: spec, weights: file}."""
    if isinstance(value, Taught):
        return True
    return isinstance(value, Mapping) and isinstance(value.get("teacher"), str) and len(value) > 1


def is_by_output(value: object) -> bool:
    """Whether a value is a mapping of outputs: one with a word for its `type` is a record.

    But an output may be called so: no field of a loss is the name of a loss.
    """
    if not isinstance(value, Mapping):
        return False
    if not isinstance(value.get("type"), str):
        return True
    return len(value) > 1 and all(map(_is_loss, value.values()))


def _is_loss(value: object) -> bool:
    from nnspec.language.losses import LOSSES  # they are of records of this file's neighbours

    name = value.get("type") if isinstance(value, Mapping) else getattr(value, "type", value)
    return isinstance(name, str) and name in LOSSES


def with_task(given: Any) -> Any:
    """Return the document of a training with the tasks that losses by output leave open."""
    if not isinstance(given, Mapping):
        return given
    loss = given.get("loss")
    if isinstance(loss, Mapping) and loss.get("type") == "value" and "output" in loss:
        loss = {loss["output"]: {key: value for key, value in loss.items() if key != "output"}}
        given = {**given, "loss": loss}
    if "task" not in given and is_by_output(loss):
        return {**given, "task": {}}
    return given


def without_task(schema: dict[str, Any]) -> None:
    """Let the schema of a training do without a task, which losses by output say."""
    schema["required"] = [key for key in schema.get("required", ()) if key != "task"]
