"""specs/digits_cnn.yaml, written by hand in PyTorch; `forward` gives logits."""

import torch
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """(batch, channels, height, width) -> the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return torch.relu(out + x)


class DigitsCNN(nn.Module):
    """(batch, 1, 8, 8) -> (batch, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.block1 = ResidualBlock(16)
        self.widen = nn.Conv2d(16, 32, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.block2 = ResidualBlock(32)
        self.hidden = nn.Linear(32 * 4 * 4, 64)
        self.scores = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        x = self.block1(x)
        x = self.pool(torch.relu(self.widen(x)))
        x = self.block2(x)
        x = torch.relu(self.hidden(x.flatten(1)))
        return self.scores(x)
