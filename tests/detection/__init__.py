"""Faults put into one engine, to measure what `nnspec verify` finds.

`make detection` runs them all, and prints what was caught; test_detection.py runs a slice.
"""

from tests.detection.activation_faults import FAULTS as ACTIVATIONS
from tests.detection.exported_faults import FAULTS as EXPORTED
from tests.detection.framework import Injection, Outcome, measure
from tests.detection.image_faults import FAULTS as IMAGES
from tests.detection.listed import FAULTS as LISTED
from tests.detection.loss_faults import FAULTS as LOSSES
from tests.detection.network_faults import FAULTS as NETWORKS
from tests.detection.onnx_faults import FAULTS as ONNX
from tests.detection.random_faults import FAULTS as RANDOM
from tests.detection.shape_faults import FAULTS as SHAPES
from tests.detection.statistics_faults import FAULTS as STATISTICS
from tests.detection.training_faults import FAULTS as TRAINING
from tests.detection.update_faults import FAULTS as UPDATES
from tests.detection.weighting_faults import FAULTS as WEIGHTING

INJECTIONS: tuple[Injection, ...] = (
    *LISTED,
    *ACTIVATIONS,
    *IMAGES,
    *SHAPES,
    *NETWORKS,
    *TRAINING,
    *LOSSES,
    *UPDATES,
    *STATISTICS,
    *WEIGHTING,
    *RANDOM,
    *ONNX,
    *EXPORTED,
)

__all__ = ["INJECTIONS", "LISTED", "Injection", "Outcome", "measure"]
