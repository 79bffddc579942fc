"""`nnspec train --backend torch` and the emitted script, by a loop written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import training
from benchmarks.measure import Action, Figure
from benchmarks.twins import torch_digits_cnn, torch_digits_mlp
from nnspec.backend import Options, get_backend
from nnspec.data.dataset import Dataset
from nnspec.emit.loading import load_source
from nnspec.network.loader import Spec

TWINS: dict[str, Callable[[], Any]] = {
    "digits_cnn": torch_digits_cnn.DigitsCNN,
    "digits_mlp": torch_digits_mlp.DigitsMLP,
}
TARGETS = {
    ("digits_mlp", "nnspec train"): 0.8,
    ("digits_cnn", "nnspec train"): 0.95,
    ("digits_mlp", "the emitted script"): 1.0,
    ("digits_cnn", "the emitted script"): 1.0,
}


def run() -> list[Figure]:
    """Return the figures of each network."""
    import torch

    torch.set_num_threads(1)
    return training.figures("torch", _peers, TARGETS)


def _peers(spec: Spec, data: Dataset, name: str) -> dict[str, Action]:
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    settings = spec.model.training
    assert settings is not None
    assert data.validation is not None
    (column,) = spec.graph.inputs
    train, validation = (
        TensorDataset(torch.from_numpy(part.inputs[column]), torch.from_numpy(part.target))
        for part in (data.train, data.validation)
    )
    batches = DataLoader(train, batch_size=settings.batch_size, shuffle=True)
    seen = DataLoader(validation, batch_size=settings.batch_size)
    twin = TWINS[name]()
    optimizer = torch.optim.Adam(twin.parameters(), lr=1e-3)
    loss_function = nn.CrossEntropyLoss()

    def by_hand() -> None:
        for _ in range(training.EPOCHS):
            twin.train()
            total = 0.0
            for image, target in batches:
                optimizer.zero_grad()
                loss = loss_function(twin(image), target)
                loss.backward()
                optimizer.step()
                total += loss.item() * len(target)
            twin.eval()
            loss_sum, right = 0.0, 0
            with torch.no_grad():
                for image, target in seen:
                    scores = twin(image)
                    loss_sum += loss_function(scores, target).item() * len(target)
                    right += int((scores.argmax(1) == target).sum())

    emitted = load_source(get_backend("torch").compile(spec, Options(training=True)).source, name)
    model = getattr(emitted, spec.name)()
    adam = emitted.make_optimizer(model)
    rows = train.tensors

    def script() -> None:
        for epoch in range(1, training.EPOCHS + 1):
            model.train()
            total = torch.zeros((), dtype=torch.float64)
            for chosen in emitted.batches(len(rows[0]), epoch):
                batch = [values[chosen] for values in rows]
                loss = emitted.train_step(model, adam, *batch)
                total += loss.double() * len(chosen)
            assert np.isfinite(total.item())
            emitted.evaluate(model, validation.tensors)

    return {"a loop by hand": by_hand, "the emitted script": script}
