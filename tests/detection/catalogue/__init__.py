"""A catalogue of faults that exporters, ports and trainings have had, each with its source.

`make detection` puts them into emitted files, and measures what is found.
"""

from tests.detection.catalogue.bends import KINDS as BENDS
from tests.detection.catalogue.engines import KINDS as ENGINES
from tests.detection.catalogue.kinds import Kind
from tests.detection.catalogue.norms import KINDS as NORMS
from tests.detection.catalogue.sequences import KINDS as SEQUENCES
from tests.detection.catalogue.shapes import KINDS as SHAPES
from tests.detection.catalogue.windows import KINDS as WINDOWS

KINDS: dict[str, Kind] = {
    each.id: each for each in (*WINDOWS, *NORMS, *BENDS, *SEQUENCES, *SHAPES, *ENGINES)
}

__all__ = ["KINDS", "Kind"]
