"""The check that a backend can express several networks, and their training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.backend.declaration import Backend, require_supported
from nnspec.backend.options import DEFAULTS, Options
from nnspec.errors import UnsupportedError
from nnspec.language.schedules import Schedule

if TYPE_CHECKING:
    from nnspec.network.networks import Networks


def require_networks(backend: Backend, networks: Networks, options: Options = DEFAULTS) -> None:
    """Raise UnsupportedError, naming what of the networks the backend cannot express."""
    for spec in networks.models.values():
        require_supported(backend, spec)
    training = networks.document.training
    if training is None or not options.training:
        return
    refused = []
    if getattr(training.loss, "gradient_penalty", 0):
        refused += _refused_twice(backend, networks)
    for role in (training.generator, training.discriminator):
        optimizer, rate = role.optimizer, role.optimizer.learning_rate
        found = [(f"optimizer {optimizer.type}", backend.optimizers.refusal(optimizer))]
        if isinstance(rate, Schedule):
            found.append((f"schedule {rate.schedule}", backend.schedules.refusal(rate)))
        refused += [f"the {what} of {role.model}: {reason}" for what, reason in found if reason]
    if refused:
        raise UnsupportedError(f"{backend.name} cannot express " + "; ".join(refused))


def _refused_twice(backend: Backend, networks: Networks) -> list[str]:
    """Return the layers of the discriminator whose gradient has no right gradient."""
    found = []
    for at in networks.discriminator.graph.walk():
        reason = backend.untrue_twice.get(type(at.node.layer))
        if reason:
            found.append(
                f'gradient_penalty with layer "{at.path}" ({at.node.layer.type}): {reason}'
            )
    return found
