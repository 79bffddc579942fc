"""The options of compiling to ONNX."""

from __future__ import annotations

from dataclasses import dataclass

from nnspec.backend import OnnxOptions, option


@dataclass(frozen=True, slots=True)
class DirectOptions(OnnxOptions):
    """The options of compiling to ONNX."""

    fold: bool = option(
        False,
        "Fold batch normalisation into the layer that feeds it, where that is exact.",
        variant="folded",
    )
    batch: int | None = option(
        None, "Fix the number of rows; by default it is open.", kind=int, minimum=1, in_verify=False
    )
