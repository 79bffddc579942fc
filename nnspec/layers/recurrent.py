"""Recurrent layers: one step of a sequence after another, a state handed on."""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import (
    EACH,
    UNSAID,
    Activation,
    FeaturesRole,
    Parameter,
    Trained,
    require_whole,
)
from nnspec.layers.fields import Flag, Fraction, Frozen, Size, once
from nnspec.layers.initializers import GlorotUniform, Initializer, InitializerBase, zeros
from nnspec.layers.rare_initializers import Orthogonal, UnitForgetBias
from nnspec.layers.records import ByType
from nnspec.layers.shapes import DataFormat, Dim, Shape, show

INTEGERS = frozenset({"int32", "int64"})
NEVER = 1e-300
"""A rate at which nothing is dropped, and frameworks run what they run where something is."""


class _Sequential(Trained):
    """The base of a recurrent layer and of its two directions: inputs, outputs, errors."""

    arity: ClassVar[tuple[int, int | None]] = (1, None)
    features: ClassVar[FeaturesRole] = "last"

    @property
    def cell(self) -> "Recurrent":
        """The layer that reads in one direction."""
        raise NotImplementedError

    @property
    def directions(self) -> int:
        """1, or 2 for forwards and backwards."""
        return 1

    @property
    def width(self) -> int:
        """Size of the first output's last axis."""
        return self.cell.units

    @property
    def states(self) -> int:
        """The number of vectors of `units` in the state."""
        return len(self.cell.state_names) * self.directions

    def lengths_index(self, inputs: tuple[Shape, ...]) -> int | None:
        """Return which input holds the lengths: the last, if it is one number a row."""
        last = len(inputs) - 1
        return last if last > 0 and inputs[last] == () else None

    def input_dtypes(self, index: int, inputs: tuple[Shape, ...]) -> frozenset[str]:
        return INTEGERS if index > 0 and inputs[index] == () else self.dtypes

    def whole_numbers(self, index: int, inputs: tuple[Shape, ...]) -> tuple[int, Dim] | None:
        return (1, inputs[0][0]) if index == self.lengths_index(inputs) else None

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        x, given = inputs[0], inputs[1:]
        cell = self.cell
        if len(x) != 2:
            raise ShapeError(
                f"{self.type} takes a sequence (time, features), and got {show(x)}",
                EACH
                if len(x) == 3
                else "reshape the input to two axes, or let the recurrent layer before it "
                "return_sequences",
            )
        require_whole(self.type, x[1], "number of features")
        if self.lengths_index(inputs) is not None:
            given = given[:-1]
        if () in given:
            raise ShapeError(
                f"{self.type} takes one number a row, the lengths, as its last input, and got "
                f"{' and '.join(map(show, inputs))}",
                "name the sequence, then the state, then the lengths",
            )
        names = cell.state_names
        if self.directions == 2:
            names = tuple(f"{way} {name}" for way in ("forward", "backward") for name in names)
        if given and len(given) != self.states:
            raise ShapeError(
                f"{self.type} starts from zeros or from its whole state ({', '.join(names)}), "
                f"and got {len(given)} of these {self.states}",
                "the inputs are the sequence, then the state, then the lengths (shape []); "
                "leave out the state or the lengths as you need",
            )
        for name, shape in zip(names, given, strict=False):
            if shape != (cell.units,):
                raise ShapeError(
                    f"{self.type} takes an initial {name} of {show((cell.units,))}, "
                    f"its units, and got {show(shape)}",
                    "bring it to that size with a dense layer",
                )
        first: Shape = (x[0], self.width) if cell.return_sequences else (self.width,)
        return (first, *([(cell.units,)] * self.states if cell.return_state else []))

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        return (inputs[0],) * (1 + self.states * self.cell.return_state)

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        time, features = inputs[0]
        steps = time if isinstance(time, int) else 1
        size = features if isinstance(features, int) else 1
        cell = self.cell
        return steps * self.directions * cell.gates * cell.units * (size + cell.units)


class Recurrent(_Sequential):
    """Base of the layers that read a sequence in one direction."""

    units: Size = Field(description="Size of the state, and of the output's last axis.")
    return_sequences: Flag = Field(
        default=False, description="Whether every step's output is given, not only the last one's."
    )
    return_state: Flag = Field(
        default=False,
        description="Whether the last state is given too, as the outputs `NAME.1`, ...",
    )
    go_backwards: Flag = Field(
        default=False,
        description="Whether the last step is read first. Outputs stay at the steps that they "
        "belong to, as in ONNX; Keras gives them in the order of reading.",
    )
    recurrent_dropout: Fraction = Field(
        default=0.0,
        description="Probability p, in [0, 1), of dropping elements of the state in training: the "
        "weight of each gate multiplies h · m in the place of h, the elements of m being 0 with "
        "probability p, else 1 / (1 - p). Each row, gate and direction has an m of its own, the "
        "same at every step: Gal and Ghahramani 2016, with untied weights, as in Keras.",
    )
    use_bias: Flag = Field(default=True, description="Whether a bias is added.")
    kernel_initializer: Initializer = Field(
        default_factory=once(GlorotUniform),
        description="First values of the input's weight; glorot_uniform by default.",
    )
    recurrent_initializer: Initializer = Field(
        default_factory=once(Orthogonal),
        description="First values of the state's weight; orthogonal by default.",
    )
    bias_initializer: Initializer = Field(
        default_factory=zeros, description="First values of the bias; zeros by default."
    )

    gates: ClassVar[int]
    state_names: ClassVar[tuple[str, ...]] = ("state",)
    random: ClassVar[tuple[str, ...]] = ("recurrent_dropout",)

    @property
    def is_random(self) -> bool:
        return self.recurrent_dropout > NEVER

    def without_randomness(self) -> "Recurrent":
        if not self.is_random:
            return self
        return self.model_copy(update={"recurrent_dropout": NEVER})

    @property
    def has_two_biases(self) -> bool:
        """Whether bias_hh is a parameter of its own; else it is 0 for ever, in PyTorch's layout."""
        return False

    @property
    def cell(self) -> "Recurrent":
        return self

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        """Yield what its text shows, of which hashes are made: nothing of what is `UNSAID`."""
        for name, value in super().__repr_args__():
            if name not in UNSAID or value != UNSAID[name]:
                yield name, value

    def bias_law(self) -> InitializerBase:
        """Return the initializer of bias_ih."""
        return self.bias_initializer

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        features = require_whole(self.type, inputs[0][1], "number of features")
        return self.direction_parameters(features, "")

    def direction_parameters(self, features: int, suffix: str) -> tuple[Parameter, ...]:
        """Return the parameters of one direction."""
        units, rows = self.units, self.gates * self.units

        def owned(
            name: str, size: tuple[int, ...], initializer: InitializerBase, fan_in: int
        ) -> Parameter:
            # A gate sums over the input and over the state.
            terms = features + units
            return Parameter(f"{name}_l0{suffix}", size, initializer, fan_in, rows, terms=terms)

        weights = (
            owned("weight_ih", (rows, features), self.kernel_initializer, features),
            owned("weight_hh", (rows, units), self.recurrent_initializer, units),
        )
        if not self.use_bias:
            return weights
        first = owned("bias_ih", (rows,), self.bias_law(), features)
        second = owned("bias_hh", (rows,), self.bias_initializer, units)
        if not self.has_two_biases:
            second = second._replace(initializer=zeros(), trainable=False, is_fixed=True)
        return (*weights, first, second)


class SimpleRNN(Recurrent):
    """h' = f(W_ih x + W_hh h + b), f = tanh or relu. Elman 1990.

    (time, features) -> (units,), or (time, units) with `return_sequences`; then, with
    `return_state`, h. Inputs: the sequence; then, if given, the first h (units,), else 0; then,
    if given, the lengths (shape [], int32 or int64, from 1 to time): steps from there on
    change nothing and give 0. Weights as torch.nn.RNN has them; bias_hh_l0 is 0 for ever.
    """

    type: Literal["simple_rnn"] = "simple_rnn"
    activation: Literal["tanh", "relu"] = Field(
        default="tanh", description="The function f of each step."
    )

    gates: ClassVar[int] = 1

    @property
    def output_activation(self) -> Activation | None:
        return None


class LSTM(Recurrent):
    """c' = σ(f) c + σ(i) tanh(g), h' = σ(o) tanh(c'), (i, f, g, o) = W_ih x + W_hh h + b.

    Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000. (time, features) ->
    (units,), or (time, units) with `return_sequences`; then, with `return_state`, h and c. Inputs:
    the sequence; then, if given, the first h and c (units,) each, else 0; then, if given, the
    lengths (shape [], int32 or int64, from 1 to time): steps from there on change nothing and
    give 0. Weights as torch.nn.LSTM has them; bias_hh_l0 is 0 for ever.
    """

    type: Literal["lstm"] = "lstm"
    unit_forget_bias: Flag = Field(
        default=True,
        description="Whether the forget gate's bias starts at 1 (Jozefowicz et al. 2015).",
    )

    gates: ClassVar[int] = 4
    training_only: ClassVar[tuple[str, ...]] = ("unit_forget_bias",)
    state_names: ClassVar[tuple[str, ...]] = ("state", "cell state")

    def bias_law(self) -> InitializerBase:
        if not self.unit_forget_bias:
            return self.bias_initializer
        return UnitForgetBias(others=self.bias_initializer)


class GRU(Recurrent):
    """h' = (1 - z) n + z h with gates r, z and candidate n. Cho et al. 2014.

    r = σ(W_ir x + b_ir + W_hr h + b_hr), z = σ(W_iz x + b_iz + W_hz h + b_hz),
    n = tanh(W_in x + b_in + r (W_hn h + b_hn)): the reset comes after the product, as in PyTorch,
    and in Keras by default. With `reset_after: false` it comes before, as in the paper:
    n = tanh(W_in x + b_in + W_hn (r h)); b_hr, b_hz and b_hn would add to b_ir, b_iz and b_in, so
    bias_hh_l0 is 0 for ever. (time, features) -> (units,), or (time, units) with
    `return_sequences`; then, with `return_state`, h. Inputs: the sequence; then, if given, the
    first h (units,), else 0; then, if given, the lengths (shape [], int32 or int64, from 1 to
    time): steps from there on change nothing and give 0. Weights as torch.nn.GRU has them.
    """

    type: Literal["gru"] = "gru"
    reset_after: Flag = Field(
        default=True,
        description="Whether the reset gate multiplies what W_hn h gives, as in PyTorch and by "
        "default in Keras; false: h before the product, as in the paper and by default in ONNX.",
    )

    gates: ClassVar[int] = 3
    stored_together: ClassVar[tuple[tuple[str, ...], ...]] = (("bias_ih_l0", "bias_hh_l0"),)

    @property
    def has_two_biases(self) -> bool:
        return self.reset_after


def _recurrent() -> Mapping[str, type[Frozen]]:
    return RECURRENT


RECURRENT: dict[str, type[Frozen]] = {"simple_rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}

MergeMode = Literal["concat", "sum", "multiply", "average"]


class Bidirectional(_Sequential):
    """A recurrent layer over the sequence, and one of the same kind over it backwards, merged.

    Schuster and Paliwal 1997. Step t is merged with step t; without `return_sequences` the last
    output of each direction, which for the backward one is that of step 0. (time, features) ->
    (n,) or (time, n), n = units, or 2 · units where they are concatenated. With `return_state` the
    state of the forward layer follows, then the backward one's. The first state is given in the
    same order, then the lengths. The backward weights have PyTorch's suffix `_reverse`.
    """

    type: Literal["bidirectional"] = "bidirectional"
    stored_together: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("bias_ih_l0", "bias_hh_l0"),
        ("bias_ih_l0_reverse", "bias_hh_l0_reverse"),
    )
    layer: Annotated[
        Recurrent, ByType("recurrence", _recurrent, without=("name", "inputs", "trainable"))
    ] = Field(description="The layer for each direction: a simple_rnn, lstm or gru.")
    merge_mode: MergeMode = Field(
        default="concat", description="How the outputs of the two directions are merged."
    )

    @property
    def cell(self) -> Recurrent:
        return self.layer

    @property
    def directions(self) -> int:
        return 2

    @property
    def is_random(self) -> bool:
        return self.layer.is_random

    def without_randomness(self) -> "Bidirectional":
        if not self.is_random:
            return self
        return self.model_copy(update={"layer": self.layer.without_randomness()})

    @property
    def width(self) -> int:
        return self.layer.units * (2 if self.merge_mode == "concat" else 1)

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        if self.layer.go_backwards:
            raise ShapeError(
                f"bidirectional takes a {self.layer.type} that reads forwards, and got "
                "go_backwards: true",
                "remove it: one of the two directions is backwards anyway",
            )
        return super().infer_shape(inputs, data_format)

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        features = require_whole(self.type, inputs[0][1], "number of features")
        forward = self.layer.direction_parameters(features, "")
        return (*forward, *self.layer.direction_parameters(features, "_reverse"))
