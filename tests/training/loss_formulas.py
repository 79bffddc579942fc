"""Every loss as its docstring defines it, in NumPy and float64, written apart from the sources."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Formula = Callable[..., Any]


def softplus(x: Array) -> Array:
    return np.logaddexp(0, x)


def log_softmax(z: Array) -> Array:
    shifted = z - z.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def sigmoid(z: Array) -> Array:
    return np.exp(-softplus(-z))


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def ratio(above: float, below: float) -> float:
    return above / below if below else 0.0


def last(loss: Any, z: Array) -> Array:
    """Return the scores with the classes last; a row's axes are counted from 0."""
    axis = loss.axis if loss.axis < 0 else loss.axis + 1
    return np.moveaxis(z, axis, -1)


def binary_cross_entropy(loss: Any, z: Array, target: Array) -> float:
    kept = target != loss.ignore_index
    t = (1 - loss.label_smoothing) * target + loss.label_smoothing / 2
    weight = 1.0 if loss.positive_weight is None else np.array(loss.positive_weight)
    each = weight * t * softplus(-z) + (1 - t) * softplus(z)
    return ratio(each[kept].sum(), kept.sum())


def categorical_cross_entropy(loss: Any, z: Array, target: Array) -> float:
    z, count = last(loss, z), z.shape[loss.axis if loss.axis < 0 else loss.axis + 1]
    w = np.ones(count) if loss.class_weights is None else np.array(loss.class_weights)
    if target.ndim == z.ndim:
        hot = last(loss, target)
    else:
        kept = target != loss.ignore_index
        hot = np.eye(count)[np.where(kept, target, 0)] * kept[..., None]
    row = hot.sum(axis=-1, keepdims=True)
    smooth = (1 - loss.label_smoothing) * hot + row * loss.label_smoothing / count
    return ratio(-(w * smooth * log_softmax(z)).sum(), (w * hot).sum())


def binary_focal(loss: Any, z: Array, target: Array) -> float:
    signed = np.where(target == 1, z, -z)
    alpha = 1.0 if loss.alpha is None else np.where(target == 1, loss.alpha, 1 - loss.alpha)
    return float(np.mean(alpha * sigmoid(-signed) ** loss.gamma * softplus(-signed)))


def categorical_focal(loss: Any, z: Array, target: Array) -> float:
    z, kept = last(loss, z), target != loss.ignore_index
    hot = np.eye(z.shape[-1])[np.where(kept, target, 0)]
    log_p = (hot * log_softmax(z)).sum(-1)
    alpha = np.ones(z.shape[-1]) if loss.alpha is None else np.array(loss.alpha)
    each = -(hot @ alpha) * (-np.expm1(log_p)) ** loss.gamma * log_p
    return ratio(each[kept].sum(), kept.sum())


def generalized_cross_entropy(loss: Any, z: Array, target: Array) -> float:
    p = np.exp((np.eye(z.shape[-1])[target] * log_softmax(z)).sum(-1))
    return float(np.mean((1 - p**loss.q) / loss.q))


def dice(loss: Any, z: Array, target: Array) -> float:
    rows = [
        1 - (2 * (p * t).sum() + loss.smooth) / (p.sum() + t.sum() + loss.smooth)
        for p, t in zip(sigmoid(z), target, strict=True)
    ]
    return float(np.mean(rows))


def tversky(loss: Any, z: Array, target: Array) -> float:
    rows = []
    for p, t in zip(sigmoid(z), target, strict=True):
        tp, fp, fn = (p * t).sum(), (p * (1 - t)).sum(), ((1 - p) * t).sum()
        below = tp + loss.alpha * fp + loss.beta * fn + loss.smooth
        rows.append(1 - (tp + loss.smooth) / below)
    return float(np.mean(rows))


def categorical_dice(loss: Any, z: Array, target: Array) -> float:
    share = np.exp(log_softmax(last(loss, z)))
    hot = np.eye(share.shape[-1])[target]
    found = []
    for row, c in product(range(len(z)), range(share.shape[-1])):
        p, t = share[row, ..., c], hot[row, ..., c]
        found.append(1 - (2 * (p * t).sum() + loss.smooth) / (p.sum() + t.sum() + loss.smooth))
    return float(np.mean(found))


def kl_divergence(loss: Any, z: Array, target: Array) -> float:
    known = target > 0
    log_p = log_softmax(z)
    each = np.zeros(z.shape)
    each[known] = target[known] * (np.log(target[known]) - log_p[known])
    return float(each.sum(axis=-1).mean())


def poisson(loss: Any, y: Array, target: Array) -> float:
    if loss.log_input:
        return float(np.mean(np.exp(y) - target * y))
    return float(np.mean(y - target * np.log(np.maximum(y, loss.epsilon))))


def gaussian_nll(loss: Any, y: Array, target: Array) -> float:
    half = y.shape[-1] // 2
    mean, s = y[..., :half], y[..., half:]
    log_v = np.maximum(s, np.log(loss.epsilon))
    if not loss.log_variance:
        log_v = np.log(np.maximum(s, loss.epsilon))
    return float(np.mean(log_v + (target - mean) ** 2 / np.exp(log_v)) / 2)


def hinge(loss: Any, y: Array, target: Array) -> float:
    return float(np.mean(relu(1 - np.where(target == 1, 1, -1) * y)))


def squared_hinge(loss: Any, y: Array, target: Array) -> float:
    return float(np.mean(relu(1 - np.where(target == 1, 1, -1) * y) ** 2))


def hinge_embedding(loss: Any, y: Array, target: Array) -> float:
    return float(np.mean(np.where(target == 1, y, relu(loss.margin - y))))


def each_row(y: Array, target: Array) -> list[tuple[Array, int]]:
    flat = y.reshape(-1, y.shape[-1])
    return [(scores, int(c)) for scores, c in zip(flat, target.reshape(-1), strict=True)]


def categorical_hinge(loss: Any, y: Array, target: Array) -> float:
    rows = [1 + np.delete(s, c).max() - s[c] for s, c in each_row(y, target)]
    return float(np.mean(relu(np.array(rows))))


def multi_margin(loss: Any, y: Array, target: Array) -> float:
    rows = [
        (relu(loss.margin + np.delete(s, c) - s[c]) ** loss.power).sum() / len(s)
        for s, c in each_row(y, target)
    ]
    return float(np.mean(rows))


def multilabel_margin(loss: Any, y: Array, target: Array) -> float:
    rows = []
    flat = target.reshape(-1, target.shape[-1])
    for s, t in zip(y.reshape(flat.shape), flat, strict=True):
        pairs = product(s[t == 1], s[t != 1])
        rows.append(sum(max(0.0, 1 + wrong - right) for right, wrong in pairs) / len(s))
    return float(np.mean(rows))


def cosine(a: Array, b: Array, epsilon: float) -> Array:
    lengths = [np.maximum(np.sqrt((x**2).sum(-1)), epsilon) for x in (a, b)]
    found: Array = (a * b).sum(-1) / lengths[0] / lengths[1]
    return found


def cosine_similarity(loss: Any, y: Array, target: Array) -> float:
    return -float(np.mean(cosine(y, target, loss.epsilon)))


def cosine_embedding(loss: Any, y: Array, target: Array) -> float:
    found = cosine(y[:, 0], y[:, 1], loss.epsilon)
    return float(np.mean(np.where(target == 1, 1 - found, relu(found - loss.margin))))


def distance(a: Array, b: Array, epsilon: float) -> Array:
    found: Array = np.sqrt(((a - b + epsilon) ** 2).sum(-1))
    return found


def contrastive(loss: Any, y: Array, target: Array) -> float:
    d = distance(y[:, 0], y[:, 1], loss.epsilon)
    return float(np.mean(np.where(target == 1, d**2, relu(loss.margin - d) ** 2)))


def triplet(loss: Any, y: Array, target: Array) -> float:
    near, far = (distance(y[:, 0], y[:, i], loss.epsilon) for i in (1, 2))
    return float(np.mean(relu(near - far + loss.margin)))


def value(loss: Any, y: Array, target: Array) -> float:
    return float(np.mean(y))


def margin_ranking(loss: Any, y: Array, target: Array) -> float:
    lead = np.where(target == 1, 1, -1) * (y[:, 0] - y[:, 1])
    return float(np.mean(relu(loss.margin - lead)))


def ctc(loss: Any, z: Array, target: Array) -> float:
    rows = []
    for log_p, labels in zip(log_softmax(z), target, strict=True):
        given = [int(label) for label in labels if label != loss.padding]
        rows.append(_alignments(log_p, given, loss.blank))
    return float(np.mean(rows))


def _alignments(log_p: Array, labels: list[int], blank: int) -> float:
    """Return -log of the sum over all alignments, by the forward recursion of the paper."""
    states = [blank]
    for label in labels:
        states += [label, blank]
    alpha = np.full(len(states), -np.inf)
    alpha[0] = 0.0  # before the first step, at a state that a blank or a label may follow
    before = np.full(len(states), -np.inf)
    for t, step in enumerate(log_p):
        before, alpha = alpha, np.full(len(states), -np.inf)
        for i, state in enumerate(states):
            if t == 0:
                alpha[i] = step[state] if i < 2 else -np.inf
                continue
            ways = [before[i], before[i - 1] if i else -np.inf]
            if i > 1 and state not in (blank, states[i - 2]):
                ways.append(before[i - 2])
            alpha[i] = np.logaddexp.reduce(ways) + step[state]
    total = np.logaddexp.reduce(alpha[-2:])
    return 0.0 if np.isneginf(total) else -float(total)


def mse(loss: Any, y: Array, target: Array) -> float:
    return float(np.mean((y - target) ** 2))


def mae(loss: Any, y: Array, target: Array) -> float:
    return float(np.mean(np.abs(y - target)))


def huber(loss: Any, y: Array, target: Array) -> float:
    e = np.abs(y - target)
    far = loss.delta * (e - loss.delta / 2)
    return float(np.mean(np.where(e <= loss.delta, e**2 / 2, far)))


def smooth_l1(loss: Any, y: Array, target: Array) -> float:
    e = np.abs(y - target)
    return float(np.mean(np.where(e < loss.beta, e**2 / (2 * loss.beta), e - loss.beta / 2)))


def log_cosh(loss: Any, y: Array, target: Array) -> float:
    e = y - target
    return float(np.mean(np.logaddexp(e, -e) - np.log(2)))


def mape(loss: Any, y: Array, target: Array) -> float:
    return float(100 * np.mean(np.abs(y - target) / np.maximum(np.abs(target), loss.epsilon)))


def msle(loss: Any, y: Array, target: Array) -> float:
    return float(np.mean((np.log1p(relu(y)) - np.log1p(relu(target))) ** 2))
