"""Writes which rows stand in each batch of an epoch."""

from __future__ import annotations

from nnspec.language.adversarial import AdversarialTraining
from nnspec.language.streaming import Stream
from nnspec.language.training_schema import Training


def batches_source(training: Training | AdversarialTraining, stream: Stream | None = None) -> str:
    """Return `batches`, which says which rows stand in each batch of an epoch.

    stream: the blocks among which rows are shuffled; all rows without it.
    """
    size = training.batch_size
    order = f'permutation(count, "order", {training.seed}, epoch)'
    if stream is not None:
        blocks = f"{stream.block}, {stream.buffer}"
        order = f'block_permutation(count, {blocks}, "order", {training.seed}, epoch)'
    if not training.shuffle:
        return "\n".join(
            [
                "def batches(count: int) -> Iterator[np.ndarray]:",
                '    """Yield the rows of each batch, in the order of the file."""',
                f"    for start in range(0, count, {size}):",
                f"        yield np.arange(start, min(start + {size}, count))",
            ]
        )
    return "\n".join(
        [
            "def batches(count: int, epoch: int) -> Iterator[np.ndarray]:",
            '    """Yield the rows of each batch; epochs count from 1."""',
            f"    order = {order}",
            f"    for start in range(0, count, {size}):",
            f"        yield order[start : start + {size}]",
        ]
    )


def resampled_batches(training: Training) -> str:
    """Return `batches` where each value of a column is drawn equally often."""
    size, seed = training.batch_size, training.seed
    return "\n".join(
        [
            "def batches(kinds: np.ndarray, epoch: int) -> Iterator[np.ndarray]:",
            '    """Yield the rows of each batch, of each kind as many; epochs count from 1."""',
            f'    order = permutation(len(kinds), "order", {seed}, epoch)',
            '    order = order[np.argsort(kinds[order], kind="stable")]',
            "    sizes = np.bincount(kinds)",
            f'    drawn = permutation(len(kinds), "resample", {seed}, epoch)',
            "    turn, kind = np.divmod(drawn, len(sizes))",
            "    rows = order[(np.cumsum(sizes) - sizes)[kind] + turn % sizes[kind]]",
            f"    for start in range(0, len(rows), {size}):",
            f"        yield rows[start : start + {size}]",
        ]
    )
