"""The values of a forward pass."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nnspec.network.layouts import DECLARED, Layout


@dataclass(slots=True, eq=False)  # a frozen one takes thrice as long to make
class Value:
    """A value of the graph, or one that stands between two of them.

    name: in the graph. stages: where it stands on the way to or from the graph's value: "linear"
    before its activation, "native" after a transpose. layout: how it lies in memory, if it is
    image-like; the same value is one, however it lies.
    """

    name: str
    stages: tuple[str, ...] = ()
    layout: Layout = DECLARED

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Value) and self.name == other.name and self.stages == other.stages
        )

    def __hash__(self) -> int:
        return hash(self.name)

    def at(self, stage: str, layout: Layout | None = None) -> Value:
        """Return the value of a stage after this one, in its layout unless another is given."""
        layout = self.layout if layout is None else layout
        return Value(self.name, (*self.stages, stage), layout)

    def lying(self, layout: Layout) -> Value:
        """Return the same value, known to lie in this layout."""
        return self if layout is self.layout else replace(self, layout=layout)

    @property
    def is_declared(self) -> bool:
        """Whether it is the graph's value itself."""
        return not self.stages

    def label(self, separator: str) -> str:
        """Return its name and its stages, joined."""
        return separator.join((self.name, *self.stages))
