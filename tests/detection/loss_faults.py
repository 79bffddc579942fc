"""Faults of losses with options, and of those that compare more than numbers."""

from __future__ import annotations

from typing import Any

from tests.detection.framework import Injection, layer, network
from tests.detection.patches import text

SGD: dict[str, Any] = {"type": "sgd", "learning_rate": 0.02}


def trained(
    loss: dict[str, Any],
    task: str = "multiclass",
    units: int = 3,
    shape: tuple[int, ...] = (6,),
    stacked: list[int] | None = None,
) -> str:
    """Return a network that ends in scores, or in vectors that are stacked."""
    last = [layer("reshape", "vectors", shape=stacked)] if stacked is not None else []
    return network(
        {"x": list(shape)},
        layer("dense", "hidden", units=9),
        layer("tanh", "bend"),
        layer("dense", "scores", units=units),
        *last,
        training={"task": task, "optimizer": SGD, "loss": loss},
    )


SMOOTH = trained({"type": "categorical_cross_entropy", "label_smoothing": 0.1})
PADDED = trained({"type": "categorical_cross_entropy", "ignore_index": -100}, shape=(5, 4))
WEIGHED = trained({"type": "categorical_cross_entropy", "class_weights": [1.0, 3.0, 0.5]})
POSITIVE = trained({"type": "binary_cross_entropy", "positive_weight": 3.0}, "binary")
VOID = trained({"type": "binary_cross_entropy", "ignore_index": 255}, "binary")
CTC = trained({"type": "ctc"}, shape=(6, 4))


def fault(
    name: str, side: str, spec: str, old: str, new: str, says: str = "the loss is"
) -> Injection:
    return Injection(name, "loss", side, spec, text(side, old, new), (), says=says)


MEANS = [
    fault("sum for the mean of squares", "keras", trained({"type": "mse"}, "regression"),
          r"ops\.mean\(ops\.square\(", "ops.sum(ops.square("),
    fault("mean over rows, sum over elements", "torch", trained({"type": "mae"}, "regression"),
          r"F\.l1_loss\(output, target\)", "F.l1_loss(output, target) * output.shape[-1]"),
    fault("sum for the mean of entropies", "torch", trained({"type": "categorical_cross_entropy"}),
          r"F\.cross_entropy\(output, target\)",
          'F.cross_entropy(output, target, reduction="sum")'),
    fault("smooths to 0 instead of a half", "keras",
          trained({"type": "binary_cross_entropy", "label_smoothing": 0.1}, "binary"),
          r"0\.9 \* target \+ 0\.05", "0.9 * target"),
    fault("smooths to 0 instead of a half", "torch",
          trained({"type": "binary_cross_entropy", "label_smoothing": 0.1}, "binary"),
          r"0\.9 \* target \+ 0\.05", "0.9 * target"),
]  # fmt: skip

FAULTS = [
    *MEANS,
    fault(
        "smooths over the wrong classes alone",
        "torch",
        SMOOTH,
        r"label_smoothing=0\.1",
        "label_smoothing=0.1 * 2 / 3",
    ),
    fault(
        "smooths over the wrong classes alone",
        "keras",
        SMOOTH,
        r"spread = ops\.mean\(logs, axis=-1\)",
        "spread = (ops.sum(logs, axis=-1) - right) / 2",
    ),
    fault("smoothing left out", "torch", SMOOTH, r", label_smoothing=0\.1", ""),
    fault(
        "ignores another class",
        "torch",
        PADDED,
        r"ignore_index=-100",
        "ignore_index=1",
        says="does not run",
    ),
    fault(
        "divides by the ignored too",
        "torch",
        PADDED,
        r"kept\.sum\(\)\.clamp\(min=1\)",
        "kept.numel()",
    ),
    fault(
        "divides by the ignored too",
        "keras",
        PADDED,
        r"ops\.maximum\(ops\.sum\(kept\), 1\)",
        "ops.sum(ops.ones_like(kept))",
    ),
    fault("ignored ones count", "keras", PADDED, r"ops\.sum\(kept \* losses\)", "ops.sum(losses)"),
    fault("sum of the kept", "torch", PADDED, r"kept\.sum\(\)\.clamp\(min=1\)", "1"),
    fault("sum of the weighed", "torch", WEIGHED, r"loss / total", "loss"),
    fault("weights not divided out", "torch", WEIGHED, r"loss / total", "loss / len(output)"),
    fault("weights in another order", "keras", WEIGHED, r"\[1\.0, 3\.0, 0\.5\]", "[3.0, 1.0, 0.5]"),
    fault("no positive weight", "torch", POSITIVE, r", pos_weight=weight", ""),
    fault("no positive weight", "keras", POSITIVE, r"1 \+ 2\.0 \* target", "1.0"),
    fault("a void that counts", "keras", VOID, r"target != 255", "target != 254"),
    fault(
        "gamma of 1",
        "torch",
        trained({"type": "binary_focal"}, "binary"),
        r"\(2\.0 \* F\.logsigmoid",
        "(1.0 * F.logsigmoid",
    ),
    fault(
        "alpha and beta swapped",
        "keras",
        trained({"type": "tversky"}, "binary"),
        r"0\.3 \* (.*)\n(.*)0\.7 \*",
        r"0.7 * \1\n\g<2>0.3 *",
    ),
    fault(
        "over the batch in the place of the rows",
        "torch",
        trained({"type": "dice"}, "binary"),
        r"flatten\(1\)",
        "reshape(1, -1)",
    ),
    fault(
        "mean of the elements",
        "torch",
        trained({"type": "kl_divergence"}),
        r"\.sum\(-1\)\.mean\(\)",
        ".mean()",
    ),
    fault(
        "deviations for variances",
        "torch",
        trained({"type": "gaussian_nll"}, "regression", 4),
        r"\(-log_variance\)\.exp\(\)",
        "(-2 * log_variance).exp()",
    ),
    fault(
        "labels of 0 for -1",
        "torch",
        trained({"type": "hinge"}, "binary"),
        r"torch\.where\(target > 0, output, -output\)",
        "target * output",
    ),
    fault(
        "right class among the wrong",
        "keras",
        trained({"type": "multi_margin"}),
        r"ops\.where\(hot, 0, margins\)",
        "margins",
    ),
    fault(
        "alike for unlike",
        "torch",
        trained({"type": "contrastive"}, "regression", 6, stacked=[2, 3]),
        r"target > 0, distance, near",
        "target > 0, near, distance",
    ),
    fault(
        "negative for positive",
        "keras",
        trained({"type": "triplet"}, "regression", 9, stacked=[3, 3]),
        r"near - far",
        "far - near",
    ),
    fault(
        "labels' mean first",
        "torch",
        CTC,
        r"torch\.mean\(losses\)",
        "torch.mean(losses / kept.sum(1).clamp(min=1))",
    ),
    fault("another blank", "torch", CTC, r"blank=0", "blank=2"),
    fault("another blank", "keras", CTC, r"blank=0", "blank=1"),
]
