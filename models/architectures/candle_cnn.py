"""Three convolutions on candlestick images of the last 32 bars (Sezer and Ozbayoglu 2018; Jiang, Kelly, Xiu 2023).

Bars are rebuilt from five columns and drawn (models/candles.py); each convolution halves the image, and a pooled 4 x 4
grid of its last one goes to the heads. It reads nothing else. An image costs far more than a row: docs/models.md says
for how many symbols and timeframes a CPU has time.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.architectures import WindowNet, architecture, searched
from models.architectures.heads import Heads
from models.architectures.options import check_places, check_range
from models.candles import CANDLES, COLUMNS, draw_tensor, rebuild


@architecture("candle_cnn", channels=4)
@searched(channels=(4, 8, 16))
class CandleCNN(WindowNet):
    """Convolutions of `channels`, twice and four times as many channels, 5 x 5 and twice 3 x 3, each with stride 2."""

    columns = COLUMNS
    window = CANDLES

    def __init__(
        self, inputs: int, horizons: int, *, channels: int = 8, places: Sequence[int] = tuple(range(len(COLUMNS)))
    ) -> None:
        check_range("candle_cnn", channels=(channels, 1, 64))
        check_places("candle_cnn", places, COLUMNS, inputs)
        super().__init__()
        self.places = list(places)
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, channels, 5, stride=2, padding=2), nn.SiLU(),  # (B, C, 64, 64)
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1), nn.SiLU(),  # (B, 2 C, 32, 32)
            nn.Conv2d(2 * channels, 4 * channels, 3, stride=2, padding=1), nn.SiLU(),  # (B, 4 C, 16, 16)
            nn.AvgPool2d(4), nn.Flatten(),  # (B, 4 C 4 4)
        )  # fmt: skip
        self.norm = nn.LayerNorm(64 * channels)
        self.output = Heads(64 * channels, horizons)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            images = draw_tensor(rebuild(x[..., self.places]))  # (B, 3, 128, 128)
        heads: Tensor = self.output(self.norm(self.convolutions(images / 255)))
        return heads  # (B, H, 2)
