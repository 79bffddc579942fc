"""Functions that run recurrent layers."""

import torch
from torch import Tensor, nn


def reverse_steps(x: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Return x (batch, time, ...) with each row's first `lengths` steps in reverse order."""
    if lengths is None:
        return x.flip(1)
    steps = torch.arange(x.shape[1], device=x.device)
    order = (lengths[:, None].to(x.device) - 1 - steps) % x.shape[1]
    return x.gather(1, order[:, :, None].expand_as(x))


def run_recurrent(
    rnn: nn.RNNBase,
    x: Tensor,
    *states: Tensor,
    lengths: Tensor | None = None,
    merge_mode: str = "concat",
    return_sequences: bool = False,
) -> tuple[Tensor, ...]:
    """Return the output of each step, or of the last, and then the last states.

    x is (batch, time, features). The states are (batch, units), those of the forward
    direction first, a cell state after its state. Steps beyond `lengths` change nothing
    and give 0.
    """
    state: Tensor | tuple[Tensor, Tensor] | None = None
    if states and isinstance(rnn, nn.LSTM):
        state = (torch.stack(states[::2]), torch.stack(states[1::2]))
    elif states:
        state = torch.stack(states)
    if lengths is None:
        y, last = rnn(x, state)
    else:
        lengths = lengths.to("cpu", torch.int64)
        packed = nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )
        y, last = rnn(packed, state)
        y, _ = nn.utils.rnn.pad_packed_sequence(
            y, batch_first=True, total_length=x.shape[1]
        )
    last = last if isinstance(rnn, nn.LSTM) else (last,)
    hidden = last[0]
    parts = y.chunk(len(hidden), dim=-1) if return_sequences else hidden.unbind()
    if merge_mode == "concat":
        output = torch.cat(parts, dim=-1)
    elif merge_mode == "multiply":
        output = parts[0] * parts[1]
    else:
        output = parts[0] + parts[1]
    if merge_mode == "average":
        output = output / 2
    return output, *(part for pair in zip(*last) for part in pair)


def run_backwards(
    rnn: nn.RNNBase,
    x: Tensor,
    *states: Tensor,
    lengths: Tensor | None = None,
    return_sequences: bool = False,
) -> tuple[Tensor, ...]:
    """Do as `run_recurrent` does, the last step first; the output of step t stays at t."""
    x = reverse_steps(x, lengths)
    output, *last = run_recurrent(
        rnn, x, *states, lengths=lengths, return_sequences=return_sequences
    )
    return reverse_steps(output, lengths) if return_sequences else output, *last
