"""Specs of small images that training changes."""

import json

import numpy as np

from nnspec.network.loader import loads


def spec_of(folder, augment, *, data_format="channels_first", dense=2, layers=None, data=None,
            several=False, **training):  # fmt: skip
    folder.mkdir(exist_ok=True)
    draw = np.random.default_rng(1)
    shape = [3, 6, 8] if data_format == "channels_first" else [6, 8, 3]
    arrays = {"photo": draw.normal(size=(40, *shape)), "mark": draw.normal(size=(40, 5, 5)),
              "rest": draw.normal(size=(40, 2)), "y": draw.integers(0, 2, 40)}  # fmt: skip
    np.savez(folder / "rows.npz", **arrays)
    inputs = {"rest": {"shape": [2]}, "photo": {"shape": shape}, "mark": {"shape": [5, 5]}}
    joined = [{"type": "flatten", "name": f"{n}_flat", "inputs": n} for n in ("photo", "mark")]
    joined.append({"type": "concatenate", "inputs": ["rest", "photo_flat", "mark_flat"]})
    if not several:
        inputs = {"photo": inputs["photo"]}
        joined = [{"type": "flatten"}]
    document = {
        "nnspec": 1, "name": "Net", "data_format": data_format, "inputs": inputs,
        "layers": layers or [*joined, {"type": "dense", "units": dense, "name": "out"}],
        "data": {"source": "rows.npz", "features": {name: name for name in inputs},
                 "target": "y", "augment": augment, **(data or {})},
        "training": {"task": "multiclass", "epochs": 2, "batch_size": 3, "seed": 1,
                     "optimizer": {"type": "sgd", "learning_rate": 0.05}, **training},
    }  # fmt: skip
    (folder / "net.json").write_text(json.dumps(document))
    return loads(json.dumps(document), path=folder / "net.json")
