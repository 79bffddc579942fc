"""Names of losses, and of their keys."""

from nnspec.layers.words.word import Keys, inferred, no_key, nothing, only, same

_LOGITS = (
    "it is computed from logits: a softmax at the end is left out of it, and the target is a class "
    "number or a probability for each class"
)
_TWO = "it is computed from logits: a sigmoid at the end is left out of it"

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
    **nothing("Hinge HingeEmbeddingLoss hinge_embedding_loss SquaredHinge CategoricalHinge "
              "categorical_hinge squared_hinge MultiMarginLoss multi_margin_loss MultiLabelMarginLoss "
              "multilabel_margin_loss SoftMarginLoss soft_margin_loss MarginRankingLoss "
              "margin_ranking_loss", "nothing here is it: binary_cross_entropy and "
              "categorical_cross_entropy are the losses of classes"),
    **nothing("KLDivergence KLDivLoss kl_div kl_divergence kld KLD", "nothing here is it: "
              "categorical_cross_entropy of probabilities differs from it by a constant"),
    **nothing("Poisson PoissonNLLLoss poisson_nll_loss GaussianNLLLoss gaussian_nll_loss rmse",
              "nothing here is it: mse and mae are the losses of numbers"),
    **nothing("BinaryFocalCrossentropy CategoricalFocalCrossentropy focal focal_loss FocalLoss "
              "binary_focal_crossentropy categorical_focal_crossentropy "
              "CategoricalGeneralizedCrossEntropy categorical_generalized_cross_entropy",
              "nothing here is it: the cross-entropies weigh every row alike"),
    **nothing("Dice dice dice_loss Tversky tversky iou jaccard Circle circle", "nothing here is it: "
              "binary_cross_entropy is that of masks"),
    **nothing("CTC CTCLoss ctc ctc_loss CosineEmbeddingLoss cosine_embedding_loss CosineSimilarity "
              "cosine_similarity TripletMarginLoss triplet_margin_loss triplet "
              "TripletMarginWithDistanceLoss triplet_margin_with_distance_loss contrastive "
              "contrastive_loss info_nce", "nothing here is it: a network is trained on one target "
              "a row"),
    **nothing("Loss serialize deserialize get AdaptiveLogSoftmaxWithLoss custom", "it is no loss"),
}  # fmt: skip

_ALL: Keys = {
    **only("from_logits", (True, False), "", "the loss knows it from the network's last layer",
           says="logits"),
    **only("reduction", ("mean", "sum_over_batch_size"), "a loss is the mean over the rows",
           "a loss is the mean over the rows"),
    **only("label_smoothing", (0, 0.0), "nothing here is it"),
    **only("weight pos_weight class_weight", (None,), "nothing here is it: rows weigh alike"),
    **only("ignore_index ignore_class", (None, -100), "nothing here is it: every row has a target"),
    **inferred("name"),
    **only("axis", (-1,), "the classes are the last axis", "the classes are the last axis"),
    **only("dtype", ("float32", None), "a network computes in float32", "a network computes in "
           "float32"),
    **only("size_average reduce", (None, True), "a loss is the mean over the rows", "a loss is the "
           "mean over the rows"),
    **no_key("in_features num_classes out_features bias device options", "the network's last dense has "
             "it"),
    **no_key("margin gamma alpha", "no loss here has it"),
}  # fmt: skip
KEYS = {"*": _ALL}
