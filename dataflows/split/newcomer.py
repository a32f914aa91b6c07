"""The state of one new feature process, station by station, from those of the old ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dataflows.certificate import fresh_chains
from dataflows.interfaces import Snapshot
from dataflows.sources.items import ItemLog
from dataflows.split.rows_of_symbols import Deal, dealt, dealt_engine, dealt_like
from features import tick_inputs, verdicts
from features.bar_state import NO_BOUNDARY, series_records, symbol_records
from features.engine import FeatureEngine
from schema.ticks import Ticks, concat, take


class NotRegroupable(ValueError):
    """The processes' states don't fit one another, or the new shares don't fit them."""


@dataclass(frozen=True, slots=True)
class Part:
    """An old process: what it held, and the partitions that its lanes are."""

    name: str
    snapshot: Snapshot
    partitions: tuple[int, ...]

    def of(self, station: str) -> Snapshot:
        """Return a station's state."""
        return dict(self.snapshot["stations"][station])

    @property
    def names(self) -> list[str]:
        """The symbols by id."""
        return list(self.of("gate")["universe"]["names"])


_ENGINE: Final = "tick_features"


class Newcomer:
    """One new process, made of the lanes of old ones."""

    def __init__(
        self, parts: Sequence[Part], homes: Sequence[list[int | None]], partitions: tuple[int, ...],
        engine: Callable[[], FeatureEngine], log: ItemLog, first: bool,
    ) -> None:  # fmt: skip
        self.parts, self.partitions, self.engine, self.log, self.first = parts, partitions, engine, log, first
        self.universe = parts[0].of("gate")["universe"]
        mine = {
            name: (k, i)
            for k, part in enumerate(parts)
            for i, name in enumerate(part.names)
            if homes[k][i] in partitions
        }
        # a configured list is everybody's, in its order; a symbol without a tick that counts has no state yet
        self.names = list(mine) if self.universe["auto"] else parts[0].names
        self.deal = Deal(tuple(mine.get(name, (-1, -1)) for name in self.names))
        self.lanes = [
            (k, part.partitions.index(p)) for p in partitions for k, part in enumerate(parts) if p in part.partitions
        ]
        self.sources = sorted({k for k, _ in self.lanes})  # the parts that lanes come from

    def stations(self) -> Snapshot:
        """Return the stations' states."""
        first = self.parts[0].snapshot["stations"]
        made: dict[str, Any] = {
            "gate": self._gate(), "order": self._order(), "bars": self._bars(), _ENGINE: self._engine(),
            "item_features": self._items(), "barrier": self._barrier(), "certificate": self._certificate(),
            "tally": self._counted("tally"), "sinks": self._counted("sinks"), "publisher": self._publisher(),
        }  # fmt: skip
        if stateful := {name for name, state in first.items() if state} - made.keys():
            raise NotRegroupable(f"the stations {sorted(stateful)} can't be dealt anew; is it a feature process?")
        for name, state in made.items():
            if state.keys() != first[name].keys():
                raise NotRegroupable(f"station {name} holds {sorted(first[name])}, this version deals {sorted(state)}")
        return {name: made.get(name, {}) for name in first}

    def _of(self, station: str) -> list[Snapshot]:
        return [part.of(station) for part in self.parts]

    def _gate(self) -> Snapshot:
        return {**self._counted("gate", without=("universe",)), "universe": {**self.universe, "names": self.names}}

    def _order(self) -> Snapshot:
        states = self._of("order")
        buffers = [state["buffer"] for state in states]
        by_lane = {
            name: np.array([buffers[k][name][lane] for k, lane in self.lanes])
            for name in ("newest", "last_offset", "last_index")
        }
        return {
            "buffer": {**by_lane, "waiting": self._waiting(buffers)._asdict(), "watermark": buffers[0]["watermark"]},
            "state": dealt_like(verdicts.init(1)._asdict(), [state["state"] for state in states], self.deal),
            "events": self._events(states),
        }

    def _waiting(self, buffers: list[Snapshot]) -> Ticks:
        """Return the ticks that wait, in order of time and lane."""
        chosen = []
        for new, (k, lane) in enumerate(self.lanes):
            ticks = Ticks(**buffers[k]["waiting"])
            ticks = take(ticks, ticks.lane == lane)
            ids = self.deal.ids_of(k, len(self.parts[k].names))
            chosen.append(ticks._replace(lane=np.full_like(ticks.lane, new), symbol=ids[ticks.symbol]))
        ticks = concat(chosen)
        return take(ticks, np.argsort(ticks.ts_event, kind="stable"))

    def _events(self, states: list[Snapshot]) -> list[Any]:
        events = [
            {**event, "lane": new}
            for new, (k, lane) in enumerate(self.lanes)
            for event in states[k]["events"]
            if event["lane"] == lane
        ]
        return sorted(events, key=lambda event: (event["ts_event"], event["lane"], event["offset"]))

    def _bars(self) -> Snapshot:
        states = self._of("bars")
        builders, gaps = [state["builder"] for state in states], [state["gaps"] for state in states]
        n_timeframes = len(builders[0]["clock"])
        symbols = dealt([builder["symbols"] for builder in builders], symbol_records(1), self.deal)
        for i, (k, _) in enumerate(self.deal.places):
            if k >= 0:
                symbols["lane"][i] = (
                    self.lanes.index((k, int(symbols["lane"][i]))) if symbols["lane_began"][i] >= 0 else 0
                )
        return {
            "preparer": dealt_like(tick_inputs.init(1)._asdict(), [state["preparer"] for state in states], self.deal),
            "builder": {
                "lane_began": np.array([builders[k]["lane_began"][lane] for k, lane in self.lanes]),
                "symbols": symbols,
                "series": dealt([b["series"] for b in builders], series_records(1, n_timeframes), self.deal),
                "clock": self._clock([builders[k]["clock"] for k in self.sources]),
            },
            "gaps": self._gaps(gaps, n_timeframes),
            "halts": self._by_series([state["halts"] for state in states], n_timeframes, "series", "ends"),
        }

    def _clock(self, clocks: list[Any]) -> Any:
        """Return when open bars close: where any are open it is the same time, as all stand at one watermark."""
        chosen = np.array(clocks[0])
        for j in range(len(chosen)):
            hands = [clock[j] for clock in clocks if clock["boundary"][j] != NO_BOUNDARY]
            if len({int(hand["boundary"]) for hand in hands}) > 1:
                raise NotRegroupable(f"the bars of timeframe {j} close at different times: {hands}")
            chosen[j] = hands[0] if hands else chosen[j]
        return chosen

    def _gaps(self, states: list[Snapshot], n_timeframes: int) -> Snapshot:
        had = dealt([state["had_bars"] for state in states], np.zeros(n_timeframes, np.bool_), self.deal)
        return {"had_bars": had, **self._by_series(states, n_timeframes, "waiting", "until")}

    def _by_series(self, states: list[Snapshot], n_timeframes: int, series: str, values: str) -> Snapshot:
        """Deal numbers of series, with a value each."""
        found: dict[int, int] = {}
        for k, state in enumerate(states):
            ids = self.deal.ids_of(k, len(self.parts[k].names))
            for number, value in zip(state[series], state[values]):
                symbol, timeframe = divmod(int(number), n_timeframes)
                if ids[symbol] >= 0:
                    found[int(ids[symbol]) * n_timeframes + timeframe] = int(value)
        return {series: sorted(found), values: [found[number] for number in sorted(found)]}

    def _engine(self) -> Snapshot:
        states, one, two = self._of(_ENGINE), self.engine(), self.engine()
        two.grow(2)
        fresh, grown = one.snapshot()["state"], two.snapshot()["state"]
        dealt_parts = {
            part: dealt_engine(fresh[part], grown[part], [state["state"][part] for state in states], self.deal)
            for part in fresh
        }
        return {**states[0], "n_symbols": max(len(self.names), 1), "state": dealt_parts}

    def _items(self) -> Snapshot:
        """Let the items wait that the symbol's own process had not handed on."""
        states = self._of("item_features")
        read = max(int(state["next"]) for state in states)
        owner = {name: k for name, (k, _) in zip(self.names, self.deal.places) if k >= 0}
        waits = []
        for row, symbol in enumerate(self.log.items.symbol[:read].tolist()):
            k = owner.get(self.log.names[symbol])
            if k is None or row >= int(states[k]["next"]) or row in states[k]["waiting"].tolist():
                waits.append(row)
        return {"log": states[0]["log"], "next": read, "waiting": np.array(waits, np.int64)}

    def _barrier(self) -> Snapshot:
        states = self._of("barrier")
        if any(state["waiting"] for state in states):
            raise NotRegroupable("rows wait at the barrier of a process; bring all to a later watermark")
        closed = {
            shard: max(state["closed_through"][shard] for state in states) for shard in states[0]["closed_through"]
        }
        return {
            **states[0], "closed_through": closed, "released_through": max(s["released_through"] for s in states),
            **self._counted("barrier", ("closed_through", "without", "released_through", "waiting")),
        }  # fmt: skip

    def _certificate(self) -> Snapshot:
        states = self._of("certificate")
        n_timeframes = len(self.parts[0].of("bars")["builder"]["clock"])
        kinds = states[0]["chains"]
        return {
            "chains": {
                kind: dealt([state["chains"][kind] for state in states], fresh_chains(n_timeframes), self.deal)
                for kind in kinds
            },
            "entries": [entry for state in states for entry in state["entries"] if entry["symbol"] in self.names],
        }

    def _publisher(self) -> Snapshot:
        return {"marked": min(int(self.parts[k].of("publisher")["marked"]) for k in self.sources)}

    def _counted(self, station: str, without: Sequence[str] = ()) -> Snapshot:
        """Return the counts of all processes for the first of the new ones, zeros for the others."""
        states = [{key: value for key, value in state.items() if key not in without} for state in self._of(station)]
        summed: Snapshot = _summed(states)
        return summed if self.first else _summed([_zero(summed)])


def _summed(states: Sequence[Any]) -> Any:
    if isinstance(states[0], dict):
        keys = dict.fromkeys(key for state in states for key in state)
        return {key: _summed([state[key] for state in states if key in state]) for key in keys}
    return sum(int(state) for state in states)


def _zero(state: Any) -> Any:
    return {key: _zero(value) for key, value in state.items()} if isinstance(state, dict) else 0
