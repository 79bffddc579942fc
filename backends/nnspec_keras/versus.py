"""Writes what trains a generator against a discriminator: losses, optimizers, steps, a program."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Mapping
from typing import NamedTuple

from nnspec.emit import versus
from nnspec.emit import versus_words as told
from nnspec.emit.code import literal, quoted, wrap
from nnspec.emit.names import snake
from nnspec.emit.snippets import snippets
from nnspec.emit.training import row_of, title_of, training_of
from nnspec.emit.versus import (
    ROLES,
    arguments_of,
    counter_of,
    penalty_of,
    rounds_of,
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
from nnspec_keras.averages import with_average
from nnspec_keras.options import KerasOptions
from nnspec_keras.parameter_groups import made_optimizer
from nnspec_keras.updates import updated

EMITTED = snippets("nnspec_keras.emitted", "versus")
DEFINED = (*EMITTED, *versus.DEFINED, "draw_noise", "scores_of", "tf")
"""Names that the training part and the program define or import."""


class Played(NamedTuple):
    """The losses of both networks: a docstring and an expression of the scores."""

    discriminator: tuple[tuple[str, ...], str]
    generator: tuple[tuple[str, ...], str]


def _non_saturating(loss: NonSaturating) -> Played:
    real, fake = "ops.mean(ops.softplus(-real))", "ops.mean(ops.softplus(fake))"
    s = literal(loss.label_smoothing)
    smooth = f" + {s} * ops.mean(real)" if loss.label_smoothing else ""
    return Played(
        (told.cross_entropy(loss.label_smoothing), f"{real} + {fake}{smooth}"),
        (told.NON_SATURATING, "ops.mean(ops.softplus(-fake))"),
    )


def _least_squares(loss: LeastSquares) -> Played:
    goal = literal(1 - loss.label_smoothing) if loss.label_smoothing else "1"
    both = f"(ops.mean(ops.square(real - {goal})) + ops.mean(ops.square(fake))) / 2"
    return Played(
        (told.squares(goal, loss.label_smoothing), both),
        (told.SQUARE, "ops.mean(ops.square(fake - 1)) / 2"),
    )


def _hinge(loss: Hinge) -> Played:
    both = "ops.mean(ops.relu(1 - real)) + ops.mean(ops.relu(1 + fake))"
    return Played((told.HINGE, both), (told.SCORE, "-ops.mean(fake)"))


def _wasserstein(loss: Wasserstein) -> Played:
    return Played(
        (told.DISTANCE, "ops.mean(fake) - ops.mean(real)"), (told.SCORE, "-ops.mean(fake)")
    )


LOSSES = {
    NonSaturating: _non_saturating,
    LeastSquares: _least_squares,
    Hinge: _hinge,
    Wasserstein: _wasserstein,
}
"""Loss -> what both make small, of the scores."""


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
    played: Played = made(training.loss)  # type: ignore[operator]  # its own class
    keeps = {role: has_statistics(getattr(networks, role).graph) for role in ROLES}
    penalty = penalty_of(training.loss)
    head = heads[training.discriminator.model]
    kept = [EMITTED[name].text for name in ("batch_normalizations", "statistics_kept")]
    return [
        _function("discriminator_loss(real, fake)", *played.discriminator),
        _function("generator_loss(fake)", *played.generator),
        *_optimizers(networks, options),
        *([_scores_of(head)] if head is not None else []),
        *(kept if any(keeps.values()) else []),
        *([_penalty_source(keeps["discriminator"])] if penalty else []),
        _discriminator_step(networks, keeps["generator"], penalty),
        _generator_step(networks, keeps["discriminator"]),
        *turn_source(training),
    ]


def _optimizers(networks: Networks, options: KerasOptions) -> list[str]:
    """Return what makes the optimizers, and the classes that Keras lacks, each once."""
    defined: dict[str, str] = {}
    makers = []
    for role in ROLES:
        spec = as_trained(networks, getattr(networks.training, role).model)
        training = training_of(spec)
        made = made_optimizer(spec.graph, training.optimizer, stock=options.stock)
        made = with_average(made, training.average)
        call, classes = updated(made.call, training, spec.graph, stock=options.stock)
        lines = wrap(f"return {call.render()}", 4)
        texts = _apart([*made.definitions, *classes], lines, defined, role)
        defined |= texts
        makers.append(
            "\n".join(
                [
                    f"def make_{role}_optimizer() -> keras.optimizers.Optimizer:",
                    f'    """{title_of(training.optimizer)}, as the spec sets it."""',
                    *lines,
                ]
            )
        )
    return [*defined.values(), *makers]


def _apart(
    texts: list[str], lines: list[str], known: Mapping[str, str], role: str
) -> dict[str, str]:
    """Return definitions by name; a class of a known one's name and another text gets its own.

    lines: that call them, which are changed too.
    """
    found: dict[str, str] = {}
    others: dict[str, str] = {}
    for text in texts:
        own = _renamed(text, others)
        name = next(node.name for node in ast.parse(own).body if isinstance(node, _DEFINITIONS))
        if known.get(name, own) != own:
            others[name] = f"{role.capitalize()}{name}"
            own, name = _renamed(own, others), others[name]
        found[name] = own
    if others:
        lines[:] = wrap(_renamed(" ".join(each.strip() for each in lines), others), 4)
    return found


_DEFINITIONS = ast.ClassDef | ast.FunctionDef


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """Return source in which names are others."""
    rows = text.splitlines(keepends=True)
    tokens = [*tokenize.generate_tokens(io.StringIO(text).readline)]
    for token in reversed(tokens):
        if token.type == tokenize.NAME and token.string in names:
            (row, begin), (_, end) = token.start, token.end
            rows[row - 1] = rows[row - 1][:begin] + names[token.string] + rows[row - 1][end:]
    return "".join(rows)


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


def _function(header: str, summary: tuple[str, ...], value: str) -> str:
    lines = [f"def {header}:", *docstring(summary), *wrap(f"return {value}", 4)]
    return "\n".join(lines)


_COMPILED = "@tf.function(autograph=False, reduce_retracing=True)"


def _discriminator_step(networks: Networks, keeps: bool, penalty: float) -> str:
    loss, count = networks.training.loss, networks.training.discriminator.accumulate
    rows = "real, noise, mix" if penalty else "real, noise"
    fake = "fake = generator(noise, training=True)"
    lines = [
        _COMPILED,
        *wrap(f"def discriminator_step(generator, discriminator, optimizer, {rows}):"),
        f'    """{_told("discriminator", count)}"""',
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
        cut = [
            "    for variable in variables:",
            f"        variable.assign(ops.clip(variable, -{limit}, {limit}))",
        ]
        if count > 1:
            ended = "    ops.cond(optimizer.batch == 0, cut, lambda: None)"
            cut = ["", "    def cut():", *(f"    {line}" for line in cut), "", ended]
        lines += cut
    return "\n".join([*lines, "    return loss"])


def _told(role: str, count: int) -> str:
    """Return the docstring of a step."""
    if count == 1:
        return f"Take one step of the {role}; return its loss before it."
    return f"Add the gradient of a batch; step down the mean of every {count}."


def _generator_step(networks: Networks, keeps: bool) -> str:
    count = networks.training.generator.accumulate
    tape = "tf.GradientTape() as tape"
    around = f"statistics_kept(discriminator), {tape}" if keeps else tape
    return "\n".join(
        [
            _COMPILED,
            "def generator_step(generator, discriminator, optimizer, noise):",
            f'    """{_told("generator", count)}"""',
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
    counter, has_average = counter_of(training), training.generator.average is not None
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
        '    last = arguments.output.with_suffix(".last.keras")  # of the epochs so far',
        "    try:",
        "        require_writable(arguments.output, arguments.data)",
        "        require_writable(last, arguments.data)",
        "        if arguments.samples:",
        "            require_writable(arguments.samples, arguments.data)",
        "        rows = load_rows(arguments.data)",
        "    except (OSError, ValueError) as error:",
        "        parser.error(str(error))",
        *wrap(f"generator, discriminator = {made}(), {judged}()", 4),
        *(["    scores = scores_of(discriminator)"] if has_scores else []),
        "    generator_optimizer = make_generator_optimizer()",
        "    generator_optimizer.build(generator.trainable_variables)",
        "    discriminator_optimizer = make_discriminator_optimizer()",
        "    discriminator_optimizer.build(discriminator.trainable_variables)",
        *([f"    {counter} = 0"] if counter else []),
        "    for epoch in range(1, arguments.epochs + 1):",
        '        losses = {"discriminator": [], "generator": []}',
        *rounds_of(training, f"{judge})", make),
        *wrap(
            "means = {name: float(np.mean(found)) for name, found in losses.items() if found}", 8
        ),
        "        print(epoch, means)",
        "        if not np.isfinite(list(means.values())).all():",
        '            raise SystemExit(f"in epoch {epoch} the losses are {means}")',
        '        temporary = arguments.output.with_name(f"{arguments.output.stem}.part.keras")',
        *(
            ["        generator_optimizer.swap()  # the average stands for the weights"]
            if has_average
            else []
        ),
        "        generator.save(temporary)",
        *(["        generator_optimizer.swap()"] if has_average else []),
        "        temporary.replace(last)",
        "    last.replace(arguments.output)",
        "    if arguments.samples is not None:",
        "        np.save(arguments.samples, sample(arguments.output, 64))",
    ]
    return "\n".join(lines)
