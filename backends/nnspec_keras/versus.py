"""Writes what trains a generator against a discriminator: losses, optimizers, steps, a program."""

from __future__ import annotations

from collections.abc import Mapping

from nnspec.emit import versus
from nnspec.emit.code import literal, quoted, wrap
from nnspec.emit.names import snake
from nnspec.emit.snippets import snippets
from nnspec.emit.training import row_of, title_of
from nnspec.emit.versus import ROLES, arguments_of, penalty_of, rounds_of, turn_source
from nnspec.language.adversarial import (
    Hinge,
    LeastSquares,
    NonSaturating,
    Wasserstein,
)
from nnspec.network.graph import Head
from nnspec.network.networks import Networks
from nnspec.network.roles import has_statistics
from nnspec_keras.options import KerasOptions
from nnspec_keras.parameter_groups import made_optimizer

EMITTED = snippets("nnspec_keras.emitted", "versus")
DEFINED = (*EMITTED, *versus.DEFINED, "draw_noise", "scores_of", "tf")
"""Names that the training part and the program define or import."""


def _non_saturating(loss: NonSaturating) -> tuple[str, str]:
    real, fake = "ops.mean(ops.softplus(-real))", "ops.mean(ops.softplus(fake))"
    s = literal(loss.label_smoothing)
    smooth = f" + {s} * ops.mean(real)" if loss.label_smoothing else ""
    return f"{real} + {fake}{smooth}", "ops.mean(ops.softplus(-fake))"


def _least_squares(loss: LeastSquares) -> tuple[str, str]:
    goal = literal(1 - loss.label_smoothing) if loss.label_smoothing else "1"
    both = f"(ops.mean(ops.square(real - {goal})) + ops.mean(ops.square(fake))) / 2"
    return both, "ops.mean(ops.square(fake - 1)) / 2"


def _hinge(loss: Hinge) -> tuple[str, str]:
    return "ops.mean(ops.relu(1 - real)) + ops.mean(ops.relu(1 + fake))", "-ops.mean(fake)"


def _wasserstein(loss: Wasserstein) -> tuple[str, str]:
    return "ops.mean(fake) - ops.mean(real)", "-ops.mean(fake)"


LOSSES = {
    NonSaturating: _non_saturating,
    LeastSquares: _least_squares,
    Hinge: _hinge,
    Wasserstein: _wasserstein,
}
"""Loss -> what the discriminator's and the generator's are, of the scores."""


def versus_modules(networks: Networks, options: KerasOptions) -> set[str]:
    """Return the modules that the definitions use."""
    training = networks.training
    modules = {"keras", "ops", "tf"}
    for role in (training.generator, training.discriminator):
        graph = networks.models[role.model].graph
        modules |= made_optimizer(graph, role.optimizer, stock=options.stock).uses
    if any(has_statistics(spec.graph) for spec in (networks.generator, networks.discriminator)):
        modules |= {"contextmanager", "layers"}
    return modules


def versus_source(
    networks: Networks, options: KerasOptions, heads: Mapping[str, Head | None]
) -> list[str]:
    """Return the definitions that train."""
    training = networks.training
    made = row_of(LOSSES, training.loss, f"the loss {training.loss.type}")
    of_discriminator, of_generator = made(training.loss)  # type: ignore[operator]  # its own class
    keeps = {role: has_statistics(getattr(networks, role).graph) for role in ROLES}
    penalty = penalty_of(training.loss)
    head = heads[training.discriminator.model]
    kept = [EMITTED[name].text for name in ("batch_normalizations", "statistics_kept")]
    return [
        _function(
            "discriminator_loss(real, fake)",
            "What the discriminator makes small, of its scores of real and of made rows.",
            of_discriminator,
        ),
        _function(
            "generator_loss(fake)",
            "What the generator makes small, of the scores of the rows that it made.",
            of_generator,
        ),
        *_optimizers(networks, options),
        *([_scores_of(head)] if head is not None else []),
        *(kept if any(keeps.values()) else []),
        *([_penalty_source(keeps["discriminator"])] if penalty else []),
        _discriminator_step(networks, keeps["generator"], penalty),
        _generator_step(keeps["discriminator"]),
        *turn_source(training.discriminator.steps),
    ]


def _optimizers(networks: Networks, options: KerasOptions) -> list[str]:
    """Return what makes the optimizers, and the classes that Keras lacks, each once."""
    training = networks.training
    defined: dict[str, None] = {}
    makers = []
    for role in ROLES:
        given = getattr(training, role)
        graph = networks.models[given.model].graph
        made = made_optimizer(graph, given.optimizer, stock=options.stock)
        defined |= dict.fromkeys(made.definitions)
        makers.append(
            "\n".join(
                [
                    f"def make_{role}_optimizer() -> keras.optimizers.Optimizer:",
                    f'    """{title_of(given.optimizer)}, as the spec sets it."""',
                    *wrap(f"return {made.call.render()}", 4),
                ]
            )
        )
    return [*defined, *makers]


def _scores_of(head: Head) -> str:
    layer = head.node.name + (f".{head.activation.type}" if head.is_fused else "")
    return "\n".join(
        [
            "def scores_of(discriminator: keras.Model) -> keras.Model:",
            '    """Return the discriminator up to its logits, weights shared."""',
            *wrap(
                "return keras.Model(discriminator.inputs, "
                f"discriminator.get_layer({quoted(layer)}).input)",
                4,
            ),
        ]
    )


def _penalty_source(keeps: bool) -> str:
    text = EMITTED["gradient_penalty"].text
    tape = "with tf.GradientTape() as tape:"
    return text.replace(tape, f"with statistics_kept(discriminator), {tape[5:]}") if keeps else text


def _function(header: str, summary: str, value: str) -> str:
    lines = [f"def {header}:", f'    """{summary}"""', *wrap(f"return {value}", 4)]
    return "\n".join(lines)


_COMPILED = "@tf.function(autograph=False, reduce_retracing=True)"


def _discriminator_step(networks: Networks, keeps: bool, penalty: float) -> str:
    loss = networks.training.loss
    rows = "real, noise, mix" if penalty else "real, noise"
    fake = "fake = generator(noise, training=True)"
    lines = [
        _COMPILED,
        *wrap(f"def discriminator_step(generator, discriminator, optimizer, {rows}):"),
        '    """Take one step of the discriminator; return its loss before it."""',
        *(
            ["    with statistics_kept(generator):", f"        {fake}"]
            if keeps
            else [f"    {fake}"]
        ),
        "    with tf.GradientTape() as tape:",
        "        loss = discriminator_loss(",
        "            discriminator(real, training=True), discriminator(fake, training=True)",
        "        )",
    ]
    if penalty:
        times = literal(penalty)
        lines += wrap(f"loss += {times} * gradient_penalty(discriminator, real, fake, mix)", 8)
    lines += [
        "    variables = discriminator.trainable_variables",
        "    optimizer.apply(tape.gradient(loss, variables), variables)",
    ]
    if isinstance(loss, Wasserstein) and loss.weight_clip is not None:
        limit = literal(loss.weight_clip)
        lines += [
            "    for variable in variables:",
            f"        variable.assign(ops.clip(variable, -{limit}, {limit}))",
        ]
    return "\n".join([*lines, "    return loss"])


def _generator_step(keeps: bool) -> str:
    tape = "tf.GradientTape() as tape"
    around = f"statistics_kept(discriminator), {tape}" if keeps else tape
    return "\n".join(
        [
            _COMPILED,
            "def generator_step(generator, discriminator, optimizer, noise):",
            '    """Take one step of the generator; return its loss before it."""',
            f"    with {around}:",
            "        fake = generator(noise, training=True)",
            "        loss = generator_loss(discriminator(fake, training=True))",
            "    # Of the generator alone: the discriminator stays as it is.",
            "    variables = generator.trainable_variables",
            "    optimizer.apply(tape.gradient(loss, variables), variables)",
            "    return loss",
        ]
    )


def program_source(
    networks: Networks, heads: Mapping[str, Head | None], functions: Mapping[str, str]
) -> list[str]:
    """Return the program: it reads rows, trains, and saves the generator."""
    training = networks.training
    ((_, noise),) = networks.generator.graph.inputs.items()
    sizes = "".join(f", {size}" for size in noise.shape) or ","
    drawn = f"keras.random.normal((count{sizes}))"
    if training.generator.noise == "uniform":
        drawn = f"keras.random.uniform((count{sizes}), -1.0, 1.0)"
    return [
        "\n".join(
            [
                "def draw_noise(count: int):",
                '    """Return what the generator makes so many rows of."""',
                f"    return {drawn}",
            ]
        ),
        "\n".join(
            [
                "def sample(path: Path, count: int) -> np.ndarray:",
                '    """Return rows that a saved generator makes."""',
                "    generator = keras.saving.load_model(path, compile=False)",
                "    return ops.convert_to_numpy(generator(draw_noise(count), training=False))",
            ]
        ),
        _main(networks, heads, functions),
    ]


def _main(
    networks: Networks, heads: Mapping[str, Head | None], functions: Mapping[str, str]
) -> str:
    training, data = networks.training, networks.document.data
    assert data is not None
    steps = training.discriminator.steps
    (shape,) = [type_.shape for type_ in networks.discriminator.graph.inputs.values()]
    made, judged = functions[training.generator.model], functions[training.discriminator.model]
    has_scores = heads[training.discriminator.model] is not None
    scores = "scores" if has_scores else "discriminator"
    judge = (
        f"discriminator_step(generator, {scores}, discriminator_optimizer, batch, "
        "draw_noise(len(batch))"
    )
    if penalty_of(training.loss):
        ones = ", ".join("1" for _ in shape)
        judge += f", keras.random.uniform((len(batch), {ones}))"
    make = f"generator_step(generator, {scores}, generator_optimizer, draw_noise(len(batch)))"
    file = f"{snake(networks.name)}.keras"
    lines = [
        "def main() -> None:",
        '    """Train both, and save the generator, and rows that it makes."""',
        *arguments_of(networks, file),
        '    if arguments.output.suffix != ".keras":',
        '        parser.error("--output: the name has to end in .keras")',
        "    if arguments.epochs < 1:",
        '        parser.error("--epochs: at least one is expected")',
        "",
        f"    keras.utils.set_random_seed({training.seed})",
        "    try:",
        "        require_writable(arguments.output, arguments.data)",
        "        rows = load_rows(arguments.data)",
        "    except (OSError, ValueError) as error:",
        "        parser.error(str(error))",
        *wrap(f"generator, discriminator = {made}(), {judged}()", 4),
        *(["    scores = scores_of(discriminator)"] if has_scores else []),
        "    generator_optimizer = make_generator_optimizer()",
        "    generator_optimizer.build(generator.trainable_variables)",
        "    discriminator_optimizer = make_discriminator_optimizer()",
        "    discriminator_optimizer.build(discriminator.trainable_variables)",
        *(["    steps = 0"] if steps > 1 else []),
        "    for epoch in range(1, arguments.epochs + 1):",
        '        losses = {"discriminator": [], "generator": []}',
        *rounds_of(steps, f"{judge})", make),
        *wrap(
            "means = {name: float(np.mean(found)) for name, found in losses.items() if found}", 8
        ),
        "        print(epoch, means)",
        "        if not np.isfinite(list(means.values())).all():",
        '            raise SystemExit(f"in epoch {epoch} the losses are {means}")',
        '        temporary = arguments.output.with_name(f"{arguments.output.stem}.part.keras")',
        "        generator.save(temporary)",
        "        temporary.replace(arguments.output)",
        "    if arguments.samples is not None:",
        "        np.save(arguments.samples, sample(arguments.output, 64))",
    ]
    return "\n".join(lines)
