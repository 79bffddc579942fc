"""Names of layers that use the weights of another."""

from nnspec.layers.words.word import keys, same

WORDS = {
    **same(
        "shared",
        "share reuse shared_layer call same_as tied siamese",
        "{type: shared, layer: <name>} calls a layer again",
    ),
    **same(
        "tied_dense",
        "tied_embedding lm_head tied_linear weight_tying tied_output TiedEmbedding",
        "{type: tied_dense, layer: <name>} multiplies by an embedding's table",
    ),
}
KEYS = {
    "shared": {
        **keys("layer", "of name_of target reference ref shared_with owner with"),
        **keys("strides", "stride"),
        **keys("padding", "pad"),
        **keys("dilation_rate", "dilation dilations rate"),
    },
    "tied_dense": keys("layer", "embedding table tied_to weight_of owner"),
}
