"""Names of a spec in the emitted PyTorch, where they differ: a layer `type` is `self.type_`."""

from __future__ import annotations

from nnspec.emit.names import ALL_BUILTINS, BUILTINS, KEYWORDS, freed, given_back
from nnspec.emit.reading import DEFINED as ROW_NAMES
from nnspec.layers.weighted import PARAMETRIZED
from nnspec.network.graph import Graph
from nnspec_torch.helpers import HELPERS

# What nn.Module calls its own, and what emitted classes define; a test asks the framework.
_MODULE = """
T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double
dump_patches eval extra_repr float for_loss forward get_buffer get_extra_state get_parameter
get_submodule half ipu load_state_dict logits modules mtia named_buffers named_children
named_modules named_parameters parameters register_backward_hook register_buffer
register_forward_hook register_forward_pre_hook register_full_backward_hook
register_full_backward_pre_hook register_load_state_dict_post_hook
register_load_state_dict_pre_hook register_module register_parameter
register_state_dict_post_hook register_state_dict_pre_hook reset_parameters
set_extra_state set_submodule share_memory state_dict to to_empty train training type xpu
zero_grad
"""
# transformers 5 gives nn.Module a method of this name, and a program may import it beside ours.
_PATCHED = ("smart_apply",)
ATTRIBUTES = KEYWORDS.union(_MODULE.split(), _PATCHED)
"""Names that no attribute of a module has for a layer, beside `requires_grad_`."""
_TWICE = frozenset({"requires_grad", "assert"})
"""Names that with one underscore more are a method of modules, or one that linters refuse."""
_IMPORTED = ("F", "Tensor", "math", "nn", "torch")
VARIABLES = frozenset({*KEYWORDS, *BUILTINS, *_IMPORTED, *HELPERS, "self", "layer"})
"""Names that mean something else in the methods of a class."""
STEP = VARIABLES.union(
    (
        "activity",
        "loss",
        "loss_function",
        "model",
        "optimizer",
        "penalty",
        "sample_weight",
        "scheduler",
        "target",
    )
)
"""Names that mean something else in `train_step`."""
PARAMETERS = VARIABLES.union({"name", "parameter", "linear", "conv", "embedding", "recurrent"})
"""Names that mean something else where a class makes its layers, or draws their weights."""
DEFINED = frozenset(
    {
        *ALL_BUILTINS,
        *_IMPORTED,
        *HELPERS,
        *ROW_NAMES,
        *("Callable", "SafetensorError", "Sequence", "load_file", "safe_open", "save_file"),
        *("evaluate", "learning_rate_factor", "load_weights", "loss_function", "main"),
        *("arrays_of", "losses", "weighted_sum"),
        *("make_optimizer", "make_scheduler", "outputs", "predict", "r2", "save", "train_step"),
        *("AveragedModel", "averaged", "get_ema_multi_avg_fn", "make_average"),
        *("penalty", "weighted_mean"),
        *("Any", "DecreasingSGD", "Ftrl", "Lamb", "Lion", "Muon", "ParamsT", "ScheduleFreeAdamW"),
        *("CyclingLR", "cycled_momentum"),
        *("add_decay", "contextmanager", "fnmatchcase", "named", "ATTRIBUTES"),
        *("Summed", "combine", "dist", "gathered", "normalized", "partial", "share"),
        *("share_statistics", "summed", "shard", "whole", "StateDictOptions"),
        *("fully_shard", "get_model_state_dict", "init_device_mesh"),
        "register_fsdp_forward_method",
    }
)
"""Names that a file may define or import beside the classes of its network."""

_LOCAL = frozenset(
    {
        *("activity", "answer", "answers", "arguments", "average", "batch", "beside", "best"),
        *("counts", "data", "drawn", "i", "kinds", "last", "sample_weight", "scaler", "stem"),
        *("targets", "values"),
        *(
            "device",
            "devices",
            "epoch",
            "error",
            "file",
            "given",
            "inputs",
            "kept",
            "loss",
            "measured",
        ),
        *("model", "number", "optimizer", "output", "parser", "parts", "reached", "record", "rows"),
        *("scale", "scheduler", "source", "state", "table", "target", "tensors", "total", "train"),
        *("train_loss", "waited", "weights"),
    }
)
"""Variables of the functions that make the network, whose class may not be called so."""


def attribute(layer: str) -> str:
    """Return the attribute that holds the layer of this name."""
    if layer.rstrip("_") in _TWICE:
        return f"{layer}__"
    return freed(layer, ATTRIBUTES)


def state_name(path: str) -> str:
    """Return the canonical name of a parameter as the state dict has it."""
    *layers, parameter = path.split(".")
    return ".".join([*map(attribute, layers), PARAMETRIZED.get(parameter, attribute(parameter))])


def canonical_name(path: str) -> str:
    """Return the name of a parameter in the state dict as the spec has it."""
    for parameter, name in PARAMETRIZED.items():
        if path.endswith(f".{name}"):
            path = path.removesuffix(name) + parameter
    return ".".join(map(_layer, path.split(".")))


def _layer(name: str) -> str:
    return name[:-2] if name.rstrip("_") in _TWICE else given_back(name, ATTRIBUTES)


def class_name(network: str) -> str:
    """Return the name of the network's class."""
    return freed(network, KEYWORDS | DEFINED | _LOCAL)


def renamed_layers(graph: Graph) -> dict[str, str]:
    """Return the attribute of each layer that has another name there."""
    parts = {part: None for name, _ in graph.parameters() for part in name.split(".")[:-1]}
    return {part: attribute(part) for part in parts if attribute(part) != part}
