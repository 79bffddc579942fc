"""BreastCancer, compiled from breast_cancer.yaml."""

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


class DenseBlock(nn.Module):
    """x (batch, in_features) -> dropout (batch, units)."""

    def __init__(self, in_features: int, units: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, units, bias=False)
        self.norm = nn.BatchNorm1d(units)
        self.dropout = nn.Dropout(0.3)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.linear.weight)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.linear(x)))
        return self.dropout(x)


class BreastCancer(nn.Module):
    """features (batch, 30) -> probability (batch, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = DenseBlock(in_features=30, units=32)
        self.narrow = DenseBlock(in_features=32, units=16)
        self.score = nn.Linear(16, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.score.weight)
        nn.init.zeros_(self.score.bias)

    def logits(self, features: Tensor) -> Tensor:
        x = self.wide(features)
        x = self.narrow(x)
        return self.score(x)

    def forward(self, features: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(features))


def loss_function(output: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy of logits, the mean over the batch."""
    return F.binary_cross_entropy_with_logits(output, target)


def make_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """Adam over every parameter of the model."""
    return torch.optim.Adam(model.parameters(), lr=0.002, betas=(0.9, 0.999), eps=1e-8)


def train_step(
    model: BreastCancer,
    optimizer: torch.optim.Optimizer,
    features: Tensor,
    target: Tensor,
) -> Tensor:
    """Take one step down the gradient; return the loss before it."""
    optimizer.zero_grad()
    loss = loss_function(model.logits(features), target)
    loss.backward()
    optimizer.step()
    return loss.detach()


def permutation(count: int, *key: str | int) -> np.ndarray:
    """Return 0 .. count - 1 in an order that depends on the key alone."""
    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    bits = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8"))
    return np.argsort(bits.random_raw(count), kind="stable")


def standardized(rows: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Shift and scale each element to mean 0 and deviation 1 over the training rows."""
    constant = (rows[train] == rows[train[0]]).all(axis=0)
    mean = np.where(constant, rows[train[0]], rows[train].mean(axis=0))
    deviation = np.where(constant, 1.0, rows[train].std(axis=0))
    return (rows - mean) / deviation


def load_data(path: Path) -> dict[str, tuple[np.ndarray, ...]]:
    """Return features and target of each part of the rows."""
    table = pl.read_csv(path)
    patterns = ["mean_*", "*_error", "worst_*"]
    candidates = [c for c in table.columns if c != "benign"]
    columns = []
    for pattern in patterns:
        matches = [c for c in candidates if fnmatchcase(c, pattern)]
        columns += [pattern] if pattern in candidates else matches
    features = table.select(columns).to_numpy()
    target = table["benign"]
    if target.dtype == pl.String:
        target = target.str.strip_chars()
        numbers = target.cast(pl.Float64, strict=False)
        names = pl.Enum(target.unique().sort())  # of classes, numbered in this order
        is_named = numbers.has_nulls()
        target = target.cast(names).to_physical() if is_named else numbers
    target = target.to_numpy().reshape(len(table), 1).astype("float32")
    order = permutation(len(target), "split", 0)
    validation = int(len(order) * 0.15 + 0.5)
    test = validation + int(len(order) * 0.2 + 0.5)
    parts = {
        "train": np.sort(order[test:]),
        "validation": np.sort(order[:validation]),
        "test": np.sort(order[validation:test]),
    }
    features = standardized(features, parts["train"])
    features = features.reshape(len(table), 30).astype("float32")
    return {part: (features[rows], target[rows]) for part, rows in parts.items()}


def batches(count: int, epoch: int) -> Iterator[np.ndarray]:
    """Yield the rows of each batch; epochs count from 1."""
    order = permutation(count, "order", 0, epoch)
    for start in range(0, count, 32):
        yield order[start : start + 32]


def evaluate(model: BreastCancer, rows: tuple[Tensor, ...]) -> dict[str, float]:
    """Return the loss and the metrics, computed as at inference."""
    features, target = rows
    model.eval()
    with torch.no_grad():
        output = model.logits(features)
        values = {
            "loss": loss_function(output, target),
            "accuracy": ((output > 0) == (target > 0.5)).double().mean(),
        }
    return {name: value.item() for name, value in values.items()}


def main() -> None:
    """Train, and write the weights of the best epoch."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    here = Path(__file__).parent
    parser.add_argument("--data", type=Path, default=here / "data/breast_cancer.csv")
    parser.add_argument("--weights", type=Path, help="first weights")
    parser.add_argument(
        "--output", type=Path, default=Path("breast_cancer.safetensors")
    )
    parser.add_argument("--epochs", type=int, default=40)
    arguments = parser.parse_args()

    torch.manual_seed(0)
    model = BreastCancer()
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
