"""What a model was shown when it made a stored prediction: the symbol's feature rows up to that bar.

Rows that the run stored are taken as they are: SQLite and QuestDB keep their bits. Of timeframes whose rows aren't
stored (`store.features_from_s`) they are computed again from the stored ticks, as `undertone replay --from-store` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from dataflows.assembly.feature_groups import groups_of
from dataflows.inspection.feature_series import NotFound, feature_series
from dataflows.sources.stored import StoredTicks
from dataflows.stored import NoTable, Place
from features.catalogue import column_fingerprint
from models.explain.prediction import NotExplained
from models.explain.series import Series
from ops.latency import parse_id
from ops.settings import Settings
from schema.messages import prediction_id
from schema.stores import stored_name
from schema.ticks import Float64

MOST_ROWS: Final = 2_048  # of a series: a state of a net has forgotten what lies before them
Found = tuple[tuple[str, ...], Mapping[str, str], Float64]  # names, fingerprints, values (T, F)


def prediction_at(place: Place, symbol: str, timeframe: str | None, at: int | None) -> dict[str, Any]:
    """Return the newest prediction of a symbol up to a bar time (ns UTC; None: of all). Raises NotExplained."""
    conditions: list[tuple[str, Any]] = [("symbol = ?", symbol)]
    conditions += [("timeframe = ?", timeframe)] if timeframe is not None else []
    conditions += [("time <= ?", at)] if at is not None else []
    where = " AND ".join(condition for condition, _ in conditions)
    sql = (
        f'SELECT * FROM "{stored_name("predictions", place.namespace)}" WHERE {where} '
        "ORDER BY time DESC, bar_sequence DESC, sequence LIMIT 1"
    )
    place.columns("predictions")
    found = next(place.select(sql, [value for _, value in conditions]), None)
    if found is None:
        raise NotExplained(
            f"explain: store {place.name}, namespace {place.namespace!r} has no prediction of {symbol}"
            f"{f' on {timeframe}' if timeframe else ''} up to then; `undertone doctor` tells what is stored"
        )
    return found


def prediction_of(place: Place, identity: str) -> dict[str, Any]:
    """Return the prediction of an id. Raises NotExplained where the store has none."""
    found = place.newest("predictions", 1, **parse_id(identity))
    if not found:
        raise NotExplained(f"explain: store {place.name}, namespace {place.namespace!r} has no prediction {identity!r}")
    return found[0]


def series_of(settings: Settings, place: Place, served: Mapping[str, Any], columns: Sequence[str]) -> Series:
    """Return the rows up to a stored prediction, with the columns that its model reads at least.

    Raises NotExplained where neither they nor their ticks are stored.
    """
    since = _since(place, served)
    found, source = _stored(place, served, since), "feature rows of the store"
    if found is None:
        found, source = _replayed(settings, place, served, since, columns), "computed again from the stored ticks"
    names, fingerprints, values = found
    return Series(names, fingerprints, values, served, source)


def _since(place: Place, served: Mapping[str, Any]) -> int:
    """Return the bar time (ns UTC) from which on the version followed the rows: its state began there."""
    try:
        decided = place.decisions()
    except NoTable:
        return 0
    mine = [d for d in decided if d.subject == served["model_version"] and d.timeframe == served["timeframe"]]
    return min((int(d.details.get("burn_in_from", d.time)) for d in mine), default=0)


def _stored(place: Place, served: Mapping[str, Any], since: int) -> Found | None:
    try:
        place.columns("features")
    except NoTable:
        return None
    where = "symbol = ? AND timeframe = ? AND time <= ? AND time >= ?"
    sql = (
        f'SELECT * FROM "{stored_name("features", place.namespace)}" WHERE {where} '
        f"ORDER BY time DESC, bar_sequence DESC LIMIT {MOST_ROWS}"
    )
    rows = list(place.select(sql, (served["symbol"], served["timeframe"], served["time"], since)))
    rows = [row for row in rows if (row["time"], row["bar_sequence"]) <= (served["time"], served["bar_sequence"])]
    if not rows or rows[0]["bar_sequence"] != served["bar_sequence"]:
        return None
    text = place.meta(f"catalogue:{rows[0]['fingerprint']}")
    if text is None:
        raise NotExplained(f"explain: store {place.name} lacks the catalogue of its rows ({rows[0]['fingerprint']})")
    columns = msgspec.json.decode(text)["columns"]
    names = tuple(column["name"] for column in columns)
    same = [row for row in rows if row["fingerprint"] == rows[0]["fingerprint"]]
    values = np.array([[row[name] for name in names] for row in reversed(same)], np.float64)  # None is NaN
    return names, {column["name"]: column["fingerprint"] for column in columns}, values


def _replayed(settings: Settings, place: Place, served: Mapping[str, Any], since: int, columns: Sequence[str]) -> Found:
    name, every = served["timeframe"], list(settings.bars.timeframes)
    if name not in every:
        raise NotExplained(f"explain: timeframe {name} isn't among bars.timeframes {every}; give the run's settings")
    first = (name, *(other for other in every if other != name))  # the one whose rows are kept
    order = settings.order.model_copy(update={"outlier_bound": 0.0, "lanes": 1})  # what is stored as used was judged
    bars = settings.bars.model_copy(update={"timeframes": first})
    again = settings.model_copy(update={"order": order, "bars": bars})
    try:
        found = feature_series(again, StoredTicks(place), served["symbol"], columns)
    except (NoTable, NotFound):
        found = None
    if found is None or served["time"] not in found.time:
        raise NotExplained(
            f"explain: neither the feature rows nor the ticks of {prediction_id(served)} are stored; a run stores the "
            "rows of every timeframe with store.features_from_s=0, and ticks with store.ticks=true"
        )
    shown = np.flatnonzero((found.time >= since) & (found.time <= served["time"]))[-MOST_ROWS:]
    fingerprints = {c.name: column_fingerprint(g, c) for g in groups_of(settings) for c in g.columns}
    return found.names, fingerprints, found.values[shown]
