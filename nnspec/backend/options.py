"""Options of compiling a spec: those of every backend, and those that one of them adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, Literal, NamedTuple, TypeVar

from nnspec.errors import UsageError

OptionValue = bool | int | float | str | None

O = TypeVar("O", bound="Options")  # noqa: E741 - as short as the other type variables


@dataclass(frozen=True, slots=True)
class Options:
    """The options of every backend; one that takes more extends this record.

    training: add what trains the network: loss, optimizer, data, a main program.
    layout: "spec" takes and gives image-like tensors as the spec declares them, "native" as the
    framework's kernels like them, without a transpose at the border.
    """

    training: bool = False
    layout: Literal["spec", "native"] = "spec"


DEFAULTS = Options()
COMMON = frozenset(each.name for each in fields(Options))
_KEY = "option"


class Option(NamedTuple):
    """An option that a backend adds; on the command line it is `--name`.

    kind: bool, int, float or str. minimum: of a number. choices: of a text.
    variant: where a verification compares the network with the option besides the one without:
    the end of that engine's name, such as "folded". in_verify: whether a verification takes it.
    in_source: whether it changes what is written, and not how that is run alone.
    """

    name: str
    kind: type
    default: OptionValue
    description: str
    minimum: float | None = None
    choices: tuple[str, ...] = ()
    variant: str = ""
    in_verify: bool = True
    in_source: bool = True

    @property
    def flag(self) -> str:
        """The option as it stands on the command line."""
        return f"--{self.name.replace('_', '-')}"

    def require(self, value: object) -> None:
        """Raise UsageError for a value that this option cannot have."""
        if value is None and self.default is None:
            return
        fits = isinstance(value, self.kind) and (self.kind is bool or not isinstance(value, bool))
        if self.kind is float:
            fits = isinstance(value, int | float) and not isinstance(value, bool)
        if not fits:
            raise UsageError(f"{self.name} is {value!r}, and {self._expected} is expected")
        if self.minimum is not None and isinstance(value, int | float) and value < self.minimum:
            raise UsageError(f"{self.name} is {value}, and at least {self.minimum} is expected")
        if self.choices and value not in self.choices:
            raise UsageError(
                f"{self.name} is {value!r}, and one of {', '.join(self.choices)} is expected"
            )

    @property
    def _expected(self) -> str:
        return {bool: "true or false", int: "a whole number", float: "a number"}.get(
            self.kind, "a text"
        )


def option(
    default: OptionValue,
    description: str,
    *,
    kind: type | None = None,
    minimum: float | None = None,
    choices: tuple[str, ...] = (),
    variant: str = "",
    in_verify: bool = True,
    in_source: bool = True,
) -> Any:
    """Return a field of a backend's own options: see `Option`; the kind is the default's."""
    declared = Option(
        "",
        kind or type(default),
        default,
        description,
        minimum,
        choices,
        variant,
        in_verify,
        in_source,
    )
    return field(default=default, metadata={_KEY: declared})


@dataclass(frozen=True, slots=True)
class OnnxOptions(Options):
    """The options of an ONNX model, whatever writes it."""

    opset: int = option(21, "ONNX operator set.")


def options_in(record: type[Options]) -> dict[str, Option]:
    """Return what a backend's record of options adds to the common ones, by name."""
    found = {}
    for each in fields(record):
        if each.name in COMMON:
            continue
        declared: Option | None = each.metadata.get(_KEY)
        if declared is None:
            assert each.default is not MISSING, f"{each.name} has no default"
            declared = Option("", type(each.default), each.default, "")
        found[each.name] = declared._replace(name=each.name)
    return found


def options_as(record: type[O], options: Options) -> O:
    """Return these options as a backend's own record: what it adds at its defaults.

    Raises UsageError for options of another backend's that are not at their defaults.
    """
    own = options_in(record)
    given: dict[str, Any] = {name: getattr(options, name) for name in COMMON}
    for name, declared in options_in(type(options)).items():
        value = getattr(options, name)
        if name in own:
            own[name].require(value)
            given[name] = value
        elif value != declared.default:
            raise UsageError(f"this backend has no option {name}")
    return record(**given)


def with_options(options: Options, given: Mapping[str, OptionValue]) -> Options:
    """Return options with other values of some; raises UsageError for one that does not fit."""
    declared = options_in(type(options))
    for name, value in given.items():
        declared[name].require(value)
    changes: dict[str, Any] = dict(given)
    return replace(options, **changes)
