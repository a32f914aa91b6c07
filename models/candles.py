"""Candlestick images of bars, drawn pixel by pixel: no plotting library, on whatever device the bars are.

An image is 128 pixels high and wide and shows 32 candles, the newest at the right edge. A candle takes four columns:
three of the body, with the shadow in the middle one, and a gap. The lowest low of the window lies in the bottom row,
the highest high in the top row, a price between them in the nearest one. A body without height is one row thick, and
so is everything where the window has no height: then the middle row. Colours on black: rising `RISING`, falling
`FALLING`, `FLAT` where the body is less than a thousandth of the window's height. Each has a channel of its own in the
main, so that a convolution tells them apart.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SIZE: Final = 128  # pixels
CANDLES: Final = 32
PITCH: Final = SIZE // CANDLES  # columns of a candle with the gap behind it
RISING: Final = (40, 200, 80)  # red, green, blue
FALLING: Final = (220, 50, 60)
FLAT: Final = (60, 90, 230)
_FLAT: Final = 1e-3  # of the window's height


def draw(ohlc: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Draw windows of bars (n, 32, 4), open, high, low and close, oldest first: images (n, 128, 128, 3), top row first.

    Only ratios within a window matter. Raises ValueError where the shape is another.
    """
    if ohlc.ndim != 3 or ohlc.shape[1:] != (CANDLES, 4):
        raise ValueError(f"candles: bars of shape {ohlc.shape}, expected (n, {CANDLES}, 4): open, high, low, close")
    images = draw_tensor(torch.from_numpy(np.ascontiguousarray(ohlc)))
    return np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())


def draw_tensor(ohlc: Tensor) -> Tensor:
    """Draw windows (n, 32, 4) as tensors: images (n, 3, 128, 128) uint8, channels first as a convolution wants them."""
    opened, high, low, close = ohlc.unbind(-1)  # (n, T) each
    body_top, body_bottom = torch.maximum(opened, close), torch.minimum(opened, close)
    edges = torch.stack((high, low, body_top, body_bottom), -1)  # (n, T, 4)
    row = torch.arange(SIZE, device=ohlc.device, dtype=torch.int16)[:, None]  # (rows, 1)
    top, bottom, first, last = pixel_rows(edges, low, high).to(torch.int16).unsqueeze(1).unbind(-1)  # (n, 1, T) each
    shadow = (row >= top) & (row <= bottom)  # (n, rows, T)
    body = (row >= first) & (row <= last)
    ink = torch.stack((body, shadow | body, body, torch.zeros_like(body)), -1)  # (n, rows, T, PITCH)
    height = (high.amax(1) - low.amin(1)).unsqueeze(1)
    rises, falls = close - opened > _FLAT * height, opened - close > _FLAT * height
    sign = rises.long() - falls.long() + 1  # (n, T)
    colours = torch.tensor((FALLING, FLAT, RISING), dtype=torch.uint8, device=ohlc.device)[sign]  # (n, T, 3)
    inked = ink.to(torch.uint8).unsqueeze(1) * colours.permute(0, 2, 1)[:, :, None, :, None]  # (n, 3, rows, T, PITCH)
    return inked.flatten(3)


def pixel_rows(prices: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Return the rows (n, T, ...) of prices (n, T, ...), 0 at the top, in windows of lows and highs (n, T)."""
    shape = (-1, *[1] * (prices.ndim - 1))
    least, most = low.amin(1).view(shape), high.amax(1).view(shape)
    height = most - least
    share = torch.where(height > 0, (prices - least) / torch.where(height > 0, height, 1.0), 0.5)
    return torch.floor((1 - share) * (SIZE - 1) + 0.5)


COLUMNS: Final = (
    "return_1", "gap_ratio", "elder_bull_power_13", "elder_bear_power_13", "upper_shadow_share",
)  # fmt: skip


def rebuild(columns: Tensor) -> Tensor:
    """Rebuild candles (n, T, 4), each price over the last close less 1, from `COLUMNS` (n, T, 5), 0 where undefined.

    The close before is the close over exp(return_1); the open is (1 + gap_ratio) times it; the range is the difference
    of the two powers, whose averages cancel, times the close; and the upper shadow is its share of the range. A bar
    without range has no shares: all four prices are then its open and close. The first open of a window needs no bar
    before it. Differences to the last close keep what float32 would lose of a price: one tick of 0.01 at 78,857.
    """
    step, gap, bull, bear, shadow = columns.unbind(-1)  # (n, T) each
    after = step.flip(1).cumsum(1).flip(1) - step  # log of the last close over the row's close
    close, before = torch.expm1(-after), torch.expm1(-after - step)
    opened = before + gap * (1 + before)
    span = (bull - bear) * (1 + close)
    high = torch.maximum(opened, close) + shadow * span
    low = torch.minimum(high - span, torch.minimum(opened, close))
    return torch.stack((opened, high, low, close), -1)
