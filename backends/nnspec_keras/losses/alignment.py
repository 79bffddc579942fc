"""Losses of sequences whose places in the input are not known."""

from nnspec.emit.training import LossRow
from nnspec.language.losses import Loss, alignment
from nnspec_keras.losses.bodies import written

ROWS: dict[type[Loss], LossRow] = {
    alignment.Ctc: lambda loss, rank: written(
        "Connectionist temporal classification of logits",
        f"losses = ctc_losses(target, output, blank={loss.blank}, padding={loss.padding})",
        "return ops.mean(losses)",
    )._replace(uses=("ctc_losses",)),
}
"""Loss -> its body."""
