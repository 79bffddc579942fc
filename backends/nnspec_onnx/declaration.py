"""The declaration of the ONNX backend; its compiler is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.backend import (
    DEFAULTS,
    OnnxBackend,
    Options,
    Precision,
    Support,
    Written,
    options_as,
    require_supported,
)
from nnspec_onnx.options import DirectOptions

if TYPE_CHECKING:
    from nnspec.backend.foreign import Foreign, Reference
    from nnspec.layers import Layer
    from nnspec.network.graph import Graph
    from nnspec.network.loader import Spec
    from nnspec_onnx.compiled import OnnxCompiled
    from nnspec_onnx.runtime import OnnxProgram


class DirectBackend(OnnxBackend):
    """The entry point `onnx` of the group `nnspec.backends`."""

    name = "onnx"
    suffix = ".onnx"
    options = DirectOptions
    packages: Mapping[str, tuple[str, ...]] = {"onnx": ("onnx",), "onnxruntime": ("onnxruntime",)}
    reads = (".onnx",)
    imports = ("nnspec_onnx.runtime", "onnxruntime", "onnx.reference")
    takes_threads = True

    @cached_property
    def layers(self) -> Support[Layer]:
        """The tables of `lowerings.py`."""
        from nnspec_onnx.lowerings import LOWERINGS, UNSUPPORTED

        return Support(LOWERINGS, UNSUPPORTED)

    def compile(self, spec: Spec, options: Options = DEFAULTS) -> OnnxCompiled:
        """Return the spec as an ONNX network: see `nnspec_onnx.compiled.compile_network`."""
        from nnspec_onnx.compiled import compile_network

        own = options_as(DirectOptions, options)
        require_supported(self, spec, own)
        return compile_network(spec, own)

    def load(
        self,
        model: str | Path | bytes,
        graph: Graph | None = None,
        *,
        dtype: Precision = "float32",
        optimized: bool = True,
        threads: int | None = None,
    ) -> OnnxProgram:
        """Return a model of any exporter as a program: see `nnspec_onnx.runtime.load_program`."""
        from nnspec_onnx.runtime import load_program

        return load_program(model, graph, dtype=dtype, optimized=optimized, threads=threads)

    def bytes_of_a_row(self, model: str | Path, shapes: Mapping[str, tuple[int, ...]]) -> int:
        """Return what the largest operator holds of a row: see `nnspec_onnx.footprint`."""
        from nnspec_onnx.footprint import bytes_of_a_row

        return bytes_of_a_row(model, shapes)

    def adopt(
        self,
        model: Path,
        path: Path,
        spec: Spec,
        *,
        external_data: bool = False,
        preprocessing: str | None = None,
    ) -> Written:
        """Move a model that a framework exported to `path`, with the metadata of nnspec's own.

        `model` is a file of the same name on the same disk, its data file beside it.
        """
        from nnspec_onnx.lower import metadata
        from nnspec_onnx.module import append_metadata, install

        append_metadata(model, metadata(spec, preprocessing))
        return install(model, path, external_data=external_data)

    def open_file(self, reference: Reference) -> Foreign:
        """Open a model of any exporter: see `nnspec_onnx.foreign`."""
        from nnspec_onnx.foreign import open_file

        return open_file(reference)


backend = DirectBackend()
