"""DigitsCNN, compiled from digits_cnn.yaml."""

import argparse
import hashlib
import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


class Residual(nn.Module):
    """x (batch, filters, height, width) -> relu2 (batch, filters, height, width)."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            filters, filters, kernel_size=3, padding="same", bias=False
        )
        self.norm1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(
            filters, filters, kernel_size=3, padding="same", bias=False
        )
        self.norm2 = nn.BatchNorm2d(filters)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for conv in (self.conv1, self.conv2):
            nn.init.xavier_uniform_(conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return F.relu(x + y)


class DigitsCNN(nn.Module):
    """image (batch, 1, 8, 8) -> probabilities (batch, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, kernel_size=3, padding="same")
        self.block1 = Residual(16)
        self.widen = nn.Conv2d(16, 32, kernel_size=3, padding="same")
        self.pool = nn.MaxPool2d(2)
        self.block2 = Residual(32)
        self.hidden = nn.Linear(512, 64)
        self.scores = nn.Linear(64, 10)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for layer in (self.stem, self.widen, self.hidden, self.scores):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def logits(self, image: Tensor) -> Tensor:
        x = F.relu(self.stem(image))
        x = self.block1(x)
        x = F.relu(self.widen(x))
        x = self.pool(x)  # (batch, 32, 4, 4)
        x = self.block2(x)
        x = torch.flatten(x, 1)
        x = F.relu(self.hidden(x))
        return self.scores(x)

    def forward(self, image: Tensor) -> Tensor:
        return torch.softmax(self.logits(image), dim=-1)


def loss_function(output: Tensor, target: Tensor) -> Tensor:
    """Categorical cross-entropy of logits, the mean over the batch."""
    return F.cross_entropy(output, target)


def make_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """Adam over every parameter of the model."""
    return torch.optim.Adam(model.parameters(), lr=0.001, betas=(0.9, 0.999), eps=1e-8)


def train_step(
    model: DigitsCNN, optimizer: torch.optim.Optimizer, image: Tensor, target: Tensor
) -> Tensor:
    """Take one step down the gradient; return the loss before it."""
    optimizer.zero_grad()
    loss = loss_function(model.logits(image), target)
    loss.backward()
    optimizer.step()
    return loss.detach()


def permutation(count: int, *key: str | int) -> np.ndarray:
    """Return 0 .. count - 1 in an order that depends on the key alone."""
    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    bits = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8"))
    return np.argsort(bits.random_raw(count), kind="stable")


def load_data(path: Path) -> dict[str, tuple[np.ndarray, ...]]:
    """Return image and target of each part of the rows."""
    table = pl.read_csv(path)
    columns = [c for c in table.columns if fnmatchcase(c, "pixel_*") and c != "label"]
    image = table.select(columns).to_numpy()
    target = table["label"]
    if target.dtype == pl.String:
        target = target.str.strip_chars()
        numbers = target.cast(pl.Float64, strict=False)
        names = pl.Enum(target.unique().sort())  # of classes, numbered in this order
        is_named = numbers.has_nulls()
        target = target.cast(names).to_physical() if is_named else numbers
    target = target.to_numpy().astype("int64")
    order = permutation(len(target), "split", 0)
    validation = int(len(order) * 0.1 + 0.5)
    test = validation + int(len(order) * 0.2 + 0.5)
    parts = {
        "train": np.sort(order[test:]),
        "validation": np.sort(order[:validation]),
        "test": np.sort(order[validation:test]),
    }
    image = image.reshape(len(table), 1, 8, 8).astype("float32")
    return {part: (image[rows], target[rows]) for part, rows in parts.items()}


def batches(count: int, epoch: int) -> Iterator[np.ndarray]:
    """Yield the rows of each batch; epochs count from 1."""
    order = permutation(count, "order", 0, epoch)
    for start in range(0, count, 32):
        yield order[start : start + 32]


def evaluate(model: DigitsCNN, rows: tuple[Tensor, ...]) -> dict[str, float]:
    """Return the loss and the metrics, computed as at inference."""
    image, target = rows
    model.eval()
    with torch.no_grad():
        output = model.logits(image)
        values = {
            "loss": loss_function(output, target),
            "accuracy": (output.argmax(-1) == target).double().mean(),
        }
    return {name: value.item() for name, value in values.items()}


def main() -> None:
    """Train, and write the weights of the best epoch."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    here = Path(__file__).parent
    parser.add_argument("--data", type=Path, default=here / "data/digits.csv")
    parser.add_argument("--weights", type=Path, help="first weights")
    parser.add_argument("--output", type=Path, default=Path("digits_cnn.safetensors"))
    parser.add_argument("--epochs", type=int, default=12)
    arguments = parser.parse_args()

    torch.manual_seed(0)
    model = DigitsCNN()
    if arguments.weights is not None:
        model.load_state_dict(load_file(arguments.weights))
    optimizer = make_optimizer(model)
    parts = {
        part: tuple(torch.from_numpy(array) for array in arrays)
        for part, arrays in load_data(arguments.data).items()
    }
    train = parts["train"]
    best = float("inf")
    for epoch in range(1, arguments.epochs + 1):
        model.train()
        for rows in batches(len(train[0]), epoch):
            train_step(model, optimizer, *(values[rows] for values in train))
        measured = evaluate(model, parts["validation"])
        print(epoch, measured)
        if measured["loss"] < best:
            best = measured["loss"]
            save_file(model.state_dict(), arguments.output)
    model.load_state_dict(load_file(arguments.output))
    print("test", evaluate(model, parts["test"]))


if __name__ == "__main__":
    main()
