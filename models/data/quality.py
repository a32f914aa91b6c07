"""Look at a training set before anything is fitted to it: what has to be refused, and what a reader should know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from models.config import SIGMA, TrainingConfig
from models.data.dataset import Dataset, TrainingRefused
from models.data.stationarity import stationarity
from models.mapped import chunks, column
from schema.ticks import Int64
from schema.timeframes import BarKind

LEAST_ROWS: Final = {"net": 500, "trees": 100}  # labelled rows, beside warm-up, window and horizon
_OUTLIER: Final = 20.0  # one-bar returns of so many sigma are counted
_SPLIT: Final = 0.65  # |log return| of a bar from which on an unadjusted split is likelier than a move
_ABSURD: Final = 3.0  # from which on it is no label: a price 20 times the one before
_GAP: Final = 1.5  # times the usual step


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    verdict: str  # "ok", "note" or "refused"
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Quality:
    """All findings of a training set."""

    findings: tuple[Finding, ...]

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """Return what makes training impossible."""
        return tuple(finding for finding in self.findings if finding.verdict == "refused")

    def refuse(self) -> None:
        """Raise TrainingRefused, naming every reason, where there is one."""
        if self.refusals:
            reasons = "; ".join(f"{f.check}: {f.found}; {f.remedy}" for f in self.refusals)
            raise TrainingRefused(f"training set refused: {reasons}")

    def rows(self) -> list[dict[str, str]]:
        """Return the findings as JSON holds them."""
        return [{"check": f.check, "verdict": f.verdict, "found": f.found, "remedy": f.remedy} for f in self.findings]

    def write(self, folder: Path) -> None:
        """Write data_quality.md, for a person, and data_quality.json."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "data_quality.md").write_text(self.markdown())
        (folder / "data_quality.json").write_text(json.dumps(self.rows(), indent=2))

    def markdown(self) -> str:
        """Return the report as a table."""
        rows = [f"| {f.check} | {f.verdict} | {f.found} | {f.remedy} |".replace("  |", " |") for f in self.findings]
        return "\n".join(["# Data quality", "", "| check | verdict | found | what to do |", "| --- | --- | --- | --- |",
                          *rows, ""])  # fmt: skip


def examine(dataset: Dataset, config: TrainingConfig) -> Quality:
    """Look at rows, times, prices, columns and labels."""
    order = np.argsort(dataset.symbol, kind="stable")
    steps = np.diff(dataset.time[order])
    same = np.diff(dataset.symbol[order]) == 0
    parts = (
        _rows(dataset, config), _times(dataset, order, steps, same), _gaps(dataset, steps[same]),
        _prices(dataset, order, same),
        _labels(dataset), _columns(dataset), _stationarity(dataset),
    )  # fmt: skip
    return Quality(tuple(finding for part in parts for finding in part))


def _rows(dataset: Dataset, config: TrainingConfig) -> Iterator[Finding]:
    labelled = int(np.sum(dataset.eligible & np.isfinite(column(dataset.returns, config.primary - 1))))
    least = LEAST_ROWS["net"] if config.nets else LEAST_ROWS["trees"]
    found = (
        f"{labelled:,} labelled rows of {len(dataset.time):,} in {len(np.unique(dataset.symbol))} symbols "
        f"({int((~dataset.eligible).sum()):,} in warm-up or a gap)"
    )
    if labelled < least:
        yield Finding("rows", "refused", f"{found}, expected at least {least}",
                      "replay a longer history, more symbols or a finer timeframe")  # fmt: skip
    else:
        yield Finding("rows", "ok", found)


def _times(dataset: Dataset, order: Int64, steps: Int64, same: np.ndarray) -> Iterator[Finding]:
    repeated, back = int(np.sum(same & (steps == 0))), int(np.sum(same & (steps < 0)))
    unsorted = int(np.sum(np.diff(dataset.time) < 0))
    if repeated:
        row = int(order[np.flatnonzero(same & (steps == 0))[0]])
        found = f"{repeated:,} rows repeat their symbol's bar time, the first is row {row}"
        yield Finding("duplicates", "refused", found, "keep one row a symbol and bar time")
    else:
        yield Finding("duplicates", "ok", "none")
    if back or unsorted:
        row = int(np.flatnonzero(np.diff(dataset.time) < 0)[0]) + 1 if unsorted else int(order[np.argmax(steps < 0)])
        yield Finding("order of time", "refused", f"{max(back, unsorted):,} steps back in time, the first at row {row}",
                      "sort the history by time")  # fmt: skip
    else:
        yield Finding("order of time", "ok", "strictly increasing in every symbol")


def _gaps(dataset: Dataset, steps: Int64) -> Iterator[Finding]:
    if not len(steps):
        return
    usual = float(np.median(steps))
    # a day's bars rest over weekends and holidays: four days apart is usual
    bound = _GAP * usual if dataset.timeframe.kind == BarKind.INTERVAL else 4.5 * usual
    wide = steps > bound
    found = f"{int(wide.sum()):,} of {len(steps):,} steps are longer than {bound / 1e9:,.0f} s"
    if wide.any():
        found += f", the longest {steps.max() / 1e9:,.0f} s"
    yield Finding("gaps", "note" if wide.any() else "ok", found)


def _prices(dataset: Dataset, order: Int64, same: np.ndarray) -> Iterator[Finding]:
    past = np.abs(dataset.past)
    known = dataset.sigma[order[:-1]]  # of the bar before: a bar's own return is part of its sigma
    with np.errstate(invalid="ignore"):
        far = int(np.sum(same & (past[order[1:]] > _OUTLIER * known)))
        splits = int(np.sum((past > _SPLIT) & (past <= _ABSURD)))
    yield Finding("outliers", "note" if far else "ok", f"{far:,} one-bar returns beyond {_OUTLIER:g} sigma")
    if splits:
        yield Finding("splits", "note", f"{splits:,} one-bar log returns beyond {_SPLIT:g}",
                      "see whether the history is adjusted for splits; live ticks are raw")  # fmt: skip
    share = float(np.mean(dataset.trade_price))
    if share:
        yield Finding("reference price", "note", f"{share:.1%} of the rows have no quote: trade prices",
                      "trade closes bounce between bid and ask: distrust short horizons")  # fmt: skip


def _labels(dataset: Dataset) -> Iterator[Finding]:
    labels = column(dataset.returns, 0)
    wrong = np.abs(np.nan_to_num(labels)) > _ABSURD
    for part in chunks(len(wrong), dataset.returns.strides[0]):
        wrong[part] |= np.isinf(dataset.returns[part]).any(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        yield Finding(
            "labels", "refused",
            f"{int(wrong.sum()):,} out of range, the first in row {row}: a log return of {float(labels[row]):g} over "
            f"one bar, expected within {_ABSURD:g}", "look for a wrong price or an unadjusted split there",
        )  # fmt: skip
        return
    here = labels[np.isfinite(labels)]
    flat = float(np.mean(here == 0)) if len(here) else 0.0
    yield Finding(
        "labels", "ok", f"standard deviation {here.std():.3g} a bar, {flat:.1%} are zero" if len(here) else "none"
    )


def _columns(dataset: Dataset) -> Iterator[Finding]:
    low, high = np.full(len(dataset.columns), np.inf), np.full(len(dataset.columns), -np.inf)
    for part in chunks(len(dataset.values), dataset.values.strides[0]):
        values = dataset.values[part]
        finite = np.isfinite(values)
        low = np.minimum(low, np.where(finite, values, np.inf).min(axis=0))
        high = np.maximum(high, np.where(finite, values, -np.inf).max(axis=0))
    empty = low > high
    for check, which in (("all-NaN columns", empty), ("constant columns", ~empty & (low == high))):
        names = [name for name, is_so in zip(dataset.columns, np.asarray(which).tolist()) if is_so]
        bad = [name for name in names if name in dataset.required]
        if bad:
            remedy = f"replay a history in which the market moves; {SIGMA} needs 60 bars and prices that change"
            yield Finding(check, "refused", f"required: {', '.join(bad)}", remedy)
        elif names:
            listed = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
            yield Finding(check, "note", f"{len(names)}: {listed}", "left out")
        else:
            yield Finding(check, "ok", "none")


def _stationarity(dataset: Dataset) -> Iterator[Finding]:
    counts = np.bincount(dataset.symbol)
    series = dataset.symbol == counts.argmax()
    for what, values in (("returns", dataset.past[series]), ("log price", np.log(dataset.price[series]))):
        verdict, found = stationarity(np.asarray(values, np.float64))
        expected = what == "log price" or verdict != "note"
        remedy = "" if expected else "the mean of the labels drifts: walk forward, and look at the folds"
        found = f"symbol {counts.argmax()}: {found}"
        yield Finding(f"stationarity of {what}", "ok" if expected else "note", found, remedy)
