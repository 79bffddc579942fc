"""Diabetes, compiled from diabetes.yaml."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Diabetes(nn.Module):
    """patient (batch, 10) -> progression (batch, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(10, 32)
        self.narrow = nn.Linear(32, 16)
        self.progression = nn.Linear(16, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for linear in (self.hidden, self.narrow, self.progression):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, patient: Tensor) -> Tensor:
        x = torch.tanh(self.hidden(patient))
        x = F.elu(self.narrow(x))
        return self.progression(x)
