"""Names that nnspec's own backends reserve; `make docs` writes what they declare."""

# ruff: noqa: SIM905 - lists of quoted words would be longer

MODULES = """
F Tensor build keras layers name nn onnx ops tensorflow tf torch
""".split()
"""Imported, in the emitted source."""

ATTRIBUTES = """
T_destination add_loss add_metric add_module add_variable add_weight apply autocast bfloat16 buffers
build build_from_config built call call_super_init children compile compile_from_config compiled
compiled_loss compiled_metrics compute_dtype compute_loss compute_loss_and_updates compute_mask
compute_metrics compute_output_shape compute_output_spec count_params cpu cuda
distribute_reduction_method distribute_reset_strategy distribute_strategy double dtype dtype_policy
dump_patches eval evaluate export extra_repr fit float forward from_config from_quantized_config
get_buffer get_build_config get_compile_config get_config get_extra_state get_layer
get_metrics_result get_parameter get_quantization_layer_structure get_state_tree get_submodule
get_weights half input input_dtype input_shape input_spec inputs ipu jit_compile layers
load_own_variables load_state_dict load_weights logits loss losses make_predict_function
make_test_function make_train_function metrics metrics_names metrics_variables modules mtia name
named_buffers named_children named_modules named_parameters non_trainable_variables
non_trainable_weights operation optimizer output output_shape outputs parameters path predict
predict_on_batch predict_step quantization_mode quantize quantized_build quantized_call
register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
register_state_dict_pre_hook rematerialized_call remove_from_collection requires_grad_ reset_metrics
reset_parameters run_eagerly save save_own_variables save_weights set_extra_state set_state_tree
set_submodule set_weights share_memory state_dict stateless_call stateless_compute_loss
steps_per_execution stop_evaluating stop_predicting stop_training summary supports_jit
supports_masking symbolic_call test_on_batch test_step to to_empty to_json train train_on_batch
train_step trainable trainable_variables trainable_weights training type variable_dtype variables
weights xpu zero_grad
""".split()
"""Of a network, in its framework."""

VARIABLES = """
classes layer loss_function model optimizer output run_backwards run_recurrent target
""".split()
"""Of the functions that take the inputs under their own names."""

DEFINITIONS = """
Batches Callable KeepBest Sequence evaluate learning_rate_factor load_file loss_function
make_optimizer make_scheduler outputs r2 safe_open save_file served train_step
""".split()
"""Defined or imported by a training script, beside the network."""
