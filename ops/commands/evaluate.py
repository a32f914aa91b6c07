"""`undertone evaluate`: a version, or architectures walked forward, beside naive forecasters and after costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.assessment.report import report
from models.assessment.study import study
from models.assessment.unseen import unseen
from models.progress import silent
from models.registry.registry import Registry
from ops.commands.judged import judged, replayed
from ops.commands.train import Telling
from ops.drain import Drain
from ops.settings import Settings
from ops.tables import print_json
from ops.train_settings import configuration


def version(settings: Settings, *, json: bool, drain: Drain, version: str, files: Sequence[str | Path]) -> int:
    """Judge a version on the rows behind what it learned from."""
    bundle = Registry(settings.registry.root).load(version)
    past = replayed(settings, files, json, drain)
    tested = unseen(bundle, past.dataset, past.names)
    return _answer([judged(settings, tested, past, {version: version})], json)


def walk(settings: Settings, *, json: bool, drain: Drain, files: Sequence[str | Path], models: list[str]) -> int:
    """Walk forward with each model; nothing is registered."""
    names: list[str | None] = [*models] or [None]
    wanted = [configuration(settings, None, model) for model in names]
    past = replayed(settings, files, json, drain)
    progress = silent if json else Telling()
    found = []
    for config in wanted:
        tested = study(past.dataset, config, past.names, progress)
        first = next(iter(tested.forecasts))
        found.append(judged(settings, tested, past, {first: f"walk {config.name} {config!r}"}))
    return _answer(found, json)


def _answer(found: list[dict[str, Any]], json: bool) -> int:
    if json:
        print_json(found[0] if len(found) == 1 else {"studies": found})
    else:
        print("\n".join(map(report, found)))
    return 0
