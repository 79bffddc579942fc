"""DigitsGan, compiled from digits_gan.yaml."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Generator(nn.Module):
    """noise (batch, 32) -> pixels (batch, 1, 8, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.seed = nn.Linear(32, 512, bias=False)
        self.batch_normalization_1 = nn.BatchNorm1d(512)
        self.grow1 = nn.ConvTranspose2d(
            128, 64, kernel_size=4, stride=2, padding=1, bias=False
        )
        self.batch_normalization_2 = nn.BatchNorm2d(64)
        self.grow2 = nn.ConvTranspose2d(64, 1, kernel_size=4, stride=2, padding=1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for layer in (self.seed, self.grow1, self.grow2):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, noise: Tensor) -> Tensor:
        x = F.relu(self.batch_normalization_1(self.seed(noise)))
        x = x.reshape(-1, 128, 2, 2)  # (batch, 128, 2, 2)
        x = self.grow1(x)  # (batch, 64, 4, 4)
        x = F.relu(self.batch_normalization_2(x))
        x = self.grow2(x)  # (batch, 1, 8, 8)
        x = torch.sigmoid(x)
        return x * 16.0


class Discriminator(nn.Module):
    """image (batch, 1, 8, 8) -> score (batch, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.look1 = nn.Conv2d(1, 32, kernel_size=3, padding="same")
        self.look2 = nn.Conv2d(32, 64, kernel_size=4, stride=2, padding=1)
        self.dropout_1 = nn.Dropout(0.3)
        self.look3 = nn.Conv2d(64, 128, kernel_size=4, stride=2, padding=1)
        self.dropout_2 = nn.Dropout(0.3)
        self.score = nn.Linear(512, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for layer in (self.look1, self.look2, self.look3, self.score):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, image: Tensor) -> Tensor:
        x = F.leaky_relu(self.look1(image * 0.125 - 1.0), 0.2)
        x = self.look2(x)  # (batch, 64, 4, 4)
        x = F.leaky_relu(x, 0.2)
        x = self.look3(self.dropout_1(x))  # (batch, 128, 2, 2)
        x = F.leaky_relu(x, 0.2)
        x = torch.flatten(self.dropout_2(x), 1)
        return self.score(x)
