"""Which names a spec may give, so that the emitted code is valid and means what it says."""

from __future__ import annotations

import keyword
import re

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
MAX_LENGTH = 64

_BUILTINS = """
abs all any bool dict enumerate float int len list map max min object print range repr round set
sorted str sum super tuple type zip
""".split()  # noqa: SIM905 - a list of quoted words would be longer

_MODULES = """
np numpy os sys json math pathlib argparse torch nn F Tensor keras layers ops tensorflow tf onnx
self cls name x main build
""".split()  # noqa: SIM905 - a list of quoted words would be longer

# What torch.nn.Module and keras.Model call their own; a test holds these against the frameworks.
_ATTRIBUTES = """
T_destination add_loss add_metric add_module add_variable add_weight apply autocast bfloat16
buffers build build_from_config built call call_super_init children compile compile_from_config
compiled compiled_loss compiled_metrics compute_dtype compute_loss compute_loss_and_updates
compute_mask compute_metrics compute_output_shape compute_output_spec count_params cpu cuda
distribute_reduction_method distribute_reset_strategy distribute_strategy double dtype
dtype_policy dump_patches eval evaluate export extra_repr fit float forward from_config
from_quantized_config get_buffer get_build_config get_compile_config get_config get_extra_state
get_layer get_metrics_result get_parameter get_quantization_layer_structure get_state_tree
get_submodule get_weights half input input_dtype input_shape input_spec inputs ipu jit_compile
layers load_own_variables load_state_dict load_weights logits loss losses make_predict_function
make_test_function make_train_function metrics metrics_names metrics_variables modules mtia name
named_buffers named_children named_modules named_parameters non_trainable_variables
non_trainable_weights operation optimizer output output_shape outputs parameters path predict
predict_on_batch predict_step quantization_mode quantize quantized_build quantized_call
rematerialized_call register_backward_hook register_buffer register_forward_hook
register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module
register_parameter register_state_dict_post_hook register_state_dict_pre_hook
remove_from_collection requires_grad_ reset_metrics reset_parameters run_eagerly save
save_own_variables save_weights set_extra_state set_state_tree set_submodule set_weights
share_memory stateless_call stateless_compute_loss state_dict steps_per_execution stop_evaluating
stop_predicting stop_training summary supports_jit supports_masking symbolic_call test_on_batch
test_step to to_empty to_json train train_on_batch train_step trainable trainable_variables
trainable_weights training type variable_dtype variables weights xpu zero_grad
""".split()  # noqa: SIM905 - a list of quoted words would be longer

# Variables of the emitted functions that take the network's inputs under their own names.
_LOCALS = """
classes layer loss_function model optimizer output run_backwards run_recurrent target
""".split()  # noqa: SIM905 - a list of quoted words would be longer

RESERVED = frozenset([*_BUILTINS, *_MODULES, *_ATTRIBUTES])
"""What a layer, a block or a network cannot be called."""
# What a training script defines or imports beside the network.
_DEFINITIONS = """
Any BOUNDS Batches Callable INPUTS Iterator KeepBest LARGEST Path Sequence TARGET batches column
evaluate fnmatchcase hashlib load_data load_file loss_function make_optimizer matching numbers
outputs permutation pl prepared r2 read_inputs read_rows read_target require_writable safe_open
save_file served shaped split standard tempfile train_step
""".split()  # noqa: SIM905 - a list of quoted words would be longer
RESERVED_NETWORKS = RESERVED.union(_DEFINITIONS)
"""What a network cannot be called."""
RESERVED_INPUTS = frozenset([*_BUILTINS, *_MODULES, *_LOCALS]) - {"x"}
"""What an input cannot be called: it is a variable, and no attribute."""


def problem_with(name: object, what: str, *, is_attribute: bool = True) -> tuple[str, str, str]:
    """Return (code, message, hint) for a bad name, or three empty strings for a good one."""
    if not isinstance(name, str):
        return "wrong-type", f"{what} name is {name!r}, and a word is expected", ""
    if len(name) > MAX_LENGTH:
        return (
            "bad-name",
            f"{what} name has {len(name)} characters; at most {MAX_LENGTH}",
            "choose a shorter name",
        )
    if not _IDENTIFIER.match(name):
        return (
            "bad-name",
            f"{what} name {name!r} is no identifier",
            "use letters, digits and _, a letter first: the name becomes a name in the code",
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return (
            "reserved-name",
            f'{what} name "{name}" is a keyword of Python',
            f'use another name, such as "{name}_"',
        )
    reserved = {"input": RESERVED_INPUTS, "network": RESERVED_NETWORKS}.get(what, RESERVED)
    if is_attribute and name in reserved:
        return (
            "reserved-name",
            f'{what} name "{name}" is taken in the emitted code (by Python, torch or keras)',
            f'use another name, such as "{name}_{what}"',
        )
    return "", "", ""
