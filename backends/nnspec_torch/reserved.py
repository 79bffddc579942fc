"""Names that the emitted PyTorch source keeps for itself."""

from __future__ import annotations

from nnspec.backend import Reserved

# What torch.nn.Module calls its own, and what emitted modules add; a test asks the framework.
_ATTRIBUTES = """
T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double
dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter
get_submodule half ipu load_state_dict logits modules mtia named_buffers named_children
named_modules named_parameters parameters register_backward_hook register_buffer
register_forward_hook register_forward_pre_hook register_full_backward_hook
register_full_backward_pre_hook register_load_state_dict_post_hook
register_load_state_dict_pre_hook register_module register_parameter
register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ reset_parameters
set_extra_state set_submodule share_memory state_dict to to_empty train training type xpu
zero_grad
"""

RESERVED = Reserved.of(
    modules="F Tensor nn torch",
    attributes=_ATTRIBUTES,
    variables="layer loss_function model optimizer output run_backwards run_recurrent target",
    definitions="""
Callable Sequence evaluate learning_rate_factor load_file loss_function make_optimizer
make_scheduler outputs r2 safe_open save_file train_step
    """,
)
