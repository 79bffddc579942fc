"""Names of the convolutions, the transposed and the depthwise ones too, and of their keys."""

from nnspec.layers.words.word import Key, Keys, Word, keys, no_key, only, same

_FIRST_VALUES = (
    "PyTorch draws its first values by another law: give kernel_initializer where they matter"
)

WORDS = {
    **same("conv1d", "Conv1d LazyConv1d Convolution1D conv_1d temporal_convolution", _FIRST_VALUES, is_torch=True),
    **same("conv2d", "Conv2d LazyConv2d Convolution2D conv_2d conv convolution spatial_convolution",
           _FIRST_VALUES, is_torch=True),
    **same("conv3d", "Conv3d LazyConv3d Convolution3D conv_3d volumetric_convolution", _FIRST_VALUES, is_torch=True),
    **{
        name: Word(f"conv{n}d_transpose", _FIRST_VALUES, is_torch=True)
        for n in (1, 2, 3)
        for name in (
            f"ConvTranspose{n}d", f"LazyConvTranspose{n}d", f"Convolution{n}DTranspose",
            f"Conv{n}DTranspose", f"deconv{n}d", f"transposed_conv{n}d", f"deconvolution{n}d",
            f"transposed_convolution{n}d", f"conv_transposed{n}d", f"up_conv{n}d",
        )
    },
    **same("conv2d_transpose", "ConvTranspose deconv deconvolution transposed_conv upconv"),
    **same("depthwise_conv1d", "DepthwiseConvolution1D dw_conv1d"),
    **same("depthwise_conv2d", "DepthwiseConvolution2D depthwise_conv dwconv depthwise dw_conv2d "
           "depthwise_convolution"),
    **same("separable_conv1d", "SeparableConvolution1D sep_conv1d depthwise_separable_conv1d"),
    **same("separable_conv2d", "SeparableConvolution2D separable_conv sep_conv sepconv sep_conv2d "
           "depthwise_separable_conv depthwise_separable_conv2d separable"),
    "conv1x1": Word("conv2d", "a conv2d with kernel_size: 1", {"kernel_size": 1}),
    "conv3x3": Word("conv2d", "torchvision's conv3x3 pads by 1 and has no bias",
                    {"kernel_size": 3, "padding": 1, "use_bias": False}),
    "pointwise_conv": Word("conv2d", "a conv2d with kernel_size: 1", {"kernel_size": 1}),
    "pointwise_conv2d": Word("conv2d", "a conv2d with kernel_size: 1", {"kernel_size": 1}),
    "pointwise_conv1d": Word("conv1d", "a conv1d with kernel_size: 1", {"kernel_size": 1}),
    "causal_conv1d": Word("conv1d", "a conv1d with padding: causal", {"padding": "causal"}),
    "dilated_conv2d": Word("conv2d", "a conv2d with dilation_rate"),
    "atrous_conv2d": Word("conv2d", "a conv2d with dilation_rate"),
    "patch_embed": Word("", "compose it: a conv2d whose kernel_size and strides are the patch's "
                        "size, then a reshape to (patches, width)"),
    "patch_embedding": Word("", "compose it: a conv2d whose kernel_size and strides are the "
                            "patch's size, then a reshape to (patches, width)"),
    **{name: Word("", "nothing here is it: a kernel whose places are learnt")
       for name in ("deform_conv2d", "DeformConv2d", "deformable_conv2d")},
    "conv_tbc": Word("conv1d", "conv1d takes the batch first, and channels by data_format", is_safe=False),
    **{name: Word("", "nothing here is it: take a convolution's windows with conv2d and a constant "
                  "kernel, or slice them")
       for name in ("Unfold", "im2col", "extract_patches", "extract_sequences")},
    **{name: Word("", "nothing here is it: overlapping windows are not added up; conv2d_transpose "
                  "does, with weights") for name in ("Fold", "col2im")},
}  # fmt: skip

_SAME_FOR_ALL: Keys = {
    **keys("kernel_size", "kernel kernel_shape ksize k filter_size kernel_sizes window window_size "
           "kernal_size"),
    **keys("strides", "stride step s subsample"),
    **keys("padding", "pad pads padding_size border_mode"),
    **keys("dilation_rate", "dilation dilations rate"),
    **only("padding_mode", ("zeros", "constant"),
           "put a reflection_padding2d or replication_padding2d before it, without padding here",
           "convolutions pad with zeros"),
}  # fmt: skip
_FILTERS: Keys = {
    **keys("filters", "out_channels out_planes num_filters nb_filter n_filters filter features "
           "channels output_channels channels_out out_features units planes width num_outputs depth "
           "output_dim out_dim n_out hidden_size hidden_dim c_out outplanes"),
}  # fmt: skip
_GROUPS: Keys = {
    **keys("groups", "group num_groups n_groups"),
}

KEYS = {
    **{kind: {**_SAME_FOR_ALL, **_FILTERS, **_GROUPS}
       for n in (1, 2, 3) for kind in (f"conv{n}d", f"conv{n}d_transpose")},
    **{kind: {
        **_SAME_FOR_ALL,
        **keys("depth_multiplier", "channel_multiplier multiplier"),
        **keys("depthwise_initializer", "kernel_initializer weight_init depthwise_init"),
        **no_key("filters out_channels", "it gives the input's channels, times depth_multiplier"),
        **no_key("groups", "every channel is a group; conv2d has `groups`"),
    } for kind in ("depthwise_conv1d", "depthwise_conv2d")},
    **{kind: {
        **_SAME_FOR_ALL,
        **_FILTERS,
        **keys("depth_multiplier", "channel_multiplier multiplier"),
        "kernel_initializer": Key("depthwise_initializer",
                                  "it has two: depthwise_initializer and pointwise_initializer",
                                  is_safe=False),
    } for kind in ("separable_conv1d", "separable_conv2d")},
}  # fmt: skip
_PADDINGS = {"padding": {"same_upper": "same", "none": "valid", "no": "valid"}}
VALUES = {
    **{f"conv{n}d{end}": _PADDINGS for n in (1, 2, 3) for end in ("", "_transpose")},
    **{f"{kind}_conv{n}d": _PADDINGS for n in (1, 2) for kind in ("depthwise", "separable")},
}
