"""TabularBinary, compiled from tabular_binary.yaml."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class TabularBinary(nn.Module):
    """features (batch, 2) -> probability (batch, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, 8)
        self.score = nn.Linear(8, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for linear in (self.hidden, self.score):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def logits(self, features: Tensor) -> Tensor:
        x = F.relu(self.hidden(features))
        return self.score(x)

    def forward(self, features: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(features))
