"""The separate verifier of a dataflow over the real stack: QuestDB and Redis against the topic of ticks alone.

It reads the topic itself, runs it undisturbed in its own process into a store in memory, and compares row by row. The
bars are checked against a plain loop over the ticks as well. Only decisions are taken from the store: they are an
operator's, and recorded because nothing else could know them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

import redis

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.batch import Arrivals
from dataflows.stations.order import Order
from dataflows.stored import Place
from ops.settings import load
from schema.channels import PREDICTION_STREAM, prediction_key
from schema.messages import prediction_message
from schema.stores import bus_name
from schema.tables import TABLES
from schema.ticks import TRADE, count
from tests.recovery.life import elsewhere
from tests.recovery.rigs import CLOCKS
from tests.recovery.stack import BOUND_MS, FAMILIES, TIMEFRAMES, Site
from tests.recovery.topic_reading import TopicCopy, read_topic

COMPARED: Final = ("bars", "features", "predictions", "ticks", "late_ticks", "dead_letters")
SECOND: Final = 1_000_000_000
Row = dict[str, Any]


class Verifier:
    """What a site's stores hold, and what they should."""

    def __init__(self, site: Site, seed: int) -> None:
        """Read the topic, and run it undisturbed; `seed` draws other cuts than the dataflow had."""
        self.site, self.place = site, Place.parse(site.stack.store_url, site.namespace)
        self.records = elsewhere(read_topic, site.stack.kafka.address, site.topic)
        self.copy, self.whole = self._undisturbed(seed)

    def faults(self, totals: dict[str, Any], published: int) -> list[str]:
        """Return everything that is wrong; `totals` is what the last process printed as it drained."""
        counts = self.whole.tally.counts
        expected = {"certificate": self.whole.certifier.certificate().digest, "predictions": counts.predictions}
        found = [f"{key}: {totals[key]}, expected {value}" for key, value in expected.items() if totals[key] != value]
        waits = count(self._order().buffer.waiting)
        if counts.ticks_read != published or not counts.ticks_late or not counts.predictions or counts.lost() != waits:
            found.append(f"the input is not what it should be: {counts}, {published} ticks were published")
        for table in COMPARED:
            found += self._compared(table)
        return [*found, *self._plain_bars(), *self._stream(), *self._latest()]

    def _undisturbed(self, seed: int) -> tuple[list[Arrivals], Flow]:
        settings = load(
            [],
            [f"bars.timeframes={TIMEFRAMES}", f"features.families={FAMILIES}", f"order.bound_ms={BOUND_MS}",
             "store.url=memory:", "store.ticks=true", "store.features_from_s=0", "bus.url=null:",
             f"registry.root={self.site.stack.registry}"],
            {}, {},
        )  # fmt: skip
        source = TopicCopy(self.site.topic, self.records, seed)
        flow, taken = assemble(settings, source, decided=self.place.decisions()), list[Arrivals]()
        while not source.ended:
            batch = flow.pipeline.advance()
            assert batch is not None and batch.arrivals is not None
            taken.append(batch.arrivals)
        flow.store.flush()
        return taken, flow

    def _order(self) -> Order:
        return next(station for station in self.whole.pipeline.stations if isinstance(station, Order))

    def _stored(self, table: str) -> list[Row]:
        """The table's rows in QuestDB by the key; one that stands there twice comes twice."""
        columns = [column for column in self.place.columns(table) if column not in CLOCKS]
        rows = self.place.rows(table, columns, order=TABLES[table].key)
        return [dict(zip(columns, map(_plain, row))) for row in rows]

    def _expected(self, table: str) -> list[Row]:
        order = ", ".join(f'"{column}"' for column in TABLES[table].key)
        rows = self.whole.store.query(f'SELECT * FROM "{table}" ORDER BY {order}')
        return [{name: _plain(value) for name, value in row.items() if name not in CLOCKS} for row in rows]

    def _compared(self, table: str) -> Iterator[str]:
        key, rows, expected = TABLES[table].key, self._stored(table), self._expected(table)
        have, wanted = (Counter(tuple(row[name] for name in key) for row in part) for part in (rows, expected))
        counts = {
            "lost": len(wanted.keys() - have.keys()), "too many": len(have.keys() - wanted.keys()),
            "twice": have.total() - len(have),
        }  # fmt: skip
        yield from (f"{table}: {n} rows {what}" for what, n in counts.items() if n)
        if not any(counts.values()):
            other = [(a, b) for a, b in zip(_sorted(rows, key), _sorted(expected, key)) if a != b]
            if other:
                names = sorted({name for a, b in other for name in b if a.get(name) != b[name]})
                yield f"{table}: {len(other)} rows with other values, in {names[:6]}"
        if not expected:
            yield f"{table}: nothing to compare"

    def _plain_bars(self) -> Iterator[str]:
        """A loop over the used trades gives the trades, high and low of each second."""
        ticks = self._stored("ticks")
        used = {(row["partition"], row["offset"], row["message_index"]) for row in ticks if not row["verdict"]}
        bars: dict[tuple[str, int], tuple[int, float, float]] = {}
        for symbol, time, price, place in _trades(self.copy, self.whole):
            if place in used:
                key = symbol, (time // SECOND + 1) * SECOND
                n, high, low = bars.get(key, (0, price, price))
                bars[key] = n + 1, max(high, price), min(low, price)
        stored = {
            (row["symbol"], row["time"]): (row["trades"], row["high"], row["low"])
            for row in self._stored("bars") if row["timeframe"] == "1s" and row["trades"]
        }  # fmt: skip
        last = max((time for _, time in stored), default=0)
        bars = {key: bar for key, bar in bars.items() if key[1] <= last}
        if other := [key for key in bars.keys() | stored.keys() if bars.get(key) != stored.get(key)]:
            yield f"bars: {len(other)} of {len(bars)} differ from a plain loop over the topic"

    def _stream(self) -> Iterator[str]:
        """The stream in Redis holds each published prediction once, in order, without a hole in any series."""
        entries = self._redis().xrange(bus_name(PREDICTION_STREAM, self.site.namespace))
        sequences = [int(identity.split(b"-")[0]) for identity, _ in entries]
        published = _published(self._stored("predictions"))
        if sequences != [row["sequence"] for row in published]:
            lacks = {row["sequence"] for row in published} - set(sequences)
            yield f"stream: {len(sequences)} entries for {len(published)} predictions, {len(lacks)} are missing"
        last: dict[tuple[str, str], int] = {}
        holes = 0
        for _, fields in entries:
            message = json.loads(fields[b"message"])
            series, bar = (message["timeframe"], message["symbol"]), message["bar_sequence"]
            holes += series in last and bar != last[series] + 1
            last[series] = bar
        if holes:
            yield f"stream: {holes} holes in the series' bar sequences"

    def _latest(self) -> Iterator[str]:
        """Each key holds the newest stored prediction of its series."""
        newest = {(row["timeframe"], row["symbol"]): row for row in _published(self._stored("predictions"))}
        client = self._redis()
        for series, row in newest.items():
            body = client.get(bus_name(prediction_key(*series), self.site.namespace))
            message = json.loads(body) if body else {}
            wanted = json.loads(json.dumps(prediction_message({**row, "enqueued": 0})))
            if {**message, "produced_at": None} != wanted:
                yield f"latest {series}: sequence {message.get('sequence')}, expected {row['sequence']}"

    def _redis(self) -> Any:
        return redis.Redis.from_url(self.site.stack.redis.address)


def _published(rows: Iterable[Row]) -> list[Row]:
    """The champion's prediction of each bar, which comes first in the sequence, in order."""
    first: dict[tuple[Any, ...], Row] = {}
    for row in sorted(rows, key=lambda row: row["sequence"]):
        first.setdefault((row["symbol"], row["timeframe"], row["time"], row["bar_sequence"]), row)
    return list(first.values())


def _trades(parts: Iterable[Arrivals], flow: Flow) -> Iterator[tuple[str, int, float, tuple[int, int, int]]]:
    """Yield symbol, time, price and place of every trade in the topic."""
    for part in parts:
        ticks = part.ticks
        for k in (ticks.kind == TRADE).nonzero()[0].tolist():
            partition = int(flow.pipeline.source.lanes[ticks.lane[k]])
            place = partition, int(ticks.offset[k]), int(ticks.index[k])
            name = part.names[ticks.symbol[k]] if ticks.symbol[k] >= 0 else ""
            yield name, int(ticks.ts_event[k]), float(ticks.price[k]), place


def _sorted(rows: list[Row], key: tuple[str, ...]) -> list[Row]:
    return sorted(rows, key=lambda row: [str(row[name]) for name in key])


def _plain(value: Any) -> Any:
    """One form for what the two stores write otherwise: no text, no number."""
    if value == "" or (isinstance(value, float) and value != value):
        return None
    return bytes(value) if isinstance(value, memoryview | bytearray) else value
