"""Writes the program that trains two networks: rows, epochs, files, samples."""

from __future__ import annotations

from nnspec.emit.code import wrap
from nnspec.emit.names import snake
from nnspec.emit.versus import (
    arguments_of,
    counter_of,
    penalty_of,
    rounds_of,
)
from nnspec.network.networks import Networks
from nnspec_torch.naming import class_name
from nnspec_torch.schedules import has_schedule


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
    counter = counter_of(training)
    average = training.generator.average
    (shape,) = [type_.shape for type_ in networks.discriminator.graph.inputs.values()]
    judge_given, make_given = "", ""
    if has_schedule(training.discriminator.optimizer):
        judge_given = ", discriminator_scheduler"
    if has_schedule(training.generator.optimizer):
        make_given = ", generator_scheduler"
    scheduled = bool(judge_given), bool(make_given)
    if training.discriminator.accumulate > 1:
        judge_given += f", {counter}"
    if training.generator.accumulate > 1:
        make_given += ", part"
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
    made_of = "averaged(generator, average)" if average else "generator"
    lines = [
        "def main() -> None:",
        '    """Train both, and write their weights, and rows that the generator makes."""',
        *arguments_of(networks, file),
        "    if arguments.epochs < 1:",
        '        parser.error("--epochs: at least one is expected")',
        "",
        f"    torch.manual_seed({training.seed})",
        '    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")',
        '    stem = arguments.output.name.removesuffix(".safetensors")',
        '    last = arguments.output.with_name(f"{stem}.last.safetensors")  # the epochs so far',
        "    try:",
        "        require_writable(arguments.output, arguments.data)",
        "        require_writable(last, arguments.data)",
        "        if arguments.samples:",
        "            require_writable(arguments.samples, arguments.data)",
        "        rows = torch.from_numpy(load_rows(arguments.data)).to(device)",
        "    except (OSError, ValueError) as error:",
        "        parser.error(str(error))",
        f"    generator, discriminator = {made}().to(device), {judged}().to(device)",
        "    generator_optimizer = make_generator_optimizer(generator)",
        "    discriminator_optimizer = make_discriminator_optimizer(discriminator)",
        *(
            ["    generator_scheduler = make_generator_scheduler(generator_optimizer)"]
            if scheduled[1]
            else []
        ),
        *(
            wrap(
                "discriminator_scheduler = make_discriminator_scheduler(discriminator_optimizer)",
                4,
            )
            if scheduled[0]
            else []
        ),
        *(["    average = make_average(generator, generator_optimizer)"] if average else []),
        *([f"    {counter} = 0"] if counter else []),
        "    for epoch in range(1, arguments.epochs + 1):",
        "        generator.train()",
        "        discriminator.train()",
        '        losses: dict[str, list[Tensor]] = {"discriminator": [], "generator": []}',
        *rounds_of(training, f"{judge})", make),
        "        means = {",
        "            name: torch.stack(found).double().mean().item()",
        "            for name, found in losses.items()",
        "            if found",
        "        }",
        "        print(epoch, means)",
        "        if not all(map(math.isfinite, means.values())):",
        '            raise SystemExit(f"in epoch {epoch} the losses are {means}")',
        f"        save({made_of}, discriminator, last)",
        "    last.replace(arguments.output)",
        "    if arguments.samples is not None:",
        "        np.save(arguments.samples, sample(arguments.output, 64))",
    ]
    return "\n".join(lines)
