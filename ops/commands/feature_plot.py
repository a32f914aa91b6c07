"""`undertone features plot` and `spectrogram`: columns of one symbol over time, as a picture."""

from __future__ import annotations

from pathlib import Path

from dataflows.assembly.feature_groups import groups_of
from dataflows.inspection.feature_series import FeatureSeries, feature_series
from dataflows.inspection.spectrogram import spectrogram as transform
from ops import figures
from ops.commands.tick_files import followed, tick_files
from ops.drain import Drain
from ops.errors import CommandFailed, UsageError
from ops.settings import Settings
from ops.tables import print_json

WINDOWS = (32, 64, 128, 256)  # of the spectral family


def plot(
    settings: Settings, *, json: bool, drain: Drain, symbol: str, files: list[Path], names: str, start: int | None,
    end: int | None, out: Path,
) -> int:  # fmt: skip
    """Draw the price and one panel a column."""
    wanted = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if not wanted:
        raise UsageError("features plot: --names names no column; give some, like --names rsi_14,natr_14")
    figures.pyplot()
    series = _replayed(settings, json, drain, symbol, files, wanted, start, end)
    columns = {column.name: column for group in groups_of(settings) for column in group.columns}
    figures.save(figures.draw_columns(series, [columns[name] for name in wanted]), out)
    return _done(series, out, json)


def spectrogram(
    settings: Settings, *, json: bool, drain: Drain, symbol: str, files: list[Path], window: int, start: int | None,
    end: int | None, out: Path,
) -> int:  # fmt: skip
    """Draw the price above the periodogram of its returns."""
    if window not in WINDOWS:
        raise UsageError(f"features spectrogram: --window is {window}, expected one of {WINDOWS}")
    figures.pyplot()
    names = tuple(f"spectral_{what}_{window}" for what in ("low_share", "mid_share", "high_share", "centroid"))
    series = _replayed(settings, json, drain, symbol, files, names, start, end)
    try:
        spectrum = transform(series, window)
    except ValueError as error:
        raise CommandFailed(f"features spectrogram: {error}; take a shorter --window or more of the files") from None
    figures.save(figures.draw_spectrogram(series, spectrum), out)
    return _done(series, out, json)


def _replayed(
    settings: Settings, json: bool, drain: Drain, symbol: str, files: list[Path], names: tuple[str, ...],
    start: int | None, end: int | None,
) -> FeatureSeries:  # fmt: skip
    with followed(drain, quiet=json) as on_read:
        series = feature_series(settings, tick_files(settings, files, start, end), symbol, names, on_read)
    if drain.asked:
        raise CommandFailed("features plot: stopped before the files were read; nothing was drawn")
    return series


def _done(series: FeatureSeries, out: Path, json: bool) -> int:
    if json:
        print_json({"out": str(out), "symbol": series.symbol, "bars": len(series.time), "columns": series.names})
    else:
        print(f"{out}: {series.symbol}, {len(series.time):,} bars of {series.timeframe}, {', '.join(series.names)}")
    return 0
