"""Foreign names of the library's blocks, of their variables, and of the keys of a block's use."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nnspec.layers.words.word import Key, Keys, Word, inferred, keys, no_key, only, same

_POST = "PyTorch's and Vaswani's normalise after each part; pre_norm is the other"
_PRE = (
    "norm_first: true is that of pre_norm, whose activation is gelu by default, and PyTorch's relu"
)
_RELU: Mapping[str, object] = {"activation": "relu"}
_VARIABLE = "a block reads a variable of its own: {type: block, filters: 64}"


def _first(half: str) -> Callable[[Mapping[str, object]], Word | None]:
    """Return what chooses the block that normalises before each part, where PyTorch's key says so."""

    def choose(given: Mapping[str, object]) -> Word | None:
        is_first = given.get("norm_first") is True
        return Word(f"transformer_{half}_pre_norm", _PRE, _RELU) if is_first else None

    return choose


WORDS: dict[str, Word] = {
    **{name: Word("transformer_encoder_post_norm", _POST, choose=_first("encoder"))
       for name in ("TransformerEncoderLayer", "transformer_encoder_layer", "transformer_encoder",
                    "encoder_layer")},
    "BertLayer": Word("transformer_encoder_post_norm", _POST, {"activation": "gelu", "epsilon": 1e-12}),
    "GPT2Block": Word("transformer_encoder_pre_norm", "GPT's is causal", {"causal": True}),
    **same("transformer_encoder_pre_norm", "transformer_block TransformerBlock vit_block encoder_block "
           "transformer_encoder_pre_ln", "it normalises before each part; post_norm is the "
           "other"),
    **{name: Word("transformer_decoder_post_norm", _POST, choose=_first("decoder"))
       for name in ("TransformerDecoderLayer", "transformer_decoder_layer", "transformer_decoder",
                    "decoder_layer")},
    **same("transformer_decoder_pre_norm", "decoder_block transformer_decoder_pre_ln"),
    **same("residual_basic", "BasicBlock basic_block residual_block ResidualBlock res_block resblock "
           "ResBlock residual", "residual_basic_projected changes the size or the channels"),
    **same("residual_bottleneck", "Bottleneck bottleneck_block", "residual_bottleneck_projected changes "
           "the size or the channels"),
    **same("squeeze_and_excitation", "SEBlock se_block SqueezeExcitation squeeze_excite squeeze_and_excite se SELayer "
           "squeeze_excitation"),
    **same("inverted_residual", "InvertedResidual MBConv mbconv mobile_block"),
    **same("convnext_block", "ConvNeXtBlock CNBlock"),
    **same("mixer_layer", "MixerBlock MixerLayer mixer_block"),
    **same("dense_block", "DenseBlock"),
    **same("dense_transition", "TransitionLayer transition"),
    **same("unet_convolutions", "DoubleConv double_conv"),
    **same("unet_down", "Down down_block"),
    **same("unet_up", "up_block"),
}  # fmt: skip

_USE: Keys = {
    **keys("repeat", "repeats times num_layers depth n_layers num_blocks count num_repeats "
           "repetitions num_hidden_layers n_layer n_blocks"),
    **keys("name", "id label"),
    **keys("inputs", "input from source sources"),
    **keys("epsilon", "eps layer_norm_eps layer_norm_epsilon norm_eps"),
    **keys("filters", "out_channels channels num_filters planes width out_planes features dim"),
    **keys("strides", "stride"),
    **keys("kernel_size", "kernel"),
    **keys("expansion", "expand_ratio expansion_factor t mlp_ratio"),
    **keys("growth", "growth_rate k"),
    **keys("squeezed", "squeeze_channels reduced"),
    **inferred("in_channels in_features inplanes input_size num_channels in_planes", "it is known from "
               "the input", says="features"),
    **no_key("units activation use_bias", _VARIABLE),
}  # fmt: skip
_TRANSFORMER: Keys = {
    **_USE,
    **keys("width", "d_model hidden_size embed_dim dim n_embd model_dim embedding_dim model_width"),
    **keys("heads", "num_heads nhead n_heads n_head num_attention_heads"),
    **keys("hidden", "dim_feedforward intermediate_size mlp_dim ffn_dim d_ff n_inner ff_dim mlp_hidden "
           "feedforward_dim hidden_dim"),
    **keys("dropout", "dropout_rate hidden_dropout_prob p drop rate resid_pdrop"),
    **keys("activation", "hidden_act act activation_function"),
    **only("batch_first", (True,), "the batch is always the first axis"),
    **no_key("encoder_layer decoder_layer", "the block itself: {type: transformer_encoder_post_norm, "
             "width: 512, heads: 8, hidden: 2048, repeat: 6}"),
    **only("norm", (None,), "put a layer_normalization after it"),
    **inferred("device enable_nested_tensor mask_check", "it is of the machine"),
    **only("dtype", ("float32", None), "a network computes in float32", "a network computes in "
           "float32"),
    **only("bias", (True,), "nothing here is it: its layers have a bias"),
}  # fmt: skip
KEYS: dict[str, dict[str, Key]] = {
    "*": _USE,
    **{f"transformer_{half}_{norm}_norm": {**_TRANSFORMER, **only("norm_first", (own,), f"transformer_{half}_pre_norm normalises first, "
                                f"transformer_{half}_post_norm after", f"{norm}_norm says it")}
       for half in ("encoder", "decoder") for norm, own in (("pre", True), ("post", False))},
}  # fmt: skip
