"""What the terminal shows while the flow runs: rates, latencies, the newest predictions."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dataflows.assembly.flow import Flow
from dataflows.batch import Batch
from schema.predictions import Direction, Predictions

NEWEST: Final = 12
_WINDOW: Final = 4_000  # batches that latencies are taken over
_ARROWS: Final = {
    Direction.BULLISH: ("up", "green"), Direction.BEARISH: ("down", "red"), Direction.NEUTRAL: ("flat", "dim"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds, median and 99th percentile."""

    p50: float
    p99: float

    def __str__(self) -> str:
        """Read like `p50 2.9 ms, p99 10.0 ms`."""
        return "nothing yet" if math.isnan(self.p50) else f"p50 {self.p50:.1f} ms, p99 {self.p99:.1f} ms"

    @staticmethod
    def of(nanoseconds: deque[int]) -> Latency:
        """Take them over what was measured; NaN where nothing was."""
        if not nanoseconds:
            return Latency(float("nan"), float("nan"))
        p50, p99 = np.percentile(np.array(nanoseconds) / 1e6, (50, 99))
        return Latency(float(p50), float(p99))


class View:
    """Gathers from each batch; draws itself at most four times a second."""

    def __init__(self, address: str, clock: Callable[[], int] = time.time_ns) -> None:
        """Show `address` as the page's."""
        self.address = address
        self.clock = clock
        self.pass_ns: deque[int] = deque(maxlen=_WINDOW)  # received -> handed to the sinks
        self.close_ns: deque[int] = deque(maxlen=_WINDOW)  # bar's end -> handed to the sinks
        self.newest: deque[tuple[str, Predictions, int]] = deque(maxlen=NEWEST)
        self.flow: Flow | None = None
        self._live: Live | None = None
        self._drawn = 0.0
        self._rate = _Rate()

    def start(self, flow: Flow) -> None:
        """Begin to draw, on a terminal in place, elsewhere a line now and then."""
        self.flow = flow
        console = Console()
        if console.is_terminal:
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._live.start()

    def stop(self) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            self._live.stop()

    def on_batch(self, batch: Batch) -> None:
        """Gather, and draw if it is time."""
        stamps = batch.stamps
        for predictions in batch.predictions:
            age = self.clock() - int(predictions.time[-1])
            if age < 5_000_000_000:  # not while catching up
                self.pass_ns.append(stamps.enqueued - stamps.received)
                self.close_ns.append(stamps.enqueued - int(predictions.time[-1]))
            self._remember(predictions)
        now = time.monotonic()
        if now - self._drawn >= (0.25 if self._live is not None else 5.0):
            self._drawn = now
            self._draw()

    def _remember(self, predictions: Predictions) -> None:
        assert self.flow is not None
        surest = np.argsort(np.maximum(predictions.p_up, predictions.p_down))[-NEWEST:]
        for k in surest.tolist():
            self.newest.append((self.flow.universe.names[predictions.symbol[k]], predictions, k))

    def _draw(self) -> None:
        assert self.flow is not None
        counts = self.flow.tally.counts
        rate = self._rate.of(counts.ticks_read)
        if self._live is not None:
            self._live.update(Group(self._totals(rate), self._predictions()), refresh=True)
        else:
            print(
                f"{rate:,.0f} ticks/s, {counts.ticks_read:,} read, {counts.bars:,} bars, "
                f"{counts.predictions:,} predictions, bar end to prediction {Latency.of(self.close_ns)}",
                flush=True,
            )

    def _totals(self, rate: float) -> RenderableType:
        assert self.flow is not None
        counts, passes, close = self.flow.tally.counts, Latency.of(self.pass_ns), Latency.of(self.close_ns)
        table = Table.grid(padding=(0, 3))
        dead = sum(counts.ticks_dead.values())
        table.add_row("ticks", f"{counts.ticks_read:,}", f"{rate:,.0f}/s", f"{counts.ticks_late:,} late, {dead:,} dead")
        table.add_row("bars", f"{counts.bars:,}", "features", f"{counts.feature_rows:,} rows")
        table.add_row("predictions", f"{counts.predictions:,}", "model", self._model())
        table.add_row("batch through the flow", str(passes), "", "")
        table.add_row("bar end to prediction", str(close), "", "reorder bound included")
        return Group(Text.assemble(("undertone", "bold"), "  ", (self.address, "cyan"), "  Ctrl-C drains"), table)

    def _model(self) -> str:
        return self.newest[-1][1].model_version if self.newest else "warming up"

    def _predictions(self) -> Table:
        table = Table(box=None, header_style="dim", padding=(0, 2))
        for name in ("bar end (UTC)", "symbol", "direction"):
            table.add_column(name)
        for name in ("p down", "p flat", "p up", "expected (bps)", "price"):
            table.add_column(name, justify="right")
        for symbol, rows, k in reversed(self.newest):
            word, style = _ARROWS[Direction(int(rows.direction[k]))]
            when = datetime.fromtimestamp(int(rows.time[k]) / 1e9, UTC)
            table.add_row(
                f"{when:%H:%M:%S}", symbol, Text(word, style), f"{rows.p_down[k]:.2f}", f"{rows.p_sideways[k]:.2f}",
                f"{rows.p_up[k]:.2f}", f"{1e4 * rows.expected_return[k]:+.2f}", f"{rows.current_price[k]:.4f}",
            )  # fmt: skip
        return table


class _Rate:
    """Ticks a second over the last few seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque(maxlen=12)

    def of(self, total: int) -> float:
        self._seen.append((time.monotonic(), total))
        (began, first), (now, last) = self._seen[0], self._seen[-1]
        return (last - first) / (now - began) if now > began else 0.0
