"""Faults of what moves numbers about."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.detection.catalogue import onnx_edits as onnx
from tests.detection.catalogue.edits import as_call, either, text
from tests.detection.catalogue.kinds import Kind


def _perm(old: list[int]) -> list[int]:
    """Of a permutation with the batch in its place: its inverse, or the last two axes swapped."""
    inverse = list(np.argsort(old))
    found = inverse if inverse != old else [*old[:-2], old[-1], old[-2]]
    return [int(each) for each in found]


def _swapped(old: Any) -> Any:
    """Two sizes that follow the batch change places."""
    if old.ndim != 1 or old.size < 3 or old[1] == old[2]:
        return None
    return np.asarray([old[0], old[2], old[1], *old[3:]])


KINDS = (
    Kind(
        "flatten-order", "Numbers are flattened with the channels last, where they should come first",
        ("SEMANTICS 1.4 Flatten", "https://arxiv.org/abs/2112.13314"),
        torch=either(as_call(r"torch\.flatten", "torch.flatten(({0}).transpose(1, -1), 1)"),
                     as_call(r"torch\.flatten", "torch.flatten(({0}).movedim(1, -1), 1)")),
        keras=text(r"x = layers\.Permute\(\(3, 1, 2\)\)\(x\)  # channels first\n(\s+)x = layers\.Flatten",
                   r"x = layers.Permute((1, 2, 3))(x)\n\1x = layers.Flatten"),
        onnx=None,
        layers=("flatten",),
    ),
    Kind(
        "permute-other", "Axes are put in another order", ("SEMANTICS 1.4 Reshape / Permute",),
        torch=either(text(r"\.permute\(0, 2, 3, 1\)", ".permute(0, 3, 2, 1)"), text(r"\.permute\(0, 3, 1, 2\)", ".permute(0, 3, 2, 1)"),
                     text(r"\.permute\(0, 2, 1\)", ".transpose(1, 2).flip(1)")),
        keras=either(text(r"layers\.Permute\(\(2, 3, 1\)\)", "layers.Permute((3, 2, 1))"),
                     text(r"layers\.Permute\(\(3, 1, 2\)\)", "layers.Permute((3, 2, 1))")),
        onnx=onnx.attribute("Transpose", "perm", _perm),
    ),
    Kind(
        "reshape-for-permute", "Axes are reshaped where they should be permuted",
        ("SEMANTICS 1.4 Reshape / Permute",),
        torch=either(text(r"(\w+)\.permute\(0, 2, 1\)", r"\1.reshape(\1.shape[0], \1.shape[2], \1.shape[1])"),
                     text(r"(\w+)\.permute\(0, 2, 3, 1\)",
                          r"\1.reshape(\1.shape[0], \1.shape[2], \1.shape[3], \1.shape[1])")),
        keras=text(r"layers\.Permute\(\(2, 3, 1\)\)\((\w+)\)", r"layers.Reshape(tuple(\1.shape[i] for i in (2, 3, 1)))(\1)"),
    ),
    Kind(
        "reshape-order", "A reshape takes the numbers in another order", ("SEMANTICS 1.4 Reshape / Permute",),
        torch=either(as_call(r"\w+\.reshape", "{receiver}.flip(-1).reshape({all})"),
                     as_call(r"\w+\.unflatten", "{receiver}.flip(-1).unflatten({all})")),
        onnx=onnx.constant("Reshape", 1, _swapped),
    ),
    Kind(
        "concatenate-order", "What is put side by side stands in another order", ("SEMANTICS 1.7 Concatenate",),
        torch=text(r"torch\.cat\(\((\w+), (\w+)\)", r"torch.cat((\2, \1)"),
        keras=text(r"(layers\.Concatenate\([^)]*\))\(\[(\w+), (\w+)\]\)", r"\1([\3, \2])"),
        onnx=onnx.turned("Concat"),
        layers=("concatenate", "multi_head_attention", "grouped_query_attention"),
    ),
    Kind(
        "reduce-axis", "A sum or a mean runs over another axis", ("SEMANTICS 7 std/var default",),
        torch=either(text(r"torch\.mean\((.*), dim=2\)", r"torch.mean(\1, dim=1)"),
                     text(r"torch\.mean\(", "torch.sum("), text(r"torch\.sum\(", "torch.mean(")),
        keras=text(r"ops\.mean\(", "ops.max("),
        onnx=onnx.renamed("ReduceSum", "ReduceMean", keeps="keepdims"),
    ),
    Kind(
        "slice-off-by-one", "A slice or a pick is off by one", ("SEMANTICS 1.4 Reshape / Permute",),
        torch=either(text(r"\[:, \[0\]\]", "[:, [1]]"), text(r"\[:, 0\]", "[:, 1]"), text(r"\[:, -1\]", "[:, -2]")),
        onnx=onnx.constant("Gather", 1, lambda old: old + 1 if old.size == 1 else None),
    ),
    Kind(
        "roll-direction", "A shift goes the other way", ("SEMANTICS 1.4 Reshape / Permute",),
        torch=text(r"torch\.roll\((.*), (-?\d), dims", r"torch.roll(\1, -(\2) + 1, dims"),
    ),
    Kind(
        "split-order", "The parts of a split stand in another order", ("SEMANTICS 2 glu / swiglu",),
        torch=text(r"(\w+), (\w+) = (\w+)\.chunk\(2", r"\2, \1 = \3.chunk(2"),
    ),
    Kind(
        "upsample-before-norm", "A layer is called twice, and another never",
        ("https://arxiv.org/abs/2112.13314",),
        torch=either(text(r"self\.norm2\(", "self.norm1("), text(r"self\.conv2\(", "self.conv1("),
                     text(r"self\.block2\(", "self.block1("), text(r"self\.dense_2\(", "self.dense_1(")),
        keras=None,
    ),
    Kind(
        "layer-skipped", "The last of several equal layers is not run", ("https://arxiv.org/abs/2112.13314",),
        torch=text(r"for layer in self\.(\w+):", r"for layer in self.\1[:-1]:"),
    ),
    Kind(
        "norm-order", "A normalisation stands on the other side of an activation",
        ("SEMANTICS 1.6 Encoder block",),
        torch=either(text(r"F\.relu\(self\.(\w*norm\w*)\(self\.(\w+)\((\w+)\)\)\)", r"self.\1(F.relu(self.\2(\3)))"),
                     text(r"F\.relu6\(self\.(\w*norm\w*)\(self\.(\w+)\((\w+)\)\)\)", r"self.\1(F.relu6(self.\2(\3)))")),
    ),
    Kind(
        "pre-norm-for-post-norm", "A block normalises before its parts, and not after, or the other way",
        ("SEMANTICS 1.6 Encoder block",),
        torch=either(text(r"self\.attention\(self\.norm1\((\w+)\)\)", r"self.attention(\1)"),
                     text(r"self\.norm1\((\w+) \+ (\w+)\)", r"\1 + self.norm1(\2)"),
                     text(r"self\.widen\(self\.norm2\((\w+)\)\)", r"self.widen(\1)")),
        layers=(),
    ),
    Kind(
        "activation-order", "An activation stands after a sum, and not before it", ("https://arxiv.org/abs/2112.13314",),
        torch=text(r"F\.relu\((\w+) \+ (\w+)\)", r"F.relu(\1) + \2"),
    ),
    Kind(
        "input-of-before", "A layer takes the input of the one before it", ("https://arxiv.org/abs/2112.13314",),
        torch=either(text(r"return self\.narrow\(x\) \+ y", "return self.narrow(x) + x"),
                     text(r"y = self\.(conv2|norm2)\(self\.conv2\(y\)\)", r"y = self.\1(self.conv2(x))"),
                     text(r"self\.narrow\(y\)", "self.narrow(y.flip(-1))")),
    ),
    Kind(
        "broadcast-axis", "A vector is spread over another axis", ("SEMANTICS 1.7 Add/Sub/Mul/Average",),
        torch=either(text(r"scale\[:, None, None\]", "scale.flip(-1)[:, None, None]"),
                     text(r"(\w+)\[:, :, None\]", r"\1.flip(1)[:, :, None]")),
    ),
)  # fmt: skip
