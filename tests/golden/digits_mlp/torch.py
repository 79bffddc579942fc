"""DigitsMLP, compiled from digits_mlp.yaml."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DigitsMLP(nn.Module):
    """pixels (batch, 64) -> probabilities (batch, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden1 = nn.Linear(64, 128)
        self.dropout = nn.Dropout(0.2)
        self.hidden2 = nn.Linear(128, 64)
        self.scores = nn.Linear(64, 10)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for linear in (self.hidden1, self.hidden2):
            nn.init.kaiming_uniform_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
        nn.init.xavier_uniform_(self.scores.weight)
        nn.init.zeros_(self.scores.bias)

    def logits(self, pixels: Tensor) -> Tensor:
        x = F.relu(self.hidden1(pixels))
        x = F.relu(self.hidden2(self.dropout(x)))
        return self.scores(x)

    def forward(self, pixels: Tensor) -> Tensor:
        return torch.softmax(self.logits(pixels), dim=-1)
