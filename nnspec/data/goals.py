"""The targets of losses by output, as a program takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.data.target_domain import require_target
from nnspec.data.weighting import parted, require_weight
from nnspec.errors import DataError
from nnspec.language.objectives import is_composed
from nnspec.network.loader import Spec
from nnspec.network.objectives import terms_of

Array = NDArray[Any]


def require_goals(spec: Spec, target: Array | Mapping[str, Array]) -> list[Array]:
    """Return the targets in the order of the losses, then weights of rows, where the loss has them.

    Raises DataError outside their domains.
    """
    target, weight = parted(target)
    if not is_composed(spec.model):
        assert not isinstance(target, Mapping)
        goal = require_target(spec, target)
        return [goal, *require_weight(spec, weight, len(goal))]
    found: list[Array] = []
    terms = terms_of(spec.model, spec.graph)
    if len(terms) == 1 and not isinstance(target, Mapping):
        target = {terms[0].output: target}
    for term in terms:
        if not isinstance(target, Mapping) or term.output not in target:
            raise DataError(f'a target of the output "{term.output}" is expected, by its name')
        alone = Spec(term.model, term.graph, spec.path)
        try:
            found.append(require_target(alone, np.asarray(target[term.output])))
        except DataError as error:
            raise DataError(f'of the output "{term.output}": {error}') from None
    return [*found, *require_weight(spec, weight, len(found[0]))]
