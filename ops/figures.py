"""Pictures of feature rows: columns under the price, and price above the periodogram of its returns.

matplotlib is an optional dependency (`undertone[plots]`), imported when something is drawn.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dataflows.inspection.feature_series import FeatureSeries
from dataflows.inspection.spectrogram import Spectrogram
from features.catalogue import Column
from ops.errors import DependencyAway
from schema.reasons import UNDEFINED_MASK, Why

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK: Final = "#1c2733"
GREY: Final = "#6b7785"
LINE: Final = "#1f6fb2"
BANDS: Final = (("low", "#264653"), ("mid", "#2a9d8f"), ("high", "#e9c46a"))
SHADES: Final = {
    Why.WARMING_UP: "#d9dde2", Why.GAP: "#e76f51", Why.STALE: "#f4d58d", Why.NO_FEED: "#c9b6e4",
    Why.NO_QUOTES: "#a8dadc", Why.NO_TRADES: "#bfe3b4", Why.EDGE: "#f6b8a8",
}  # fmt: skip
PAUSE: Final = 20  # times the usual distance of two bars: no line is drawn over that


def draw_columns(series: FeatureSeries, columns: list[Column]) -> Figure:
    """Draw the price and one panel a column below it; spans where a column is undefined are shaded by reason."""
    k = len(columns)
    figure, axes = _panels([2.0, *[1.2] * k], 2.6 + 1.45 * k)
    _price(axes[0], series)
    met: set[Why] = set()
    for at, (panel, column) in enumerate(zip(axes[1:], columns)):
        values, why = series.values[:, at], series.why[:, at]
        _line(panel, series.time, values)
        met |= _shade(panel, series.time, why)
        share = 1.0 - float(np.isnan(values).mean())
        _title(panel, column.name, f"{column.unit}, valid in {share:.1%} of rows")
    _time_axis(axes[-1])
    _legend(figure, met)
    return figure


def draw_spectrogram(series: FeatureSeries, spectrum: Spectrogram) -> Figure:
    """Draw price, periodogram of the log returns with its centroid, and the shares of the three bands."""
    figure, axes = _panels([1.3, 2.4, 1.0], 7.4)
    W, times = spectrum.window, _dates(spectrum.time)
    _price(axes[0], series)
    decibels = 10.0 * np.log10(np.maximum(spectrum.power, 1e-30))
    low, high = np.nanpercentile(decibels[decibels > -299], (5, 99.7))
    image = axes[1].pcolormesh(
        times, spectrum.frequency, decibels, cmap="magma", vmin=low, vmax=high, shading="nearest", rasterized=True
    )
    axes[1].set_ylim(spectrum.frequency[0], 0.5)
    axes[1].set_ylabel("cycles a bar", fontsize=8, color=GREY)
    for split in (0.1, 0.3):
        axes[1].axhline(split, color="white", linewidth=1.0, linestyle=(0, (6, 6)), alpha=0.9)
    centroid = series.values[:, series.names.index(f"spectral_centroid_{W}")]
    _line(axes[1], series.time, centroid, color="#7fe3ff", width=0.9)
    _title(axes[1], f"periodogram of the last {W} log returns, dB", f"line: spectral_centroid_{W}; dashes: band limits")
    scale = figure.colorbar(image, cax=axes[1].inset_axes((1.01, 0.0, 0.012, 1.0)))
    scale.ax.tick_params(labelsize=8, colors=GREY)
    shares = [series.values[:, series.names.index(f"spectral_{band}_share_{W}")] for band, _ in BANDS]
    axes[2].stackplot(
        _dates(series.time), *np.nan_to_num(shares), colors=[color for _, color in BANDS], linewidth=0,
        labels=[band for band, _ in BANDS],
    )  # fmt: skip
    met = _shade(axes[2], series.time, series.why[:, 0])
    axes[2].set(ylim=(0.0, 1.0))
    _title(axes[2], f"spectral_low_share_{W}, mid, high", "share of power below 0.1, up to 0.3, above")
    axes[2].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8, reverse=True)
    _time_axis(axes[-1])
    _legend(figure, met)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a picture; its suffix says the format. The same data give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90, metadata={"Software": None} if path.suffix == ".png" else None)


def pyplot() -> Any:
    """Return matplotlib.pyplot without a window. Raises DependencyAway where it is not installed."""
    try:
        importlib.import_module("matplotlib").use("Agg")
    except ModuleNotFoundError:
        raise DependencyAway(
            "pictures need matplotlib, which is not installed; install it with: pip install 'undertone[plots]'"
        ) from None
    return importlib.import_module("matplotlib.pyplot")


def _panels(heights: list[float], height: float) -> tuple[Figure, list[Axes]]:
    figure, axes = pyplot().subplots(
        len(heights), 1, sharex=True, figsize=(11.0, height), height_ratios=heights, squeeze=False
    )
    figure.subplots_adjust(left=0.075, right=0.93, top=1 - 0.34 / height, bottom=0.62 / height, hspace=0.3)
    panels: list[Axes] = list(axes[:, 0])
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8, colors=GREY)
        panel.margins(x=0)
    return figure, panels


def _price(panel: Axes, series: FeatureSeries) -> None:
    _line(panel, series.time, series.close, color=INK)
    _title(panel, f"{series.symbol}, close of {series.timeframe} bars", f"{_days(series)}, {len(series.time):,} bars")


def _days(series: FeatureSeries) -> str:
    """Return the day of the first bar, and of the last where it is another."""
    days = (series.time[[0, -1]] - 1).astype("datetime64[ns]").astype("datetime64[D]").astype(str)
    return " to ".join(dict.fromkeys(days.tolist()))


def _title(panel: Axes, name: str, about: str) -> None:
    panel.set_title(name, loc="left", fontsize=9, color=INK, fontweight="bold", pad=4)
    panel.set_title(about, loc="right", fontsize=8, color=GREY, pad=4)


def _line(panel: Axes, time: np.ndarray, values: np.ndarray, color: str = LINE, width: float = 0.8) -> None:
    """Draw a line that is broken where a value is undefined or time jumps; a lone value is a dot."""
    step = np.median(np.diff(time)) if len(time) > 1 else 0
    after = np.flatnonzero(np.diff(time) > PAUSE * step) + 1
    at, shown = np.insert(time, after, time[after]), np.insert(values, after, np.nan)
    panel.plot(_dates(at), shown, color=color, linewidth=width)
    there = np.concatenate(([False], ~np.isnan(shown), [False]))
    alone = there[1:-1] & ~there[:-2] & ~there[2:]
    panel.plot(_dates(at[alone]), shown[alone], ".", color=color, markersize=2)


def _shade(panel: Axes, time: np.ndarray, why: np.ndarray) -> set[Why]:
    """Shade the spans in which a column is undefined, in the colour of the first reason; return the reasons."""
    masked = why & UNDEFINED_MASK
    first = masked & (~masked + 1)  # the lowest bit
    starts = np.flatnonzero(np.concatenate(([True], first[1:] != first[:-1])))
    ends = np.append(starts[1:], len(first))
    dates = _dates(time)
    for start, end in zip(starts.tolist(), ends.tolist()):
        if first[start]:
            color = SHADES[Why(int(first[start]))]
            panel.axvspan(dates[max(start - 1, 0)], dates[end - 1], color=color, linewidth=0.2, zorder=0)
    return {Why(int(bit)) for bit in np.unique(first) if bit}


def _legend(figure: Figure, met: set[Why]) -> None:
    patch = importlib.import_module("matplotlib.patches").Patch
    handles = [patch(color=SHADES[why], label=(why.name or "").lower().replace("_", " ")) for why in sorted(met)]
    if handles:
        handles.insert(0, patch(visible=False, label="undefined:"))
        figure.legend(
            handles=handles, loc="lower left", ncols=len(handles), frameon=False, fontsize=8, handlelength=1.2,
            bbox_to_anchor=(0.045, 0.0),
        )  # fmt: skip


def _time_axis(panel: Axes) -> None:
    dates = importlib.import_module("matplotlib.dates")
    locator = dates.AutoDateLocator()
    panel.xaxis.set_major_locator(locator)
    panel.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, show_offset=False))
    panel.set_xlabel("UTC", fontsize=8, color=GREY, loc="right")


def _dates(time: np.ndarray) -> np.ndarray:
    return time.astype("datetime64[ns]")
