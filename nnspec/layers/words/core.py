"""Names of dense layers, of reshaping, and of keys that many layers have."""

from collections.abc import Mapping

from nnspec.layers.words.word import (
    Key,
    UnsaidError,
    Word,
    inferred,
    keys,
    no_key,
    nothing,
    only,
    same,
)

_ROW = "a shape is that of a row here, without the batch: PyTorch's view(-1, 8) is shape: [8]"


def _row(sizes: object) -> object:
    """PyTorch's sizes hold the batch, which is -1 as a rule: then it is not clear what is meant."""
    if isinstance(sizes, list | tuple) and sizes and sizes[0] == -1:
        raise UnsaidError(_ROW)
    return sizes


def _is_row(given: Mapping[str, object]) -> bool:
    shape = given.get("shape")
    return not (isinstance(shape, list | tuple) and shape and shape[0] == -1)


WORDS = {
    **same(
        "dense",
        "Linear LazyLinear fc fully_connected full_connected fullyconnected affine inner_product "
        "linear_layer dense_layer_ Gemm addmm ff ffn_layer projection proj nn_linear mlp_layer",
        "PyTorch's Linear is dense here; its first values are another law (kaiming_uniform): "
        "give kernel_initializer where they matter",
    ),
    "logits": Word("dense", "a dense layer of as many units as there are classes"),
    **same("flatten", "ravel flat flatten_layer"),
    **same("reshape", "unflatten reshape_layer"),
    **{name: Word("reshape", _ROW, is_safe=_is_row) for name in ("view", "torch.reshape")},
    "EinsumDense": Word("", "nothing here is it: dense works on the last axis; permute and reshape "
                        "bring another there"),
    "Bilinear": Word("", "nothing here is it: compose it of dense, multiply and reduce_sum"),
    **nothing(
        "einsum",
        "nothing here is it: compose it of permute, reshape, matmul, multiply and reduce_sum",
    ),
}  # fmt: skip

_REGULARIZERS = (
    "kernel_regularizer bias_regularizer activity_regularizer recurrent_regularizer "
    "embeddings_regularizer beta_regularizer gamma_regularizer depthwise_regularizer "
    "pointwise_regularizer alpha_regularizer"
)
_CONSTRAINTS = (
    "kernel_constraint bias_constraint recurrent_constraint embeddings_constraint beta_constraint "
    "gamma_constraint depthwise_constraint pointwise_constraint alpha_constraint"
)

KEYS = {
    "*": {
        **keys("name", "id label layer_name scope"),
        **keys("inputs", "input from inbound_nodes bottom source sources parents prev in_layers"),
        **keys("activation", "act activation_fn act_fn nonlinearity hidden_act activation_function"),
        **keys("use_bias", "bias has_bias with_bias"),
        **keys(
            "kernel_initializer",
            "weight_init init kernel_init weight_initializer w_init weights_initializer initializer "
            "initialization",
        ),
        **keys("bias_initializer", "bias_init b_init"),
        **inferred(
            "in_features in_channels input_size num_features in_dim input_dim in_size fan_in "
            "input_channels n_in num_channels in_planes inplanes normalized_shape c_in",
            says="features",
        ),
        **inferred("device", "a spec names no device; `train` and the emitted code choose it"),
        **only("dropout dropout_rate drop drop_rate", (0, 0.0, None, False), "dropout is a layer of its "
               "own: {type: dropout, rate: 0.1} after this one", "dropout is a layer of its own"),
        **only("batch_norm batchnorm use_bn bn norm normalization use_batch_norm layer_norm norm_layer",
               (False, None, "none"), "normalisation is a layer of its own: {type: batch_normalization} "
               "after this one, with use_bias: false here", "normalisation is a layer of its own"),
        **only("pool max_pool pooling pool_size", (False, None), "pooling is a layer of its own: {type: "
               "max_pooling2d} after this one", "pooling is a layer of its own"),
        **keys("weight_normalization", "weight_norm weightnorm use_weight_norm with_weight_norm wn"),
        **keys("trainable", "requires_grad"),
        **inferred("trainable", "it has no weights"),
        **only("weight_normalization", (False, None), "weights of dense, convolutions and "
               "embedding can be normalised, and of no other layer", "it has no such weight"),
        **inferred("inplace", "whether memory is used again is the backend's affair"),
        **only("dtype autocast", ("float32", None), "a network computes in float32; `cast` makes other "
               "numbers", "a network computes in float32"),
        **inferred("seed", "every random number follows from `training.seed`"),
        **inferred("foreach fused capturable sparse implementation unroll use_cudnn flash_attention "
                   "enable_nested_tensor mask_check",
                   "how something is computed is the backend's affair"),
        **only("noise_shape", (None,), "nothing here is it: spatial_dropout2d drops whole channels"),
        **only("weight", (None,), "weights are kept in a file of their own: `--weights`"),
        **only("weights", (None,), "weights are kept in a file of their own: `--weights`"),
        **inferred("input_shape batch_input_shape batch_shape",
                   "a spec gives the shape under `inputs`, without the batch: "
                   "inputs: {x: {shape: [8]}}", says="shape"),
        **inferred("batch_size", "a spec leaves the batch out; `training.batch_size` is of training"),
        **only(_REGULARIZERS, (None,), "a penalty is a part of the loss: `training.regularization` names "
               "the parameters, or by `activity` the layers"),
        **only(_CONSTRAINTS, (None,), "nothing here is it: weights are not constrained"),
        **only("lora_rank lora_alpha quantization_config", (None,), "nothing here is it"),
        **only("stateful", (False,), "no state is kept from one batch to the next: take it as an "
               "input, and give it as an output"),
        **no_key("spectral_norm", "nothing here is it: weights are not normalised so"),
        **no_key("data_format", "`data_format` is of the whole spec, beside `inputs`: leave it out here"),
    },
    "dense": {
        **keys("units", "out_features output_dim out_dim hidden_size hidden_dim hidden_units n_out "
               "width dim size num_units features output_size n_units num_outputs nodes neurons "
               "filters out_channels num_classes num_labels n_classes intermediate_size channels "
               "output_units hidden n d_model output_features"),
    },
    "reshape": {
        **keys("shape", "target_shape new_shape unflattened_size"),
        **{name: Key("shape", _ROW, _row) for name in ("size", "sizes", "dims")},
        **no_key("dim", "`shape` lists every size but the batch"),
    },
    "linear": no_key("units out_features in_features bias use_bias filters activation",
                     "linear is the identity; dense has units and a bias"),
    "flatten": {
        **only("start_dim", (1,), "flatten joins all axes but the batch; reshape joins some"),
        **only("end_dim", (-1,), "flatten joins all axes but the batch; reshape joins some"),
        **only("axis", (1,), "flatten joins all axes but the batch; reshape joins some"),
    },
}  # fmt: skip
