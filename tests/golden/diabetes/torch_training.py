"""Diabetes, compiled from diabetes.yaml."""

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


class Diabetes(nn.Module):
    """patient (batch, 10) -> progression (batch, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(10, 32)
        self.narrow = nn.Linear(32, 16)
        self.progression = nn.Linear(16, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for linear in (self.hidden, self.narrow, self.progression):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, patient: Tensor) -> Tensor:
        x = torch.tanh(self.hidden(patient))
        x = F.elu(self.narrow(x))
        return self.progression(x)


def loss_function(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared error, the mean over the batch."""
    return F.mse_loss(output, target)


def make_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """Sgd over every parameter of the model."""
    return torch.optim.SGD(model.parameters(), lr=0.0001, momentum=0.9, nesterov=True)


def train_step(
    model: Diabetes, optimizer: torch.optim.Optimizer, patient: Tensor, target: Tensor
) -> Tensor:
    """Take one step down the gradient; return the loss before it."""
    optimizer.zero_grad()
    loss = loss_function(model(patient), target)
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
    """Return patient and target of each part of the rows."""
    table = pl.read_csv(path)
    patterns = ["age", "sex", "bmi", "bp", "s?"]
    candidates = [c for c in table.columns if c != "progression"]
    columns = []
    for pattern in patterns:
        matches = [c for c in candidates if fnmatchcase(c, pattern)]
        columns += [pattern] if pattern in candidates else matches
    patient = table.select(columns).to_numpy()
    target = table["progression"].to_numpy().reshape(len(table), 1).astype("float32")
    order = permutation(len(target), "split", 0)
    validation = int(len(order) * 0.15 + 0.5)
    test = validation + int(len(order) * 0.15 + 0.5)
    parts = {
        "train": np.sort(order[test:]),
        "validation": np.sort(order[:validation]),
        "test": np.sort(order[validation:test]),
    }
    patient = standardized(patient, parts["train"])
    patient = patient.reshape(len(table), 10).astype("float32")
    return {part: (patient[rows], target[rows]) for part, rows in parts.items()}


def batches(count: int, epoch: int) -> Iterator[np.ndarray]:
    """Yield the rows of each batch; epochs count from 1."""
    order = permutation(count, "order", 0, epoch)
    for start in range(0, count, 16):
        yield order[start : start + 16]


def evaluate(model: Diabetes, rows: tuple[Tensor, ...]) -> dict[str, float]:
    """Return the loss and the metrics, computed as at inference."""
    patient, target = rows
    model.eval()
    with torch.no_grad():
        output = model(patient)
        values = {
            "loss": loss_function(output, target),
            "mae": (output - target).abs().mean(),
            "r2": 1 - F.mse_loss(output, target) / target.var(correction=0),
        }
    return {name: value.item() for name, value in values.items()}


def main() -> None:
    """Train, and write the weights of the best epoch."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    here = Path(__file__).parent
    parser.add_argument("--data", type=Path, default=here / "data/diabetes.csv")
    parser.add_argument("--weights", type=Path, help="first weights")
    parser.add_argument("--output", type=Path, default=Path("diabetes.safetensors"))
    parser.add_argument("--epochs", type=int, default=40)
    arguments = parser.parse_args()

    torch.manual_seed(0)
    model = Diabetes()
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
