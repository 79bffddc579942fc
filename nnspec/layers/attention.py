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
        "(..., time, length), or (..., num_heads, time, length); none by default.",
    )
    key_padding: Text | None = Field(
        default=None,
        description="An input of booleans, True where a key position is no padding: (..., "
        "length); none by default.",
    )
    score_bias: Text | None = Field(
        default=None,
        description="An input of numbers that are added to the scores before softmax, as relative "
        "positions are: (time, length), or (num_heads, time, length); none by default.",
    )
    dropout: Fraction = Field(
        default=0.0, description="Probability of dropping an attention weight in training."
    )
    kernel_initializer: Initializer = Field(
        default_factory=once(GlorotUniform),
        description="First values of the four weights; glorot_uniform by default.",
    )

    arity: ClassVar[tuple[int, int | None]] = (1, 3)
    features: ClassVar[FeaturesRole] = "last"
    named_inputs: ClassVar[tuple[str, ...]] = ("mask", "key_padding", "score_bias")
    random: ClassVar[tuple[str, ...]] = ("dropout",)

    @property
    def masks(self) -> int:
        """The number of inputs, the last ones, that are masks or a bias, and no sequences."""
        return sum(getattr(self, name) is not None for name in self.named_inputs)

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
        masks = list(inputs[len(inputs) - self.masks :])
        if self.score_bias is not None:
            bias = masks.pop()
            if not self.is_for_all(bias, sizes):
                self.check_scores("score_bias", bias, sizes)
        if self.mask is not None:
            self.check_scores("mask", masks.pop(0), sizes)
        padding = (*sizes.leading, sizes.times[1])
        if self.key_padding is not None and masks[0] != padding:
            raise ShapeError(
                f"{self.type} takes a key_padding of {show(padding)}, one for each key, "
                f"and got {show(masks[0])}",
                "True marks the positions that are no padding",
            )
        return ((*sizes.leading, sizes.times[0], sizes.output_dim),)

    def is_for_all(self, bias: Shape, sizes: AttentionSizes) -> bool:
        """Whether a score_bias has none of the leading axes: it is the same along them."""
        forms = [sizes.times, (sizes.heads, *sizes.times)]
        forms = forms[: 2 if sizes.heads == sizes.kv_heads else 1]
        given = (*sizes.leading, *sizes.times)
        return bool(sizes.leading) and bias in forms and bias != given

    def check_scores(self, name: str, shape: Shape, sizes: AttentionSizes) -> None:
        """Raise ShapeError for a mask or a bias that has not the shape of the scores."""
        allowed = [
            (*sizes.leading, *sizes.times),
            (*sizes.leading, sizes.heads, *sizes.times),
        ][: 2 if sizes.heads == sizes.kv_heads else 1]
        if shape not in allowed:
            raise ShapeError(
                f"{self.type} takes a {name} of {' or '.join(map(show, allowed))}, and got "
                f"{show(shape)}",
                "its last axes are query positions and key positions",
            )

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        return ("float32",)

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        return tuple(self._parameters(self.sizes(inputs)))

    def _parameters(self, sizes: AttentionSizes) -> Iterator[Parameter]:
        query, value, key = sizes.features
        values = sizes.value_dim * sizes.kv_heads
        for name, columns, rows in (
            ("q", query, sizes.key_dim * sizes.heads),
            ("k", key, sizes.key_dim * sizes.kv_heads),
            ("v", value, values),
            ("out", sizes.value_dim * sizes.heads, sizes.output_dim),
        ):
            yield Parameter(
                f"{name}.weight", (rows, columns), self.kernel_initializer, columns, rows
            )
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
    score_bias, if there is one, the same along these axes where it has none of them; m is 0
    where a mask is True and -∞ where it is False; where nothing may be attended to, the sum over v
    is 0. Weights as PyTorch's linear layers: q and k (num_heads · key_dim, features), v (num_heads
    · value_dim, features), out (output_dim, num_heads · value_dim). Vaswani et al. 2017.
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

    def size_limits(self, inputs: tuple[Shape, ...]) -> tuple[tuple[Dim, int, int | None], ...]:
        times = self.sizes(inputs).times if self.rotary else ()
        return tuple((time, 1, self.max_length) for time in times)
