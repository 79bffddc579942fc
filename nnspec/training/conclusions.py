"""Concludes from what was recorded of the layers: words, the record of a run, and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnspec.training.diagnosis import Recorder
from nnspec.training.diagnosis_picture import plot_diagnosis
from nnspec.training.diagnosis_words import Finding, findings


def concluded(
    recorder: Recorder, picture: Path, title: str
) -> tuple[tuple[Finding, ...], dict[str, Any]]:
    """Return what goes wrong, and what `run.json` says of it; draw the picture."""
    snapshots = recorder.snapshots
    plot_diagnosis(picture, snapshots, title)
    found = tuple(findings(snapshots, recorder.layers))
    states = [
        {
            "before_epoch": each.epoch,
            "layers": {path: state.as_json() for path, state in each.layers.items()},
        }
        for each in snapshots
    ]
    record = {"findings": [each.as_json() for each in found], "states": states}
    return found, {"diagnosis": record}
