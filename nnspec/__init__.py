"""A neural network, written once as data: compiled to PyTorch, Keras and ONNX, and proved equal.

What is named here is the public interface. Each name is imported when it is first used, so that
`nnspec check` pays only for what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnspec import layers
    from nnspec.api import certify, compile, plot, summary, verify
    from nnspec.certificate.certifying import Certificate
    from nnspec.deploy.exporting import ExportReport, export
    from nnspec.deploy.predicting import Predictions, predict
    from nnspec.errors import (
        DataError,
        MissingDependencyError,
        NnspecError,
        Problem,
        SpecError,
        UnsupportedError,
        UsageError,
        WeightsError,
    )
    from nnspec.judge.both import compare
    from nnspec.language.schema import Block, Call, Input, Model
    from nnspec.language.training_schema import Data, Training
    from nnspec.network.loader import Spec, check, load, load_networks, loads
    from nnspec.network.networks import Networks
    from nnspec.show.plot import Picture
    from nnspec.show.summary import Summary
    from nnspec.training.either import train
    from nnspec.training.folds import CrossValidation, cross_validate
    from nnspec.training.logged import LoggedRun, Logger
    from nnspec.training.run import Run, TrainingError, TrainingInterrupted
    from nnspec.training.tuned import Tuning
    from nnspec.training.tuning import tune
    from nnspec.verification.report import Report

    __version__: str

_HOMES = {
    "nnspec.api": "certify compile plot summary verify",
    "nnspec.certificate.certifying": "Certificate",
    "nnspec.errors": "DataError MissingDependencyError NnspecError Problem SpecError "
    "UnsupportedError UsageError WeightsError",
    "nnspec.judge.both": "compare",
    "nnspec.deploy.exporting": "ExportReport export",
    "nnspec.deploy.predicting": "Predictions predict",
    "nnspec.show.plot": "Picture",
    "nnspec.show.summary": "Summary",
    "nnspec.verification.report": "Report",
    "nnspec.network.loader": "Spec check load load_networks loads",
    "nnspec.network.networks": "Networks",
    "nnspec.language.schema": "Block Call Input Model",
    "nnspec.training.either": "train",
    "nnspec.training.folds": "CrossValidation cross_validate",
    "nnspec.training.tuned": "Tuning",
    "nnspec.training.tuning": "tune",
    "nnspec.training.logged": "LoggedRun Logger",
    "nnspec.training.run": "Run TrainingError TrainingInterrupted",
    "nnspec.language.training_schema": "Data Training",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "Block",
    "Call",
    "Certificate",
    "CrossValidation",
    "Data",
    "DataError",
    "ExportReport",
    "Input",
    "LoggedRun",
    "Logger",
    "MissingDependencyError",
    "Model",
    "Networks",
    "NnspecError",
    "Picture",
    "Predictions",
    "Problem",
    "Report",
    "Run",
    "Spec",
    "SpecError",
    "Summary",
    "Training",
    "TrainingError",
    "TrainingInterrupted",
    "Tuning",
    "UnsupportedError",
    "UsageError",
    "WeightsError",
    "__version__",
    "certify",
    "check",
    "compare",
    "compile",
    "cross_validate",
    "export",
    "layers",
    "load",
    "load_networks",
    "loads",
    "plot",
    "predict",
    "summary",
    "train",
    "tune",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        # Kept, since to find it takes as long as to compile a small network.
        return globals().setdefault(name, version("nnspec"))
    if name not in _HOME and name != "layers":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if name == "layers":
        return import_module("nnspec.layers")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
