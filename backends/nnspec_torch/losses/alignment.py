"""Losses of sequences whose places in the input are not known."""

from nnspec.emit.training import LossRow
from nnspec.language.losses import Loss, alignment
from nnspec_torch.losses.bodies import written

ROWS: dict[type[Loss], LossRow] = {
    alignment.Ctc: lambda loss, rank: written(
        "Connectionist temporal classification of logits",
        "logs = F.log_softmax(output, dim=-1).movedim(0, 1)",
        f"kept = target != {loss.padding}",
        "steps = torch.full((len(output),), output.shape[1])",
        "losses = F.ctc_loss(",
        "    logs,",
        "    torch.where(kept, target, 1),",
        "    steps,",
        "    kept.sum(1),",
        f"    blank={loss.blank},",
        '    reduction="none",',
        "    zero_infinity=True,",
        ")",
        "return torch.mean(losses)",
    ),
}
"""Loss -> its body."""
