"""DigitsMLP, compiled from digits_mlp.yaml."""

import argparse
import csv
import hashlib
import json
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


class DigitsMLP(nn.Module):
    """pixels (batch, 64) -> probabilities (batch, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden1 = nn.Linear(64, 128)
        self.dropout = nn.Dropout(0.2)
        self.hidden2 = nn.Linear(128, 64)
        self.scores = nn.Linear(64, 10)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for linear in (self.hidden1, self.hidden2):
            nn.init.kaiming_uniform_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
        nn.init.xavier_uniform_(self.scores.weight)
        nn.init.zeros_(self.scores.bias)

    def logits(self, pixels: Tensor) -> Tensor:
        x = F.relu(self.hidden1(pixels))
        x = F.relu(self.hidden2(self.dropout(x)))
        return self.scores(x)

    def forward(self, pixels: Tensor) -> Tensor:
        return torch.softmax(self.logits(pixels), dim=-1)


def loss_function(output: Tensor, target: Tensor) -> Tensor:
    """Categorical cross-entropy of logits, the mean over the batch."""
    return F.cross_entropy(output, target)


def make_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """Adam over every parameter of the model."""
    return torch.optim.Adam(
        model.parameters(), lr=0.001, betas=(0.9, 0.999), eps=1e-8, fused=True
    )


def train_step(
    model: DigitsMLP, optimizer: torch.optim.Optimizer, pixels: Tensor, target: Tensor
) -> Tensor:
    """Take one step down the gradient; return the loss before it."""
    optimizer.zero_grad()
    loss = loss_function(model.logits(pixels), target)
    loss.backward()
    optimizer.step()
    return loss.detach()


LARGEST = float(np.finfo("float32").max)
INPUTS: dict[str, dict[str, Any]] = {
    "pixels": {"columns": ["pixel_*"], "shape": [64], "dtype": "float32"}
}
BOUNDS: dict[str, tuple[Any, Any]] = {"pixels": (-LARGEST, LARGEST)}
TARGET = "label"


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


def matching(rows: pl.DataFrame, patterns: list[str], path: Path) -> list[str]:
    """Return the columns that names and patterns stand for, the target left out."""
    columns: list[str] = []
    for pattern in patterns:
        found = [c for c in rows.columns if c != TARGET and fnmatchcase(c, pattern)]
        found = [pattern] if pattern in rows.columns else found
        if not found:
            raise ValueError(f'{path}: no column matches "{pattern}"')
        columns += found
    if len(set(columns)) < len(columns) or TARGET in columns:
        raise ValueError(f"{path}: a column is taken twice: {columns}")
    return columns


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


def read_inputs(
    rows: pl.DataFrame, kinds: dict[str, Any], path: Path
) -> dict[str, np.ndarray]:
    """Return what each input is made of; refuse what the network does not take."""
    inputs: dict[str, np.ndarray] = {}
    for name, kind in kinds.items():
        low, high = BOUNDS[name]
        whole = not kind["dtype"].startswith("float")
        values = numbers(rows, kind["columns"], path, low, high, whole=whole)
        inputs[name] = shaped(values, kind["shape"], f'{path}: input "{name}"')
    return inputs


def read_target(rows: pl.DataFrame, path: Path) -> tuple[np.ndarray, list[str] | None]:
    """Return the target of each row, and the names of the classes, if it has some."""
    labels = None
    words = column(rows, TARGET, path)
    is_text = words.dtype == pl.String
    if is_text and words.cast(pl.Float64, strict=False).has_nulls():
        names, target = np.unique(words.to_numpy(), return_inverse=True)
        labels = names.tolist()
        if len(labels) != 10:
            wrong = f"{len(labels)} labels, and 10 are expected"
            raise ValueError(f'{path}: "{TARGET}" holds {wrong}')
    else:
        texts = words.unique() if is_text else []
        spelled = [text for text in texts if text.lstrip("+-").isdecimal()]
        if len({int(text) for text in spelled}) < len(spelled):
            raise ValueError(f'{path}: "{TARGET}" writes one class in two ways')
        target = numbers(rows, [TARGET], path, 0, 9, whole=True)
    target = shaped(target, [], f'{path}: "{TARGET}"')
    return target.astype("int64"), labels


def standard(rows: np.ndarray) -> dict[str, list[float]]:
    """Return mean and deviation of each element; one that never changes is only shifted."""
    rows = rows.reshape(len(rows), -1).astype("float64")
    constant = (rows == rows[0]).all(axis=0)
    mean = np.where(constant, rows[0], rows.mean(axis=0))
    scale = np.where(constant, 1.0, rows.std(axis=0))
    scale[scale == 0] = 1.0
    return {"mean": mean.tolist(), "scale": scale.tolist()}


def standardised(values: np.ndarray, by: dict[str, Any]) -> np.ndarray:
    """Return rows less the mean of each element, in units of its deviation."""
    flat = values.reshape(len(values), -1).astype("float64")
    shifted: np.ndarray = (flat - by["mean"]) / by["scale"]
    return shifted.reshape(values.shape)


def prepared(inputs: dict[str, np.ndarray], record: dict[str, Any]) -> list[np.ndarray]:
    """Return the inputs as the network takes them."""
    arrays = []
    for name, kind in record["inputs"].items():
        values = inputs[name]
        if "mean" in kind:
            values = standardised(values, kind)
        arrays.append(np.ascontiguousarray(values.astype(kind["dtype"])))
    return arrays


def permutation(count: int, *key: str | int) -> np.ndarray:
    """Return 0 .. count - 1 in an order that depends on the key alone."""
    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    bits = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8"))
    return np.argsort(bits.random_raw(count), kind="stable")


def split(count: int) -> dict[str, np.ndarray]:
    """Return the rows of each part, in the order of the file."""
    order = permutation(count, "split", 0)
    validation = int(count * 0.1 + 0.5)
    test = validation + int(count * 0.2 + 0.5)
    parts = {
        "train": order[test:],
        "validation": order[:validation],
        "test": order[validation:test],
    }
    for part, rows in parts.items():
        if not len(rows):
            raise ValueError(f"of {count} rows none is left for {part}")
    return {part: np.sort(rows) for part, rows in parts.items()}


def load_data(
    path: Path,
) -> tuple[dict[str, tuple[np.ndarray, ...]], dict[str, Any]]:
    """Return inputs and target of each part, and a record of how they are made."""
    rows = read_rows(path)
    kinds = {name: dict(kind) for name, kind in INPUTS.items()}
    for kind in kinds.values():
        kind["columns"] = matching(rows, kind["columns"], path)
    inputs = read_inputs(rows, kinds, path)
    target, labels = read_target(rows, path)
    if not len(target):
        raise ValueError(f"{path}: there are no rows")
    parts = split(len(target))
    kinds["pixels"] |= standard(inputs["pixels"][parts["train"]])
    record = {
        "inputs": kinds,
        "task": "multiclass",
        "target": TARGET,
        "labels": labels,
    }
    arrays = (*prepared(inputs, record), target)
    taken = {
        part: tuple(values[rows] for values in arrays) for part, rows in parts.items()
    }
    return taken, record


def batches(count: int, epoch: int) -> Iterator[np.ndarray]:
    """Yield the rows of each batch; epochs count from 1."""
    order = permutation(count, "order", 0, epoch)
    for start in range(0, count, 32):
        yield order[start : start + 32]


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


def outputs(network: Callable[..., Tensor], inputs: Sequence[Tensor]) -> Tensor:
    """Return what the network makes of all rows, a batch at a time."""
    with torch.no_grad():
        parts = zip(*(values.split(32) for values in inputs))
        return torch.cat([network(*part) for part in parts])


def evaluate(model: DigitsMLP, rows: tuple[Tensor, ...]) -> dict[str, float]:
    """Return the loss and the metrics, computed as at inference."""
    *inputs, target = rows
    model.eval()
    output = outputs(model.logits, inputs)
    values = {
        "loss": loss_function(output, target),
        "accuracy": (output.argmax(-1) == target).double().mean(),
    }
    return {name: value.item() for name, value in values.items()}


def save(model: nn.Module, record: dict[str, Any], path: Path) -> None:
    """Write the weights, and how rows become inputs, whole or not at all."""
    temporary = path.with_name(f"{path.name}.part")
    temporary.touch()
    mode = temporary.stat().st_mode  # save_file lets only its owner read
    metadata = {"preprocessing": json.dumps(record)}
    save_file(model.state_dict(), temporary, metadata)
    temporary.chmod(mode)
    temporary.replace(path)


def predict(weights: Path, data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return what trained weights make of raw rows: the output, and the answer."""
    with safe_open(weights, "pt") as file:
        record = json.loads(file.metadata()["preprocessing"])
    model = DigitsMLP()
    model.load_state_dict(load_file(weights))
    model.eval()
    inputs = read_inputs(read_rows(data), record["inputs"], data)
    tensors = [torch.from_numpy(array) for array in prepared(inputs, record)]
    output = outputs(model, tensors).numpy()
    answer = output.argmax(axis=-1)
    if record["labels"] is not None:
        answer = np.array(record["labels"])[answer]
    return output, answer


def main() -> None:
    """Train, and write the weights of the best epoch."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    source = Path(__file__).parent / "data/digits.csv"
    parser.add_argument("--data", type=Path, default=source)
    parser.add_argument("--weights", type=Path, help="first weights")
    output = Path("digits_mlp.safetensors")
    parser.add_argument("--output", type=Path, default=output)
    parser.add_argument("--epochs", type=int, default=20)
    devices = ["cuda", "cpu"] if torch.cuda.is_available() else ["cpu"]
    parser.add_argument("--device", choices=devices, default=devices[0])
    arguments = parser.parse_args()
    if arguments.epochs < 1:
        parser.error("--epochs: at least one is expected")

    torch.manual_seed(0)
    device = torch.device(arguments.device)
    model = DigitsMLP()
    if arguments.weights is not None:
        try:
            model.load_state_dict(load_file(arguments.weights))
        except (OSError, RuntimeError, SafetensorError) as error:
            parser.error(f"--weights: {arguments.weights}: {error}")
    model.to(device)
    optimizer = make_optimizer(model)
    stem = arguments.output.name.removesuffix(".safetensors")
    beside = arguments.output.with_name(f"{stem}.best.safetensors")
    try:
        require_writable(arguments.output, arguments.data, arguments.weights)
        require_writable(beside, arguments.data, arguments.weights)
        data, record = load_data(arguments.data)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    # Small enough to lie on the device as a whole, which spares a DataLoader.
    parts = {
        part: tuple(torch.from_numpy(array).to(device) for array in arrays)
        for part, arrays in data.items()
    }
    train = parts["train"]
    best = math.inf
    for epoch in range(1, arguments.epochs + 1):
        model.train()
        total = torch.zeros((), dtype=torch.float64, device=device)
        for rows in batches(len(train[0]), epoch):
            batch = [values[rows] for values in train]
            loss = train_step(model, optimizer, *batch)
            total += loss.double() * len(rows)
        train_loss = total.item() / len(train[0])
        measured = evaluate(model, parts["validation"])
        print(epoch, {"train_loss": train_loss, **measured})
        if not all(map(math.isfinite, [train_loss, *measured.values()])):
            raise SystemExit(f"in epoch {epoch} the loss is {train_loss}, {measured}")
        if measured["loss"] < best:
            best = measured["loss"]
            save(model, record, beside)
    beside.replace(arguments.output)
    model.load_state_dict(load_file(arguments.output))
    print("test", evaluate(model, parts["test"]))


if __name__ == "__main__":
    main()
