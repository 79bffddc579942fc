"""`nnspec train --backend torch` by Lightning's `Trainer`, where that is installed."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from typing import Any

from benchmarks import training
from benchmarks.measure import Action, Figure
from benchmarks.training_torch import TWINS
from nnspec.data.dataset import Dataset
from nnspec.network.loader import Spec

TARGETS = {("digits_mlp", "nnspec train"): 0.4}


def run() -> list[Figure]:
    """Return the figures of each network; none where Lightning is not installed."""
    if importlib.util.find_spec("lightning") is None:
        print("training_lightning: lightning is not installed; `pip install lightning`")
        return []
    import torch

    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that more processes could read the rows
        return training.figures("torch", _peers, TARGETS)


def _peers(spec: Spec, data: Dataset, name: str) -> dict[str, Action]:
    import lightning
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
    loss_function = nn.CrossEntropyLoss()

    class Module(lightning.LightningModule):  # type: ignore[misc]  # it need not be installed
        def __init__(self) -> None:
            super().__init__()
            self.network = TWINS[name]()

        def training_step(self, batch: Any, number: int) -> Any:
            image, target = batch
            loss = loss_function(self.network(image), target)
            self.log("loss", loss, on_step=False, on_epoch=True)
            return loss

        def validation_step(self, batch: Any, number: int) -> None:
            image, target = batch
            scores = self.network(image)
            self.log("val_loss", loss_function(scores, target))
            self.log("val_accuracy", (scores.argmax(1) == target).float().mean())

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=1e-3)

    module = Module()

    def fit() -> None:
        trainer = lightning.Trainer(
            max_epochs=training.EPOCHS,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        trainer.fit(module, batches, seen)

    return {"Lightning's Trainer": fit}
