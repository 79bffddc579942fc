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


class Generator(nn.Module):
    """noise (batch, 32) -> pixels (batch, 1, 8, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.seed = nn.Linear(32, 512, bias=False)
        self.batch_normalization_1 = nn.BatchNorm1d(512)
        self.grow1 = nn.ConvTranspose2d(
            128, 64, kernel_size=4, stride=2, padding=1, bias=False
        )
        self.batch_normalization_2 = nn.BatchNorm2d(64)
        self.grow2 = nn.ConvTranspose2d(64, 1, kernel_size=4, stride=2, padding=1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for layer in (self.seed, self.grow1, self.grow2):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, noise: Tensor) -> Tensor:
        x = F.relu(self.batch_normalization_1(self.seed(noise)))
        x = x.reshape(-1, 128, 2, 2)  # (batch, 128, 2, 2)
        x = self.grow1(x)  # (batch, 64, 4, 4)
        x = F.relu(self.batch_normalization_2(x))
        x = self.grow2(x)  # (batch, 1, 8, 8)
        x = torch.sigmoid(x)
        return x * 16.0


class Discriminator(nn.Module):
    """image (batch, 1, 8, 8) -> score (batch, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.look1 = nn.Conv2d(1, 32, kernel_size=3, padding="same")
        self.look2 = nn.Conv2d(32, 64, kernel_size=4, stride=2, padding=1)
        self.dropout_1 = nn.Dropout(0.3)
        self.look3 = nn.Conv2d(64, 128, kernel_size=4, stride=2, padding=1)
        self.dropout_2 = nn.Dropout(0.3)
        self.score = nn.Linear(512, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for layer in (self.look1, self.look2, self.look3, self.score):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, image: Tensor) -> Tensor:
        x = F.leaky_relu(self.look1(image * 0.125 - 1.0), 0.2)
        x = self.look2(x)  # (batch, 64, 4, 4)
        x = F.leaky_relu(x, 0.2)
        x = self.look3(self.dropout_1(x))  # (batch, 128, 2, 2)
        x = F.leaky_relu(x, 0.2)
        x = torch.flatten(self.dropout_2(x), 1)
        return self.score(x)


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return the cross-entropy of logits: 0.9 for real rows, 0 for made ones.

    That is one-sided label smoothing (Salimans et al. 2016). The cross-entropy of the
    logit r and the target 0.9 is softplus(-r) + 0.1 r.
    """
    return F.softplus(-real).mean() + F.softplus(fake).mean() + 0.1 * real.mean()


def generator_loss(fake: Tensor) -> Tensor:
    """Return the cross-entropy of made rows as real ones: the non-saturating loss."""
    return F.softplus(-fake).mean()


def make_generator_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """Adam over every parameter of the model."""
    return torch.optim.Adam(
        model.parameters(), lr=0.0004, betas=(0.5, 0.999), eps=1e-8, fused=True
    )


def make_discriminator_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """Adam over every parameter of the model."""
    return torch.optim.Adam(
        model.parameters(), lr=0.0002, betas=(0.5, 0.999), eps=1e-8, fused=True
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


def discriminator_step(
    generator: Generator,
    discriminator: Discriminator,
    optimizer: torch.optim.Optimizer,
    real: Tensor,
    noise: Tensor,
) -> Tensor:
    """Take one step of the discriminator; return its loss before it."""
    with torch.no_grad(), statistics_kept(generator):
        fake = generator(noise)
    optimizer.zero_grad()
    loss = discriminator_loss(discriminator(real), discriminator(fake))
    loss.backward()
    optimizer.step()
    return loss.detach()


def generator_step(
    generator: Generator,
    discriminator: Discriminator,
    optimizer: torch.optim.Optimizer,
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
    return loss.detach()


def read_rows(path: Path) -> pl.DataFrame:
    """Return the rows of a file as text, without blank lines at its end."""
    try:
        rows = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} is no readable .csv file: {reason}") from None
    for name in rows.columns:
        first, mark, _ = name.rpartition("_duplicated_")
        if mark and first in rows.columns:
            raise ValueError(f'{path}: the header has the column "{first}" twice')
    filled = rows.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    return rows.head(max(filled.arg_true().to_list(), default=-1) + 1)


def where(path: Path, name: str, row: int) -> str:
    """Return the place of a value; a value may go over several lines."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = csv.reader(file)
        while not next(records):  # blank lines before the header are no rows
            pass
        for _ in range(row - 1):
            next(records, None)
    return f'{path}, line {records.line_num + 1}: column "{name}", row {row}'


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


def require_writable(path: Path, data: Path) -> None:
    """Raise an error now, rather than after the training, where no file can be written."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder, and a file is expected")
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}")
    for read in (data, Path(__file__)):
        if path.exists() and read.exists() and path.samefile(read):
            raise ValueError(f"--output: {path} would be lost; give another name")
    with tempfile.TemporaryFile(dir=path.parent):
        pass


def draw_noise(count: int, device: torch.device) -> Tensor:
    """Return what the generator makes so many rows of."""
    return torch.randn(count, 32, device=device)


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
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument(
        "--samples", type=Path, help="a .npy file of rows that are made"
    )
    arguments = parser.parse_args()
    if arguments.epochs < 1:
        parser.error("--epochs: at least one is expected")

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        require_writable(arguments.output, arguments.data)
        rows = torch.from_numpy(load_rows(arguments.data)).to(device)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    generator, discriminator = Generator().to(device), Discriminator().to(device)
    generator_optimizer = make_generator_optimizer(generator)
    discriminator_optimizer = make_discriminator_optimizer(discriminator)
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
                batch,
                draw_noise(len(batch), device),
            )
            losses["discriminator"].append(loss)
            loss = generator_step(
                generator,
                discriminator,
                generator_optimizer,
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
        save(generator, discriminator, arguments.output)
    if arguments.samples is not None:
        np.save(arguments.samples, sample(arguments.output, 64))


if __name__ == "__main__":
    main()
