"""The periodogram of log returns over time, straight from its definition: an image, not a feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from dataflows.inspection.feature_series import FeatureSeries
from schema.ticks import Float64, Int64

MOST_MOMENTS: Final = 1000  # more columns than a picture has pixels show nothing


@dataclass(frozen=True, slots=True)
class Spectrogram:
    """Power of n moments and W / 2 frequencies."""

    window: int  # W, returns
    time: Int64  # (n,) ns UTC of each window's last close
    frequency: Float64  # (W / 2,) cycles a bar, without 0
    power: Float64  # (W / 2, n) squared size of the transform / W


def spectrogram(series: FeatureSeries, window: int) -> Spectrogram:
    """Transform every window of `window` log returns of the closes, or every few where there are very many.

    Raises ValueError where there are not as many returns.
    """
    returns = np.diff(np.log(series.close))
    if len(returns) < window:
        raise ValueError(f"a periodogram of {window} returns needs {window + 1} bars, there are {len(series.close)}")
    stride = -(-(len(returns) - window + 1) // MOST_MOMENTS)
    windows = np.lib.stride_tricks.sliding_window_view(returns, window)[::stride]
    power = np.abs(np.fft.rfft(windows, axis=1)[:, 1:]) ** 2 / window
    return Spectrogram(window, series.time[window::stride], np.arange(1, window // 2 + 1) / window, power.T)
