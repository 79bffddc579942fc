"""Several networks as one file, as far as the source backends write them alike."""

from __future__ import annotations

from dataclasses import replace

from nnspec.emit.body import Body, Lowerer
from nnspec.emit.drawers import drawers_of
from nnspec.emit.lowering import Language
from nnspec.language.schema import Block
from nnspec.layers import Layer
from nnspec.network.networks import Networks
from nnspec.network.roles import heads_of
from nnspec.network.spec import Spec
from nnspec.support.noise import Drawer


def lowered(
    networks: Networks, language: Language, *, keep_borders: bool
) -> tuple[Lowerer, dict[str, Body]]:
    """Return what lowers them, and the body of each."""
    left_out = tuple(head for head in heads_of(networks).values() if head is not None)
    lowerer = Lowerer(language, left_out, keep_borders=keep_borders)
    return lowerer, {name: lowerer.network(spec.graph) for name, spec in networks.models.items()}


def with_all_blocks(networks: Networks) -> Spec:
    """Return the first network with the blocks of all."""
    blocks: dict[str, Block] = {}
    for spec in networks.models.values():
        blocks |= spec.model.blocks
    first = next(iter(networks.models.values()))
    return replace(first, model=first.model.model_copy(update={"blocks": blocks}))


def drawers_in(
    networks: Networks, name: str, language: Language
) -> dict[str, tuple[Layer, Drawer]]:
    """Return the random layers of a network, and how what they take lies in memory."""
    head = heads_of(networks)[name]
    lowerer = Lowerer(language, () if head is None else (head,), keep_borders=True)
    return drawers_of(lowerer.network(networks.of(name).graph))
