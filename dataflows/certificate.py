"""The certificate: what a run computed, as a hash a symbol, timeframe and UTC day of bars, features and predictions.

Two runs with equal certificates gave the same bits. Where they differ, `first_difference` names where.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from dataflows.batch import Batch
from dataflows.interfaces import Snapshot
from dataflows.rolling_hash import CHAIN, SEGMENT, extend
from dataflows.universe import Universe
from schema.bars import Bars
from schema.features import FeatureRows
from schema.predictions import Predictions

FILE_NAME = "certificate.json"  # beside the checkpoints of a run
KINDS = ("bars", "features", "predictions", "challengers")  # the last: predictions that weren't served
_BAR_VALUES = (
    "open", "high", "low", "close", "volume", "notional", "bid", "bid_size", "ask", "ask_size", "mid",
)  # fmt: skip
_BAR_WORDS = ("start", "sequence", "trades", "quotes", "flags", "phase")
_PREDICTION_VALUES = (
    "current_price", "predicted_price", "expected_return", "volatility", "p_down", "p_sideways", "p_up", "confidence",
)  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """The hash of one kind of rows of one symbol, timeframe and UTC day."""

    symbol: str
    timeframe: str
    day: str  # ISO date
    kind: str
    rows: int
    digest: str  # 32 hex digits


@dataclass(frozen=True, slots=True)
class Certificate:
    """All entries of a run and what they depend on."""

    fingerprint: str  # of the columns
    lanes: int
    machine: str  # other instruction sets may round differently
    entries: tuple[Entry, ...]

    @property
    def digest(self) -> str:
        """32 hex digits over the fingerprint, the lane map and all entries; the machine isn't part of it."""
        body = json.dumps([self.fingerprint, self.lanes, [asdict(entry) for entry in self.entries]])
        return hashlib.sha256(body.encode()).hexdigest()[:32]

    def to_json(self) -> str:
        """Return the whole certificate as JSON."""
        return json.dumps({**asdict(self), "digest": self.digest}, indent=1)

    @staticmethod
    def read(path: Path) -> Certificate:
        """Read a certificate that `to_json` wrote.

        Raises ValueError where it was damaged: its digest doesn't fit its entries.
        """
        raw = json.loads(path.read_text())
        digest = raw.pop("digest")
        raw["entries"] = tuple(Entry(**entry) for entry in raw["entries"])
        certificate = Certificate(**raw)
        if certificate.digest != digest:
            raise ValueError(f"certificate {path}: its digest is {digest}, its entries give {certificate.digest}")
        return certificate


def first_difference(a: Certificate, b: Certificate) -> tuple[Entry | None, Entry | None] | None:
    """Return the first pair of entries that differ, in order of day, timeframe, symbol; None if all are equal."""
    if a.fingerprint != b.fingerprint:
        raise ValueError(
            f"the certificates speak of other columns: fingerprints {a.fingerprint} and {b.fingerprint}; "
            "run both with the same catalogue"
        )
    sides = [{(e.day, e.timeframe, e.symbol, KINDS.index(e.kind)): e for e in c.entries} for c in (a, b)]
    for key in sorted(sides[0].keys() | sides[1].keys()):
        pair = sides[0].get(key), sides[1].get(key)
        if pair[0] != pair[1]:
            return pair
    return None


class Certifier:
    """A station that folds every row into the running hashes."""

    name = "certificate"

    def __init__(
        self, universe: Universe, timeframes: Sequence[str], fingerprint: str, lanes: int | Callable[[], int]
    ) -> None:
        """Certify rows of the universe's symbols, which may grow while the flow runs."""
        self.universe = universe
        self.timeframes = tuple(timeframes)
        self.fingerprint = fingerprint
        self.lanes = lanes
        self.chains = {kind: fresh_chains(0) for kind in KINDS}
        self.entries: list[Entry] = []

    def step(self, batch: Batch) -> Batch:
        """Fold the batch's bars, feature rows and predictions."""
        if len(batch.bars.time):
            self._grow()
            self._bars(batch.bars)
            if batch.features is not None:
                self._features(batch.bars, batch.features)
        for predictions in batch.predictions:
            self._extend("predictions", *_prediction(predictions))
        if batch.shadows:
            self._shadows([_prediction(predictions) for predictions in batch.shadows], batch.shadows)
        return batch

    def certificate(self) -> Certificate:
        """Return the certificate of everything folded so far."""
        entries = list(self.entries)
        for kind in KINDS:
            chains = self.chains[kind]
            entries += [self._entry(kind, i, chains[i]) for i in np.flatnonzero(chains["rows"]).tolist()]
        machine = f"{platform.system()} {platform.machine()}"
        lanes = self.lanes() if callable(self.lanes) else self.lanes
        return Certificate(self.fingerprint, lanes, machine, tuple(sorted(entries)))

    def _bars(self, bars: Bars) -> None:
        values = np.array([getattr(bars, field) for field in _BAR_VALUES]).T
        words = np.array([getattr(bars, field) for field in _BAR_WORDS], np.int64).T
        self._extend("bars", bars.symbol, bars.timeframe, bars.time, values, words)

    def _features(self, bars: Bars, rows: FeatureRows) -> None:
        self._extend("features", bars.symbol, bars.timeframe, bars.time, rows.values, _packed(rows.why))

    def _shadows(self, parts: list[Rows], shadows: list[Predictions]) -> None:
        """Fold several models' rows bar by bar, so that the order of a series doesn't depend on the batches' cuts."""
        order = np.argsort(np.concatenate([rows.row for rows in shadows]), kind="stable")
        symbol, timeframe, time, values, words = (np.concatenate(columns)[order] for columns in zip(*parts))
        self._extend("challengers", symbol, timeframe, time, values, words)

    def _extend(
        self, kind: str, symbol: np.ndarray, timeframe: np.ndarray, time: np.ndarray, values: np.ndarray,
        words: np.ndarray,
    ) -> None:  # fmt: skip
        series = symbol.astype(np.int64) * len(self.timeframes) + timeframe
        ended = np.empty(len(series), SEGMENT)
        values, words = np.ascontiguousarray(values, np.float64), np.ascontiguousarray(words)
        n = extend(self.chains[kind], series, time, values, words.view(np.uint64), ended)
        self.entries += [self._entry(kind, int(segment["series"]), segment) for segment in ended[:n]]

    def _entry(self, kind: str, series: int, chain: Any) -> Entry:
        symbol, timeframe = divmod(int(series), len(self.timeframes))
        day = str(np.datetime64(int(chain["day"]), "D"))
        digest = f"{int(chain['low']):016x}{int(chain['high']):016x}"
        return Entry(self.universe.names[symbol], self.timeframes[timeframe], day, kind, int(chain["rows"]), digest)

    def _grow(self) -> None:
        missing = len(self.universe.names) * len(self.timeframes) - len(self.chains["bars"])
        if missing > 0:
            for kind in KINDS:
                self.chains[kind] = np.concatenate([self.chains[kind], fresh_chains(missing)])

    def snapshot(self) -> Snapshot:
        """Return the running chains and the days already over."""
        return {"chains": dict(self.chains), "entries": [asdict(entry) for entry in self.entries]}

    def restore(self, snapshot: Snapshot) -> None:
        """Continue the chains."""
        self.chains = {kind: np.array(snapshot["chains"][kind]) for kind in KINDS}
        self.entries = [Entry(**entry) for entry in snapshot["entries"]]


Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _prediction(rows: Predictions) -> Rows:
    """Return symbol, timeframe, time, values and words of predictions."""
    values = np.array([getattr(rows, field) for field in _PREDICTION_VALUES]).T
    words = np.empty((len(rows.time), 4), np.uint64)
    words[:, 0], words[:, 1], words[:, 2] = rows.direction + 1, rows.risk, rows.horizon
    words[:, 3] = _version(rows.model_version)
    return rows.symbol, rows.timeframe, rows.time, values, words


@lru_cache
def _version(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


def _packed(why: np.ndarray) -> np.ndarray:
    """Return (n, F) bytes as (n, ceil(F / 8)) words."""
    padded = np.zeros((len(why), -(-why.shape[1] // 8) * 8), np.uint8)
    padded[:, : why.shape[1]] = why
    return padded.view(np.uint64)


def fresh_chains(n: int) -> np.ndarray:
    """Return the chains (n,) of series without a row."""
    chains = np.zeros(n, CHAIN)
    chains["day"] = -1
    return chains
