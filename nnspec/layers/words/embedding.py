"""Names of embeddings, positions and tensors of their own, and of their keys."""

from nnspec.layers.words.word import Keys, Word, inferred, keys, no_key, nothing, only, same

WORDS = {
    **same("embedding", "Embedding embed emb lookup word_embedding token_embedding embeddings "
           "embedding_layer lookup_table"),
    "ReversibleEmbedding": Word("embedding", "its other direction is a layer of its own: "
                                "{type: tied_dense, layer: <its name>}"),
    **nothing("EmbeddingBag", "compose it of embedding and reduce_sum or reduce_mean over axis 0"),
    **same("position_embedding", "learned_position_embedding positional_embedding pos_embed "
           "pos_embedding position_embeddings learned_positional_embedding wpe position"),
    **same("sinusoidal_position", "positional_encoding PositionalEncoding sinusoidal "
           "sinusoidal_position_encoding sine_position_encoding sinusoidal_embedding pos_encoding "
           "sinusoidal_positional_encoding position_encoding"),
    **same("rotary_position", "rope rotary rotary_embedding RotaryEmbedding rotary_position_embedding "
           "rotary_pos_emb"),
    **same("parameter", "Parameter weight variable learned_tensor cls_token class_token "
           "UninitializedParameter add_weight learnable_parameter ParameterLayer"),
    **same("constant", "Buffer register_buffer tensor const full constant_tensor "
           "UninitializedBuffer"),
    **nothing("CategoryEncoding IntegerLookup StringLookup", "no layer here is it: "
              "`data: {prepare: {COLUMN: {categories: one_hot}}}` encodes a column of a table, or "
              "`index`, which `embedding` takes"),
    **nothing("Discretization Hashing HashedCrossing", "nothing here is it: a network takes numbers, and "
              "what becomes ids does so before it; `embedding` takes ids"),
    **nothing("TextVectorization tokenizer", "no layer here is it: `data: {prepare: {COLUMN: {text: "
              "{length: 64}}}}` makes ids of a column of text, which `embedding` takes"),
    **nothing("MelSpectrogram STFTSpectrogram spectrogram stft", "nothing here is it: a conv1d whose "
              "kernel is fixed, or features that are computed before"),
    **nothing("Masking masking", "a spec's masks are values: give `mask` or `key_padding` of "
              "attention the name of an input of dtype bool"),
}  # fmt: skip

_WIDTH: Keys = {
    **keys("output_dim", "embedding_dim embed_dim dim d_model hidden_size emb_dim embedding_size "
           "n_embd out_features units output_size width features embed_size size n_embed "
           "embed_size hidden_dim"),
}  # fmt: skip
KEYS = {
    "embedding": {
        **keys("input_dim", "num_embeddings vocab_size n_vocab vocabulary_size n_tokens num_tokens "
               "vocab max_tokens n_embeddings num_words input_size max_features in_features"),
        **_WIDTH,
        **keys("padding_index", "padding_idx pad_token_id pad_idx pad_id"),
        **keys("embeddings_initializer", "kernel_initializer embedding_init initializer "
               "weight_init init"),
        **only("mask_zero", (False,), "masks are values here: give attention `key_padding`, the name "
               "of an input of dtype bool; padding_index keeps a row at 0"),
        **only("max_norm", (None,), "nothing here is it: rows are not rescaled"),
        **only("norm_type scale_grad_by_freq sparse _freeze tie_weights reverse_dtype logit_soft_cap",
               (None, False, 2.0, 2), ""),
        **no_key("input_length", "the length is the input's, under `inputs`"),
    },
    "position_embedding": {
        **keys("max_length", "input_dim num_embeddings max_len sequence_length n_positions "
               "max_position_embeddings max_seq_len block_size context_length length seq_len "
               "n_ctx maxlen"),
        **keys("embeddings_initializer", "kernel_initializer initializer init"),
        **inferred("output_dim embedding_dim embed_dim d_model hidden_size dim", says="features"),
    },
    "sinusoidal_position": {
        **keys("base", "max_wavelength theta wavelength temperature"),
        **keys("max_length", "max_len sequence_length seq_len maxlen"),
        **inferred("d_model dim embed_dim output_dim hidden_size embedding_dim", says="features"),
    },
    "rotary_position": {
        **keys("base", "theta rope_theta max_wavelength rotary_wavelength"),
        **keys("max_length", "max_len max_seq_len max_position_embeddings sequence_length"),
        **inferred("d_model head_dim", says="features"),
        **no_key("dim rotary_dim", "it turns the whole last axis: split before it turns a part"),
    },
    "parameter": {
        **keys("shape", "size sizes dims"),
        **keys("initializer", "init kernel_initializer weight_init"),
        **only("requires_grad trainable", (True,), "a `constant` is not trained"),
    },
    "constant": {
        **keys("value", "data tensor values fill_value"),
        **only("persistent", (True, False), ""),
        **only("requires_grad trainable", (False,), "a `parameter` is trained, a constant never",
               "it is never trained"),
    },
}  # fmt: skip
