"""SimpleNN, compiled from simple_nn.yaml."""

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


class SimpleNN(nn.Module):
    """features (batch, 10) -> probabilities (batch, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(10, 20)
        self.scores = nn.Linear(20, 2)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for linear in (self.hidden, self.scores):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def logits(self, features: Tensor) -> Tensor:
        x = F.relu(self.hidden(features))
        return self.scores(x)

    def forward(self, features: Tensor) -> Tensor:
        return torch.softmax(self.logits(features), dim=-1)


def loss_function(output: Tensor, target: Tensor) -> Tensor:
    """Categorical cross-entropy of logits, the mean over the batch."""
    return F.cross_entropy(output, target)


def make_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """Adam over every parameter of the model."""
    return torch.optim.Adam(model.parameters(), lr=0.001, betas=(0.9, 0.999), eps=1e-8)


def train_step(
    model: SimpleNN, optimizer: torch.optim.Optimizer, features: Tensor, target: Tensor
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


def load_data(path: Path) -> dict[str, tuple[np.ndarray, ...]]:
    """Return features and target of each part of the rows."""
    table = pl.read_csv(path)
    columns = [c for c in table.columns if fnmatchcase(c, "f*") and c != "label"]
    features = table.select(columns).to_numpy()
    target = table["label"]
    if target.dtype == pl.String:
        target = target.str.strip_chars()
        numbers = target.cast(pl.Float64, strict=False)
        names = pl.Enum(target.unique().sort())  # of classes, numbered in this order
        is_named = numbers.has_nulls()
        target = target.cast(names).to_physical() if is_named else numbers
    target = target.to_numpy().astype("int64")
    order = permutation(len(target), "split", 0)
    validation = int(len(order) * 0.2 + 0.5)
    parts = {
        "train": np.sort(order[validation:]),
        "validation": np.sort(order[:validation]),
    }
    features = features.reshape(len(table), 10).astype("float32")
    return {part: (features[rows], target[rows]) for part, rows in parts.items()}


def batches(count: int, epoch: int) -> Iterator[np.ndarray]:
    """Yield the rows of each batch; epochs count from 1."""
    order = permutation(count, "order", 0, epoch)
    for start in range(0, count, 16):
        yield order[start : start + 16]


def evaluate(model: SimpleNN, rows: tuple[Tensor, ...]) -> dict[str, float]:
    """Return the loss and the metrics, computed as at inference."""
    features, target = rows
    model.eval()
    with torch.no_grad():
        output = model.logits(features)
        values = {
            "loss": loss_function(output, target),
            "accuracy": (output.argmax(-1) == target).double().mean(),
        }
    return {name: value.item() for name, value in values.items()}


def main() -> None:
    """Train, and write the weights of the best epoch."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    here = Path(__file__).parent
    parser.add_argument("--data", type=Path, default=here / "data/simple_nn.csv")
    parser.add_argument("--weights", type=Path, help="first weights")
    parser.add_argument("--output", type=Path, default=Path("simple_nn.safetensors"))
    parser.add_argument("--epochs", type=int, default=30)
    arguments = parser.parse_args()

    torch.manual_seed(0)
    model = SimpleNN()
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


if __name__ == "__main__":
    main()
