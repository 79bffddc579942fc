"""Functions that run recurrent layers and drop elements of their state in training."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnspec_torch.emitted.recurrent import reverse_steps, run_recurrent


def by_gate(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the product of each gate's weight and the x (batch, gates, n) that it has."""
    return torch.einsum("bgi,gui->bgu", x, weight) + bias


def tanh_step(
    gates: Tensor, dropped: Tensor, weight: Tensor, bias: Tensor, *state: Tensor
) -> tuple[Tensor, ...]:
    """Return the next state of an nn.RNN; what its weight takes of the last is `dropped`."""
    return ((gates + by_gate(dropped, weight, bias)).squeeze(1).tanh(),)


def relu_step(
    gates: Tensor, dropped: Tensor, weight: Tensor, bias: Tensor, *state: Tensor
) -> tuple[Tensor, ...]:
    """Return the next state of an nn.RNN; what its weight takes of the last is `dropped`."""
    return ((gates + by_gate(dropped, weight, bias)).squeeze(1).relu(),)


def lstm_step(
    gates: Tensor, dropped: Tensor, weight: Tensor, bias: Tensor, *state: Tensor
) -> tuple[Tensor, ...]:
    """Return the next state and cell state of an nn.LSTM; no cell state is dropped."""
    i, f, g, o = (gates + by_gate(dropped, weight, bias)).unbind(1)
    cell = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
    return o.sigmoid() * cell.tanh(), cell


def gru_step(
    gates: Tensor, dropped: Tensor, weight: Tensor, bias: Tensor, *state: Tensor
) -> tuple[Tensor, ...]:
    """Return the next state of an nn.GRU; nothing is dropped of what it keeps."""
    products = by_gate(dropped, weight, bias)
    r, z = (gates + products)[:, :2].sigmoid().unbind(1)
    n = (gates[:, 2] + r * products[:, 2]).tanh()
    return ((1 - z) * n + z * state[0],)


def reset_before_step(
    gates: Tensor, dropped: Tensor, weight: Tensor, bias: Tensor, *state: Tensor
) -> tuple[Tensor, ...]:
    """Return the next state of a GRU that resets it before the product."""
    products = by_gate(dropped[:, :2], weight[:2], bias[:2])
    r, z = (gates[:, :2] + products).sigmoid().unbind(1)
    n = (gates[:, 2] + F.linear(r * dropped[:, 2], weight[2], bias[2])).tanh()
    return ((1 - z) * n + z * state[0],)


def run_dropping(
    rnn: nn.RNNBase,
    step: Callable[..., tuple[Tensor, ...]],
    recurrent_dropout: float,
    x: Tensor,
    *states: Tensor,
    lengths: Tensor | None = None,
    merge_mode: str = "concat",
    return_sequences: bool = False,
) -> tuple[Tensor, ...]:
    """Do as `run_recurrent` does, but drop elements of the state in training.

    The weight of each gate multiplies the state times a mask: one for each row, gate and
    direction, the same at every step (Gal and Ghahramani 2016).
    """
    if not rnn.training:
        return run_recurrent(
            rnn,
            x,
            *states,
            lengths=lengths,
            merge_mode=merge_mode,
            return_sequences=return_sequences,
        )
    kinds = 2 if isinstance(rnn, nn.LSTM) else 1
    outputs: list[Tensor] = []
    last: list[Tensor] = []
    for index, parameters in enumerate(rnn.all_weights):
        # Each (gates, units, ...).
        parts = [each.view(-1, rnn.hidden_size, *each.shape[1:]) for each in parameters]
        zeros = torch.zeros_like(parts[0][:, :, 0])
        weight_ih, weight, bias_ih, bias = parts if rnn.bias else (*parts, zeros, zeros)
        given = torch.einsum("bti,gui->btgu", x, weight_ih) + bias_ih
        mask = F.dropout(x.new_ones(len(x), *zeros.shape), recurrent_dropout)
        state = states[index * kinds : (index + 1) * kinds]
        state = state or (x.new_zeros(len(x), rnn.hidden_size),) * kinds
        order = range(x.shape[1])[:: -1 if index else 1]
        steps: dict[int, Tensor] = {}
        for t in order:
            new = step(given[:, t], state[0][:, None] * mask, weight, bias, *state)
            steps[t] = new[0]
            if lengths is not None:
                is_step = (t < lengths)[:, None].to(x.device)
                steps[t] = new[0].where(is_step, 0)
                new = tuple(n.where(is_step, s) for n, s in zip(new, state))
            state = new
        in_order = [steps[t] for t in sorted(steps)]
        outputs.append(torch.stack(in_order, 1) if return_sequences else state[0])
        last += state
    if merge_mode == "concat":
        output = torch.cat(outputs, dim=-1)
    elif merge_mode == "multiply":
        output = outputs[0] * outputs[1]
    else:
        output = outputs[0] + outputs[1]
    if merge_mode == "average":
        output = output / 2
    return output, *last


def run_dropping_backwards(
    rnn: nn.RNNBase,
    step: Callable[..., tuple[Tensor, ...]],
    recurrent_dropout: float,
    x: Tensor,
    *states: Tensor,
    lengths: Tensor | None = None,
    return_sequences: bool = False,
) -> tuple[Tensor, ...]:
    """Do as `run_dropping` does, the last step first; the output of step t stays at t."""
    x = reverse_steps(x, lengths)
    output, *last = run_dropping(
        rnn,
        step,
        recurrent_dropout,
        x,
        *states,
        lengths=lengths,
        return_sequences=return_sequences,
    )
    return reverse_steps(output, lengths) if return_sequences else output, *last
