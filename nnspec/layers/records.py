"""Fields that hold records: chosen by `type`, instead of a number, or of a file of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticCustomError, core_schema

from nnspec.layers.fields import Frozen

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class ByType:
    """Field metadata: a record chosen by its `type`, or the bare type where defaults will do.

    `table` gives the known types; it is a callable so that tables may refer to later classes.
    `without` names fields of the records that have no meaning here.
    """

    also = str | dict[str, Any]
    key = "type"
    """The key that chooses."""
    base: type[Frozen] = Frozen
    """The class of all that may stand here."""

    def __init__(
        self,
        kind: str,
        table: Callable[[], Mapping[str, type[Frozen]]],
        *,
        without: tuple[str, ...] = (),
    ) -> None:
        self.kind = kind
        self.table = table
        self.without = without
        self._bare: dict[str, Frozen] = {}

    @property
    def expected(self) -> str:
        """The values allowed here, in words."""
        noun = _with_article(self.kind)
        return f"the name of {noun}, or a mapping with its `{self.key}`, is expected"

    def record_of(self, value: object) -> type[Frozen] | None:
        """Return the class of the record that `value` describes, if there is one."""
        name = value.get(self.key) if isinstance(value, Mapping) else value
        return self._class_of(name) if isinstance(name, str) else None

    def _class_of(self, name: str) -> type[Frozen] | None:
        """Return the class of this name: of the table, else of a package that brings it."""
        return self.table().get(name) or self._brought().get(name)

    def _brought(self) -> dict[str, type[Frozen]]:
        from nnspec.layers.extensions import brought  # which few specs need

        return {
            name: record
            for name, record in brought(self.kind).items()
            if issubclass(record, self.base)
        }

    def validate(self, value: object) -> Frozen:
        """Return the record that `value` describes."""
        if type(value) is str and value in self._bare:
            return self._bare[value]
        if isinstance(value, Frozen) and self.record_of(getattr(value, self.key)) is type(value):
            return value
        name = value.get(self.key) if isinstance(value, Mapping) else value
        if not isinstance(name, str):
            raise PydanticCustomError("wrong_type", self.expected, {})
        record = self._class_of(name)
        if record is None:
            known = [*self.table(), *self._brought()]
            raise PydanticCustomError(
                "unknown_type",
                "{kind}",
                {"kind": self.kind, "name": name, "known": known, "key": self.key},
            )
        if isinstance(value, str):
            made = record.model_validate({"type": name})
            if name in self.table():
                # Records are immutable, so that one will do for all.
                self._bare[value] = made
            return made
        assert isinstance(value, Mapping)
        for key in self.without:
            if key in value:
                raise PydanticCustomError(
                    "surplus_key",
                    "{kind} inside a layer has no `{key}`",
                    {"kind": _with_article(self.kind), "key": key},
                )
        return record.model_validate(value)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        self.base = source if isinstance(source, type) else self.base
        return core_schema.no_info_plain_validator_function(
            self.validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda record: record.model_dump(exclude_none=True)
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        # nnspec.show.jsonschema writes one definition for each table, and points to it.
        return {"x-table": self.kind.replace(" ", "_")}


class NumberOr(ByType):
    """Field metadata: a number, or a record chosen by the key that is named after its kind.

    number: the type of the number.
    """

    def __init__(
        self, kind: str, table: Callable[[], Mapping[str, type[Frozen]]], *, number: Any
    ) -> None:
        super().__init__(kind, table)
        self.key = kind
        self.number = number

    @property
    def expected(self) -> str:
        """The values allowed here, in words."""
        return f"a number, or a mapping with its `{self.key}`, is expected"

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        def validate(value: object, as_number: Callable[[object], float]) -> Frozen | float:
            is_record = isinstance(value, Mapping | Frozen)
            return self.validate(value) if is_record else as_number(value)

        return core_schema.no_info_wrap_validator_function(
            validate,
            handler.generate_schema(self.number),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: (
                    value.model_dump(exclude_none=True) if isinstance(value, Frozen) else value
                )
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        number: Any = schema["schema"]
        return {"anyOf": [handler(number), {"x-table": self.kind}]}


class Lazy(ByType):
    """Field metadata: a record without a `type`, whose file is read where one is given.

    place: module and class, as "nnspec.language.clipping:Clip".
    """

    also = dict[str, Any]

    def __init__(self, place: str) -> None:
        super().__init__(place, dict)
        self.place = place

    @property
    def record(self) -> type[Frozen]:
        """The class of the record."""
        module, _, name = self.place.partition(":")
        found: type[Frozen] = getattr(import_module(module), name)
        return found

    def record_of(self, value: object) -> type[Frozen] | None:
        """Return the class, whatever is given."""
        return self.record

    def validate(self, value: object) -> Frozen:
        """Return the record that `value` describes."""
        record = self.record
        return value if isinstance(value, record) else record.model_validate(value)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"x-record": self.place}


class NumberOrOne(NumberOr):
    """Field metadata: a number, or a mapping of the keys of one record."""

    def __init__(self, record: type[Frozen], *, number: Any) -> None:
        super().__init__("", dict, number=number)
        self.record = record

    def record_of(self, value: object) -> type[Frozen] | None:
        """Return the record, of whatever is a mapping."""
        return self.record if isinstance(value, Mapping) else None

    def validate(self, value: object) -> Frozen:
        """Return the record that `value` describes."""
        return value if isinstance(value, self.record) else self.record.model_validate(value)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        number: Any = schema["schema"]
        return {"anyOf": [handler(number), {"x-table": self.record.__name__}]}


def _with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
