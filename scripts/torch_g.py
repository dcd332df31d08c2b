"""G on PyTorch, as the tests and the benchmarks of restain compare with it (paper, IV.B.2)."""
import torch
from torch import nn


class Generator(nn.Module):
    """Six convolutions k4 s2 p1 down, six transposed ones up, skip connections between."""

    def __init__(self, base):
        super().__init__()
        widths = [base * m for m in (1, 2, 4, 8, 8, 8)]
        channels = 2
        self.down = nn.ModuleList()
        for width in widths:
            self.down.append(self.block(nn.Conv2d(channels, width, 4, 2, 1, bias=False), width))
            channels = width
        self.up = nn.ModuleList()
        for width in reversed(widths[:-1]):
            self.up.append(self.block(nn.ConvTranspose2d(channels, width, 4, 2, 1, bias=False), width))
            channels = 2 * width
        self.out = nn.ConvTranspose2d(channels, 3, 4, 2, 1)

    @staticmethod
    def block(convolution, width):
        return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU())

    def forward(self, x):
        skips = []
        for block in self.down:
            x = block(x)
            skips.append(x)
        skips.pop()
        for block in self.up:
            x = torch.cat([block(x), skips.pop()], 1)
        return torch.sigmoid(self.out(x))
