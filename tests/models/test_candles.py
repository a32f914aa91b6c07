"""Candlestick images beside a drawing that sets pixel by pixel, and candles rebuilt from the catalogue's columns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from features.catalogue import registered
from features.engine import FeatureEngine
from models.candles import CANDLES, COLUMNS, FALLING, FLAT, PITCH, RISING, SIZE, draw, draw_tensor, rebuild
from tests.features.test_wild_market import PRICES, wild


def random_bars(n: int, price: float, step: float, seed: int = 3) -> np.ndarray:
    """Bars (n, 32, 4), every fifth of them with its open at the close."""
    random = np.random.default_rng(seed)
    close = price + step * np.cumsum(random.standard_normal((n, CANDLES)), axis=1)
    opened = close + step * random.standard_normal((n, CANDLES))
    opened[:, ::5] = close[:, ::5]
    high = np.maximum(opened, close) + step * random.random((n, CANDLES))
    low = np.minimum(opened, close) - step * random.random((n, CANDLES))
    return np.stack((opened, high, low, close), -1)


def naive(bars: np.ndarray) -> np.ndarray:
    """Draw one window (32, 4) pixel by pixel."""
    prices = np.linspace(bars[:, 1].max(), bars[:, 2].min(), SIZE)  # of the rows
    image = np.zeros((SIZE, SIZE, 3), np.uint8)

    def row(price: float) -> int:
        return int(np.abs(prices - price).argmin())

    for k, (opened, high, low, close) in enumerate(bars):
        body = (close - opened) / (prices[0] - prices[-1])
        colour = FLAT if abs(body) < 0.001 else RISING if body > 0 else FALLING
        for y in range(row(high), row(low) + 1):
            image[y, PITCH * k + 1] = colour
        for y in range(row(max(opened, close)), row(min(opened, close)) + 1):
            for x in range(3):
                image[y, PITCH * k + x] = colour
    return image


@pytest.mark.parametrize(("price", "step"), [(60_000.0, 0.5), (100.0, 0.01), (0.0005, 0.000001), (1e6, 2500.0)])
def test_an_image_is_the_one_drawn_pixel_by_pixel(price: float, step: float) -> None:
    bars = random_bars(12, price, step)
    images = draw(bars)
    assert images.dtype == np.uint8
    for window, image in zip(bars, images, strict=True):
        np.testing.assert_array_equal(image, naive(window))


def test_an_image_shows_what_its_docstring_says() -> None:
    bars = np.tile((10.0, 10.0, 10.0, 10.0), (1, CANDLES, 1))
    bars[0, 0] = (10.0, 12.0, 8.0, 11.0)
    bars[0, -1] = (11.0, 11.0, 9.0, 9.0)
    image = draw(bars)[0]
    assert tuple(image[0, 1]) == tuple(image[SIZE - 1, 1]) == RISING  # the shadow reaches top and bottom
    assert not image[0, 0].any()  # the body does not
    assert tuple(image[SIZE // 2 - 20, 0]) == tuple(image[SIZE // 2 - 20, 2]) == RISING
    assert tuple(image[70, SIZE - 3]) == FALLING
    assert not image[:, 3::4].any()  # the gaps
    flat = image[:, PITCH * 5 : PITCH * 5 + 3].any(-1)
    assert flat.sum() == 3 and flat[64].all()  # one row thick


def test_a_market_that_stands_still_is_a_line_in_the_middle() -> None:
    image = draw(np.full((1, CANDLES, 4), 7.0))[0]
    assert np.flatnonzero(image.any((1, 2))).tolist() == [SIZE // 2]
    assert tuple(image[SIZE // 2, 0]) == FLAT


def test_only_ratios_within_a_window_matter() -> None:
    bars = torch.from_numpy(random_bars(3, 100.0, 0.01))
    assert torch.equal(draw_tensor(bars), draw_tensor(bars * 1024))


def test_a_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 30, 4\), expected \(n, 32, 4\)"):
        draw(np.zeros((2, 30, 4)))


@pytest.mark.parametrize("market", list(PRICES))
def test_candles_are_rebuilt_from_the_columns_of_the_catalogue(market: str) -> None:
    scene = wild(market, noisy=False)
    groups = [group for group in registered() if {column.name for column in group.columns} & set(COLUMNS)]
    engine = FeatureEngine(groups, 1, scene.by_time)
    rows = engine.tick_features(scene.ticks, scene.bars)
    engine.bar_features(scene.bars, rows)
    names = [column.name for group in groups for column in group.columns]
    values = np.nan_to_num(rows.values[:, [names.index(name) for name in COLUMNS]].astype(np.float32))
    mine = np.arange(3400, 3400 + CANDLES)
    found = rebuild(torch.from_numpy(values[mine])[None])[0].numpy()
    bars = scene.bars
    expected = np.stack([column[mine] for column in (bars.open, bars.high, bars.low, bars.close)], -1)
    relative = expected / bars.close[mine[-1]] - 1
    pixel = (relative[:, 1].max() - relative[:, 2].min()) / SIZE
    np.testing.assert_allclose(found, relative, rtol=0, atol=0.05 * pixel)
