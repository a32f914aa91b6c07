"""The state of one new feature process, station by station, from those of the old ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from dataflows.certificate import fresh_chains
from dataflows.interfaces import Snapshot
from dataflows.sources.items import ItemLog
from dataflows.split.dealt_bars import dealt_bars
from dataflows.split.dealt_order import dealt_order
from dataflows.split.rows_of_symbols import dealt, dealt_engine
from dataflows.split.share import NotRegroupable, Share
from features.engine import FeatureEngine

_ENGINE: Final = "tick_features"


class Newcomer:
    """One new process, made of the lanes of old ones."""

    def __init__(self, share: Share, engine: Callable[[], FeatureEngine], log: ItemLog, first: bool) -> None:
        """Take a share; `engine` makes an empty one of its columns. The first new process gets what all counted."""
        self.share, self.engine, self.log, self.first = share, engine, log, first

    def stations(self) -> Snapshot:
        """Return the stations' states."""
        first = self.share.parts[0].snapshot["stations"]
        made: dict[str, Any] = {
            "gate": self._gate(), "order": dealt_order(self.share), "bars": dealt_bars(self.share),
            _ENGINE: self._engine(), "item_features": self._items(), "barrier": self._barrier(),
            "certificate": self._certificate(),
            "tally": self._counted("tally"), "sinks": self._counted("sinks"), "publisher": self._publisher(),
        }  # fmt: skip
        if stateful := {name for name, state in first.items() if state} - made.keys():
            raise NotRegroupable(f"the stations {sorted(stateful)} can't be dealt anew; is it a feature process?")
        for name, state in made.items():
            if state.keys() != first[name].keys():
                raise NotRegroupable(f"station {name} holds {sorted(first[name])}, this version deals {sorted(state)}")
        return {name: made.get(name, {}) for name in first}

    def _gate(self) -> Snapshot:
        return {
            **self._counted("gate", without=("universe",)),
            "universe": {**self.share.universe, "names": self.share.names},
        }

    def _engine(self) -> Snapshot:
        states, one, two = self.share.of(_ENGINE), self.engine(), self.engine()
        two.grow(2)
        fresh, grown = one.snapshot()["state"], two.snapshot()["state"]
        dealt_parts = {
            part: dealt_engine(fresh[part], grown[part], [state["state"][part] for state in states], self.share.deal)
            for part in fresh
        }
        return {**states[0], "n_symbols": max(len(self.share.names), 1), "state": dealt_parts}

    def _items(self) -> Snapshot:
        """Let the items wait that the symbol's own process had not handed on."""
        states = self.share.of("item_features")
        read = max(int(state["next"]) for state in states)
        owner = {name: k for name, (k, _) in zip(self.share.names, self.share.deal.places) if k >= 0}
        waits = []
        for row, symbol in enumerate(self.log.items.symbol[:read].tolist()):
            k = owner.get(self.log.names[symbol])
            if k is None or row >= int(states[k]["next"]) or row in states[k]["waiting"].tolist():
                waits.append(row)
        return {"log": states[0]["log"], "next": read, "waiting": np.array(waits, np.int64)}

    def _barrier(self) -> Snapshot:
        states = self.share.of("barrier")
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
        states = self.share.of("certificate")
        n_timeframes = len(self.share.parts[0].of("bars")["builder"]["clock"])
        kinds = states[0]["chains"]
        return {
            "chains": {
                kind: dealt([state["chains"][kind] for state in states], fresh_chains(n_timeframes), self.share.deal)
                for kind in kinds
            },
            "entries": [entry for state in states for entry in state["entries"] if entry["symbol"] in self.share.names],
        }

    def _publisher(self) -> Snapshot:
        return {"marked": min(int(self.share.parts[k].of("publisher")["marked"]) for k in self.share.sources)}

    def _counted(self, station: str, without: Sequence[str] = ()) -> Snapshot:
        """Return the counts of all processes for the first of the new ones, zeros for the others."""
        states = [
            {key: value for key, value in state.items() if key not in without} for state in self.share.of(station)
        ]
        summed: Snapshot = _summed(states)
        return summed if self.first else _summed([_zero(summed)])


def _summed(states: Sequence[Any]) -> Any:
    if isinstance(states[0], dict):
        keys = dict.fromkeys(key for state in states for key in state)
        return {key: _summed([state[key] for state in states if key in state]) for key in keys}
    return sum(int(state) for state in states)


def _zero(state: Any) -> Any:
    return {key: _zero(value) for key, value in state.items()} if isinstance(state, dict) else 0
