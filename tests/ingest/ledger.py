"""What a log holds, and the laws that it has to keep against what the exchange made."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataflows.interfaces import Source
from dataflows.sources.segments import SegmentSource
from schema.events import Event, EventKind
from schema.ticks import HEARTBEAT, KINDS
from tests.ingest.exchange import FakeExchange
from tests.ingest.wire import QUOTE, TRADE, Made
from tests.sources.reading import read

_KINDS = {code: name for name, code in KINDS.items()}
Key = tuple[str, str, int]


@dataclass
class Ledger:
    """A log as plain Python."""

    ticks: dict[Key, dict[str, Any]] = field(default_factory=dict)
    repeated: list[Key] = field(default_factory=list)
    heartbeats: list[int] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    gaps: list[Event] = field(default_factory=list)

    @staticmethod
    def of(log: Path | Source) -> Ledger:
        ledger = Ledger()
        source = SegmentSource(log, follow=False) if isinstance(log, Path) else log
        for arrivals in read(source):
            ticks = arrivals.ticks
            ledger.gaps += [event for event in arrivals.events if event.kind is EventKind.GAP]
            for row in range(len(ticks.ts_event)):
                if row in arrivals.malformed:
                    ledger.unreadable.append(arrivals.malformed[row])
                elif ticks.kind[row] == HEARTBEAT:
                    ledger.heartbeats.append(int(ticks.ts_event[row]))
                else:
                    ledger._add(arrivals.names, {name: getattr(ticks, name)[row].item() for name in ticks._fields})
        source.close()
        return ledger

    def _add(self, names: tuple[str, ...], tick: dict[str, Any]) -> None:
        key = _KINDS[tick["kind"]], names[tick["symbol"]], tick["sequence"]
        if key in self.ticks:
            self.repeated.append(key)
        self.ticks[key] = tick

    def reasons(self) -> Counter[str]:
        return Counter(gap.details["reason"] for gap in self.gaps)

    def covered(self, made: Made) -> bool:
        return any(
            gap.symbol == made.symbol and gap.details["begin"] <= made.time <= gap.details["end"] for gap in self.gaps
        )


def hold(ledger: Ledger, exchange: FakeExchange) -> list[Made]:
    """Hold a log to its laws; return what was lost. Of the time before a symbol's first trade and
    behind the newest message nothing is asked."""
    assert ledger.repeated == []
    by_key = {made.key: made for made in exchange.made}
    assert ledger.ticks.keys() <= by_key.keys()  # nothing made up
    for key, tick in ledger.ticks.items():
        _same(by_key[key], tick)
    began = {}
    for made in exchange.made:
        if made.key in ledger.ticks and made.kind == TRADE:
            began.setdefault(made.symbol, made.time)
    ended = max(by_key[key].time for key in ledger.ticks)
    lost = [
        made for made in exchange.made
        if made.key not in ledger.ticks and began.get(made.symbol, 1 << 62) <= made.time <= ended
    ]  # fmt: skip
    unmarked = [made for made in lost if not ledger.covered(made)]
    assert unmarked == []
    for gap in ledger.gaps:
        if gap.details["reason"] == "sequence":
            numbers = range(gap.details["first"], gap.details["last"] + 1)
            assert any((TRADE, gap.symbol, number) not in ledger.ticks for number in numbers), gap
    return lost


def _same(made: Made, tick: dict[str, Any]) -> None:
    if made.kind == TRADE:
        assert (tick["ts_event"], tick["price"], tick["size"]) == (made.time, made.price, made.size)
        assert tick["side"] == (1 if made.buyer else -1)
    else:
        assert made.kind == QUOTE
        assert (tick["bid"], tick["ask"]) == (made.bid, made.ask)
