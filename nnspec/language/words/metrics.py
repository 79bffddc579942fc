"""Names of metrics, and of their keys."""

from nnspec.layers.words.word import Keys, Word, inferred, keys, no_key, nothing, only, same

_AVERAGE = "its average is macro by default, and for yes and no that of yes"

WORDS: dict[str, Word] = {
    **same("accuracy", "acc Accuracy accuracy_score binary_accuracy BinaryAccuracy categorical_accuracy "
           "CategoricalAccuracy sparse_categorical_accuracy SparseCategoricalAccuracy "
           "MulticlassAccuracy"),
    **same("mae", "mean_absolute_error MeanAbsoluteError mean_absolute_error_score l1"),
    **same("mse", "mean_squared_error MeanSquaredError l2"),
    **same("rmse", "root_mean_squared_error RootMeanSquaredError"),
    **same("mape", "mean_absolute_percentage_error MeanAbsolutePercentageError"),
    **same("r2", "r2_score R2Score r_squared rsquared R2"),
    **same("balanced_accuracy", "balanced_accuracy_score bacc"),
    **same("top_k_accuracy", "top_k_accuracy_score TopKCategoricalAccuracy "
           "SparseTopKCategoricalAccuracy top_k_categorical_accuracy topk top_k"),
    "top5": Word("top_k_accuracy", settings={"k": 5}),
    "top_5_accuracy": Word("top_k_accuracy", settings={"k": 5}),
    "top_3_accuracy": Word("top_k_accuracy", settings={"k": 3}),
    **same("precision", "Precision precision_score ppv", _AVERAGE),
    **same("recall", "Recall recall_score sensitivity tpr", _AVERAGE),
    **same("f1", "F1Score F1 f1_score f_score fscore", _AVERAGE),
    **{f"{name}_{average}": Word(name, settings={"average": average})
       for name in ("precision", "recall", "f1", "iou") for average in ("macro", "micro", "weighted")},
    **same("iou", "IoU MeanIoU mean_iou jaccard jaccard_score JaccardIndex OneHotMeanIoU BinaryIoU",
           _AVERAGE),
    **same("auc", "AUC roc_auc roc_auc_score auroc AUROC"),
    **same("average_precision", "average_precision_score AveragePrecision pr_auc auprc ap"),
    **same("matthews", "matthews_corrcoef mcc MCC MatthewsCorrCoef"),
    **same("kappa", "cohen_kappa cohen_kappa_score CohenKappa cohens_kappa"),
    **same("confusion_matrix", "ConfusionMatrix confusion"),
    **same("log_loss", "logloss cross_entropy CategoricalCrossentropy BinaryCrossentropy nll"),
    **same("brier", "brier_score brier_score_loss"),
    **same("perplexity", "Perplexity ppl"),
    **same("label_error_rate", "cer ler CharErrorRate char_error_rate character_error_rate edit_distance "
           "EditDistance"),
    **nothing("loss val_loss", "the loss is measured always"),
    **nothing("specificity SpecificityAtSensitivity tnr fpr hamming hamming_loss explained_variance "
              "Mean Sum cosine_similarity hinge KLDivergence", "nothing here is it"),
}  # fmt: skip

_ALL: Keys = {
    **keys("average", "averaging reduction multi_class_average"),
    **keys("k", "top_k n"),
    **inferred("name", "it is reported by its type"),
    **inferred("num_classes from_logits task", "the network says it"),
    **only("labels", (None,), "every class counts"),
    **only("threshold thresholds", (0.5, None), "a yes is a probability above 0.5"),
    **only("zero_division", (0, "warn"), "what nothing is predicted as counts 0"),
    **no_key("weights sample_weight", "rows weigh alike"),
}  # fmt: skip
KEYS = {"*": _ALL}
