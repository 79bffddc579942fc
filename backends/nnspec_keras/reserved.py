"""Names that the emitted Keras source keeps for itself."""

from __future__ import annotations

from nnspec.backend import Reserved

# What keras.Model calls its own; a test asks the framework.
_ATTRIBUTES = """
add_loss add_metric add_variable add_weight autocast build build_from_config built call compile
compile_from_config compiled compiled_loss compiled_metrics compute_dtype compute_loss
compute_loss_and_updates compute_mask compute_metrics compute_output_shape compute_output_spec
count_params distribute_reduction_method distribute_reset_strategy distribute_strategy dtype
dtype_policy evaluate export fit from_config from_quantized_config get_build_config
get_compile_config get_config get_layer get_metrics_result get_quantization_layer_structure
get_state_tree get_weights input input_dtype input_shape input_spec inputs jit_compile layers
load_own_variables load_weights loss losses make_predict_function make_test_function
make_train_function metrics metrics_names metrics_variables name non_trainable_variables
non_trainable_weights operation optimizer output output_shape outputs path predict
predict_on_batch predict_step quantization_mode quantize quantized_build quantized_call
rematerialized_call remove_from_collection reset_metrics run_eagerly save save_own_variables
save_weights set_state_tree set_weights stateless_call stateless_compute_loss
steps_per_execution stop_evaluating stop_predicting stop_training summary supports_jit
supports_masking symbolic_call test_on_batch test_step to_json train_on_batch train_step
trainable trainable_variables trainable_weights variable_dtype variables weights
"""

RESERVED = Reserved.of(
    modules="build keras layers name ops tensorflow tf",
    attributes=_ATTRIBUTES,
    variables="classes loss_function output target",
    definitions="""
Batches KeepBest loss_function make_optimizer served
    """,
)
