"""The text that the source backends share of what trains a generator against a discriminator."""

from __future__ import annotations

from nnspec.emit.code import literal, wrap
from nnspec.language.adversarial import AdversarialLoss, AdversarialTraining, Wasserstein
from nnspec.network.networks import Networks

ROLES = ("generator", "discriminator")
DEFINED = (
    *("discriminator_loss", "generator_loss", "discriminator_step", "generator_step"),
    *(f"make_{role}_optimizer" for role in ROLES),
    *("is_generators_turn", "contextmanager", "load_rows", "sample"),
)
"""Names that every such file may define or import."""


def penalty_of(loss: AdversarialLoss) -> float:
    """Return the factor of the gradient's penalty, 0 where there is none."""
    return loss.gradient_penalty if isinstance(loss, Wasserstein) else 0.0


def turn_source(training: AdversarialTraining) -> list[str]:
    """Return the function that says when the generator steps, where that is not each time."""
    if training.turn == 1:
        return []
    counted = "batches" if training.discriminator.accumulate > 1 else "steps"
    told = f"Whether the generator steps after so many {counted} of the discriminator."
    return [
        "\n".join(
            [
                f"def is_generators_turn({counted}: int) -> bool:",
                f'    """{told}"""',
                f"    return {counted} % {training.turn} == 0",
            ]
        )
    ]


def arguments_of(networks: Networks, file: str) -> list[str]:
    """Return the lines of `main` that read its arguments; file: what is written by default."""
    data = networks.document.data
    assert data is not None
    return [
        "    parser = argparse.ArgumentParser(description=main.__doc__)",
        *wrap(f"source = Path(__file__).parent / {literal(data.source)}", 4),
        '    parser.add_argument("--data", type=Path, default=source)',
        *wrap(f"output = Path({literal(file)})", 4),
        '    parser.add_argument("--output", type=Path, default=output)',
        f'    parser.add_argument("--epochs", type=int, default={networks.training.epochs})',
        *wrap(
            'parser.add_argument("--samples", type=Path, help="a .npy file of rows that are made")',
            4,
        ),
        "    arguments = parser.parse_args()",
        '    if arguments.samples and arguments.samples.suffix != ".npy":',
        '        parser.error("--samples: the name has to end in .npy")',
    ]


def counter_of(training: AdversarialTraining) -> str:
    """Return the name of what counts the discriminator's batches, "" where nothing asks for it."""
    if training.turn == 1:
        return ""
    return "number" if training.discriminator.accumulate > 1 else "steps"


def rounds_of(training: AdversarialTraining, judge: str, make: str) -> list[str]:
    """Return the lines of an epoch's loop over batches: both steps, each with its loss kept.

    judge, make: the calls of the steps; `part` is the number of a batch of the generator's.
    """
    counter, count = counter_of(training), training.generator.accumulate
    lines = [
        f"        for positions in batches(len(rows){', epoch' if training.shuffle else ''}):",
        "            batch = rows[positions]",
        *wrap(f"loss = {judge}", 12),
        '            losses["discriminator"].append(loss)',
    ]
    deep = 12
    if counter:
        lines.append(f"            {counter} += 1")
        lines.append(f"            if is_generators_turn({counter}):")
        deep += 4
    if count > 1:
        part = "part" if "part" in make else "_"
        lines.append(f"{' ' * deep}for {part} in range({count}):")
        deep += 4
    return [*lines, *wrap(f"loss = {make}", deep), f'{" " * deep}losses["generator"].append(loss)']
