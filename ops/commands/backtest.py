"""`undertone backtest`: what a version's signal would have earned after fees, spread and latency."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.assessment.report import backtest_report
from models.assessment.unseen import unseen
from models.registry.registry import Registry
from ops.commands.judged import judged, replayed
from ops.drain import Drain
from ops.settings import Settings
from ops.tables import print_json


def run(settings: Settings, *, json: bool, drain: Drain, version: str, files: Sequence[str | Path]) -> int:
    """Trade a version's directions over the rows behind what it learned from."""
    bundle = Registry(settings.registry.root).load(version)
    past = replayed(settings, files, json, drain)
    tested = unseen(bundle, past.dataset, past.names)
    found = judged(settings, tested, past, {version: version})
    if json:
        print_json({key: found[key] for key in found if key not in ("scores", "regimes")})
    else:
        print(backtest_report(found))
    return 0
