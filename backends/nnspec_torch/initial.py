"""Initializers in PyTorch: what draws the first values of a parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from nnspec.emit.code import Call, call
from nnspec.emit.lowering import Context, Fan
from nnspec.emit.tree import (
    MODULE,
    Expression,
    Literal,
    Name,
    X,
    apply,
)
from nnspec.errors import UnsupportedError
from nnspec.layers import Layer, Parameter
from nnspec.layers.initializers import GlorotUniform, InitializerBase, Ones, Zeros
from nnspec.layers.plain_initializers import Constant, Normal
from nnspec.layers.rare_initializers import (
    GlorotNormal,
    HeNormal,
    HeUniform,
    Orthogonal,
    UnitForgetBias,
)
from nnspec.layers.scaled_initializers import (
    Identity,
    LecunNormal,
    LecunUniform,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)
from nnspec.layers.weighted import LENGTH, split

RECURRENT = ("nn.RNN", "nn.LSTM", "nn.GRU", "GRUResetBefore")
COPY = "torch.empty_like"
"""The function that makes a tensor, which is drawn and then assigned."""
_NORMALIZATIONS = ("BatchNorm", "LayerNorm", "GroupNorm", "InstanceNorm", "RMSNorm")


def laws(layer: Layer, context: Context, module: Call) -> tuple[Call, ...]:
    """Return what draws the first values that the module does not have by itself."""
    if module.function.startswith(tuple(f"nn.{name}" for name in _NORMALIZATIONS)):
        return ()
    return tuple(
        law
        for parameter in context.parameters(layer)
        if not parameter.name.endswith("_reverse")
        for law in _laws(parameter, module)
    )


def _laws(parameter: Parameter, module: Call) -> Iterator[Call]:
    initializer = parameter.initializer
    weight, part = split(parameter.name)
    if part == LENGTH or _is_default(initializer, parameter.name, module.function):
        return
    name = weight.removesuffix("_l0")
    others = initializer.others if isinstance(initializer, UnitForgetBias) else initializer
    yield _drawing(others, name, parameter, module)
    if isinstance(initializer, UnitForgetBias):
        yield call("nn.init.ones_", ("tensor", Name(name).method("detach").method("chunk", 4)[1]))
    if parameter.zero_row is not None:
        row = Name(name).method("detach")[MODULE.attribute("padding_idx")]
        yield call("nn.init.zeros_", ("tensor", row))


def _is_default(initializer: InitializerBase, name: str, function: str) -> bool:
    """Whether the module's own constructor draws by this initializer."""
    if function == "nn.Embedding":
        return initializer == Normal(stddev=1.0)
    if function in ("nn.PReLU", "ElementPReLU"):
        return initializer == Constant(value=0.25)
    if function in ("LearnedTensor", "Bias"):
        return isinstance(initializer, Zeros)
    if function.endswith("Attention"):
        return isinstance(initializer, Zeros if name.endswith(".bias") else GlorotUniform)
    return False


@dataclass(frozen=True, slots=True)
class _Target:
    """A parameter that is drawn, and the class of the object that has it."""

    name: str
    parameter: Parameter
    function: str
    has_groups: bool
    is_copied: bool = False
    """Whether it is assigned as a whole, since it is computed."""

    @property
    def tensor(self) -> tuple[str, Expression]:
        """The parameter, or a tensor of its shape, as the first argument of what draws it."""
        own = Name(self.name)
        return "tensor", apply(COPY, own) if self.is_copied else own

    @property
    def is_kernel(self) -> bool:
        """Whether PyTorch finds fans in its shape."""
        return len(self.parameter.shape) > 1 and "bias" not in self.name

    def fans(self) -> dict[str, Fan]:
        """Return the fans, by the names of arguments."""
        return _fans(self.function, self.name, self.parameter)


def _drawing(initializer: InitializerBase, name: str, parameter: Parameter, module: Call) -> Call:
    row = INITIALIZERS.get(type(initializer))
    if row is None:
        raise UnsupportedError(
            f"torch cannot express the initializer {initializer.type}: it has no row"
        )
    function = owner_class(module.function, name.rpartition(".")[0])
    has_groups = dict(module.keywords).get("groups", 1) != 1 or name == "depthwise.weight"
    is_copied = bool(split(parameter.name)[1])
    return row(initializer, _Target(name, parameter, function, has_groups, is_copied))


def _stock(initializer: InitializerBase, target: _Target) -> Call:
    return call(f"nn.init.{initializer.type}_", target.tensor)


def _constant(initializer: Constant, target: _Target) -> Call:
    return call("nn.init.constant_", target.tensor, ("value", initializer.value))


def _normal(initializer: Normal, target: _Target) -> Call:
    return call("nn.init.normal_", target.tensor, std=initializer.stddev)


def _orthogonal(initializer: Orthogonal, target: _Target) -> Call:
    gain = {} if initializer.gain == 1 else {"gain": initializer.gain}
    return call("nn.init.orthogonal_", target.tensor, **gain)


def _glorot_uniform(initializer: GlorotUniform, target: _Target) -> Call:
    is_plain = target.is_kernel and not target.has_groups
    if is_plain and (target.function != "LearnedTensor" or len(target.parameter.shape) == 2):
        return call("nn.init.xavier_uniform_", target.tensor)
    return call("glorot_uniform_", target.tensor, **target.fans())


def _glorot_normal(initializer: GlorotNormal, target: _Target) -> Call:
    return call("glorot_normal_", target.tensor, **target.fans())


def _he_uniform(initializer: HeUniform, target: _Target) -> Call:
    if target.is_kernel and target.function.startswith(_FANS_IN_ORDER):
        return call("nn.init.kaiming_uniform_", target.tensor, nonlinearity="relu")
    return call("he_uniform_", target.tensor, fan_in=target.fans()["fan_in"])


def _he_normal(initializer: HeNormal, target: _Target) -> Call:
    return call("he_normal_", target.tensor, fan_in=target.fans()["fan_in"])


def _uniform(initializer: Uniform, target: _Target) -> Call:
    return call("nn.init.uniform_", target.tensor, a=initializer.low, b=initializer.high)


def _truncated(initializer: TruncatedNormal, target: _Target) -> Call:
    std = initializer.stddev
    return call("nn.init.trunc_normal_", target.tensor, std=std, a=-2 * std, b=2 * std)


def _lecun(initializer: InitializerBase, target: _Target) -> Call:
    return call(f"{initializer.type}_", target.tensor, fan_in=target.fans()["fan_in"])


def _scaled(initializer: VarianceScaling, target: _Target) -> Call:
    own = {"scale": initializer.scale, "mode": initializer.mode}
    keywords = {**target.fans(), **own, "distribution": initializer.distribution}
    return call("variance_scaling_", target.tensor, **keywords)


def _identity(initializer: Identity, target: _Target) -> Call:
    if initializer.gain == 1:
        return call("nn.init.eye_", target.tensor)
    return call("identity_", target.tensor, gain=initializer.gain)


_FANS_IN_ORDER = ("nn.Linear", "nn.Conv1d", "nn.Conv2d", "nn.Conv3d", *RECURRENT)
INITIALIZERS: Mapping[type[InitializerBase], Callable[..., Call]] = {
    Zeros: _stock,
    Ones: _stock,
    Constant: _constant,
    Normal: _normal,
    GlorotUniform: _glorot_uniform,
    GlorotNormal: _glorot_normal,
    HeUniform: _he_uniform,
    HeNormal: _he_normal,
    Orthogonal: _orthogonal,
    Uniform: _uniform,
    TruncatedNormal: _truncated,
    LecunUniform: _lecun,
    LecunNormal: _lecun,
    VarianceScaling: _scaled,
    Identity: _identity,
}
"""Initializer -> what draws a parameter by it."""


def _fans(function: str, name: str, parameter: Parameter) -> dict[str, Fan]:
    weight, shape = MODULE.attribute("weight"), X.attribute("shape")
    whole, one = weight.method("numel"), weight[0].method("numel")
    sources: tuple[Expression, Expression] = Literal(1), Literal(1)
    if function == "nn.Linear":
        sources = MODULE.attribute("in_features"), MODULE.attribute("out_features")
    elif function == "nn.Embedding":
        sources = MODULE.attribute("num_embeddings"), MODULE.attribute("embedding_dim")
    elif function.startswith("nn.ConvTranspose"):
        sources = whole // MODULE.attribute("out_channels"), one
    elif function.startswith("nn.Conv"):
        sources = one, whole // MODULE.attribute("in_channels")
    elif function == "LearnedTensor":
        sources = weight.attribute("shape")[0], weight.attribute("shape")[-1]
    elif name.startswith("weight_"):
        sources = shape[1], shape[0]
    elif name.startswith("bias_"):
        size = "input_size" if name.startswith("bias_ih") else "hidden_size"
        sources = MODULE.attribute(size), shape[0]
    sizes = parameter.fan_in, parameter.fan_out
    return {
        key: Fan(size, source)
        for key, size, source in zip(("fan_in", "fan_out"), sizes, sources, strict=True)
    }


def owner_class(function: str, part: str) -> str:
    """Return the class of the object that has the parameter, within what a helper constructs."""
    if function.startswith("SeparableConv"):
        return f"nn.{function.removeprefix('Separable')}"
    return "nn.Linear" if part else function
