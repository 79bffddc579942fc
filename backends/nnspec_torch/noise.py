"""Lets the random layers of an emitted module take numbers that they are given.

What they would draw from PyTorch comes from a stream of nnspec's; what they make of it is as they
are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from nnspec.layers import Layer
from nnspec.support.noise import Ahead, Drawer, Noise
from nnspec_torch.naming import attribute

if TYPE_CHECKING:
    from nnspec.backend import Array

_RECURRENT = "run_dropping"
"""The emitted function that drops elements of a recurrent layer's state."""


class Share(NamedTuple):
    """The rows of a batch, from a first to before an end, that are computed here."""

    start: int
    stop: int
    rows: int

    def whole(self, shape: Iterable[int]) -> tuple[int, ...]:
        """Return the shape of what all rows draw, of that of these."""
        first, *rest = shape
        return (first * self.rows // (self.stop - self.start), *rest)

    def of(self, drawn: Array, axis: int = 0) -> Array:
        """Return what these rows have of what is drawn for all, rows along an axis."""
        each = drawn.shape[axis] // self.rows
        return drawn[(slice(None),) * axis + (slice(self.start * each, self.stop * each),)]


class NoiseTaker:
    """The random layers of a module, while they take the numbers of a stream."""

    def __init__(
        self, model: nn.Module, emitted: ModuleType, drawers: Mapping[str, tuple[Layer, Drawer]]
    ) -> None:
        self._emitted = emitted
        self._noise = Noise(0)
        self.share: Share | None = None
        """The rows of the batch that are computed here, if not all: each draws as it does else."""
        self._modes = {
            model.get_submodule(".".join(map(attribute, path.split(".")))): _Drawing(drawer, self)
            for path, (_, drawer) in drawers.items()
        }
        self._takes = False
        self._handles: list[Any] = []
        self._run = getattr(emitted, _RECURRENT, None)

    @property
    def noise(self) -> Noise:
        """The numbers that they draw from."""
        return self._noise

    def start(self, seed: int) -> None:
        """Begin with the numbers of this seed."""
        self._noise = Noise(seed)
        if self._takes:
            return
        self._takes = True
        for module, mode in self._modes.items():
            function = _PLAIN.get(type(module))
            if function is not None:
                module.forward = partial(_plain, function, module, mode)
                continue
            # Within a method of these all that is random is theirs.
            self._handles += [
                module.register_forward_pre_hook(mode.begin),
                module.register_forward_hook(mode.end, always_call=True),
            ]
        if self._run is not None:
            # Where the function is kept from torch.compile, so must be what stands for it.
            taking: Any = self._run_dropping
            if hasattr(self._run, "_torchdynamo_disable"):
                taking = torch.compiler.disable(taking)  # type: ignore[no-untyped-call]
            setattr(self._emitted, _RECURRENT, taking)

    def stop(self) -> None:
        """Let them draw as they do by themselves."""
        self._takes = False
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        for module in self._modes:
            vars(module).pop("forward", None)
        if self._run is not None:
            setattr(self._emitted, _RECURRENT, self._run)

    def _run_dropping(self, rnn: nn.Module, *given: Any, **named: Any) -> Any:
        """Do as the emitted function does, which gets the layer and does not call it."""
        assert self._run is not None
        mode = self._modes.get(rnn)
        if mode is None:
            return self._run(rnn, *given, **named)
        with mode:
            return self._run(rnn, *given, **named)


class _Drawing(TorchFunctionMode):
    """Gives one layer its numbers, whichever function it draws them by."""

    def __init__(self, drawer: Drawer, taker: NoiseTaker) -> None:
        super().__init__()
        self.drawer = drawer
        self.taker = taker
        self._entered = False
        self._ahead: Ahead[Tensor] = Ahead(drawer)

    def __deepcopy__(self, known: object) -> _Drawing:
        """Return the same: a copy of the module, as an average of it, draws nothing else."""
        return self

    def begin(self, module: nn.Module, inputs: object) -> None:
        if module.training:
            self.__enter__()  # type: ignore[no-untyped-call]  # torch's
            self._entered = True

    def end(self, module: nn.Module, inputs: object, output: object) -> None:
        if self._entered:
            self._entered = False
            self.__exit__(None, None, None)  # type: ignore[no-untyped-call]

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        drawn = _DRAWN.get(func)
        named = kwargs or {}
        return func(*args, **named) if drawn is None else drawn(self, *args, **named)

    def factor(self, shape: Iterable[int], rate: float, like: Tensor) -> Tensor:
        """Return what a dropout multiplies by. It is made for several calls at once."""
        dtype, device, share = like.dtype, like.device, self.taker.share

        def made(masks: Array) -> tuple[Tensor, ...]:
            masks = masks if share is None else share.of(masks, 1)
            return torch.from_numpy(masks).to(device, dtype).mul_(1 / (1 - rate)).unbind()

        kind = (dtype, device, share)
        return self._ahead.next(self.taker.noise, self._whole(shape), rate, made, kind)

    def kept(self, shape: Iterable[int], rate: float, like: Tensor) -> Tensor:
        """Return a mask of this shape: what a dropout of this rate keeps."""
        self._ahead.give_back()
        mask = self.taker.noise.kept(self.drawer, self._whole(shape), rate)
        return self._own(mask).to(like.device)

    def numbers(self, law: str, shape: Iterable[int], *, dtype: torch.dtype, device: Any) -> Tensor:
        """Return numbers by a law of `Noise`."""
        self._ahead.give_back()
        drawn = getattr(self.taker.noise, law)(self.drawer, self._whole(shape))
        return self._own(drawn).to(dtype).to(device)  # which may have no float64

    def _whole(self, shape: Iterable[int]) -> tuple[int, ...]:
        share = self.taker.share
        return tuple(shape) if share is None else share.whole(shape)

    def _own(self, drawn: Array) -> Tensor:
        share = self.taker.share
        return torch.from_numpy(drawn if share is None else share.of(drawn))


def _plain(
    function: Callable[..., Tensor], module: nn.Module, drawing: _Drawing, x: Tensor
) -> Tensor:
    """Do what the `forward` of a dropout does."""
    return function(drawing, x, module.p, module.training)


def _dropout(
    drawing: _Drawing, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    return _dropped(drawing, input, p, training, input.shape)


def _channels(
    drawing: _Drawing, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    ones = (1,) * (input.dim() - 2)
    return _dropped(drawing, input, p, training, (*input.shape[:2], *ones))


def _dropped(
    drawing: _Drawing, x: Tensor, p: float, training: bool, shape: Iterable[int]
) -> Tensor:
    if not training or p == 0:
        return x
    dropped: Tensor = x * drawing.factor(shape, p, x)
    return dropped


def _alpha_dropout(
    drawing: _Drawing, input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    if not training or p == 0:
        return input
    dropped = -1.7580993408473766
    a = ((1 - p) * (1 + p * dropped**2)) ** -0.5
    kept = drawing.kept(input.shape, p, input)
    result: Tensor = a * input.where(kept, dropped) - a * p * dropped
    return result


def _attention(
    drawing: _Drawing,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    if enable_gqa:
        shared = query.shape[-3] // key.shape[-3]
        key, value = (each.repeat_interleave(shared, -3) for each in (key, value))
    scores: Tensor = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        attn_mask = scores.new_ones(scores.shape[-2:], dtype=torch.bool).tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, float("-inf"))
    elif attn_mask is not None:
        scores = scores + attn_mask
    weights = torch.ops.aten._safe_softmax(scores, -1)
    result: Tensor = _dropped(drawing, weights, dropout_p, dropout_p > 0, weights.shape) @ value
    return result


def _like(law: str) -> Callable[..., Tensor]:
    def drawn(drawing: _Drawing, input: Tensor, **_: Any) -> Tensor:
        return drawing.numbers(law, input.shape, dtype=input.dtype, device=input.device)

    return drawn


def _of_size(law: str) -> Callable[..., Tensor]:
    def drawn(drawing: _Drawing, *size: Any, **named: Any) -> Tensor:
        shape = size[0] if size and not isinstance(size[0], int) else size
        dtype = named.get("dtype") or torch.get_default_dtype()
        return drawing.numbers(law, shape, dtype=dtype, device=named.get("device"))

    return drawn


def _bernoulli(drawing: _Drawing, input: Tensor, **_: Any) -> Tensor:
    numbers = drawing.numbers("uniform", input.shape, dtype=input.dtype, device=input.device)
    return (numbers >= 1 - input).to(input.dtype)


_PLAIN: dict[type[nn.Module], Callable[..., Tensor]] = {
    nn.Dropout: _dropout,
    nn.Dropout1d: _channels,
    nn.Dropout2d: _channels,
    nn.Dropout3d: _channels,
}
"""Layer that draws once, and nothing else -> what it does with numbers that are given."""
_DRAWN: dict[Callable[..., Any], Callable[..., Tensor]] = {
    F.dropout: _dropout,
    F.dropout1d: _channels,
    F.dropout2d: _channels,
    F.dropout3d: _channels,
    F.alpha_dropout: _alpha_dropout,
    F.scaled_dot_product_attention: _attention,
    torch.bernoulli: _bernoulli,
    torch.rand: _of_size("uniform"),
    torch.rand_like: _like("uniform"),
    torch.randn: _of_size("normal"),
    torch.randn_like: _like("normal"),
}
"""Function that draws -> the same function of numbers that are given."""
