"""Recurrent layers, and functions that run them."""

import torch
import torch.nn.functional as F
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


class GRUResetBefore(nn.RNNBase):
    """A GRU that resets the state before the product, as Cho et al. 2014 have it.

    nn.GRU resets what the product gives. All else is as there, with `batch_first`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        bidirectional: bool = False,
    ) -> None:
        super().__init__(
            "GRU",
            input_size,
            hidden_size,
            bias=bias,
            batch_first=True,
            bidirectional=bidirectional,
        )

    def forward(
        self, x: Tensor | nn.utils.rnn.PackedSequence, hx: Tensor | None = None
    ) -> tuple[Tensor | nn.utils.rnn.PackedSequence, Tensor]:
        if not isinstance(x, nn.utils.rnn.PackedSequence):
            return self.run(x, hx)
        padded, lengths = nn.utils.rnn.pad_packed_sequence(x, batch_first=True)
        y, last = self.run(padded, hx, lengths[:, None].to(padded.device))
        packed = nn.utils.rnn.pack_padded_sequence(
            y, lengths, batch_first=True, enforce_sorted=False
        )
        return packed, last

    def run(
        self, x: Tensor, hx: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return each step's output, (batch, time, n), and the last state by direction."""
        outputs, states = [], []
        for index, suffix in enumerate(["", "_reverse"][: 1 + self.bidirectional]):
            h = x.new_zeros(x.shape[0], self.hidden_size) if hx is None else hx[index]
            bias = None
            if self.bias:
                bias = getattr(self, f"bias_ih_l0{suffix}")
                bias = bias + getattr(self, f"bias_hh_l0{suffix}")
            given = F.linear(x, getattr(self, f"weight_ih_l0{suffix}"), bias)
            weight = getattr(self, f"weight_hh_l0{suffix}")
            steps = list(enumerate(given.unbind(1)))
            direction = -1 if suffix else 1
            y = []
            for t, gates in steps[::direction]:
                new = self.step(gates, h, weight)
                h = new if lengths is None else torch.where(t < lengths, new, h)
                y.append(h)
            outputs.append(torch.stack(y[::direction], 1))
            states.append(h)
        return torch.cat(outputs, -1), torch.stack(states)

    def step(self, gates: Tensor, h: Tensor, weight: Tensor) -> Tensor:
        """Return the state after a step; `gates` is what its input adds to the gates."""
        given_r, given_z, given_n = gates.chunk(3, -1)
        weight_r, weight_z, weight_n = weight.chunk(3)
        r = (given_r + F.linear(h, weight_r)).sigmoid()
        z = (given_z + F.linear(h, weight_z)).sigmoid()
        n = (given_n + F.linear(r * h, weight_n)).tanh()
        return (1 - z) * n + z * h
