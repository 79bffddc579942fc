"""Names of dropout and noise layers, and of their keys."""

from nnspec.layers.words.word import Key, Keys, Word, complement, keys, nothing, only, same

_HALF = "PyTorch's rate is 0.5 where it is not given"

WORDS = {
    **same("dropout", "drop drop_out dropout_layer"),
    **{f"Dropout{n}d": Word(f"spatial_dropout{n}d", "it drops whole channels; "
                            + _HALF, lambda given: {"rate": 0.5}) for n in (1, 2, 3)},
    **{f"feature_dropout{n}d": Word(f"spatial_dropout{n}d") for n in (1, 2, 3)},
    **same("spatial_dropout2d", "spatial_dropout channel_dropout feature_dropout"),
    **same("alpha_dropout", "AlphaDropout"),
    "FeatureAlphaDropout": Word("", "nothing here is it: alpha_dropout drops elements, "
                                "spatial_dropout2d channels"),
    **same("sampling", "Sampling reparameterize reparameterization reparametrize sample_z gaussian_sample",
           "inputs: [mean, log_variance]; it draws in training alone"),
    **same("gaussian_noise", "noise GaussianNoise additive_noise"),
    **same("gaussian_dropout", "GaussianDropout multiplicative_noise"),
    **nothing("DropPath drop_path stochastic_depth StochasticDepth", "nothing here is it: dropout "
              "drops elements, and no layer drops a branch for a whole row"),
    **nothing("ActivityRegularization", "it is a part of the loss: training: {regularization: "
              "[{type: l1, factor: 0.01, activity: NAME}]}"),
    **nothing("DropBlock drop_block dropconnect", "nothing here is it: spatial_dropout2d drops "
              "whole channels"),
    **nothing("CutMix MixUp RandomFlip RandomHorizontalFlip RandomVerticalFlip RandomRotation RandomContrast "
              "RandomBrightness RandomSaturation RandomTranslation RandomColorJitter ColorJitter "
              "RandomCrop RandomResizedCrop RandomZoom",
              "rows are changed while they are trained on, not by the network: data: {augment: {INPUT: "
              "{flip: horizontal, shift: 4, rotate: 15, crop: 0.5, contrast: 0.2, mixup: 0.2}}}"),
    **nothing("AugMix RandAugment RandomHue RandomShear "
              "RandomErasing RandomGrayscale RandomInvert RandomPerspective RandomPosterization "
              "RandomSharpness RandomColorDegeneration RandomElasticTransform "
              "RandomGaussianBlur Solarization Equalization AutoContrast "
              "ContrastLimitedAdaptiveHistogramEqualization MaxNumBoundingBoxes",
              "nothing here is it: `data: {augment: ...}` has other changes"),
}  # fmt: skip

_RATE: Keys = {
    **keys("rate", "p prob probability dropout_rate drop_prob drop_rate dropout ratio pdrop "
           "hidden_dropout_prob attn_pdrop resid_pdrop"),
    "keep_prob": Key("rate", "rate is the share that is dropped: 1 - keep_prob", complement),
    **only("training train", (None,), "it drops in training alone; rate: 0 drops nothing", "it drops in "
           "training alone"),
}  # fmt: skip
KEYS = {
    **dict.fromkeys(("dropout", "alpha_dropout", "gaussian_dropout", "spatial_dropout1d", "spatial_dropout2d", "spatial_dropout3d"), _RATE),
    "gaussian_noise": keys("stddev", "std sigma scale standard_deviation noise"),
}  # fmt: skip
