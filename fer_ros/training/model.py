"""The network: a small residual CNN on 48x48 grey faces."""

from __future__ import annotations

import torch
from torch import nn

from fer_ros.core.labels import EMOTIONS


def _conv(channels_in: int, channels_out: int, size: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, size, stride, size // 2, bias=False), nn.BatchNorm2d(channels_out)
    )


class _Residual(nn.Module):
    """A basic block (He et al., CVPR 2016) whose strided shortcut averages before it projects (ResNet-D)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int):
        super().__init__()
        self.main = nn.Sequential(
            _conv(channels_in, channels_out, 3, stride), nn.ReLU(inplace=True), _conv(channels_out, channels_out, 3)
        )
        shortcut: list[nn.Module] = [nn.AvgPool2d(stride)] if stride > 1 else []
        if channels_in != channels_out:
            shortcut.append(_conv(channels_in, channels_out, 1))
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.main(x) + self.shortcut(x))


class FerNet(nn.Module):
    """(N, 1, 48, 48) float32 in [0, 1] to (N, 7) logits in the order of `EMOTIONS`.

    Each face is first standardized to zero mean and unit variance inside the network, so that the answer does not
    hang on exposure. The epsilon (a standard deviation of about 3 of 255 grey levels) keeps a flat image flat.
    """

    def __init__(self, width: int = 64, blocks: tuple[int, ...] = (2, 2, 1), dropout: float = 0.2):
        super().__init__()
        self.standardize = nn.InstanceNorm2d(1, eps=1.5e-4, affine=False)
        layers: list[nn.Module] = [_conv(1, width // 2, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
        channels = width // 2
        for stage, count in enumerate(blocks):
            for block in range(count):
                wider = width * 2**stage
                layers.append(_Residual(channels, wider, 2 if stage and not block else 1))
                channels = wider
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels, len(EMOTIONS))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(self.standardize(x)))
