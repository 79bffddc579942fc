"""DigitsGan, compiled from digits_gan.yaml."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Hidden(nn.Module):
    """x (batch, in_features) -> relu_1 (batch, 256)."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.dense = nn.Linear(in_features, 256, bias=False)
        self.norm = nn.BatchNorm1d(256)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.dense.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.dense(x)))


class Generator(nn.Module):
    """noise (batch, 8) -> pixels (batch, 1, 8, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.ModuleList(
            [Hidden(8), Hidden(256), Hidden(256), Hidden(256), Hidden(256)]
        )
        self.grey = nn.Linear(256, 64)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.grey.weight)
        nn.init.zeros_(self.grey.bias)

    def forward(self, noise: Tensor) -> Tensor:
        x = noise
        for layer in self.hidden:
            x = layer(x)
        x = torch.sigmoid(self.grey(x))
        x = x.reshape(-1, 1, 8, 8)  # (batch, 1, 8, 8)
        return x * 16.0


class Discriminator(nn.Module):
    """image (batch, 1, 8, 8) -> rescaling_2 (batch, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.look1 = nn.Linear(64, 256)
        self.look2 = nn.Linear(256, 256)
        self.score = nn.Linear(256, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for linear in (self.look1, self.look2, self.score):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, image: Tensor) -> Tensor:
        x = torch.flatten(image * 0.125 - 1.0, 1)
        x = F.leaky_relu(self.look1(x), 0.2)
        x = F.leaky_relu(self.look2(x), 0.2)
        x = self.score(x)
        return x * 16.0
