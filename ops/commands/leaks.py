"""`undertone evaluate leaks`: does anything of the future reach a forecast, from bars to what is said of them."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.backtest.ground import Ground
from models.config import TREES, TrainingConfig, WalkForward
from models.data.dataset import Dataset
from models.leaks.detector import LEAST_SHARE, Market, answer, detect
from models.leaks.market import DAY, SyntheticBars
from ops.commands.judged import replayed
from ops.drain import Drain
from ops.settings import Settings
from ops.tables import print_json, print_table
from ops.train_settings import configuration


def run(
    settings: Settings, *, json: bool, drain: Drain, models: list[str], symbols: int, bars: int, seed: int
) -> int:  # fmt: skip
    """Ask the three questions of each model; exit code 1 where one leaks."""
    from models.architectures import architectures

    names = models or [*TREES, *architectures()]
    configs = {name: sized(configuration(settings, None, name), bars) for name in names}
    with tempfile.TemporaryDirectory() as folder:

        def replay(made: SyntheticBars) -> tuple[Dataset, Ground]:
            past = replayed(settings, [write_bars(made, Path(folder) / "bars.parquet")], True, drain)
            return past.dataset, past.ground

        found = detect(replay, configs, Market(symbols, bars, seed=seed), _quiet if json else _tell)
    leaks = [f"{one.model}: {leak}" for one in found for leak in one.leaks]
    if json:
        print_json({"clean": not leaks, "least_share": LEAST_SHARE, "models": answer(found)})
        return int(bool(leaks))
    columns = ("model", "fork", "accuracy", "p", "net bps a day", "p ", "found", "of", "share")
    print_table(columns, ([one.model, one.fork or "equal", f"{one.accuracy:.1%}", f"{one.p_direction:.2g}",
                           f"{one.net_bps_a_day:.2f}", f"{one.p_net:.2g}", f"{one.coefficient:.3f}",
                           f"{one.knowable:.3f}", f"{one.share:.0%}"] for one in found))  # fmt: skip
    print("\n".join(leaks) if leaks else "nothing of the future reaches a forecast")
    return int(bool(leaks))


def sized(config: TrainingConfig, bars: int) -> TrainingConfig:
    """Return the configuration with two folds over the market, and bars right behind a boundary tested too.

    An embargo would hide a missing purge.
    """
    walk = WalkForward(bars * 50 // 100, bars * 14 // 100, bars * 12 // 100, embargo=0, growing=False, folds=2)
    return replace(config, walk=walk, embargo=0)


def write_bars(bars: SyntheticBars, path: Path) -> Path:
    """Write them as a user's file of bars."""
    n, symbols = bars.close.shape
    names = [f"S{k:03d}" for k in range(symbols)]
    columns = {name: getattr(bars, name).ravel() for name in ("open", "high", "low", "close", "volume")}
    date = pa.array(np.repeat((bars.time - DAY) // DAY, symbols).astype(np.int32)).cast(pa.date32())
    pq.write_table(pa.table({"date": date, "symbol": names * n, **columns}), path)
    return path


def _tell(text: str) -> None:
    print(text, flush=True)


def _quiet(text: str) -> None:
    """Show nothing."""
