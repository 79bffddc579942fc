"""Backends: the protocols they follow, their declarations, and the search for one.

A backend turns a spec into source (no framework needed) and, in its `runtime` module, builds, runs
and trains what it wrote. It registers in the entry-point group `nnspec.backends`. The core asks it
for what it can do, and never for what it is called.
"""

from nnspec.backend.chosen import declared_options, make_options, options_for_each
from nnspec.backend.declaration import (
    Backend,
    Can,
    Divergence,
    ExportMemory,
    OnnxBackend,
    OnnxCompiled,
    Reserved,
    Rounding,
    Support,
    Written,
    refused_training,
    require_supported,
)
from nnspec.backend.installed import (
    GROUP,
    backend_names,
    backend_packages,
    default_backends,
    default_trainer,
    get_backend,
    installed_backends,
    onnx_backend,
    versions,
)
from nnspec.backend.options import (
    DEFAULTS,
    OnnxOptions,
    Option,
    Options,
    OptionValue,
    option,
    options_as,
    options_in,
)
from nnspec.backend.programs import (
    Array,
    Compiled,
    Declares,
    Exportable,
    Inspectable,
    Precision,
    Program,
    Trainable,
    Weights,
)

__all__ = [
    "DEFAULTS",
    "GROUP",
    "Array",
    "Backend",
    "Can",
    "Compiled",
    "Declares",
    "Divergence",
    "ExportMemory",
    "Exportable",
    "Inspectable",
    "OnnxBackend",
    "OnnxCompiled",
    "OnnxOptions",
    "Option",
    "OptionValue",
    "Options",
    "Precision",
    "Program",
    "Reserved",
    "Rounding",
    "Support",
    "Trainable",
    "Weights",
    "Written",
    "backend_names",
    "backend_packages",
    "declared_options",
    "default_backends",
    "default_trainer",
    "get_backend",
    "installed_backends",
    "make_options",
    "onnx_backend",
    "option",
    "options_as",
    "options_for_each",
    "options_in",
    "refused_training",
    "require_supported",
    "versions",
]
