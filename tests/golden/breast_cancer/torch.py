"""BreastCancer, compiled from breast_cancer.yaml."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DenseBlock(nn.Module):
    """x (batch, in_features) -> dropout (batch, units)."""

    def __init__(self, in_features: int, units: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, units, bias=False)
        self.norm = nn.BatchNorm1d(units)
        self.dropout = nn.Dropout(0.3)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.linear.weight)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.linear(x)))
        return self.dropout(x)


class BreastCancer(nn.Module):
    """features (batch, 30) -> probability (batch, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = DenseBlock(in_features=30, units=32)
        self.narrow = DenseBlock(in_features=32, units=16)
        self.score = nn.Linear(16, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.score.weight)
        nn.init.zeros_(self.score.bias)

    def logits(self, features: Tensor) -> Tensor:
        x = self.wide(features)
        x = self.narrow(x)
        return self.score(x)

    def forward(self, features: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(features))
