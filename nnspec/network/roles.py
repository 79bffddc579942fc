"""The parts that networks have in a training of one against another."""

from __future__ import annotations

from dataclasses import replace

from nnspec.language.training_schema import Training
from nnspec.network.graph import Graph, Head
from nnspec.network.heads import final_activation
from nnspec.network.networks import Networks
from nnspec.network.spec import Spec


def heads_of(networks: Networks) -> dict[str, Head | None]:
    """Return of each network the activation that training leaves out."""
    heads: dict[str, Head | None] = dict.fromkeys(networks.models)
    training = networks.document.training
    if training is not None and training.loss.leaves_out:
        heads[training.discriminator.model] = final_activation(networks.discriminator.graph)
    return heads


def as_trained(networks: Networks, name: str) -> Spec:
    """Return one of the networks with what updates it in the training of them."""
    spec, training = networks.of(name), networks.document.training
    for role in (training.generator, training.discriminator) if training is not None else ():
        if role.model == name:
            own = Training(
                task="regression",
                optimizer=role.optimizer,
                clip=role.clip,
                accumulate=role.accumulate,
                average=role.average,
            )
            return replace(spec, model=spec.model.model_copy(update={"training": own}))
    return spec


def has_statistics(graph: Graph) -> bool:
    """Whether a network keeps running statistics, which its calls in training move."""
    return any(
        at.node.layer.type == "batch_normalization" and at.home == at.path for at in graph.walk()
    )
