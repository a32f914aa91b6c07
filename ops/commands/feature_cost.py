"""`undertone features cost`: what each group and column costs, and what the active model makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataflows.assembly.feature_groups import groups_of
from dataflows.inspection.feature_costs import MEASURED, WARM_UP, GroupCost, measure
from features.catalogue import Stage
from models.registry.registry import Registry
from models.reports.importance import gain_shares, without_gains
from ops.drain import Drain
from ops.errors import CommandFailed
from ops.progress import Progress
from ops.provenance import markdown_table, provenance, write_page
from ops.settings import Settings
from ops.tables import print_json, print_table

_GROUP_HEAD = {"group": "---", "family": "---", "stage": "---", "columns": "---:", "ns": "---:", "per": "---",
               "ns a column": "---:", "bytes a series": "---:", "kernel": "---"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Importance:
    """Shares of gain by member and column, and what is to say where there are none."""

    version: str | None = None
    gains: dict[str, dict[str, float]] = field(default_factory=dict)
    without: dict[str, str] = field(default_factory=dict)


def run(
    settings: Settings, *, json: bool, drain: Drain, symbols: int, model: str | None, batches: int, write: Path | None
) -> int:
    """Measure on the built-in market and print; `write` also makes a page of it."""
    importance = _importance(settings, model)
    wanted = WARM_UP + batches
    progress = Progress(wanted, "batches", quiet=json)

    def on_batch(done: int) -> bool:
        progress.at(done)
        return drain.asked

    costs = measure(settings, groups_of(settings), symbols, (WARM_UP, batches), on_batch)
    progress.close()
    if drain.asked:
        raise CommandFailed("features cost: stopped before enough was measured; nothing was written")
    if json:
        print_json(_answer(costs, importance, symbols))
    else:
        _print(costs, importance, symbols)
    if write is not None:
        write_page(write, "What features cost", _page(costs, importance, symbols, batches))
    return 0


def _importance(settings: Settings, model: str | None) -> _Importance:
    """Read the gains of a version, by default the active one of the first configured timeframe that has one."""
    registry = Registry(settings.registry.root)
    active = (registry.active(timeframe) for timeframe in settings.bars.timeframes)
    version = model or next((name for name in active if name), None)
    if version is None:
        return _Importance()
    metadata = registry.show(version)
    try:
        gains = gain_shares(registry.path(version), metadata)
    except (OSError, ValueError, IndexError) as error:
        raise CommandFailed(f"model {version!r}: its trees can't be read ({error}); train again") from None
    return _Importance(version, gains, without_gains(metadata))


def _group_row(cost: GroupCost) -> list[object]:
    group, n = cost.group, len(cost.group.columns)
    ns, share = f"{cost.ns:.1f}", f"{cost.ns / n:.1f}"
    size = f"{cost.bytes_per_series:,.0f}"
    return [group.name, group.family, group.stage, n, ns, cost.per, share, size, cost.compiled]


def _column_rows(costs: list[GroupCost], importance: _Importance) -> list[list[object]]:
    """Return a row a column: its group's cost in equal shares, and its gain where a model uses it."""
    rows: list[list[object]] = []
    for cost in costs:
        n = len(cost.group.columns)
        for column in cost.group.columns:
            gains = [_share(of_member.get(column.name)) for of_member in importance.gains.values()]
            shared = [f"{cost.ns / n:.1f}", cost.per, f"{cost.bytes_per_series / n:,.0f}"]
            rows.append([column.name, cost.group.name, *shared, *gains])
    return rows


def _column_head(importance: _Importance) -> dict[str, str]:
    gains = {f"gain, {member}": "---:" for member in importance.gains}
    return {"column": "---", "group": "---", "ns": "---:", "per": "---", "bytes a series": "---:", **gains}


def _share(gain: float | None) -> str:
    return "not used" if gain is None else f"{gain:.2%}"


def _totals(costs: list[GroupCost]) -> dict[str, float]:
    """Return ns by stage, and the bytes of all groups' own state."""
    stages = {stage: [cost.ns for cost in costs if cost.group.stage is stage] for stage in Stage}
    names = {stage: f"{stage} stage, ns a {'tick' if stage is Stage.TICKS else 'row'}" for stage in Stage}
    totals = {names[stage]: round(sum(spent), 1) for stage, spent in stages.items() if spent}
    return {**totals, "bytes a series, shared rings not counted": round(sum(cost.bytes_per_series for cost in costs))}


def _of_model(importance: _Importance) -> list[str]:
    if importance.version is None:
        return ["Importance: no model is active on a configured timeframe; name one with --model VERSION."]
    lines = [f"Importance: shares of the split gain of {importance.version}, both heads alike."]
    return lines + [f"Member {name}: {said}." for name, said in importance.without.items()]


def _answer(costs: list[GroupCost], importance: _Importance, symbols: int) -> dict[str, Any]:
    groups = [
        {
            "group": cost.group.name, "family": cost.group.family, "stage": cost.group.stage, "ns": round(cost.ns, 2),
            "per": cost.per, "bytes_per_series": round(cost.bytes_per_series, 1), "kernel": cost.compiled,
            "columns": [column.name for column in cost.group.columns],
        }
        for cost in costs
    ]  # fmt: skip
    model = {"version": importance.version, "gain_shares": importance.gains, "not_available": importance.without}
    return {"symbols": symbols, "groups": groups, "totals": _totals(costs), "model": model}


def _print(costs: list[GroupCost], importance: _Importance, symbols: int) -> None:
    print_table(tuple(_GROUP_HEAD), [_group_row(cost) for cost in costs])
    print(
        "\nA column's figures are its group's in equal shares: columns that share a kernel have no cost of their own.\n"
    )
    print_table(tuple(_column_head(importance)), _column_rows(costs, importance))
    print(f"\n{symbols:,} symbols in 1 s bars, CPU time")
    print_table(("total", ""), [(name, f"{value:,}") for name, value in _totals(costs).items()])
    print("\n".join(_of_model(importance)))


def _page(costs: list[GroupCost], importance: _Importance, symbols: int, batches: int) -> list[str]:
    totals = markdown_table({"total": "---", "measured": "---:"}, [[k, f"{v:,}"] for k, v in _totals(costs).items()])
    about = (
        f"Written by `undertone features cost --symbols {symbols} --write docs/feature-costs.md`; not checked for "
        f"freshness. CPU time of one thread inside the stations of a real flow, {symbols:,} symbols of the built-in "
        f"market in 1 s bars, each batch 5 s of it: medians over {batches} batches after {WARM_UP} to warm up. Kernels "
        "that ticks drive are counted a tick, all others a row. Columns that items drive ran without an item."
    )
    return [
        about, provenance(), totals, "## Groups\n\n" + markdown_table(_GROUP_HEAD, [_group_row(c) for c in costs]),
        "## Columns\n\nA column's figures are its group's in equal shares: columns that share a kernel have no cost of "
        "their own. " + " ".join(_of_model(importance)),
        markdown_table(_column_head(importance), _column_rows(costs, importance)),
    ]  # fmt: skip


DEFAULT_BATCHES = MEASURED
