"""Names of what is no layer here: containers, inputs, wrappers of other frameworks."""

from nnspec.layers.words.word import Word, nothing

WORDS = {
    **nothing("Sequential ModuleList ModuleDict Module Container sequential Pipeline ParameterList "
              "ParameterDict", "a spec lists its layers one after another, each taking the one "
              "before; what is used often is a block, under `blocks`"),
    **nothing("Input InputLayer Placeholder", "inputs stand under `inputs`, beside `layers`: "
              "inputs: {image: {shape: [3, 32, 32]}}"),
    **nothing("output Output OutputLayer", "`outputs`, beside `layers`, names the layers that a "
              "network gives"),
    **nothing("Lambda lambda custom CustomLayer Function", "a spec holds no code: compose it of "
              "layers, or bring one in a package (docs/add-a-backend.md)"),
    **nothing("Layer Wrapper InputSpec serialize deserialize FlaxLayer JaxLayer TorchModuleWrapper "
              "TFSMLayer DataParallel", "a spec holds no code of a framework: compose it of layers"),
    **nothing("LinearCrossEntropyLoss linear_cross_entropy LinearCrossEntropyOptions",
              "a dense layer, and training: {loss: categorical_cross_entropy}"),
    **nothing("Transformer TransformerEncoder TransformerDecoder", "repeat a block: {type: "
              "transformer_encoder_post_norm, width: 512, heads: 8, hidden: 2048, repeat: 6}"),
    **nothing("ResNet VGG UNet BERT GPT GPT2 ViT resnet18 resnet50 vgg16 MobileNet EfficientNet",
              "a network is written layer by layer; specs/zoo has many, docs/blocks.md their blocks"),
    **nothing("MLP mlp feed_forward FeedForward ffn feedforward", "compose it of dense layers: "
              "{type: dense, units: 128, activation: relu}"),
    **nothing("MoE mixture_of_experts", "compose it of dense, softmax, multiply and reduce_sum"),
    **nothing("print debug tensorboard callback", "a network computes; nothing is printed"),
    "if": Word("", "a spec has no branches: a network is the same for every row"),
    **nothing("get", "it is no layer"),
    **nothing("CTC CTCLoss loss Loss", "a loss stands under `training`: training: {loss: mse}"),
    **nothing("Optional handle_torch_function has_torch_function has_torch_function_unary "
              "has_torch_function_variadic boolean_dispatch assert_int_or_pair", "it is no layer"),
}  # fmt: skip
KEYS: dict[str, dict[str, object]] = {}
