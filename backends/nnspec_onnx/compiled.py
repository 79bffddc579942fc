"""A spec compiled to ONNX: what is written, and what is built of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.backend import Precision, Written
from nnspec.errors import UsageError
from nnspec.network.loader import Spec
from nnspec.support.collector import collector_paused
from nnspec_onnx.folding import foldable, folded
from nnspec_onnx.ir import Network
from nnspec_onnx.listing import listing
from nnspec_onnx.lower import lower
from nnspec_onnx.options import DirectOptions

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec_onnx.runtime import OnnxProgram


@dataclass(repr=False)
class OnnxCompiled:
    """A spec as an ONNX network, its weights still to be given.

    is_folded: whether some of its tensors are computed of weights, which is done in float64.
    """

    spec: Spec
    network: Network
    is_folded: bool = False

    def __repr__(self) -> str:
        return f"<OnnxCompiled {self.spec.name}: {len(self.network.nodes):,} operators>"

    @cached_property
    def source(self) -> str:
        """The network as text: inputs, outputs, initializers and operators."""
        return listing(self.network)

    def write(
        self,
        path: str | Path,
        weights: Mapping[str, Array] | None = None,
        *,
        external_data: bool = False,
        preprocessing: str | None = None,
    ) -> Path:
        """Write the .onnx file, whole or not at all; seeded weights where none are given.

        external_data: put the tensors into `path.data`; a model over 2 GB does so in any case.
        preprocessing: JSON for the metadata, from which `nnspec predict` takes raw rows.
        Raises WeightsError for weights that do not fit, UsageError where nothing can be written.
        """
        return self.write_files(
            path, weights, external_data=external_data, preprocessing=preprocessing
        ).files[0]

    @collector_paused()
    def write_files(
        self,
        path: str | Path,
        weights: Mapping[str, Array] | None = None,
        *,
        external_data: bool = False,
        preprocessing: str | None = None,
        is_prepared: bool = False,
    ) -> Written:
        """Do as `write` does, and say what was written.

        is_prepared: whether the model itself is to do what `preprocessing` says.
        """
        from nnspec_onnx.module import Module

        network = self.network
        if is_prepared and preprocessing is not None:
            from nnspec_onnx.prepared import prepared_network  # which few models need

            network = prepared_network(network, self.spec.graph, preprocessing)
            preprocessing = None
        module = Module(network, preprocessing=preprocessing)
        dtype: Precision = "float64" if self.is_folded else "float32"
        files = module.write(path, self._weights(weights, dtype), external_data=external_data)
        return Written(network.opset, len(network.nodes), files)

    def stored_as_given(self) -> tuple[str, ...]:
        """Return the weights that are tensors of the model by their own name, and unchanged."""
        return tuple(
            each.name
            for each in self.network.initializers
            if each.parameters == (each.name,) and each.transform is None and each.pieces is None
        )

    def build(
        self,
        weights: Mapping[str, Array] | None = None,
        *,
        dtype: Precision = "float32",
        optimized: bool = True,
        threads: int | None = None,
    ) -> OnnxProgram:
        """Return the network in ONNX Runtime, or for float64 in onnx's reference evaluator."""
        from nnspec_onnx.runtime import build

        return build(
            self.network,
            self._weights(weights, "float64" if self.is_folded else dtype),
            self.spec.graph,
            dtype=dtype,
            optimized=optimized,
            threads=threads,
        )

    def _weights(
        self, weights: Mapping[str, Array] | None, dtype: Precision
    ) -> Mapping[str, Array]:
        from nnspec.weights.canonical import FirstWeights, check_weights

        if weights is None:
            training = self.spec.model.training
            return FirstWeights(self.spec.graph, training.seed if training else 0, dtype)
        check_weights(self.spec.graph, weights)
        return weights


@collector_paused()
def compile_network(spec: Spec, options: DirectOptions) -> OnnxCompiled:
    """Return the spec as an ONNX network; `training` adds nothing to a model.

    Raises UnsupportedError for a layer, UsageError for an opset or a layout it cannot have.
    """
    if options.layout == "native" and spec.graph.data_format == "channels_last":
        raise UsageError(
            "an ONNX model takes and gives what the spec declares; "
            "ONNX's own layout is data_format: channels_first"
        )
    network = lower(spec, options.opset, batch=options.batch)
    if options.fold and (folds := foldable(network)):
        without = {fold.norm for fold in folds}
        network = folded(lower(spec, options.opset, batch=options.batch, without=without), folds)
        return OnnxCompiled(spec, network, is_folded=True)
    return OnnxCompiled(spec, network)
