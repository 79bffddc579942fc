"""DigitsGan, compiled from digits_gan.yaml."""

import argparse
import csv
import hashlib
import json
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


class Hidden(nn.Module):
    """x (batch, in_features) -> relu_1 (batch, 256)."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.dense = nn.Linear(in_features, 256, bias=False)
        self.norm = nn.BatchNorm1d(256)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.dense.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.dense(x)))


class Generator(nn.Module):
    """noise (batch, 8) -> pixels (batch, 1, 8, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.ModuleList(
            [Hidden(8), Hidden(256), Hidden(256), Hidden(256), Hidden(256)]
        )
        self.grey = nn.Linear(256, 64)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.grey.weight)
        nn.init.zeros_(self.grey.bias)

    def forward(self, noise: Tensor) -> Tensor:
        x = noise
        for layer in self.hidden:
            x = layer(x)
        x = torch.sigmoid(self.grey(x))
        x = x.reshape(-1, 1, 8, 8)  # (batch, 1, 8, 8)
        return x * 16.0


class Discriminator(nn.Module):
    """image (batch, 1, 8, 8) -> rescaling_2 (batch, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.look1 = nn.Linear(64, 256)
        self.look2 = nn.Linear(256, 256)
        self.score = nn.Linear(256, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for linear in (self.look1, self.look2, self.score):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, image: Tensor) -> Tensor:
        x = torch.flatten(image * 0.125 - 1.0, 1)
        x = F.leaky_relu(self.look1(x), 0.2)
        x = F.leaky_relu(self.look2(x), 0.2)
        x = self.score(x)
        return x * 16.0


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return how much more made rows score than real ones, in the mean."""
    return fake.mean() - real.mean()


def generator_loss(fake: Tensor) -> Tensor:
    """Return minus the mean score of the made rows."""
    return -fake.mean()


def make_generator_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """Adam over every parameter of the model."""
    return torch.optim.Adam(
        model.parameters(), lr=0.001, betas=(0.0, 0.9), eps=1e-8, fused=True
    )


def generator_learning_rate_factor(step: int) -> float:
    """Half a cosine wave down to 0.0 in 2320 steps."""
    progress = min(step / 2320, 1.0)
    return (1 + math.cos(math.pi * progress)) / 2


def make_generator_scheduler(
    optimizer: torch.optim.Optimizer,
) -> torch.optim.lr_scheduler.LRScheduler:
    """The learning rate of each step, counted from 0."""
    return torch.optim.lr_scheduler.LambdaLR(optimizer, generator_learning_rate_factor)


def make_discriminator_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """Adam over every parameter of the model."""
    return torch.optim.Adam(
        model.parameters(), lr=0.001, betas=(0.0, 0.9), eps=1e-8, fused=True
    )


def discriminator_learning_rate_factor(step: int) -> float:
    """Half a cosine wave down to 0.0 in 4640 steps."""
    progress = min(step / 4640, 1.0)
    return (1 + math.cos(math.pi * progress)) / 2


def make_discriminator_scheduler(
    optimizer: torch.optim.Optimizer,
) -> torch.optim.lr_scheduler.LRScheduler:
    """The learning rate of each step, counted from 0."""
    return torch.optim.lr_scheduler.LambdaLR(
        optimizer, discriminator_learning_rate_factor
    )


@contextmanager
def statistics_kept(network: nn.Module) -> Iterator[None]:
    """Keep running statistics as they are, while batches are normalised by their own."""
    kinds = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d
    norms = [layer for layer in network.modules() if isinstance(layer, kinds)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def gradient_penalty(
    discriminator: nn.Module, real: Tensor, fake: Tensor, mix: Tensor
) -> Tensor:
    """Return how far the slope of the scores between real and fake rows is from 1."""
    mixed = (mix * real + (1 - mix) * fake).requires_grad_()
    scores = discriminator(mixed)
    (slopes,) = torch.autograd.grad(scores.sum(), mixed, create_graph=True)
    length = (slopes.flatten(1).square().sum(1) + 1e-12).sqrt()
    return (length - 1).square().mean()


def discriminator_step(
    generator: Generator,
    discriminator: Discriminator,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    real: Tensor,
    noise: Tensor,
    mix: Tensor,
) -> Tensor:
    """Take one step of the discriminator; return its loss before it."""
    with torch.no_grad(), statistics_kept(generator):
        fake = generator(noise)
    optimizer.zero_grad()
    loss = discriminator_loss(discriminator(real), discriminator(fake))
    loss += 10.0 * gradient_penalty(discriminator, real, fake, mix)
    loss.backward()
    optimizer.step()
    scheduler.step()
    return loss.detach()


def generator_step(
    generator: Generator,
    discriminator: Discriminator,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    noise: Tensor,
) -> Tensor:
    """Take one step of the generator; return its loss before it."""
    loss = generator_loss(discriminator(generator(noise)))
    optimizer.zero_grad()
    # Of the generator alone: the discriminator stays as it is.
    loss.backward(
        inputs=[each for each in generator.parameters() if each.requires_grad]
    )
    optimizer.step()
    scheduler.step()
    return loss.detach()


def is_generators_turn(steps: int) -> bool:
    """Whether the generator steps after so many steps of the discriminator."""
    return steps % 2 == 0


def read_rows(path: Path) -> pl.DataFrame:
    """Return the rows of a file as text, without blank lines at its end."""
    try:
        rows = pl.read_csv(path, infer_schema=False, glob=False)
    except pl.exceptions.PolarsError as error:
        reason = wrong_line(path) or str(error).splitlines()[0]
        raise ValueError(f"{path} is no readable .csv file: {reason}") from None
    for name in rows.columns:
        first, mark, number = name.rpartition("_duplicated_")
        if mark and number.isdecimal() and first in rows.columns:
            raise ValueError(f'{path}: the header has the column "{first}" twice')
    filled = rows.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    return rows.head(max(filled.arg_true().to_list(), default=-1) + 1)


def wrong_line(path: Path) -> str:
    """Say which line has too many values or quotes that do not match; "" if none has."""
    columns, line = 0, 1
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        records = csv.reader(file, strict=True)
        try:
            for record in records:
                columns = columns or len(record)
                if len(record) > columns:
                    return f"line {line} has {len(record)} values, not {columns}"
                line = records.line_num + 1
        except csv.Error:
            return f"the quotes of line {line} are not in order"
    return ""


def line_of(path: Path, row: int) -> int:
    """Return the line at which a row begins; a value may go over several lines."""
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = csv.reader(file)
        while not next(records):  # blank lines before the header are no rows
            pass
        for _ in range(row - 1):
            next(records, None)
    return records.line_num + 1


def where(path: Path, name: str, row: int) -> str:
    """Return the place of a value."""
    return f'{path}, line {line_of(path, row)}: column "{name}", row {row}'


def column(rows: pl.DataFrame, name: str, path: Path) -> pl.Series:
    """Return a column, text without spaces around it; no value may be missing."""
    if name not in rows.columns:
        raise ValueError(f'{path}: there is no column "{name}"')
    values = rows[name].str.strip_chars()
    values = values.set(values == "", None)
    if values.has_nulls():
        place = where(path, name, values.is_null().arg_true()[0] + 1)
        raise ValueError(f"{place}: the value is missing")
    return values


def matching(rows: pl.DataFrame, patterns: list[str], path: Path) -> list[str]:
    """Return the columns that names and patterns stand for."""
    columns: list[str] = []
    for pattern in patterns:
        found = [c for c in rows.columns if fnmatchcase(c, pattern)]
        found = [pattern] if pattern in rows.columns else found
        if not found:
            raise ValueError(f'{path}: no column matches "{pattern}"')
        columns += found
    if len(set(columns)) < len(columns):
        raise ValueError(f"{path}: a column is taken twice: {columns}")
    return columns


def numbers(
    rows: pl.DataFrame,
    names: list[str],
    path: Path,
    low: float,
    high: float,
    *,
    whole: bool = False,
) -> np.ndarray:
    """Return columns as (rows, columns); refuse what is no number from low to high."""
    columns = []
    for name in names:
        given = column(rows, name, path)
        values = given.cast(pl.Float64, strict=False)
        right = values.is_between(low, high).fill_null(False)
        if whole:
            right &= values == values.floor()
        if not right.all():
            row = (~right).arg_true()[0]
            raise ValueError(
                f"{where(path, name, row + 1)}: {given[row]} is not a "
                f"{'whole ' if whole else ''}number from {low:g} to {high:g}"
            )
        columns.append(values.to_numpy())
    return np.stack(columns, axis=1)


def shaped(values: np.ndarray, shape: list[int], place: str) -> np.ndarray:
    """Return rows in this shape; flat ones are folded, axes of size 1 come and go."""
    given = [size for size in values.shape[1:] if size != 1]
    if given not in ([size for size in shape if size != 1], [math.prod(shape)]):
        raise ValueError(f"{place} is {given} a row, and {shape} is expected")
    return values.reshape(len(values), *shape)


def load_rows(path: Path) -> np.ndarray:
    """Return the rows as the discriminator takes them."""
    rows = read_rows(path)
    largest = float(np.finfo("float32").max)
    values = numbers(rows, matching(rows, ["pixel_*"], path), path, -largest, largest)
    if not len(values):
        raise ValueError(f"{path}: there are no rows")
    if (len(values) % 64 or min(len(values), 64)) == 1:
        raise ValueError(
            f"{path}: {len(values)} rows in batches of 64 leave one row alone, "
            "whose variance batch normalization cannot take"
        )
    values = shaped(values, [1, 8, 8], f'{path}: "image"')
    return values.astype("float32")


def permutation(count: int, *key: str | int) -> np.ndarray:
    """Return 0 .. count - 1 in an order that depends on the key alone."""
    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    bits = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8"))
    return np.argsort(bits.random_raw(count), kind="stable")


def batches(count: int, epoch: int) -> Iterator[np.ndarray]:
    """Yield the rows of each batch; epochs count from 1."""
    order = permutation(count, "order", 0, epoch)
    for start in range(0, count, 64):
        yield order[start : start + 64]


def require_writable(path: Path, *given: Path | None) -> None:
    """Raise an error now, rather than after the training, where no file can be written."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder, and a file is expected")
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}")
    for read in (*given, Path(__file__)):
        if read and path.exists() and read.exists() and path.samefile(read):
            raise ValueError(f"{path} is read, and would be lost; give another name")
    with tempfile.TemporaryFile(dir=path.parent):
        pass


def draw_noise(count: int, device: torch.device) -> Tensor:
    """Return what the generator makes so many rows of."""
    return torch.randn(count, 8, device=device)


def save(generator: nn.Module, discriminator: nn.Module, path: Path) -> None:
    """Write the weights of both, whole or not at all."""
    weights = {}
    for name, network in (
        ("generator", generator),
        ("discriminator", discriminator),
    ):
        for key, tensor in network.state_dict().items():
            weights[f"{name}.{key}"] = tensor.contiguous()
    temporary = path.with_name(f"{path.name}.part")
    temporary.touch()
    mode = temporary.stat().st_mode  # save_file lets only its owner read
    save_file(weights, temporary)
    temporary.chmod(mode)
    temporary.replace(path)


def sample(weights: Path, count: int) -> np.ndarray:
    """Return rows that a trained generator makes."""
    generator = Generator()
    generator.load_state_dict(
        {
            name.removeprefix("generator."): tensor
            for name, tensor in load_file(weights).items()
            if name.startswith("generator.")
        }
    )
    generator.eval()
    with torch.no_grad():
        return generator(draw_noise(count, torch.device("cpu"))).numpy()


def main() -> None:
    """Train both, and write their weights, and rows that the generator makes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    source = Path(__file__).parent / "data/digits.csv"
    parser.add_argument("--data", type=Path, default=source)
    output = Path("digits_gan.safetensors")
    parser.add_argument("--output", type=Path, default=output)
    parser.add_argument("--epochs", type=int, default=160)
    parser.add_argument(
        "--samples", type=Path, help="a .npy file of rows that are made"
    )
    arguments = parser.parse_args()
    if arguments.samples and arguments.samples.suffix != ".npy":
        parser.error("--samples: the name has to end in .npy")
    if arguments.epochs < 1:
        parser.error("--epochs: at least one is expected")

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    stem = arguments.output.name.removesuffix(".safetensors")
    last = arguments.output.with_name(f"{stem}.last.safetensors")  # the epochs so far
    try:
        require_writable(arguments.output, arguments.data)
        require_writable(last, arguments.data)
        if arguments.samples:
            require_writable(arguments.samples, arguments.data)
        rows = torch.from_numpy(load_rows(arguments.data)).to(device)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    generator, discriminator = Generator().to(device), Discriminator().to(device)
    generator_optimizer = make_generator_optimizer(generator)
    discriminator_optimizer = make_discriminator_optimizer(discriminator)
    generator_scheduler = make_generator_scheduler(generator_optimizer)
    discriminator_scheduler = make_discriminator_scheduler(discriminator_optimizer)
    steps = 0
    for epoch in range(1, arguments.epochs + 1):
        generator.train()
        discriminator.train()
        losses: dict[str, list[Tensor]] = {"discriminator": [], "generator": []}
        for positions in batches(len(rows), epoch):
            batch = rows[positions]
            loss = discriminator_step(
                generator,
                discriminator,
                discriminator_optimizer,
                discriminator_scheduler,
                batch,
                draw_noise(len(batch), device),
                torch.rand(len(batch), 1, 1, 1, device=device),
            )
            losses["discriminator"].append(loss)
            steps += 1
            if is_generators_turn(steps):
                loss = generator_step(
                    generator,
                    discriminator,
                    generator_optimizer,
                    generator_scheduler,
                    draw_noise(len(batch), device),
                )
                losses["generator"].append(loss)
        means = {
            name: torch.stack(found).double().mean().item()
            for name, found in losses.items()
            if found
        }
        print(epoch, means)
        if not all(map(math.isfinite, means.values())):
            raise SystemExit(f"in epoch {epoch} the losses are {means}")
        save(generator, discriminator, last)
    last.replace(arguments.output)
    if arguments.samples is not None:
        np.save(arguments.samples, sample(arguments.output, 64))


if __name__ == "__main__":
    main()
