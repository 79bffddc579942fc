"""DigitsCNN, compiled from digits_cnn.yaml."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Residual(nn.Module):
    """x (batch, filters, height, width) -> relu2 (batch, filters, height, width)."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            filters, filters, kernel_size=3, padding="same", bias=False
        )
        self.norm1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(
            filters, filters, kernel_size=3, padding="same", bias=False
        )
        self.norm2 = nn.BatchNorm2d(filters)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for conv in (self.conv1, self.conv2):
            nn.init.xavier_uniform_(conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return F.relu(x + y)


class DigitsCNN(nn.Module):
    """image (batch, 1, 8, 8) -> probabilities (batch, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, kernel_size=3, padding="same")
        self.block1 = Residual(16)
        self.widen = nn.Conv2d(16, 32, kernel_size=3, padding="same")
        self.pool = nn.MaxPool2d(2)
        self.block2 = Residual(32)
        self.hidden = nn.Linear(512, 64)
        self.scores = nn.Linear(64, 10)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for layer in (self.stem, self.widen, self.hidden, self.scores):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def logits(self, image: Tensor) -> Tensor:
        x = F.relu(self.stem(image))
        x = self.block1(x)
        x = F.relu(self.widen(x))
        x = self.pool(x)  # (batch, 32, 4, 4)
        x = self.block2(x)
        x = torch.flatten(x, 1)
        x = F.relu(self.hidden(x))
        return self.scores(x)

    def forward(self, image: Tensor) -> Tensor:
        return torch.softmax(self.logits(image), dim=-1)
