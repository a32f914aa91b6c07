"""`undertone data`: what files of ticks hold, and what the dataflow would refuse of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np

from dataflows.batch import Arrivals, Batch, DeadLetter
from dataflows.calendars import sessions_of_calendar
from dataflows.interfaces import EndOfInput
from dataflows.markets import on_market
from dataflows.sources.bar_file import BarFile, is_bar_file
from dataflows.sources.files import FileSource
from dataflows.stations.gate import Gate
from dataflows.stations.order import Order
from dataflows.stations.tally import Tally
from dataflows.universe import Universe
from ops.errors import UsageError
from ops.settings import Settings
from ops.tables import print_json, print_table
from schema.ticks import KINDS

SHOWN: Final = 20  # dead letters that are printed
_KIND_NAMES: Final = {number: name for name, number in KINDS.items()}


@dataclass(slots=True)
class Contents:
    """What a file holds."""

    kinds: Counter[str] = field(default_factory=Counter)
    symbols: Counter[str] = field(default_factory=Counter)
    first: int = 0  # ns UTC of the earliest and latest event, 0 if there is none
    last: int = 0
    steps_back: int = 0  # rows whose event time is before the row above's
    previous: int = 0

    def add(self, arrivals: Arrivals) -> None:
        """Count one batch."""
        ticks = arrivals.ticks
        self.kinds.update({_KIND_NAMES.get(kind, "unknown"): n for kind, n in _counts(ticks.kind)})
        self.symbols.update({arrivals.names[k] if k >= 0 else "": n for k, n in _counts(ticks.symbol)})
        times = ticks.ts_event[ticks.ts_event > 0]
        if len(times):
            self.steps_back += int(np.count_nonzero(np.diff(times, prepend=self.previous) < 0))
            self.previous = int(times[-1])
            self.first = min(self.first or int(times.min()), int(times.min()))
            self.last = max(self.last, int(times.max()))


def info(settings: Settings, json: bool, files: list[Path]) -> int:
    """Print rows, kinds, symbols and times of each file of ticks or bars. Raises BadFile for one that is neither."""
    answers = [_described(path) for path in files]
    if json:
        print_json({"files": answers})
    else:
        cells = [
            (a["file"], a["rows"], _listed(a["kinds"]), _listed(a["symbols"]), a["first"], a["last"], a["steps_back"])
            for a in answers
        ]
        print_table(("file", "rows", "kinds", "symbols", "first", "last", "steps back in time"), cells)
    return 0


def _described(path: Path) -> dict[str, Any]:
    if is_bar_file(path):
        return _described_bars(path)
    contents = Contents()
    for arrivals in _batches(FileSource([path])):
        contents.add(arrivals)
    return {
        "file": str(path),
        "rows": contents.kinds.total(),
        "kinds": dict(contents.kinds),
        "symbols": dict(contents.symbols.most_common()),
        "first": _iso(contents.first),
        "last": _iso(contents.last),
        "steps_back": contents.steps_back,
    }


def _described_bars(path: Path) -> dict[str, Any]:
    """The same of a file of bars. A file of dates has days for times: when they close is the calendar's to say."""
    file, symbols, rows = BarFile(path), Counter[str](), 0
    first = last = previous = steps_back = 0
    scale = 86_400 * 10**9 if file.daily else 1
    for bars in file.batches():
        times = bars.day * scale
        symbols.update(Counter(bars.symbol.tolist()))
        first = min(first or int(times.min()), int(times.min())) if len(times) else first
        last = max(last, int(times.max())) if len(times) else last
        steps_back += int(np.count_nonzero(np.diff(times, prepend=previous) < 0))
        previous, rows = int(times[-1]) if len(times) else previous, rows + len(times)
    return {
        "file": str(path), "rows": rows, "kinds": {"bar": rows}, "symbols": dict(symbols.most_common()),
        "first": _iso(first), "last": _iso(last), "steps_back": steps_back,
    }  # fmt: skip


def validate(settings: Settings, json: bool, files: list[Path], out: Path | None, ticks: list[Path]) -> int:
    """Check files of bars as training does, files of ticks as the dataflow does. 1 if anything is refused."""
    settings = on_market(settings)
    if all(is_bar_file(path) for path in files):
        from ops.commands.bar_quality import validate as validate_bars

        return validate_bars(settings, json, files, out, ticks)
    if out is not None or ticks:
        raise UsageError("data validate: --out and --ticks are for files of bars, these hold ticks")
    return _validate_ticks(settings, json, files)


def _validate_ticks(settings: Settings, json: bool, files: list[Path]) -> int:
    """Pass files through the gate and the order station; print what they refuse."""
    source, tally = FileSource(files), Tally()
    gate, order = _stations(settings)
    letters: list[DeadLetter] = []
    for number, arrivals in enumerate(chain(_batches(source), [None]), 1):
        batch = tally.step(order.step(gate.step(Batch(number, arrivals, last=arrivals is None))))
        letters += batch.dead[: SHOWN - len(letters)]
    counts, examples = tally.counts, list(_examples(source, letters))
    answer = {name: getattr(counts, name) for name in ("ticks_read", "ticks_used", "ticks_late", "ticks_dead")}
    if json:
        print_json({**answer, "examples": examples})
    else:
        dead = _listed(counts.ticks_dead) or "0"
        print(f"{counts.ticks_read:,} read, {counts.ticks_used:,} used, {counts.ticks_late:,} late, dead: {dead}")
        if examples:
            print_table(tuple(examples[0]), [tuple(example.values()) for example in examples])
    return 1 if counts.ticks_dead or counts.ticks_late else 0


def _stations(settings: Settings) -> tuple[Gate, Order]:
    bars, order = settings.bars, settings.order
    universe = Universe(settings.universe.listed, settings.universe.cap)
    sessions = sessions_of_calendar(bars.calendar, bars.extended_open, bars.extended_close)
    gate = Gate(universe, 1, settings.gate.future_bound_ms * 1_000_000)
    return gate, Order(
        universe, sessions, 1, order.bound_ms * 1_000_000, order.capacity, order.outlier_bound, order.max_spread
    )


def _examples(source: FileSource, letters: list[DeadLetter]) -> Iterator[dict[str, Any]]:
    lanes = np.array([letter.lane for letter in letters], np.int32)
    offsets = np.array([letter.offset for letter in letters], np.int64)
    files, _, rows = source.origin(lanes, offsets)
    for file, row, letter in zip(files, rows.tolist(), letters):
        place = {"file": file, "row": row, "symbol": letter.symbol, "reason": str(letter.reason)}
        yield {**place, "found": letter.found, "expected": letter.expected}


def _batches(source: FileSource) -> Iterator[Arrivals]:
    try:
        while True:
            yield source.next_batch()
    except EndOfInput:
        source.close()


def _counts(column: np.ndarray) -> Iterator[tuple[int, int]]:
    values, counts = np.unique(column, return_counts=True)
    return zip(values.tolist(), counts.tolist())


def _iso(time: int) -> str | None:
    return f"{np.datetime64(time, 'ns')}Z" if time else None


def _listed(counts: dict[str, int]) -> str:
    names = [f"{name or '(none)'} {n:,}" for name, n in list(counts.items())[:8]]
    return ", ".join([*names, f"and {len(counts) - 8} more"] if len(counts) > 8 else names)
