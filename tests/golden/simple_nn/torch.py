"""SimpleNN, compiled from simple_nn.yaml."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SimpleNN(nn.Module):
    """features (batch, 10) -> probabilities (batch, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(10, 20)
        self.scores = nn.Linear(20, 2)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for linear in (self.hidden, self.scores):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def logits(self, features: Tensor) -> Tensor:
        x = F.relu(self.hidden(features))
        return self.scores(x)

    def forward(self, features: Tensor) -> Tensor:
        return torch.softmax(self.logits(features), dim=-1)
