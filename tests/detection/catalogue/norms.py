"""Faults of normalisations, of dense layers and of embeddings."""

from __future__ import annotations

import numpy as np

from tests.detection.catalogue import onnx_edits as onnx
from tests.detection.catalogue.edits import either, keyword, of_module, text
from tests.detection.catalogue.kinds import Kind

BATCH = r"nn\.BatchNorm[12]d"
DENSE = r"nn\.Linear"
LAYER = r"nn\.LayerNorm"
ROOT = r"nn\.RMSNorm"
TABLE = r"nn\.Embedding"

KINDS = (
    Kind(
        "batch-norm-epsilon", "Batch normalisation has another framework's epsilon",
        ("https://github.com/gzuidhof/nn-transfer/pull/3", "SEMANTICS 1.3 BatchNorm eps"),
        torch=either(keyword(r"nn\.BatchNorm[12]d", eps="1e-3"), keyword(r"nn\.BatchNorm[12]d", eps="1e-5")),
        keras=keyword(r"layers\.BatchNormalization", epsilon="1e-3"),
        onnx=onnx.attribute("BatchNormalization", "epsilon", 1e-3),
        layers=("batch_normalization",),
    ),
    Kind(
        "batch-norm-of-the-batch", "Batch normalisation takes the batch's statistics at inference",
        ("SEMANTICS 1.3 BN freeze",),
        torch=keyword(r"nn\.BatchNorm[12]d", track_running_stats="False"),
        layers=("batch_normalization",),
    ),
    Kind(
        "batch-norm-deviation", "The running variance is taken for a deviation",
        ("SEMANTICS 1.3 BN running variance",),
        torch=of_module(BATCH, "F.batch_norm({0}, {function}.running_mean, "
                      "{function}.running_var ** 2, {function}.weight, {function}.bias, eps={function}.eps)"),
        layers=("batch_normalization",),
    ),
    Kind(
        "batch-norm-unbiased", "The variance is divided by n - 1 once more",
        ("SEMANTICS 1.3 BN running variance",),
        torch=of_module(BATCH, "F.batch_norm({0}, {function}.running_mean, "
                      "{function}.running_var * 4 / 3, {function}.weight, {function}.bias, eps={function}.eps)"),
        layers=("batch_normalization",),
    ),
    Kind(
        "batch-norm-no-affine", "The scale and the shift of a normalisation are left out",
        ("SEMANTICS 1.3 InstanceNorm",),
        torch=either(
            of_module(BATCH, "F.batch_norm({0}, {function}.running_mean, "
                    "{function}.running_var, eps={function}.eps)"),
            of_module(LAYER, "F.layer_norm({0}, {function}.normalized_shape, eps={function}.eps)")),
        keras=keyword(r"layers\.(BatchNormalization|LayerNormalization)", scale="False"),
        layers=("batch_normalization", "layer_normalization"),
    ),
    Kind(
        "layer-norm-epsilon", "Layer normalisation has another framework's epsilon",
        ("SEMANTICS 1.3 LayerNorm",),
        torch=either(keyword(r"nn\.LayerNorm", eps="1e-3"), keyword(r"nn\.LayerNorm", eps="1e-12")),
        keras=keyword(r"layers\.LayerNormalization", epsilon="1e-3"),
        onnx=onnx.either(onnx.attribute("LayerNormalization", "epsilon", 1e-3),
                         onnx.attribute("LayerNormalization", "epsilon", 1e-12)),
        layers=("layer_normalization",),
    ),
    Kind(
        "layer-norm-axis", "Layer normalisation runs over other axes",
        ("SEMANTICS 1.3 LayerNorm",),
        torch=of_module(LAYER,
                      "({0} - {0}.mean(1, keepdim=True)) / ({0}.var(1, keepdim=True, correction=0) + {function}.eps).sqrt()"
                      " * {function}.weight + {function}.bias"),
        onnx=onnx.attribute("LayerNormalization", "axis", None),
        layers=("layer_normalization",),
    ),
    Kind(
        "layer-norm-unbiased", "Layer normalisation divides by the unbiased deviation",
        ("SEMANTICS 7 std/var default",),
        torch=of_module(LAYER,
                      "({0} - {0}.mean(-1, keepdim=True)) / ({0}.std(-1, keepdim=True) + {function}.eps)"
                      " * {function}.weight + {function}.bias"),
        layers=("layer_normalization",),
    ),
    Kind(
        "norm-rms-for-layer", "The root mean square stands for the deviation",
        ("SEMANTICS 1.3 RMSNorm",),
        torch=either(
            of_module(LAYER,
                    "F.rms_norm({0}, {function}.normalized_shape, {function}.weight, {function}.eps)"),
            of_module(ROOT,
                    "F.layer_norm({0}, {function}.normalized_shape, {function}.weight, eps={function}.eps)")),
        layers=("layer_normalization", "rms_normalization"),
    ),
    Kind(
        "rms-epsilon", "Root mean square normalisation has another epsilon, or has it outside the root",
        ("SEMANTICS 1.3 RMSNorm",),
        torch=either(keyword(r"nn\.RMSNorm", eps="1e-3"), keyword(r"nn\.RMSNorm", eps=None),
                     of_module(ROOT,
                             "{0} / ({0}.square().mean(-1, keepdim=True).sqrt() + {function}.eps) * {function}.weight")),
        keras=keyword(r"layers\.RMSNormalization", epsilon="1e-3"),
        layers=("rms_normalization",),
    ),
    Kind(
        "rms-scale-of-one", "The scale of a normalisation is taken about 1, as Gemma has it",
        ("SEMANTICS 1.3 RMSNorm",),
        torch=of_module(ROOT,
                      "F.rms_norm({0}, {function}.normalized_shape, 1 + {function}.weight, {function}.eps)"),
        layers=("rms_normalization",),
    ),
    Kind(
        "group-norm-groups", "Group normalisation has other groups, or another epsilon",
        ("SEMANTICS 1.3 GroupNorm",),
        torch=either(text(r"nn\.GroupNorm\(\d", "nn.GroupNorm(1"), keyword(r"nn\.GroupNorm", eps="1e-2")),
        keras=keyword(r"layers\.GroupNormalization", epsilon="1e-2"),
        onnx=onnx.either(onnx.attribute("GroupNormalization", "epsilon", 1e-2),
                         onnx.attribute("InstanceNormalization", "epsilon", 1e-2)),
        layers=("group_normalization", "instance_normalization"),
    ),
    Kind(
        "unit-norm-floor", "A vector is divided by the sum, or by more than its length",
        ("SEMANTICS 1.3 UnitNorm/SpectralNorm/WeightNorm",),
        torch=either(text(r"torch\.square\(x\)", "torch.abs(x)"), text(r"min=1e-12", "min=1.0")),
        onnx=onnx.renamed("ReduceSumSquare", "ReduceL1", keeps="keepdims"),
        layers=("l2_normalize",),
    ),
    Kind(
        "dense-bias-twice", "A bias is added twice", ("https://arxiv.org/abs/2112.13314",),
        torch=of_module(DENSE, "({call} + {function}.bias)"),
        layers=("dense", "conv2d"),
    ),
    Kind(
        "dense-bias-lost", "The bias of a dense layer is left out", ("SEMANTICS 1.1 Dense",),
        torch=of_module(DENSE, "F.linear({0}, {function}.weight)"),
        onnx=onnx.without_input("Gemm", 2),
        layers=("dense",),
    ),
    Kind(
        "dense-transposed", "A square matrix is used transposed", ("SEMANTICS 1.1 Dense",),
        torch=of_module(DENSE, "F.linear({0}, {function}.weight.T, {function}.bias)"),
        onnx=onnx.attribute("Gemm", "transB", lambda old: 1 - (old or 0)),
        layers=("dense", "multi_head_attention", "grouped_query_attention"),
    ),
    Kind(
        "dense-alpha-beta", "A product is scaled, as alpha and beta of Gemm", ("SEMANTICS 1.1 Dense",),
        torch=of_module(DENSE, "{call} * 1.001"),
        onnx=onnx.either(onnx.attribute("Gemm", "alpha", 1.001), onnx.attribute("Gemm", "beta", 0.5)),
        layers=("dense",),
    ),
    Kind(
        "dense-in-half", "A layer computes in half precision", ("SEMANTICS 8 Keras autocasts float64 inputs",),
        torch=either(of_module(DENSE, "{call}.half().to({0}.dtype)"),
                     of_module(DENSE, "{call}.bfloat16().to({0}.dtype)")),
        onnx=None,
        layers=("dense",),
    ),
    Kind(
        "dense-in-float32", "A layer of a float64 network computes in float32",
        ("SEMANTICS 8 Keras autocasts float64 inputs",),
        torch=of_module(DENSE, "{call}.float().to({0}.dtype)"),
        layers=("dense",),
    ),
    Kind(
        "embedding-off-by-one", "Ids are shifted by one", ("SEMANTICS 1.4 Embedding",),
        torch=of_module(TABLE,
                      "{function}(({0} - 1).clamp(min=0))"),
        layers=("embedding",),
    ),
    Kind(
        "embedding-padding", "The row of one id is 0", ("SEMANTICS 1.4 Embedding",),
        torch=of_module(TABLE, "({call} * ({0} != 0)[..., None])"),
        layers=("embedding",),
    ),
    Kind(
        "embedding-scaled", "An embedding is scaled by the root of its size, or is not",
        ("SEMANTICS 1.6 sinusoidal / learned",),
        torch=either(of_module(TABLE, "({call} * 2.0)"),
                     text(r"x \* math\.sqrt\(\d+\)", "x"), text(r"x \* math\.sqrt\(width\)", "x")),
        keras=text(r"Rescale\(math\.sqrt\(\w+\)", "Rescale(1.0"),
        layers=("embedding", "rescaling", "sinusoidal_position"),
    ),
    Kind(
        "rescaling", "Pixels are scaled otherwise, or the shift comes first", ("SEMANTICS 1.4 Reshape / Permute",),
        torch=either(text(r"\* 127\.5 \+ 127\.5", "* 255.0"), text(r"(image|x) \* 0\.0625", r"\1 / 255"), text(r"\* 16\b", "* 15")),
        keras=text(r"Rescale\(([\d.]+)", r"Rescale(\1 * 1.02"),
        onnx=onnx.constant("Mul", 1, lambda old: old * np.float32(1.02) if old.ndim == 0 or old.size == 1 else None),
    ),
)  # fmt: skip
