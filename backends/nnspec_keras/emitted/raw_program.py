"""Saves the network of a training script that takes rows as they are."""

import json
from pathlib import Path
from typing import Any

import keras

IS_COMPILED = True


def served(model: keras.Model) -> keras.Model:
    """Return the network as others load it: without its loss and its optimizer."""
    return keras.Model(model.input, model.output, name=model.name)


def save(model: keras.Model, record: dict[str, Any], path: Path) -> None:
    """Write the network, and how rows become its inputs, each whole or not at all."""
    temporary = path.with_name(f"{path.stem}.part.keras")
    network = served(model) if IS_COMPILED else model
    network.save(temporary)
    temporary.replace(path)
    temporary = path.with_name(f"{path.name}.part.json")
    temporary.write_text(json.dumps(record))
    temporary.replace(path.with_name(f"{path.name}.json"))
