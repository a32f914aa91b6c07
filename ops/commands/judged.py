"""What `evaluate` and `backtest` share: a history with what orders are filled with, trials counted, one report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dataflows.markets import on_market
from models.assessment.assessment import Tested, Trading, assess, backtest
from models.backtest.fills import Costs
from models.backtest.ground import Ground, GroundBuilder
from models.data.dataset import Dataset
from models.evaluation.trials import TrialLedger
from models.registry.register import Versions
from ops.commands.data_convert import located
from ops.commands.train import history_dataset, history_of
from ops.drain import Drain
from ops.errors import CommandFailed
from ops.settings import Settings


@dataclass(slots=True)
class Past:
    """A replayed history."""

    dataset: Dataset
    ground: Ground
    names: list[str] = field(default_factory=list)


def replayed(settings: Settings, files: Sequence[str | Path], json: bool, drain: Drain) -> Past:
    """Replay files of ticks or of bars through the features, for the first configured timeframe."""
    timeframe = settings.bars.timeframes[0]
    builder = GroundBuilder(0, settings.order.max_spread)
    names: list[str] = []

    def on_names(found: Any) -> None:
        names[:] = found

    settings = on_market(settings)
    local = located(settings, [str(file) for file in files])
    rows = history_of(settings, local, json, lambda: drain.asked, builder.take, on_names)
    dataset = history_dataset(settings, timeframe, builder.watch(rows))
    if drain.asked:
        raise CommandFailed("stopped before the history was read; nothing was judged")
    return Past(dataset, builder.finish(), names)


def judged(settings: Settings, tested: Tested, past: Past, tried: dict[str, str]) -> dict[str, Any]:
    """Assess forecasters; `tried` are the keys under which some of them count as trials of the registry."""
    timeframe, trading = past.dataset.timeframe.name, _trading(settings)
    ledger = TrialLedger(settings.registry.root)
    span = f"{tested.outcome.time.min()}..{tested.outcome.time.max()}"
    for name, key in tried.items():
        ratio = backtest(tested, tested.forecasts[name], past.ground, trading)["sharpe_a_day"]
        if ratio is not None:
            ledger.add(f"{key} {span} {tested.horizon} {trading.threshold:g} {trading.costs}", timeframe, ratio)
    versions = [m.version for m in Versions(settings.registry.root).list() if m.timeframe == timeframe]
    trading = replace(trading, trials=ledger.of(timeframe, versions))
    found = assess(tested, past.ground, trading)
    return {"timeframe": timeframe, "trading": _said(trading), **found}


def _trading(settings: Settings) -> Trading:
    costs = Costs(settings.backtest.fee_bps, settings.backtest.half_spread_bps, settings.backtest.latency_ms)
    return Trading(settings.backtest.threshold, costs, settings.backtest.days_a_year)


def _said(trading: Trading) -> dict[str, Any]:
    costs = trading.costs
    return {"threshold": trading.threshold, "fee_bps": costs.fee_bps, "half_spread_bps": costs.half_spread_bps,
            "latency_ms": costs.latency_ms, "trials": trading.trials.count}  # fmt: skip
