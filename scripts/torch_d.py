"""D1 and D2 on PyTorch, as the tests of restain compare with them (paper, IV.B.3)."""
from torch import nn


class Discriminator(nn.Module):
    """Five convolutions k4 s2 p1 with leaky ReLU, the first with a bias, the others with batch norm; one logit."""

    def __init__(self, base, side):
        super().__init__()
        widths = [base * m for m in (1, 2, 4, 8, 8)]
        self.down = nn.ModuleList([nn.Sequential(nn.Conv2d(3, base, 4, 2, 1), nn.LeakyReLU(0.2))])
        for before, width in zip(widths, widths[1:]):
            convolution = nn.Conv2d(before, width, 4, 2, 1, bias=False)
            norm = nn.BatchNorm2d(width, track_running_stats=False)
            self.down.append(nn.Sequential(convolution, norm, nn.LeakyReLU(0.2)))
        self.out = nn.Linear(widths[-1] * (side // 32) ** 2, 1)

    def forward(self, images):
        for block in self.down:
            images = block(images)
        return self.out(images.flatten(1)).squeeze(1)
