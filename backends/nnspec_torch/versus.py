"""Writes what trains a generator against a discriminator: losses, optimizers, steps."""

from __future__ import annotations

from typing import NamedTuple

from nnspec.emit import versus
from nnspec.emit import versus_words as told
from nnspec.emit.code import literal, wrap
from nnspec.emit.snippets import snippets
from nnspec.emit.training import indented, row_of
from nnspec.emit.versus import (
    ROLES,
    penalty_of,
    turn_source,
)
from nnspec.emit.versus_words import docstring
from nnspec.language.adversarial import (
    Hinge,
    LeastSquares,
    NonSaturating,
    Wasserstein,
)
from nnspec.network.graph import Head
from nnspec.network.networks import Networks
from nnspec.network.roles import as_trained, has_statistics
from nnspec_torch.averages import average_modules, average_source
from nnspec_torch.cycling import MOMENTUM, cycling_class
from nnspec_torch.naming import class_name
from nnspec_torch.parameter_groups import Maker
from nnspec_torch.schedules import FACTOR, has_schedule, scheduler_modules, scheduler_source
from nnspec_torch.updates import NUMBER, step_lines

EMITTED = snippets("nnspec_torch.emitted", "versus")
DEFINED = (
    *EMITTED,
    *versus.DEFINED,
    *(f"make_{role}_scheduler" for role in ROLES),
    *(f"{role}_{each}" for role in ROLES for each in (FACTOR, MOMENTUM)),
    *(cycling_class(f"{role}_") for role in ROLES),
    *("weights_of", "save", "make_average", "averaged", "AveragedModel", "get_ema_multi_avg_fn"),
)
"""Names that the training part and the program define or import."""


class Played(NamedTuple):
    """The losses of both networks: a docstring and an expression of the scores."""

    discriminator: tuple[tuple[str, ...], str]
    generator: tuple[tuple[str, ...], str]


def _non_saturating(loss: NonSaturating) -> Played:
    real, fake = "F.softplus(-real).mean()", "F.softplus(fake).mean()"
    smooth = f" + {literal(loss.label_smoothing)} * real.mean()" if loss.label_smoothing else ""
    return Played(
        (told.cross_entropy(loss.label_smoothing), f"{real} + {fake}{smooth}"),
        (told.NON_SATURATING, "F.softplus(-fake).mean()"),
    )


def _least_squares(loss: LeastSquares) -> Played:
    goal = literal(1 - loss.label_smoothing) if loss.label_smoothing else "1"
    both = f"((real - {goal}).square().mean() + fake.square().mean()) / 2"
    return Played(
        (told.squares(goal, loss.label_smoothing), both),
        (told.SQUARE, "(fake - 1).square().mean() / 2"),
    )


def _hinge(loss: Hinge) -> Played:
    both = "F.relu(1 - real).mean() + F.relu(1 + fake).mean()"
    return Played((told.HINGE, both), (told.SCORE, "-fake.mean()"))


def _wasserstein(loss: Wasserstein) -> Played:
    return Played((told.DISTANCE, "fake.mean() - real.mean()"), (told.SCORE, "-fake.mean()"))


LOSSES = {
    NonSaturating: _non_saturating,
    LeastSquares: _least_squares,
    Hinge: _hinge,
    Wasserstein: _wasserstein,
}
"""Loss -> what both make small, of the scores."""


def versus_modules(networks: Networks) -> set[str]:
    """Return the modules that the definitions use."""
    training = networks.training
    modules = {"torch"}
    for role in ROLES:
        optimizer = getattr(training, role).optimizer
        modules |= scheduler_modules(optimizer)
        modules |= Maker(getattr(networks, role).graph, optimizer).imports
    modules |= average_modules(training.generator.average, training.generator.optimizer)
    if isinstance(training.loss, NonSaturating | Hinge):
        modules.add("F")
    if any(_keeps(networks).values()):
        modules.add("contextmanager")
    return modules


def _keeps(networks: Networks) -> dict[str, bool]:
    """Return of each role whether its network has statistics to keep in the other's step."""
    return {
        "generator": has_statistics(networks.generator.graph),
        "discriminator": has_statistics(networks.discriminator.graph),
    }


def versus_source(networks: Networks, heads: dict[str, Head | None]) -> list[str]:
    """Return the definitions that train."""
    training = networks.training
    made = row_of(LOSSES, training.loss, f"the loss {training.loss.type}")
    played: Played = made(training.loss)  # type: ignore[operator]  # its own class
    keeps = _keeps(networks)
    penalty = penalty_of(training.loss)
    return [
        _function("discriminator_loss(real: Tensor, fake: Tensor)", *played.discriminator),
        _function("generator_loss(fake: Tensor)", *played.generator),
        *optimizer_sources(networks),
        *([EMITTED["statistics_kept"].text] if any(keeps.values()) else []),
        *([_penalty_source(keeps["discriminator"])] if penalty else []),
        *average_source(training.generator.average, training.generator.optimizer),
        _discriminator_step(networks, heads, keeps["generator"], penalty),
        _generator_step(networks, heads, keeps["discriminator"]),
        *turn_source(training),
    ]


def _penalty_source(keeps: bool) -> str:
    text = EMITTED["gradient_penalty"].text
    if not keeps:
        return text
    call = "    scores = discriminator(mixed)"
    return text.replace(call, f"    with statistics_kept(discriminator):\n    {call}")


def _function(header: str, summary: tuple[str, ...], value: str) -> str:
    lines = [f"def {header} -> Tensor:", *docstring(summary), *wrap(f"return {value}", 4)]
    return "\n".join(lines)


def optimizer_sources(networks: Networks) -> list[str]:
    """Return what makes the optimizer, and the schedule, of each network."""
    sources: dict[str, None] = {}  # a class that both use stands once
    for role in ROLES:
        optimizer = getattr(networks.training, role).optimizer
        maker = Maker(getattr(networks, role).graph, optimizer)
        own = [*maker.text(f"{role}_"), *scheduler_source(optimizer, f"{role}_")]
        sources |= dict.fromkeys(own)
    return [*sources]


def _arguments(networks: Networks, role: str, *rows: str) -> str:
    own = getattr(networks.training, role)
    return ", ".join(
        [
            f"generator: {class_name(networks.generator.name)}",
            f"discriminator: {class_name(networks.discriminator.name)}",
            "optimizer: torch.optim.Optimizer",
            *(
                ["scheduler: torch.optim.lr_scheduler.LRScheduler"]
                if has_schedule(own.optimizer)
                else []
            ),
            *([f"{NUMBER}: int"] if own.accumulate > 1 else []),
            *(f"{name}: Tensor" for name in rows),
        ]
    )


def _told(role: str, count: int) -> str:
    """Return the docstring of a step."""
    if count == 1:
        return f"Take one step of the {role}; return its loss before it."
    return f"Add the gradient of a batch, by its {NUMBER}; step down the mean of every {count}."


def _updated(networks: Networks, role: str, loss: list[str], of: str, cut: list[str]) -> list[str]:
    """Return the lines that compute the loss and take the step, where it is the batch for it.

    of: what `backward` takes. cut: what comes after the step.
    """
    training = as_trained(networks, getattr(networks.training, role).model).model.training
    assert training is not None
    step, count = step_lines(training, role), training.accumulate
    if count == 1:
        first = ["optimizer.zero_grad()"]
        lines = [*first, *loss] if role == "discriminator" else [*loss, *first]
        return indented([*lines, *_backward("loss", of), *step, *cut])
    return indented(
        [
            *loss,
            *_backward(f"(loss / {count})", of),
            f"if ({NUMBER} + 1) % {count} == 0:",
            *(f"    {line}" for line in (*step, "optimizer.zero_grad()", *cut)),
        ]
    )


def _backward(loss: str, of: str) -> list[str]:
    if not of:
        return [f"{loss}.backward()"]
    told = "# Of the generator alone: the discriminator stays as it is."
    return [told, f"{loss}.backward({of})"]


def _discriminator_step(
    networks: Networks, heads: dict[str, Head | None], keeps: bool, penalty: float
) -> str:
    training = networks.training
    judge = "discriminator.logits" if heads[training.discriminator.model] else "discriminator"
    given = ("real", "noise", *(("mix",) if penalty else ()))
    around = "torch.no_grad(), statistics_kept(generator)" if keeps else "torch.no_grad()"
    arguments = _arguments(networks, "discriminator", *given)
    loss = [f"loss = discriminator_loss({judge}(real), {judge}(fake))"]
    if penalty:
        times = literal(penalty)
        loss.append(f"loss += {times} * gradient_penalty(discriminator, real, fake, mix)")
    cut = []
    if isinstance(training.loss, Wasserstein) and training.loss.weight_clip is not None:
        limit = literal(training.loss.weight_clip)
        cut = [
            "with torch.no_grad():",
            "    for parameter in discriminator.parameters():",
            "        if parameter.requires_grad:",
            f"            parameter.clamp_(-{limit}, {limit})",
        ]
    return "\n".join(
        [
            *wrap(f"def discriminator_step({arguments}) -> Tensor:"),
            f'    """{_told("discriminator", training.discriminator.accumulate)}"""',
            f"    with {around}:",
            "        fake = generator(noise)",
            *_updated(networks, "discriminator", loss, "", cut),
            "    return loss.detach()",
        ]
    )


def _generator_step(networks: Networks, heads: dict[str, Head | None], keeps: bool) -> str:
    training = networks.training
    judge = "discriminator.logits" if heads[training.discriminator.model] else "discriminator"
    loss = [f"loss = generator_loss({judge}(generator(noise)))"]
    if keeps:
        loss = ["with statistics_kept(discriminator):", f"    {loss[0]}"]
    of = "inputs=[each for each in generator.parameters() if each.requires_grad]"
    return "\n".join(
        [
            *wrap(f"def generator_step({_arguments(networks, 'generator', 'noise')}) -> Tensor:"),
            f'    """{_told("generator", training.generator.accumulate)}"""',
            *_updated(networks, "generator", loss, of, []),
            "    return loss.detach()",
        ]
    )
