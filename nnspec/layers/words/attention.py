"""Names of attention layers, and of their keys."""

from nnspec.layers.words.word import Keys, Word, inferred, keys, no_key, nothing, only, same

WORDS = {
    **same("multi_head_attention", "MultiheadAttention MultiHeadAttention mha attention self_attention "
           "multi_head_self_attention msa SelfAttention cross_attention multihead_attention "
           "MultiHeadSelfAttention attn CausalSelfAttention",
           "it has the four projections; inputs: [query, value] makes it cross-attention"),
    "causal_attention": Word("multi_head_attention", "attention with causal: true", {"causal": True}),
    "masked_multi_head_attention": Word("multi_head_attention", "attention with causal: true",
                                        {"causal": True}),
    **same("grouped_query_attention", "GroupQueryAttention gqa GroupedQueryAttention "
           "group_query_attention"),
    "multi_query_attention": Word("grouped_query_attention", "one head of keys and values: "
                                  "num_kv_heads: 1", {"num_kv_heads": 1}),
    "mqa": Word("grouped_query_attention", "one head of keys and values: num_kv_heads: 1",
                {"num_kv_heads": 1}),
    **nothing("scaled_dot_product_attention dot_product_attention sdpa Attention_without_projections",
              "compose it: matmul of queries and transposed keys (permute), rescaling by "
              "1/sqrt(width), softmax, matmul; multi_head_attention has projections as well"),
    **nothing("AdditiveAttention bahdanau_attention BahdanauAttention", "compose it of dense, add, "
              "tanh, dense, softmax and matmul"),
    **nothing("LuongAttention luong_attention", "compose it of matmul, softmax and matmul"),
    "multi_head_attention_forward": Word("multi_head_attention", "it has the four projections"),
}  # fmt: skip

_WIDTHS = "the widths are known from the inputs; key_dim and output_dim set others"
_ATTENDS = "a mask is True where a query sees a key, and in PyTorch's layers where it does not"
_NO_PADDING = (
    "it is True where a key is no padding, and PyTorch's where it is: a logical_not turns it"
)
_BOTH: Keys = {
    **keys("num_heads", "heads n_heads n_head nhead num_attention_heads number_of_heads nb_heads h "
           "num_query_heads head_count"),
    **keys("key_dim", "head_dim head_size size_per_head dim_head d_k d_head depth_per_head d_kv"),
    **keys("causal", "is_causal use_causal_mask causal_mask autoregressive is_decoder"),
    **keys("mask", "attention_mask", _ATTENDS),
    **keys("mask", "attn_mask", _ATTENDS, is_safe=False),
    **keys("key_padding", "key_padding_mask padding_mask src_key_padding_mask key_mask", _NO_PADDING,
           is_safe=False),
    **keys("score_bias", "position_bias relative_position_bias rel_pos_bias attn_bias additive_bias "
           "relative_bias alibi alibi_bias"),
    **keys("score_bias", "attn_bias attention_score_bias position_bias relative_position_bias "
           "relative_attention_bias alibi"),
    **keys("dropout", "attention_dropout attn_dropout dropout_rate p attn_pdrop "
           "attention_probs_dropout_prob attn_drop dropout_p rate"),
    **keys("use_bias", "bias qkv_bias attention_bias"),
    **keys("output_dim", "output_shape out_dim output_size"),
    **inferred("embed_dim d_model hidden_size dim width embedding_dim n_embd in_dim units "
               "input_dim", _WIDTHS, says="features"),
    **inferred("kdim", _WIDTHS, says="features of the key"),
    **inferred("vdim", _WIDTHS, says="features of the value"),
    **only("batch_first", (True,), "the batch is always the first axis: permute before and after"),
    **only("add_bias_kv add_zero_attn use_gate", (False,), "nothing here is it"),
    **only("sliding_window", (None,), "give `mask` the name of a constant or an input that says "
           "which keys a query sees"),
    **only("bias_initializer", ("zeros",), "nothing here is it: biases begin at 0"),
    **only("attention_axes", (None,), "nothing here is it: attention is along the last axis but one"),
    **only("need_weights", (False,), "nothing here is it: the weights are not given"),
    **only("use_scale", (True,), "scores are divided by the square root of key_dim, or `scale` says by "
           "what they are multiplied"),
    **keys("scale", "scaling softmax_scale attention_scale qk_scale"),
    **only("score_mode", ("dot",), "nothing here is it: scores are products"),
    **no_key("num_layers depth n_layers", "repeat a block that holds it: repeat: 6"),
}  # fmt: skip
KEYS = {
    "multi_head_attention": {
        **_BOTH,
        **keys("value_dim", "d_v"),
        **no_key("num_key_value_heads num_kv_heads n_kv_heads", "grouped_query_attention has fewer "
                 "heads of keys and values than of queries"),
    },
    "grouped_query_attention": {
        **_BOTH,
        **keys("num_kv_heads", "num_key_value_heads n_kv_heads kv_heads n_head_kv num_groups"),
        **keys("rotary", "use_rope rope rotary_embedding use_rotary"),
        **keys("rotary_wavelength", "rope_theta theta rope_base max_wavelength base"),
        **keys("max_length", "max_position_embeddings max_seq_len"),
    },
}  # fmt: skip
