"""Writes what trains a generator against a discriminator: losses, optimizers, steps, a program."""

from __future__ import annotations

from nnspec.emit import versus
from nnspec.emit.code import literal, wrap
from nnspec.emit.names import snake
from nnspec.emit.snippets import snippets
from nnspec.emit.training import row_of
from nnspec.emit.versus import ROLES, arguments_of, penalty_of, rounds_of, turn_source
from nnspec.language.adversarial import (
    Hinge,
    LeastSquares,
    NonSaturating,
    Wasserstein,
)
from nnspec.language.optimizers import Optimizer
from nnspec.network.graph import Head
from nnspec.network.networks import Networks
from nnspec.network.roles import has_statistics
from nnspec_torch.naming import class_name
from nnspec_torch.parameter_groups import Maker
from nnspec_torch.schedules import FACTOR, has_schedule, scheduler_modules, scheduler_source

EMITTED = snippets("nnspec_torch.emitted", "versus")
DEFINED = (
    *EMITTED,
    *versus.DEFINED,
    *(f"make_{role}_scheduler" for role in ROLES),
    *(f"{role}_{FACTOR}" for role in ROLES),
    *("weights_of", "save"),
)
"""Names that the training part and the program define or import."""


def _non_saturating(loss: NonSaturating) -> tuple[str, str]:
    real, fake = "F.softplus(-real).mean()", "F.softplus(fake).mean()"
    s = literal(loss.label_smoothing)
    smooth = f" + {s} * real.mean()" if loss.label_smoothing else ""
    return f"{real} + {fake}{smooth}", "F.softplus(-fake).mean()"


def _least_squares(loss: LeastSquares) -> tuple[str, str]:
    goal = literal(1 - loss.label_smoothing) if loss.label_smoothing else "1"
    both = f"((real - {goal}).square().mean() + fake.square().mean()) / 2"
    return both, "(fake - 1).square().mean() / 2"


def _hinge(loss: Hinge) -> tuple[str, str]:
    return "F.relu(1 - real).mean() + F.relu(1 + fake).mean()", "-fake.mean()"


def _wasserstein(loss: Wasserstein) -> tuple[str, str]:
    return "fake.mean() - real.mean()", "-fake.mean()"


LOSSES = {
    NonSaturating: _non_saturating,
    LeastSquares: _least_squares,
    Hinge: _hinge,
    Wasserstein: _wasserstein,
}
"""Loss -> what the discriminator's and the generator's are, of the scores."""


def versus_modules(networks: Networks) -> set[str]:
    """Return the modules that the definitions use."""
    training = networks.training
    modules = {"torch"}
    for role in ROLES:
        optimizer = getattr(training, role).optimizer
        modules |= scheduler_modules(optimizer)
        modules |= Maker(getattr(networks, role).graph, optimizer).imports
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
    of_discriminator, of_generator = made(training.loss)  # type: ignore[operator]  # its own class
    keeps = _keeps(networks)
    penalty = penalty_of(training.loss)
    return [
        _function(
            "discriminator_loss(real: Tensor, fake: Tensor)",
            "What the discriminator makes small, of its scores of real and of made rows.",
            of_discriminator,
        ),
        _function(
            "generator_loss(fake: Tensor)",
            "What the generator makes small, of the scores of the rows that it made.",
            of_generator,
        ),
        *optimizer_sources(networks),
        *([EMITTED["statistics_kept"].text] if any(keeps.values()) else []),
        *([_penalty_source(keeps["discriminator"])] if penalty else []),
        _discriminator_step(networks, heads, keeps["generator"], penalty),
        _generator_step(networks, heads, keeps["discriminator"]),
        *turn_source(training.discriminator.steps),
    ]


def _penalty_source(keeps: bool) -> str:
    text = EMITTED["gradient_penalty"].text
    if not keeps:
        return text
    call = "    scores = discriminator(mixed)"
    return text.replace(call, f"    with statistics_kept(discriminator):\n    {call}")


def _function(header: str, summary: str, value: str) -> str:
    lines = [f"def {header} -> Tensor:", f'    """{summary}"""', *wrap(f"return {value}", 4)]
    return "\n".join(lines)


def optimizer_sources(networks: Networks) -> list[str]:
    """Return what makes the optimizer, and the schedule, of each network."""
    sources = []
    for role in ROLES:
        optimizer = getattr(networks.training, role).optimizer
        maker = Maker(getattr(networks, role).graph, optimizer)
        sources += [*maker.text(f"{role}_"), *scheduler_source(optimizer, f"{role}_")]
    return sources


def _arguments(networks: Networks, optimizer: Optimizer, *rows: str) -> str:
    return ", ".join(
        [
            f"generator: {class_name(networks.generator.name)}",
            f"discriminator: {class_name(networks.discriminator.name)}",
            "optimizer: torch.optim.Optimizer",
            *(
                ["scheduler: torch.optim.lr_scheduler.LRScheduler"]
                if has_schedule(optimizer)
                else []
            ),
            *(f"{name}: Tensor" for name in rows),
        ]
    )


def _discriminator_step(
    networks: Networks, heads: dict[str, Head | None], keeps: bool, penalty: float
) -> str:
    training = networks.training
    optimizer, loss = training.discriminator.optimizer, training.loss
    judge = "discriminator.logits" if heads[training.discriminator.model] else "discriminator"
    given = ("real", "noise", *(("mix",) if penalty else ()))
    around = "torch.no_grad(), statistics_kept(generator)" if keeps else "torch.no_grad()"
    clip = loss.weight_clip if isinstance(loss, Wasserstein) else None
    lines = [
        *wrap(f"def discriminator_step({_arguments(networks, optimizer, *given)}) -> Tensor:"),
        '    """Take one step of the discriminator; return its loss before it."""',
        f"    with {around}:",
        "        fake = generator(noise)",
        "    optimizer.zero_grad()",
        f"    loss = discriminator_loss({judge}(real), {judge}(fake))",
    ]
    if penalty:
        times = literal(penalty)
        lines += wrap(f"loss += {times} * gradient_penalty(discriminator, real, fake, mix)", 4)
    lines += ["    loss.backward()", "    optimizer.step()"]
    if has_schedule(optimizer):
        lines.append("    scheduler.step()")
    if clip is not None:
        lines += [
            "    with torch.no_grad():",
            "        for parameter in discriminator.parameters():",
            "            if parameter.requires_grad:",
            f"                parameter.clamp_(-{literal(clip)}, {literal(clip)})",
        ]
    return "\n".join([*lines, "    return loss.detach()"])


def _generator_step(networks: Networks, heads: dict[str, Head | None], keeps: bool) -> str:
    training = networks.training
    optimizer = training.generator.optimizer
    judge = "discriminator.logits" if heads[training.discriminator.model] else "discriminator"
    loss = f"loss = generator_loss({judge}(generator(noise)))"
    return "\n".join(
        [
            *wrap(f"def generator_step({_arguments(networks, optimizer, 'noise')}) -> Tensor:"),
            '    """Take one step of the generator; return its loss before it."""',
            *(
                ["    with statistics_kept(discriminator):", f"        {loss}"]
                if keeps
                else [f"    {loss}"]
            ),
            "    optimizer.zero_grad()",
            "    # Of the generator alone: the discriminator stays as it is.",
            *wrap(
                "loss.backward(inputs=[each for each in generator.parameters() "
                "if each.requires_grad])",
                4,
            ),
            "    optimizer.step()",
            *(["    scheduler.step()"] if has_schedule(optimizer) else []),
            "    return loss.detach()",
        ]
    )


def program_source(networks: Networks) -> list[str]:
    """Return the program: it reads rows, trains, and writes what the generator makes."""
    training = networks.training
    ((_, noise),) = networks.generator.graph.inputs.items()
    shape = ", ".join(map(str, noise.shape))
    sizes = f"count, {shape}" if shape else "count"
    drawn = f"torch.randn({sizes}, device=device)"
    if training.generator.noise == "uniform":
        drawn = f"2 * torch.rand({sizes}, device=device) - 1"
    file = f"{snake(networks.name)}.safetensors"
    made, judged = class_name(networks.generator.name), class_name(networks.discriminator.name)
    return [
        "\n".join(
            [
                "def draw_noise(count: int, device: torch.device) -> Tensor:",
                '    """Return what the generator makes so many rows of."""',
                f"    return {drawn}",
            ]
        ),
        _save(networks),
        "\n".join(
            [
                "def sample(weights: Path, count: int) -> np.ndarray:",
                '    """Return rows that a trained generator makes."""',
                f"    generator = {made}()",
                "    generator.load_state_dict(",
                "        {",
                f'            name.removeprefix("{training.generator.model}."): tensor',
                "            for name, tensor in load_file(weights).items()",
                f'            if name.startswith("{training.generator.model}.")',
                "        }",
                "    )",
                "    generator.eval()",
                "    with torch.no_grad():",
                '        return generator(draw_noise(count, torch.device("cpu"))).numpy()',
            ]
        ),
        _main(networks, made, judged, file),
        'if __name__ == "__main__":\n    main()',
    ]


def _save(networks: Networks) -> str:
    training = networks.training
    return "\n".join(
        [
            "def save(generator: nn.Module, discriminator: nn.Module, path: Path) -> None:",
            '    """Write the weights of both, whole or not at all."""',
            "    weights = {}",
            "    for name, network in (",
            f'        ("{training.generator.model}", generator),',
            f'        ("{training.discriminator.model}", discriminator),',
            "    ):",
            "        for key, tensor in network.state_dict().items():",
            '            weights[f"{name}.{key}"] = tensor.contiguous()',
            '    temporary = path.with_name(f"{path.name}.part")',
            "    temporary.touch()",
            "    mode = temporary.stat().st_mode  # save_file lets only its owner read",
            "    save_file(weights, temporary)",
            "    temporary.chmod(mode)",
            "    temporary.replace(path)",
        ]
    )


def _main(networks: Networks, made: str, judged: str, file: str) -> str:
    training, data = networks.training, networks.document.data
    assert data is not None
    steps = training.discriminator.steps
    (shape,) = [type_.shape for type_ in networks.discriminator.graph.inputs.values()]
    judge_given, make_given = "", ""
    if has_schedule(training.discriminator.optimizer):
        judge_given = ", discriminator_scheduler"
    if has_schedule(training.generator.optimizer):
        make_given = ", generator_scheduler"
    judge = (
        f"discriminator_step(generator, discriminator, discriminator_optimizer{judge_given}, "
        "batch, draw_noise(len(batch), device)"
    )
    if penalty_of(training.loss):
        ones = ", ".join("1" for _ in shape)
        judge += f", torch.rand(len(batch), {ones}, device=device)"
    make = (
        f"generator_step(generator, discriminator, generator_optimizer{make_given}, "
        "draw_noise(len(batch), device))"
    )
    lines = [
        "def main() -> None:",
        '    """Train both, and write their weights, and rows that the generator makes."""',
        *arguments_of(networks, file),
        "    if arguments.epochs < 1:",
        '        parser.error("--epochs: at least one is expected")',
        "",
        f"    torch.manual_seed({training.seed})",
        '    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")',
        "    try:",
        "        require_writable(arguments.output, arguments.data)",
        "        rows = torch.from_numpy(load_rows(arguments.data)).to(device)",
        "    except (OSError, ValueError) as error:",
        "        parser.error(str(error))",
        f"    generator, discriminator = {made}().to(device), {judged}().to(device)",
        "    generator_optimizer = make_generator_optimizer(generator)",
        "    discriminator_optimizer = make_discriminator_optimizer(discriminator)",
        *(
            ["    generator_scheduler = make_generator_scheduler(generator_optimizer)"]
            if make_given
            else []
        ),
        *(
            wrap(
                "discriminator_scheduler = make_discriminator_scheduler(discriminator_optimizer)",
                4,
            )
            if judge_given
            else []
        ),
        *(["    steps = 0"] if steps > 1 else []),
        "    for epoch in range(1, arguments.epochs + 1):",
        "        generator.train()",
        "        discriminator.train()",
        '        losses: dict[str, list[Tensor]] = {"discriminator": [], "generator": []}',
        *rounds_of(steps, f"{judge})", make),
        "        means = {",
        "            name: torch.stack(found).double().mean().item()",
        "            for name, found in losses.items()",
        "            if found",
        "        }",
        "        print(epoch, means)",
        "        if not all(map(math.isfinite, means.values())):",
        '            raise SystemExit(f"in epoch {epoch} the losses are {means}")',
        "        save(generator, discriminator, arguments.output)",
        "    if arguments.samples is not None:",
        "        np.save(arguments.samples, sample(arguments.output, 64))",
    ]
    return "\n".join(lines)
