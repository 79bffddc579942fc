"""The base of the schema: the frozen model and the strict field types."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, dataclass_transform

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError, ValidationError, core_schema

# pydantic.types and pydantic.json_schema take longer to import than everything here.
if TYPE_CHECKING:
    from inspect import Signature

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)


R = TypeVar("R")


@dataclass_transform(kw_only_default=True, field_specifiers=(Field,))
class Records(ModelMetaclass):
    """The class of the records' classes: it answers `inspect.signature`, `help` and `dir`.

    pydantic would show its own constructor until a record is first made, and its internals.
    """

    @property
    def __signature__(cls: type[Frozen]) -> Signature:  # type: ignore[misc]
        from nnspec.layers.signatures import signature_of

        return signature_of(cls)

    @__signature__.setter
    def __signature__(cls, made: object) -> None:
        """Take pydantic's own, made from the validators, of which a reader has no use."""

    @property
    def __doc__(cls: type[Frozen]) -> str:  # type: ignore[misc, override]
        from nnspec.layers.signatures import help_of

        return help_of(cls, vars(cls).get("__doc__") or "")

    def __call__(cls, /, *args: Any, **given: Any) -> Any:
        """Make a record; raises SpecError, whose messages are those that YAML gets."""
        problem = None
        if not args:
            try:
                return super().__call__(**given)
            except ValidationError as error:
                problem = error
            # By its name: only a mistake, or a number of NumPy, needs it.
            numbers = import_module("nnspec.support.plain").all_plain(given)
            if numbers is not given:
                return cls(**numbers)
        # By its name: it imports this file, and only a mistake needs it.
        explain = import_module("nnspec.language.objects").constructor_error
        raise explain(cls, args, given, problem) from None

    def __dir__(cls) -> list[str]:
        """Return the names that say something of a record."""
        pydantics = {*dir(BaseModel), "__class_vars__"} - {*dir(object)}
        own = [name for name in super().__dir__() if name not in pydantics]
        return [name for name in own if not name.startswith(("__pydantic_", "__private_"))]


class Frozen(BaseModel, metaclass=Records):
    """An immutable, closed record; unknown keys are errors, and nothing is coerced."""

    # Building a validator costs about a millisecond a class, and a spec uses few of them.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def once(make: Callable[[], R]) -> Callable[[], R]:
    """Return a factory that gives the same record each time: records are immutable.

    `functools.cache` would read the docstring of a record's class, which is made when it is asked
    for.
    """
    made: list[R] = []

    def factory() -> R:
        if not made:
            made.append(make())
        return made[0]

    return factory


FLOAT32_MAX = 3.4028234663852886e38
"""The largest number of float32."""

Text = Annotated[str, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
# A network computes in float32, which holds nothing larger.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-FLOAT32_MAX, le=FLOAT32_MAX)]
Size = Annotated[int, Field(strict=True, gt=0)]
Count = Annotated[int, Field(strict=True, ge=0)]
Positive = Annotated[float, Field(strict=True, gt=0, le=FLOAT32_MAX, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(strict=True, ge=0, le=FLOAT32_MAX, allow_inf_nan=False)]
Fraction = Annotated[float, Field(strict=True, ge=0, lt=1)]
Names = Annotated[tuple[Text, ...], Field(strict=False)]


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


OneOrMany = Annotated[Names, BeforeValidator(_one_or_many, json_schema_input_type=str | list[str])]
"""A text, or a list of them."""


def is_whole(value: object) -> bool:
    """Whether `value` is an int that is not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


class Validated:
    """Base of field metadata whose `validate` takes the value as it is given."""

    def validate(self, value: object) -> object:
        """Return the value that the field holds; raises PydanticCustomError."""
        raise NotImplementedError

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.validate)


class PerAxis(Validated):
    """Field metadata: one whole number for all axes, or a list with one per axis."""

    also = int
    """The type that may stand for the one that the field holds, for `signatures` to show."""

    def __init__(self, axes: int, minimum: int = 1) -> None:
        self.axes = axes
        self.minimum = minimum

    def validate(self, value: object) -> tuple[int, ...]:
        """Return one number per axis."""
        items = [value] * self.axes if is_whole(value) else value
        if (
            not isinstance(items, list | tuple)
            or len(items) != self.axes
            or not all(is_whole(item) for item in items)
        ):
            raise PydanticCustomError(
                "wrong_type", f"a whole number or a list of {self.axes} is expected"
            )
        if min(items) < self.minimum:
            raise PydanticCustomError("out_of_range", f"at least {self.minimum} is expected")
        return tuple(items)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        one = {"type": "integer", "minimum": self.minimum}
        many = {"type": "array", "items": one, "minItems": self.axes, "maxItems": self.axes}
        return {"anyOf": [one, many]}


class Pads(Validated):
    """Field metadata: a word, one number, one per axis, or [begin, end] per axis."""

    also = int

    def __init__(self, axes: int, words: tuple[str, ...] = ("valid", "same")) -> None:
        self.axes = axes
        self.words = words

    def validate(self, value: object) -> str | tuple[tuple[int, int], ...]:
        """Return the word, or (begin, end) per axis."""
        if isinstance(value, str) and value in self.words:
            return value
        items = [value] * self.axes if is_whole(value) else value
        if self.axes == 1 and isinstance(items, list | tuple) and len(items) == 2:
            items = [items]
        if isinstance(items, list | tuple) and len(items) == self.axes:
            pairs = [(item, item) if is_whole(item) else item for item in items]
            if all(
                isinstance(pair, list | tuple)
                and len(pair) == 2
                and all(is_whole(size) and size >= 0 for size in pair)
                for pair in pairs
            ):
                return tuple((begin, end) for begin, end in pairs)
        words = ", ".join(f'"{word}"' for word in self.words)
        raise PydanticCustomError(
            "wrong_type",
            f"{words}, {self.sizes} is expected, none of them negative",
        )

    @property
    def sizes(self) -> str:
        """The values allowed for the sizes, in words."""
        if self.axes == 1:
            return "a size or [begin, end]"
        return f"a size, or a list of {self.axes} sizes or [begin, end] pairs"

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        size = {"type": "integer", "minimum": 0}
        pair = {"type": "array", "items": size, "minItems": 2, "maxItems": 2}
        axes = {"minItems": self.axes, "maxItems": self.axes}
        each = {"type": "array", "items": {"anyOf": [size, pair]}, **axes}
        words = {"enum": list(self.words)}
        if self.axes == 1:
            return {"anyOf": [words, size, each, pair]}
        return {"anyOf": [words, size, each]}


class Pairs(Validated):
    """Field metadata: one number for all sides, or for each axis a number or [begin, end]."""

    also = int

    def __init__(self, axes: int) -> None:
        self.axes = axes

    def validate(self, value: object) -> tuple[tuple[int, int], ...]:
        """Return (begin, end) per axis."""
        pads = Pads(self.axes)
        if not isinstance(value, str):
            with suppress(PydanticCustomError):
                given = pads.validate(value)
                assert not isinstance(given, str)
                return given
        raise PydanticCustomError(
            "wrong_type",
            f"{pads.sizes} is expected, none of them negative",
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": Pads(self.axes).__get_pydantic_json_schema__(schema, handler)["anyOf"][1:]}
