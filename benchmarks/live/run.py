"""All measurements in their order. One that fails is noted, and the next begins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.live import latency, memory, outage, saturation
from benchmarks.live.models import NET, WITH_TREES
from benchmarks.live.plan import RATE, Plan
from benchmarks.live.results import Line, Results
from benchmarks.live.session import Session, Window, World, session
from dataflows.messages.formats import Format

BARS = "bars, predictions"
TOGETHER, STAGGERED = "1,000 closing together", "a few closing together"
STAGGERED_BARS = "tick:8"  # 8 trades a bar: about 1,000 bars a second at RATE, each symbol at its own times
_LIGHT = (5_000.0, 12_500.0)  # loads of the curve below RATE
_STEADY_EVERY_S = 2.0  # between two looks at the metrics, which themselves take some of the process's time


class Run:
    """The measurements over one world."""

    def __init__(self, world: World, versions: dict[str, dict[str, str]], plan: Plan, steady_s: float) -> None:
        """Measure with the champions `versions[timeframe][name]`, `steady_s` at the steady rate."""
        self.world, self.versions, self.plan, self.steady_s = world, versions, plan, steady_s
        self.results = Results()
        self.first = RATE  # where the next search begins

    def everything(self) -> Results:
        """Measure all."""
        for what, measure in (
            ("1 s bars, net", self.base),
            ("1 s bars, net, ticks stored", lambda: self.storing("ticks", "store.ticks=true")),
            ("1 s bars, net, features stored", lambda: self.storing("features", "store.features_from_s=0")),
            ("1 s bars, net and LightGBM", self.together_with_trees),
            ("tick bars, net", self.staggered),
            ("tick bars, net and LightGBM", self.staggered_with_trees),
        ):
            self.attempt(what, measure)
        return self.results

    def attempt(self, what: str, measure: Callable[[], None]) -> None:
        """Measure one thing; note what kept it from being measured."""
        print(f"{what}:", flush=True)
        try:
            measure()
        except Exception as error:
            print(f"  failed: {error}", flush=True)
            self.results.notes.append(f"{what}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")

    def base(self) -> None:
        """Everything that one dataflow with 1 s bars and the net can show; what comes of it is read at the end."""
        windows: list[Window] = []
        steady: Window | None = None
        killed: outage.Kill | None = None
        lines: list[Line] = []  # that need no subscriber
        with session(self.world, self.versions["1s"][NET]) as running:

            def load() -> None:
                nonlocal steady
                running.renew()
                windows.extend(running.play(rate, self.plan.probe_s) for rate in _LIGHT)
                steady = running.play(RATE, self.steady_s, every_s=_STEADY_EVERY_S)
                windows.append(steady)

            def search() -> None:
                found = saturation.find(running, self.plan, 1.5 * RATE)
                windows.extend(window for window in found.windows if saturation.holds(window))
                self.first = found.good or RATE
                lines.append(saturation.line("sustained, columnar messages", BARS, found, "100,000 ticks/s"))

            def search_json() -> None:
                found = saturation.find(running, self.plan, self.first / 2, Format.JSON)
                lines.append(saturation.line("sustained, one JSON message a tick", BARS, found))

            def kill() -> None:
                nonlocal killed
                killed = outage.kill(running)

            def catch_up() -> None:
                lines.append(outage.catch_up(running, self.plan.backlog_s, BARS))

            self.attempt("latency and memory under load", load)
            self.attempt("saturation, columnar messages", search)
            self.attempt("saturation, one JSON message a tick", search_json)
            self.attempt("kill -9", kill)
            self.attempt("catch-up", catch_up)
            heard = running.listener.result()
        self._base_lines(steady, windows, killed, lines, heard)

    def _base_lines(
        self, steady: Window | None, windows: list[Window], killed: outage.Kill | None, lines: list[Line],
        heard: dict[str, np.ndarray],
    ) -> None:  # fmt: skip
        add = self.results.lines.extend
        add(line for line in lines if line.what.startswith("sustained"))
        if steady is not None:
            name = f"latency at 25,000 ticks/s, {TOGETHER}, net"
            add(latency.lines(name, BARS, steady, heard, "p50 20 ms, p99 40 ms", True))
            add(latency.pauses(steady, BARS))
            add([memory.line(steady.memory, BARS)])
        if killed is not None:
            add([outage.recovery(killed, heard, BARS)])
        add(line for line in lines if not line.what.startswith("sustained"))
        self._curve(TOGETHER, windows, heard)

    def storing(self, table: str, setting: str) -> None:
        """Saturation with one more table stored."""
        with session(self.world, self.versions["1s"][NET], extra=[setting]) as running:
            found = saturation.find(running, self.plan, self.first / 2)
        line = saturation.line("sustained, columnar messages", f"{BARS}, {table}", found)
        self.results.lines.insert(_behind_sustained(self.results.lines), line)

    def together_with_trees(self) -> None:
        """Latency with LightGBM in the vote, 1,000 closing together."""
        with session(self.world, self.versions["1s"][WITH_TREES]) as running:
            window, heard = self._at_rate(running)
        name = f"latency at 25,000 ticks/s, {TOGETHER}, net and LightGBM"
        self.results.lines.extend(latency.lines(name, BARS, window, heard, "", True))

    def staggered(self) -> None:
        """Latency where symbols close at their own times, and its curve."""
        with session(self.world, self.versions[STAGGERED_BARS][NET], STAGGERED_BARS) as running:
            window = running.play(RATE, self.plan.latency_s, every_s=_STEADY_EVERY_S)
            windows = [window, *(running.play(rate, self.plan.probe_s) for rate in self.plan.staggered)]
            heard = running.listener.result()
        name = f"latency at 25,000 ticks/s, {STAGGERED} ({STAGGERED_BARS} bars), net"
        self.results.lines.extend(latency.lines(name, BARS, window, heard, "p99 8 ms with up to 20", False))
        self._curve(f"{STAGGERED} ({STAGGERED_BARS} bars)", windows, heard)

    def staggered_with_trees(self) -> None:
        """The same with LightGBM in the vote."""
        with session(self.world, self.versions[STAGGERED_BARS][WITH_TREES], STAGGERED_BARS) as running:
            window, heard = self._at_rate(running)
        name = f"latency at 25,000 ticks/s, {STAGGERED} ({STAGGERED_BARS} bars), net and LightGBM"
        self.results.lines.extend(latency.lines(name, BARS, window, heard, "", False))

    def _at_rate(self, running: Session) -> tuple[Window, dict[str, np.ndarray]]:
        window = running.play(RATE, self.plan.latency_s, every_s=_STEADY_EVERY_S)
        return window, running.listener.result()

    def _curve(self, name: str, windows: list[Window], heard: dict[str, np.ndarray]) -> None:
        points = [found for window in windows if (found := latency.point(window, heard)) is not None]
        if points:
            self.results.curves[name] = points


def _behind_sustained(lines: list[Line]) -> int:
    return max((k + 1 for k, line in enumerate(lines) if line.what.startswith("sustained")), default=0)
