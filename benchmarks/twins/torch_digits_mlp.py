"""specs/digits_mlp.yaml, written by hand in PyTorch; `forward` gives logits."""

import torch
from torch import Tensor, nn


class DigitsMLP(nn.Module):
    """(batch, 64) -> (batch, 10)."""

    def __init__(self, width: int = 128, dropout: float = 0.2) -> None:
        super().__init__()
        self.hidden1 = nn.Linear(64, width)
        self.dropout = nn.Dropout(dropout)
        self.hidden2 = nn.Linear(width, width // 2)
        self.scores = nn.Linear(width // 2, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(torch.relu(self.hidden1(x)))
        x = torch.relu(self.hidden2(x))
        return self.scores(x)
