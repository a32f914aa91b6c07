"""Inference in the stream: champion and challengers of each timeframe, and how one takes over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from models.registry.bundle import Bundle
from models.serving.ladder import LADDER, rank
from models.serving.lineup import NO_LOTS, Lineup, Runner
from models.serving.model import Draft, ServedModel
from models.serving.onnx_nets import executor_of
from models.serving.servable import check_columns, check_nets
from models.serving.served_answers import Lots, in_order, no_lots, served_first
from models.serving.served_members import Device
from models.serving.tier_caps import TierCaps
from schema.bars import Bars
from schema.features import FeatureRows
from schema.predictions import Predictions, Tier
from schema.ticks import Int64

BUCKETS = (16, 32, 64, 128, 256, 512, 1024)

# Called when a tier failed: timeframe, bar time from which on the next one answers (ns UTC), that tier, the error.
# Whoever may decide so makes it durable and returns; else it raises the error.
Fall = Callable[[str, int, Tier, Exception], None]


def no_fall(timeframe: str, time: int, tier: Tier, error: Exception) -> None:
    """Let the error stop the flow."""
    raise error


class InferenceEngine:
    """Predicts from the feature rows of all timeframes that have a model.

    `names` are the rows' columns, `fingerprints` theirs by name, `timeframes` the configured names in their order.
    `device` "auto" takes a GPU where there is one; on a CPU nets are run by `executor`: "torch", "onnx" (ONNX Runtime)
    or "auto", as `executor_of` decides. `lots` of symbols split them between champion and challengers.
    Results are a function of the rows, their order within a series and the activations; never of how rows are batched,
    of other symbols or (on a CPU) of the number of threads.
    """

    def __init__(
        self,
        names: Sequence[str],
        fingerprints: Mapping[str, str],
        timeframes: Sequence[str],
        *,
        device: str = "auto",
        executor: str = "torch",
        buckets: tuple[int, ...] = BUCKETS,
        threshold: float = 0.5,
        threads: int = 1,
        n_symbols: int = 0,
        lots: Lots = no_lots,
        paths: Collection[str] = (),
    ) -> None:
        if min(buckets) < 2:
            raise ValueError(f"inference buckets {buckets} hold a bucket of 1, which rounds differently; use 16 and up")
        chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        if chosen not in ("cpu", "cuda") or (chosen == "cuda" and not torch.cuda.is_available()):
            raise ValueError(
                f"inference device {device!r} is not here; expected auto, cpu" + ", cuda" * torch.cuda.is_available()
            )
        if executor == "onnx" and chosen != "cpu":
            raise ValueError(f"inference.executor onnx is for the CPU, nets run on {chosen}; set it to auto or torch")
        self.executor = executor if chosen == "cpu" else "torch"
        self._names, self._fingerprints, self._timeframes = tuple(names), dict(fingerprints), tuple(timeframes)
        self._device, self._threshold, self._n_symbols = Device(chosen, buckets), threshold, n_symbols
        self._lots, self._paths = lots, frozenset(paths)
        self._lineups: dict[str, Lineup] = {}
        self._caps = TierCaps()
        torch.set_num_threads(threads)

    @property
    def device(self) -> str:
        """Where nets run: "cpu" or "cuda"."""
        return self._device.name

    def champion(self, timeframe: str) -> str | None:
        """Return the version that spoke last, or will speak first, for a timeframe."""
        terms = self._of(timeframe).terms
        return terms[0][1].version if terms else None

    def latest(self, timeframe: str) -> str | None:
        """Return the version that was activated last for a timeframe, whether or not it speaks yet."""
        terms = self._of(timeframe).terms
        return terms[-1][1].version if terms else None

    def challengers(self, timeframe: str) -> tuple[str, ...]:
        """Return the versions that are, or will be, scored in the shadow."""
        return self._of(timeframe).challengers

    def lots_taken(self, timeframe: str) -> tuple[tuple[float, float], ...]:
        """Return the lots that each challenger speaks for."""
        return self._of(timeframe).lots_taken

    def following(self, timeframe: str, version: str, begin: int) -> Runner | None:
        """Return a version that follows the rows up to bar time `begin` and goes on, None where it doesn't."""
        return self._of(timeframe).alive(version, begin)

    def _of(self, timeframe: str) -> Lineup:
        return self._lineups.get(timeframe) or Lineup()

    def executor_of(self, bundle: Bundle) -> str:
        """Return who is to run a version's nets: "torch" or "onnx". Raises ValueError where that can't be."""
        return executor_of(bundle, self.executor)

    def check(self, bundle: Bundle, executor: str | None = None) -> None:
        """Raise ValueError where `activate` would, and change nothing."""
        timeframe = bundle.metadata.timeframe
        if timeframe not in self._timeframes:
            raise ValueError(
                f"model {bundle.metadata.version} is for timeframe {timeframe}, configured are "
                f"{list(self._timeframes)}; add it, or activate a model for one of these"
            )
        inputs = check_columns(bundle.metadata, self._names, self._fingerprints)
        check_nets(bundle, inputs.width, min(self._device.buckets), executor or self.executor_of(bundle))

    def activate(
        self, bundle: Bundle, effective_time: int = 0, burn_in_from: int | None = None, executor: str | None = None
    ) -> None:
        """Let a model take over at the first bar time >= `effective_time` (ns UTC), which no row may have passed.

        From `burn_in_from` on it runs in the shadow, so that its state is built up; the present champion speaks till
        then. An activation that would have come later than this one is dropped. Raises ValueError where the model's
        timeframe isn't configured, its columns are missing or defined otherwise, or a net rounds by a row's place in a
        batch; nothing has changed then. Nets are run by `executor`, that of `executor_of` where none is named, unless
        the version follows the rows already.
        """
        executor = executor or self.executor_of(bundle)
        self.check(bundle, executor)
        begin = effective_time if burn_in_from is None else min(burn_in_from, effective_time)
        lineup = self._lineups.setdefault(bundle.metadata.timeframe, Lineup())
        lineup.activate(bundle.metadata.version, effective_time, begin, lambda: self._serve(bundle, executor))

    def challenge(
        self, bundle: Bundle, effective_time: int, burn_in_from: int, lots: tuple[float, float] = NO_LOTS,
        executor: str | None = None,
    ) -> None:  # fmt: skip
        """Let a model answer beside the champion from bar time `effective_time` on; see `activate`.

        Its answers are marked as not served, but for symbols whose lot lies in `lots`: there it speaks, and the
        champion is the one that isn't served.
        """
        executor = executor or self.executor_of(bundle)
        self.check(bundle, executor)
        lineup = self._lineups.setdefault(bundle.metadata.timeframe, Lineup())
        version, make = bundle.metadata.version, lambda: self._serve(bundle, executor)
        lineup.challenge(version, effective_time, burn_in_from, lots, make)

    def withdraw(self, timeframe: str, version: str, time: int) -> None:
        """End a challenge at bar time `time`."""
        self._of(timeframe).withdraw(version, time)

    def grow(self, n_symbols: int) -> None:
        """Make room for n symbols; called by itself where a row brings a new one."""
        if n_symbols > self._n_symbols:
            self._n_symbols = n_symbols
            for lineup in self._lineups.values():
                for runner in lineup.runners:
                    runner.model.grow(n_symbols)

    def change_tier(self, timeframe: str, time: int, tier: Tier) -> None:
        """Let no tier better than `tier` answer from bar time `time` (ns UTC) on, which no row may have passed."""
        self._caps.announce(timeframe, time, tier)

    def degraded(self) -> dict[str, tuple[Tier, Tier]]:
        """Return of each degraded timeframe the tier that answers, and the one that would if nothing had failed."""
        champions = {name: lineup.terms[0][1].model for name, lineup in self._lineups.items() if lineup.terms}
        tiers = {name: (model.tier, model.tiers[0]) for name, model in champions.items()}
        return {name: pair for name, pair in tiers.items() if pair[0] != pair[1]}

    def probe(self, timeframe: str) -> Tier | None:
        """Return the best tier that works again, None where no better one does."""
        models = self._models(timeframe)
        for tier in LADDER[: min(rank(model.tier) for model in models)]:
            having = [model for model in models if tier in model.tiers]
            try:
                for model in having:
                    model.probe(tier)
            except RuntimeError:
                continue
            if having:
                return tier
        return None

    def infer(self, bars: Bars, rows: FeatureRows, fall: Fall = no_fall) -> list[Predictions]:
        """Predict from the rows of a batch, ordered by (time, timeframe, symbol's rank).

        Each row with all required columns gets exactly one served prediction where its timeframe has a model in
        effect and a member of it has something to say (a window may not be full), and one that isn't of each other
        model that is scored. Others get none, and the models' state of that symbol stays as it was. Where a tier fails,
        `fall` is asked and the next one answers from the batch's first bar time on; none of those rows was answered
        before.
        """
        if not len(bars.time):
            return []
        if (highest := int(bars.symbol.max())) >= self._n_symbols:
            self.grow(max(2 * self._n_symbols, highest + 1))
        predictions = []
        for k, timeframe in enumerate(self._timeframes):
            if timeframe in self._lineups:
                predictions += self._infer(timeframe, bars, rows, np.flatnonzero(bars.timeframe == k), fall)
        served = in_order([p for p in predictions if p.served])
        return [*served, *(p for p in predictions if not p.served)]

    def _infer(self, timeframe: str, bars: Bars, rows: FeatureRows, which: Int64, fall: Fall) -> list[Predictions]:
        """Predict from the rows of one timeframe, in stretches of one tier."""
        time, predictions, begin = bars.time[which], list[Predictions](), 0
        while begin < len(time):
            for since, tier in self._caps.due(timeframe, int(time[begin])):
                self._enter(timeframe, since, tier)
            change = self._caps.next_change(timeframe)
            end = len(time) if change is None else int(np.searchsorted(time, change))
            predictions += self._stretch(timeframe, bars, rows, which[begin:end], fall)
            begin = end
        if len(time):
            self._lineups[timeframe].passed(int(time[-1]))
        return predictions

    def _stretch(self, timeframe: str, bars: Bars, rows: FeatureRows, which: Int64, fall: Fall) -> list[Predictions]:
        """Predict, one tier lower where a device fails. Members run first, so that a failure leaves no trace."""
        while True:
            try:
                drafts = self._drafts(self._lineups[timeframe].runners, bars, rows, which)
                break
            except RuntimeError as error:
                tier, time = self._below(timeframe), int(bars.time[which[0]])
                if tier is None:
                    raise
                fall(timeframe, time, tier, error)
                self._enter(timeframe, time, tier)
        made = [(runner, runner.model.settle(draft, bars, rows)) for runner, draft in drafts]
        return served_first(self._lineups[timeframe], made, self._lots)

    def _drafts(
        self, runners: Sequence[Runner], bars: Bars, rows: FeatureRows, which: Int64
    ) -> list[tuple[Runner, Draft]]:
        """Let each model draft the rows that it follows."""
        time, drafts = bars.time[which], []
        for runner in runners:
            begin, end = np.searchsorted(time, (runner.since, runner.until))
            if begin < end:
                drafts.append((runner, runner.model.draft(bars, rows, which[begin:end])))
        return drafts

    def _below(self, timeframe: str) -> Tier | None:
        """Return the next tier down that one of the timeframe's models has, None below the last."""
        models = self._models(timeframe)
        best = min(rank(model.tier) for model in models)
        return next((tier for tier in LADDER[best + 1 :] if any(tier in model.tiers for model in models)), None)

    def _enter(self, timeframe: str, time: int, tier: Tier) -> None:
        self._caps.set(timeframe, time, tier)
        for model in self._models(timeframe):
            model.enter(tier)

    def _models(self, timeframe: str) -> list[ServedModel]:
        return [runner.model for runner in self._lineups[timeframe].runners]

    def _serve(self, bundle: Bundle, executor: str) -> ServedModel:
        timeframe = bundle.metadata.timeframe
        model = ServedModel(
            bundle, self._names, self._fingerprints, replace(self._device, executor=executor), self._n_symbols,
            self._threshold, paths=timeframe in self._paths,
        )  # fmt: skip
        if (cap := self._caps.of(timeframe)) is not None:
            model.enter(cap)
        return model

    def snapshot(self) -> dict[str, Any]:
        """Return models in service and their state, arrays with symbols first (live: copy at once)."""
        return {
            "n_symbols": self._n_symbols,
            "caps": self._caps.snapshot(),
            "timeframes": {timeframe: lineup.snapshot() for timeframe, lineup in self._lineups.items()},
        }

    def restore(self, snapshot: Mapping[str, Any], load: Callable[[str], Bundle]) -> None:
        """Take over what `snapshot` gave; `load` reads a version. Raises what `load` raises, and ValueError."""
        self._n_symbols = int(snapshot["n_symbols"])
        self._caps.restore(snapshot["caps"])
        self._lineups = {
            timeframe: Lineup.restored(saved, self._serve, load) for timeframe, saved in snapshot["timeframes"].items()
        }
