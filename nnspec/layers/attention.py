"""Attention."""

from collections.abc import Iterator
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import FeaturesRole, Parameter, Trained, count, require_whole
from nnspec.layers.fields import Flag, Fraction, Number, Positive, Size, Text, once
from nnspec.layers.initializers import GlorotUniform, Initializer, zeros
from nnspec.layers.shapes import DataFormat, Dim, Shape, show

BOOL = frozenset({"bool"})


class AttentionSizes(NamedTuple):
    """The sizes of an attention; features are those of query, value and key.

    leading: the axes before the time, along which each sequence attends to itself alone.
    """

    leading: Shape
    features: tuple[int, int, int]
    times: tuple[Dim, Dim]
    """Of the query, and of what it attends to."""
    heads: int
    kv_heads: int
    key_dim: int
    value_dim: int
    output_dim: int


class ScorePlace(NamedTuple):
    """The relation of a mask or a bias to the scores.

    missing: the number of leading axes that it lacks, the first ones; it is the same along them.
    is_whole: whether it has all of them, none of size 1 in the place of another.
    """

    missing: int
    is_whole: bool
    has_heads: bool


def _stretches(given: Shape, leading: Shape) -> bool:
    """Whether axes are the last of the leading ones, or 1 in their place."""
    ends = leading[len(leading) - len(given) :]
    return len(given) <= len(leading) and all(
        size in (1, end) for size, end in zip(given, ends, strict=True)
    )


class _Attention(Trained):
    """Base of the attentions: y = out(concatenated heads of softmax(q kᵀ / √d) v)."""

    num_heads: Size = Field(description="How many heads the query has.")
    key_dim: Size | None = Field(
        default=None,
        description="Size d of a query and a key in each head; by default the features of the "
        "query over num_heads.",
    )
    output_dim: Size | None = Field(
        default=None, description="Features of the output; by default those of the query."
    )
    causal: Flag = Field(
        default=False, description="Whether position t attends to positions 0 to t alone."
    )
    scale: Number | None = Field(
        default=None,
        description="The factor of q · k; 1 / √d by default, and 1 in T5.",
    )
    mask: Text | None = Field(
        default=None,
        description="An input of booleans, True where a query position attends to a key position: "
        "(..., time, length), or (..., num_heads, time, length); none by default. Leading axes "
        "that it lacks, or has as 1, stretch, and so does a time of 1.",
    )
    key_padding: Text | None = Field(
        default=None,
        description="An input of booleans, True where a key position is no padding: (..., "
        "length), leading axes as a mask; none by default.",
    )
    score_bias: Text | None = Field(
        default=None,
        description="An input of numbers that are added to the scores before softmax, as relative "
        "positions are: shaped as a mask; none by default.",
    )
    dropout: Fraction = Field(
        default=0.0, description="Probability of dropping an attention weight in training."
    )
    kernel_initializer: Initializer = Field(
        default_factory=once(GlorotUniform),
        description="First values of the four weights; glorot_uniform by default.",
    )
    query_initializer: Initializer | None = Field(default=None, description="Of q alone.")
    key_initializer: Initializer | None = Field(default=None, description="Of k alone.")
    value_initializer: Initializer | None = Field(default=None, description="Of v alone.")
    output_initializer: Initializer | None = Field(default=None, description="Of out alone.")

    arity: ClassVar[tuple[int, int | None]] = (1, 3)
    features: ClassVar[FeaturesRole] = "last"
    named_inputs: ClassVar[tuple[str, ...]] = ("mask", "key_padding", "score_bias")
    random: ClassVar[tuple[str, ...]] = ("dropout",)

    @property
    def masks(self) -> int:
        """The number of inputs, the last ones, that are masks or a bias, and no sequences."""
        return len(self.given_masks)

    @property
    def given_masks(self) -> tuple[str, ...]:
        """The fields that name them, in the order of these inputs."""
        return tuple(name for name in self.named_inputs if getattr(self, name) is not None)

    @property
    def has_bias(self) -> bool:
        """Whether the four projections add a bias."""
        raise NotImplementedError

    @property
    def rotary_base(self) -> float | None:
        """The base of the rotary positions, if there are any."""
        return None

    def input_dtypes(self, index: int, inputs: tuple[Shape, ...]) -> frozenset[str]:
        masks = self.masks - (self.score_bias is not None)
        first = len(inputs) - self.masks
        return BOOL if first <= index < first + masks else self.dtypes

    def sizes(self, inputs: tuple[Shape, ...]) -> AttentionSizes:
        """Return the sizes; raises ShapeError."""
        given = inputs[: len(inputs) - self.masks]
        for shape in given:
            if len(shape) < 2:
                raise ShapeError(
                    f"{self.type} takes (..., time, features), and got {show(shape)}",
                    "reshape each row to a sequence of vectors",
                )
            if shape[:-2] != given[0][:-2]:
                raise ShapeError(
                    f"{self.type} attends along the last axis but one, and the axes before it are "
                    f"{show(given[0][:-2])} of the query and {show(shape[:-2])} of a value or key",
                    "give each of them the same leading axes",
                )
        query = given[0]
        value = given[1] if len(given) > 1 else query
        key = given[2] if len(given) > 2 else value
        if key[-2] != value[-2]:
            raise ShapeError(
                f"{self.type} needs a value for each key, and got {show(key)} keys and "
                f"{show(value)} values",
                "inputs are [query, value] or [query, value, key]",
            )
        features = (
            require_whole(self.type, query[-1], "last axis"),
            require_whole(self.type, value[-1], "last axis"),
            require_whole(self.type, key[-1], "last axis"),
        )
        if self.key_dim is None and features[0] % self.num_heads:
            raise ShapeError(
                f"{self.type} cannot part {features[0]} features among {self.num_heads} heads",
                "choose num_heads that divides the features of the query, or set key_dim",
            )
        key_dim = self.key_dim or features[0] // self.num_heads
        return AttentionSizes(
            query[:-2],
            features,
            (query[-2], value[-2]),
            self.num_heads,
            self.num_heads,
            key_dim,
            key_dim,
            self.output_dim or features[0],
        )

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        sizes = self.sizes(inputs)
        for name, shape in zip(self.given_masks, inputs[len(inputs) - self.masks :], strict=True):
            self.place(name, shape, sizes)
        return ((*sizes.leading, sizes.times[0], sizes.output_dim),)

    def place(self, name: str, shape: Shape, sizes: AttentionSizes) -> ScorePlace:
        """Return how a mask or a bias of this shape stands to the scores; raises ShapeError."""
        time, length = sizes.times
        own: tuple[Shape, ...] = ((time, length), (1, length))
        heads: tuple[Shape, ...] = ((), (sizes.heads,), (1,))
        if name == "key_padding":
            own, heads = ((length,),), ((),)
        before, last = shape[: len(shape) - len(own[0])], shape[len(shape) - len(own[0]) :]
        found: list[ScorePlace] = []
        for each in heads if last in own else ():
            given = before[: len(before) - len(each)]
            if before[len(given) :] == each and _stretches(given, sizes.leading):
                missing = len(sizes.leading) - len(given)
                found.append(ScorePlace(missing, given == sizes.leading, bool(each)))
        whole = [place for place in found if place.is_whole]
        for_all = [place for place in found if place.missing == len(sizes.leading)]
        if len(found) > 1 and not whole and not for_all and 1 not in before[-1:]:
            raise ShapeError(
                f"{self.type} takes a {name}, and {show(shape)} may be of {before[-1]} heads, or "
                f"of {before[-1]} along the last of the leading axes {show(sizes.leading)}",
                "give it all of the leading axes, of size 1 where it is the same along one",
            )
        if not found:
            what = self._scores(name, sizes)
            what += "" if name == "key_padding" else ","
            raise ShapeError(
                f"{self.type} takes a {name} of {what} and got {show(shape)}",
                "True marks the positions that are no padding"
                if name == "key_padding"
                else "its last axes are query positions and key positions",
            )
        return (whole or for_all or found)[0]

    def _scores(self, name: str, sizes: AttentionSizes) -> str:
        """Return the shapes that a mask or a bias may have, in words."""
        time, length = sizes.times
        forms: list[Shape] = [(*sizes.leading, time, length), (sizes.heads, time, length)]
        forms[1] = (*sizes.leading, *forms[1])
        if name == "key_padding":
            forms = [(*sizes.leading, length)]
        same = ", or without leading axes where it is the same along them" if sizes.leading else ""
        of_keys = ", one for each key," if name == "key_padding" else ""
        return " or ".join(map(show, forms)) + same + of_keys

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        return ("float32",)

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        return tuple(self._parameters(self.sizes(inputs)))

    def _parameters(self, sizes: AttentionSizes) -> Iterator[Parameter]:
        query, value, key = sizes.features
        values = sizes.value_dim * sizes.kv_heads
        for name, law, columns, rows in (
            ("q", self.query_initializer, query, sizes.key_dim * sizes.heads),
            ("k", self.key_initializer, key, sizes.key_dim * sizes.kv_heads),
            ("v", self.value_initializer, value, values),
            ("out", self.output_initializer, sizes.value_dim * sizes.heads, sizes.output_dim),
        ):
            law = law or self.kernel_initializer
            yield Parameter(f"{name}.weight", (rows, columns), law, columns, rows)
            if self.has_bias:
                yield Parameter(f"{name}.bias", (rows,), zeros(), columns, rows)

    def dead_parameters(self, inputs: tuple[Shape, ...]) -> tuple[str, ...]:
        # It adds the same to every score of a query, which softmax takes away again.
        return ("k.bias",) if self.has_bias and self.rotary_base is None else ()

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        sizes = self.sizes(inputs)
        query, value, key = sizes.features
        time, length = (count((size,)) for size in sizes.times)
        projections = time * sizes.heads * (
            query * sizes.key_dim + sizes.value_dim * sizes.output_dim
        ) + length * sizes.kv_heads * (key * sizes.key_dim + value * sizes.value_dim)
        products = time * length * sizes.heads * (sizes.key_dim + sizes.value_dim)
        return count(sizes.leading) * (projections + products)


class MultiHeadAttention(_Attention):
    """y = concat_h(softmax(s q_h k_hᵀ + b_h + m) v_h) W_outᵀ + b_out; q = x_q W_qᵀ + b_q, etc.

    Inputs [query], [query, value] or [query, value, key]: (..., time, features), the last two
    (..., length, features) -> (..., time, output_dim); along the axes before the time, such as
    windows, each sequence attends to itself alone. s is the scale, 1 / √d by default; b is the
    score_bias, if there is one; m is 0 where a mask is True and -∞ where it is False; where nothing
    may be attended to, the sum over v is 0. Weights as PyTorch's linear layers: q and k (num_heads
    · key_dim, features), v (num_heads · value_dim, features), out (output_dim, num_heads ·
    value_dim). Vaswani et al. 2017.
    """

    type: Literal["multi_head_attention"] = "multi_head_attention"
    value_dim: Size | None = Field(
        default=None, description="Size of a value in each head; key_dim by default."
    )
    use_bias: Flag = Field(
        default=True, description="Whether each of the four projections adds a bias."
    )

    @property
    def has_bias(self) -> bool:
        return self.use_bias

    def sizes(self, inputs: tuple[Shape, ...]) -> AttentionSizes:
        sizes = super().sizes(inputs)
        return sizes._replace(value_dim=self.value_dim or sizes.key_dim)


class GroupedQueryAttention(_Attention):
    """As multi_head_attention, with fewer heads of keys and values than of queries.

    Query heads g·i to g·(i+1) - 1 share head i of keys and values, g = num_heads / num_kv_heads.
    With `rotary`, queries and keys are turned by their positions (see rotary_position) before
    they meet. Ainslie et al. 2023; as in Llama and Mistral.
    """

    type: Literal["grouped_query_attention"] = "grouped_query_attention"
    num_kv_heads: Size = Field(
        description="How many heads keys and values have; it divides num_heads."
    )
    use_bias: Flag = Field(
        default=False, description="Whether each of the four projections adds a bias."
    )
    rotary: Flag = Field(
        default=False, description="Whether queries and keys are turned by their positions."
    )
    rotary_wavelength: Positive = Field(
        default=10000.0, description="The base of the rotary angles."
    )
    max_length: Size | None = Field(
        default=None,
        description="The longest sequence; needed for rotary positions on a dynamic time axis.",
    )

    @property
    def has_bias(self) -> bool:
        return self.use_bias

    @property
    def rotary_base(self) -> float | None:
        return float(self.rotary_wavelength) if self.rotary else None

    def sizes(self, inputs: tuple[Shape, ...]) -> AttentionSizes:
        sizes = super().sizes(inputs)
        if self.num_heads % self.num_kv_heads:
            raise ShapeError(
                f"{self.type} cannot share {self.num_kv_heads} heads of keys among "
                f"{self.num_heads} heads of queries",
                "choose num_kv_heads that divides num_heads",
            )
        if self.rotary and sizes.key_dim % 2:
            raise ShapeError(
                f"{self.type} turns pairs of features, and key_dim is {sizes.key_dim}",
                "make key_dim even, or leave rotary out",
            )
        for time in sizes.times if self.rotary else ():
            if isinstance(time, int) and self.max_length is not None and time > self.max_length:
                raise ShapeError(
                    f"{self.type} has max_length {self.max_length}, and got {time} positions",
                    f"make max_length at least {time}, or the sequence shorter",
                )
            if isinstance(time, str) and self.max_length is None:
                raise ShapeError(
                    f"{self.type} needs to know how long the dynamic axis {time!r} may be",
                    "add max_length",
                )
        return sizes._replace(kv_heads=self.num_kv_heads)

    def size_limits(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[tuple[Dim, int, int | None], ...]:
        times = self.sizes(inputs).times if self.rotary else ()
        return tuple((time, 1, self.max_length) for time in times)
