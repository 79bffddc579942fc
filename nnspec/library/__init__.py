"""Blocks that ship with nnspec, written in the spec language; a spec uses them by name.

A block of the spec's own comes before the one of the same name here, also where a block of the
library uses it. A file is read when one of its blocks is first used.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnspec.language.schema import Block

FOLDER = Path(__file__).parent

BLOCKS = {
    "residual_basic": "residual.yaml",
    "residual_basic_projected": "residual.yaml",
    "residual_bottleneck": "residual.yaml",
    "residual_bottleneck_projected": "residual.yaml",
    "dense_layer": "dense.yaml",
    "dense_block": "dense.yaml",
    "dense_transition": "dense.yaml",
    "unet_convolutions": "unet.yaml",
    "unet_down": "unet.yaml",
    "unet_up": "unet.yaml",
    "inverted_residual": "mobile.yaml",
    "inverted_residual_entry": "mobile.yaml",
    "squeeze_and_excitation": "squeeze.yaml",
    "convnext_block": "convnext.yaml",
    "convnext_downsample": "convnext.yaml",
    "mixer_layer": "mixer.yaml",
    "transformer_encoder_pre_norm": "transformer.yaml",
    "transformer_encoder_post_norm": "transformer.yaml",
    "transformer_decoder_pre_norm": "transformer.yaml",
    "transformer_decoder_post_norm": "transformer.yaml",
}
"""Block -> the file that holds it."""


def find_block(name: str) -> Block | None:
    """Return the block of this name, or None where the library has none."""
    return _blocks_of(BLOCKS[name])[name] if name in BLOCKS else None


@cache
def _blocks_of(file: str) -> dict[str, Block]:
    from nnspec.language.document import marked_block
    from nnspec.language.schema import Block
    from nnspec.language.source import parse

    blocks = parse((FOLDER / file).read_text(encoding="utf-8"))
    return {name: marked_block(Block.model_validate(each), each) for name, each in blocks.items()}
