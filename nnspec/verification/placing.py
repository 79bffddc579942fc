"""Engines that compute on a device, each compared with the same one on the processor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from nnspec.backend import Backend, OptionValue, declared_options
from nnspec.errors import UsageError

Device = Literal["cuda", "mps"]
DEVICES: tuple[Device, ...] = get_args(Device)

TF32_ROUNDOFF = 2.0**-11
"""Of the ten bits that TF32 keeps of the fraction of each factor (NVIDIA A100 Tensor Core GPU
Architecture, whitepaper, 2020); products are summed in float32."""
FACTORS = 2
"""Of a product, each of which is rounded."""

_NO_DOUBLES = "the device mps has no float64: it is compared in float32 alone"
_SINGLES = "TF32 rounds the factors of float32 alone"


@dataclass(frozen=True, slots=True)
class Placing:
    """The device of an engine.

    variant: the end of the engine's name. only_single: why it computes nothing in double precision;
    empty where it does. factors: the relative error of a product of float32 by its factors.
    """

    variant: str = ""
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    only_single: str = ""
    factors: float = 0.0


HERE = Placing()


def on_processor(backend: Backend) -> Placing:
    """Return how a backend computes on the processor, whatever else it would take by itself."""
    return Placing(options={"device": "cpu"}) if "device" in declared_options(backend) else HERE


def on_device(backend: Backend, device: str) -> Iterator[Placing]:
    """Yield the ways in which a backend computes on a device; none where it takes no such one."""
    if device not in DEVICES:
        raise UsageError(
            f'"{device}" is no device to compare with the processor: {" or ".join(DEVICES)}'
        )
    known = declared_options(backend)
    if "device" not in known or device not in known["device"].choices:
        return
    if device == "mps":
        yield Placing("mps", {"device": "mps"}, only_single=_NO_DOUBLES)
        return
    yield Placing("cuda", {"device": "cuda", "tf32": "off"})
    rounded = {"device": "cuda", "tf32": "on"}
    yield Placing("cuda-tf32", rounded, _SINGLES, FACTORS * TF32_ROUNDOFF)
