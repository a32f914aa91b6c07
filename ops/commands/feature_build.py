"""`undertone features build`: the history of all features in Parquet, for training."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

from dataflows.feature_history.build import Build
from dataflows.feature_history.replay import Input
from ops.drain import Drain
from ops.settings import Settings
from ops.tables import print_json


def run(
    settings: Settings, *, json: bool, drain: Drain, files: list[Path], out: Path, start: int | None, end: int | None,
    workers: int | None, resume: bool,
) -> int:  # fmt: skip
    """Build, or go on, and print what is there."""
    ticks = Input(tuple(path.absolute() for path in files), start, end)
    processes = workers or os.cpu_count() or 1
    build = Build(settings, ticks, out, processes, resume=resume, quiet=json, asked=lambda: drain.asked)
    report = build.run()
    if json:
        print_json({**asdict(report), "out": str(out)})
    elif report.complete:
        print(
            f"{report.rows:,} rows of {report.columns} columns and {report.symbols} symbols in {report.days} days "
            f"({out}), {report.seconds:,.1f} s"
        )
    else:
        print(f"drained after {report.rows:,} finished rows; go on with --resume")
    return 0
