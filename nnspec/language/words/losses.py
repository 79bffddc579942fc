"""Names of losses, and of their keys."""

from nnspec.layers.words.word import Keys, Word, inferred, keys, likely, no_key, nothing, only, same

_LOGITS = (
    "it is computed from logits: a softmax at the end is left out of it, and the target is a class "
    "number or a probability for each class"
)
_TWO = "it is computed from logits: a sigmoid at the end is left out of it"
_STACKED = "what it compares is stacked on the output's first axis"

WORDS = {
    **same("mse", "mean_squared_error MSELoss MeanSquaredError l2 l2_loss mse_loss squared_error "
           "euclidean_loss"),
    **same("mae", "mean_absolute_error L1Loss MeanAbsoluteError l1 l1_loss absolute_error"),
    **same("binary_cross_entropy", "BCELoss BCEWithLogitsLoss bce binary_crossentropy "
           "BinaryCrossentropy binary_cross_entropy_with_logits bce_with_logits sigmoid_cross_entropy "
           "log_loss logloss MultiLabelSoftMarginLoss multilabel_soft_margin_loss bce_loss "
           "sigmoid_cross_entropy_with_logits", _TWO),
    **same("categorical_cross_entropy", "CrossEntropyLoss cross_entropy categorical_crossentropy "
           "CategoricalCrossentropy sparse_categorical_crossentropy SparseCategoricalCrossentropy "
           "crossentropy ce softmax_cross_entropy xent cross_entropy_loss sparse_cross_entropy "
           "softmax_cross_entropy_with_logits linear_cross_entropy LinearCrossEntropyLoss", _LOGITS),
    **same("categorical_cross_entropy", "NLLLoss nll_loss nll negative_log_likelihood NLLLoss2d",
           "end in softmax, not in log_softmax: " + _LOGITS),
    **same("huber", "HuberLoss huber_loss"),
    **same("smooth_l1", "SmoothL1Loss smooth_l1_loss"),
    **same("log_cosh", "LogCosh logcosh log_cosh_loss"),
    **same("mape", "MeanAbsolutePercentageError mean_absolute_percentage_error"),
    **same("msle", "MeanSquaredLogarithmicError mean_squared_logarithmic_error"),
    **same("binary_cross_entropy", "SoftMarginLoss soft_margin_loss", "it is binary_cross_entropy, "
           "whose targets are 1 and 0 in the place of 1 and -1"),
    **same("hinge", "Hinge hinge_loss"),
    **same("squared_hinge", "SquaredHinge"),
    **same("hinge_embedding", "HingeEmbeddingLoss hinge_embedding_loss"),
    **likely("categorical_hinge", "CategoricalHinge", "Keras's counts a largest wrong score below 0 "
             "as 0"),
    **same("multi_margin", "MultiMarginLoss multi_margin_loss"),
    **same("multilabel_margin", "MultiLabelMarginLoss multilabel_margin_loss", "the target is 1 or 0 "
           "per class, not the numbers of the classes"),
    **same("margin_ranking", "MarginRankingLoss margin_ranking_loss", _STACKED),
    **same("kl_divergence", "KLDivergence KLDivLoss kl_div kld KLD", "it is computed from logits, and "
           "is the mean over rows, as PyTorch's with reduction: batchmean"),
    "Poisson": Word("poisson", "of the rate itself, as Keras has it", {"log_input": False},
                    is_safe=False),
    **same("poisson", "PoissonNLLLoss poisson_nll_loss", "its output is the logarithm of the rate"),
    **likely("gaussian_nll", "GaussianNLLLoss gaussian_nll_loss", "the output's last axis holds the "
             "means, then the logarithms of the variances, or with log_variance: false these"),
    **nothing("rmse RMSE root_mean_squared_error", "nothing here is it: mse has the same minimum, and its mean over "
              "batches is that over rows; rmse is a metric"),
    **same("binary_focal", "BinaryFocalCrossentropy binary_focal_crossentropy sigmoid_focal_loss"),
    **same("categorical_focal", "CategoricalFocalCrossentropy categorical_focal_crossentropy"),
    **nothing("focal focal_loss FocalLoss", "nothing here is it alone: write binary_focal, or categorical_focal"),
    **same("generalized_cross_entropy", "CategoricalGeneralizedCrossEntropy "
           "categorical_generalized_cross_entropy"),
    **likely("dice", "Dice dice_loss DiceLoss soft_dice", "it has smooth above and below the line, and "
             "a sum for each row; categorical_dice is that of several classes"),
    **likely("tversky", "Tversky tversky_loss TverskyLoss", "alpha weighs false positives and beta "
             "false negatives; Keras's are the other way round"),
    **{name: Word("tversky", "it is tversky with alpha and beta of 1", {"alpha": 1.0, "beta": 1.0})
       for name in ("iou", "iou_loss", "jaccard", "jaccard_loss")},
    **nothing("Circle circle info_nce InfoNCE nt_xent npairs NPairs", "nothing here is it: it "
              "compares the rows of a batch with each other, and a loss here is a mean over rows: triplet and contrastive are "
              "those of vectors"),
    **likely("ctc", "CTC CTCLoss ctc_loss", "it is the mean over rows, and PyTorch's over labels "
             "first; the target is filled up with -1"),
    **same("cosine_similarity", "CosineSimilarity", "1 - cosine but for the 1"),
    **same("cosine_embedding", "CosineEmbeddingLoss cosine_embedding_loss", _STACKED),
    **same("triplet", "TripletMarginLoss triplet_margin_loss triplet_loss TripletLoss", _STACKED),
    **likely("triplet", "TripletMarginWithDistanceLoss triplet_margin_with_distance_loss",
             "its distance is the Euclidean one; " + _STACKED),
    **same("contrastive", "contrastive_loss ContrastiveLoss", _STACKED),
    **nothing("AdaptiveLogSoftmaxWithLoss", "it has weights of its own, and so is a layer too: "
              "categorical_cross_entropy is that of all classes"),
    **nothing("Loss serialize deserialize get custom", "it is no loss"),
}  # fmt: skip

_ALL: Keys = {
    **only("from_logits", (True, False), "", "the loss knows it from the network's last layer",
           says="logits"),
    **only("reduction", ("mean", "sum_over_batch_size"), "a loss is the mean over the rows",
           "a loss is the mean over the rows"),
    **only("weight", (None,), "nothing here is it: rows weigh alike"),
    **inferred("name"),
    **only("dtype", ("float32", None), "a network computes in float32", "a network computes in "
           "float32"),
    **only("size_average reduce", (None, True), "a loss is the mean over the rows", "a loss is the "
           "mean over the rows"),
    **only("axis", (-1,), "the classes are the last axis", "the classes are the last axis"),
    **no_key("in_features num_classes out_features bias device options", "the network's last dense has "
             "it"),
}  # fmt: skip
_CLASSES: Keys = {
    **_ALL,
    **keys("class_weights", "weight class_weight weights"),
    **keys("ignore_index", "ignore_class"),
    **keys("label_smoothing", "smoothing"),
}
KEYS = {
    "*": _ALL,
    "categorical_cross_entropy": _CLASSES,
    "binary_cross_entropy": {
        **_ALL,
        **keys("positive_weight", "pos_weight"),
        **keys("ignore_index", "ignore_class"),
        **keys("label_smoothing", "smoothing"),
        **no_key("class_weight", "positive_weight is what a target of 1 costs, next to one of 0"),
    },
    "binary_focal": {
        **_ALL,
        **only("apply_class_balancing", (True,), "leave alpha out, which weighs nothing then",
               "alpha says it"),
        **only("label_smoothing", (0, 0.0), "nothing here is it"),
    },
    "categorical_focal": {
        **_ALL,
        **keys("alpha", "class_weights weight"),
        **keys("ignore_index", "ignore_class"),
        **only("label_smoothing", (0, 0.0), "nothing here is it"),
    },
    "multi_margin": {**_ALL, **keys("power", "p")},
    "poisson": {
        **_ALL,
        **keys("epsilon", "eps"),
        **only("full", (False,), "nothing here is it: it moves no gradient"),
    },
    "gaussian_nll": {
        **_ALL,
        **keys("epsilon", "eps"),
        **only("full", (False,), "nothing here is it: it moves no gradient"),
    },
    "kl_divergence": {
        **_ALL,
        **only("reduction", ("batchmean", "sum_over_batch_size"), "a loss is the mean over the rows",
               "a loss is the mean over the rows"),
        **only("log_target", (False,), "the target is probabilities"),
    },
    "triplet": {
        **_ALL,
        **keys("epsilon", "eps"),
        **only("p", (2, 2.0), "the distance is the Euclidean one"),
        **only("swap", (False,), "nothing here is it"),
        **only("distance_function", (None,), "the distance is the Euclidean one"),
    },
    "ctc": {
        **_ALL,
        **keys("padding", "ignore_index pad_index"),
        **keys("blank", "blank_index mask_index"),
        **only("zero_infinity", (True,), "a row that its steps cannot hold costs 0"),
    },
    **{name: {**_ALL, **keys("smooth", "epsilon eps smoothing")} for name in ("dice", "tversky",
                                                                              "categorical_dice")},
}  # fmt: skip
