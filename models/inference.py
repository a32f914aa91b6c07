"""Inference in the stream: the active model of each timeframe, and how a new one takes over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from models.bundle import Bundle
from models.ladder import LADDER, rank
from models.serving import Device, Draft, ServedModel, check_columns
from schema.bars import Bars
from schema.features import FeatureRows
from schema.predictions import Predictions, Tier
from schema.ticks import Int64

BUCKETS = (16, 64, 256, 1024)

# Called when a tier failed: timeframe, bar time from which on the next one answers (ns UTC), that tier, the error.
# Whoever may decide so makes it durable and returns; else it raises the error.
Fall = Callable[[str, int, Tier, Exception], None]


def no_fall(timeframe: str, time: int, tier: Tier, error: Exception) -> None:
    """Let the error stop the flow."""
    raise error


@dataclass(slots=True)
class _Service:
    """A model and when it speaks: in the shadow from `burn_in_from`, as the champion from `effective_time` on."""

    model: ServedModel
    effective_time: int  # ns UTC
    burn_in_from: int


class InferenceEngine:
    """Predicts from the feature rows of all timeframes that have a model.

    `names` are the rows' columns, `fingerprints` theirs by name, `timeframes` the configured names in their order.
    `device` "auto" takes a GPU where there is one. Results are a function of the rows, their order within a series and
    the activations; never of how rows are batched, of other symbols or (on a CPU) of the number of threads.
    """

    def __init__(
        self,
        names: Sequence[str],
        fingerprints: Mapping[str, str],
        timeframes: Sequence[str],
        *,
        device: str = "auto",
        buckets: tuple[int, ...] = BUCKETS,
        threshold: float = 0.5,
        threads: int = 1,
        n_symbols: int = 0,
    ) -> None:
        if min(buckets) < 2:
            raise ValueError(f"inference buckets {buckets} hold a bucket of 1, which rounds differently; use 16 and up")
        chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        if chosen not in ("cpu", "cuda") or (chosen == "cuda" and not torch.cuda.is_available()):
            raise ValueError(
                f"inference device {device!r} is not here; expected auto, cpu" + ", cuda" * torch.cuda.is_available()
            )
        self._names, self._fingerprints, self._timeframes = tuple(names), dict(fingerprints), tuple(timeframes)
        self._device, self._threshold, self._n_symbols = Device(chosen, buckets), threshold, n_symbols
        self._services: dict[str, list[_Service]] = {}  # the champion first, then what will follow it
        self._caps: dict[str, tuple[int, Tier]] = {}  # since when (ns UTC) which tier is the best that may answer
        self._changes: dict[str, list[tuple[int, Tier]]] = {}  # those to come, in order
        torch.set_num_threads(threads)

    @property
    def device(self) -> str:
        """Where nets run: "cpu" or "cuda"."""
        return self._device.name

    def champion(self, timeframe: str) -> str | None:
        """Return the version that spoke last, or will speak first, for a timeframe."""
        services = self._services.get(timeframe)
        return services[0].model.version if services else None

    def latest(self, timeframe: str) -> str | None:
        """Return the version that was activated last for a timeframe, whether or not it speaks yet."""
        services = self._services.get(timeframe)
        return services[-1].model.version if services else None

    def check(self, bundle: Bundle) -> None:
        """Raise ValueError where `activate` would, and change nothing."""
        timeframe = bundle.metadata.timeframe
        if timeframe not in self._timeframes:
            raise ValueError(
                f"model {bundle.metadata.version} is for timeframe {timeframe}, configured are "
                f"{list(self._timeframes)}; add it, or activate a model for one of these"
            )
        check_columns(bundle.metadata, self._names, self._fingerprints)

    def activate(self, bundle: Bundle, effective_time: int = 0, burn_in_from: int | None = None) -> None:
        """Let a model take over at the first bar time >= `effective_time` (ns UTC), which no row may have passed.

        From `burn_in_from` on it runs in the shadow, so that its state is built up; the present champion speaks till
        then. An activation that would have come later than this one is dropped. Raises ValueError where the model's
        timeframe isn't configured, or its columns are missing or defined otherwise; nothing has changed then.
        """
        self.check(bundle)
        timeframe = bundle.metadata.timeframe
        since = effective_time if burn_in_from is None else min(burn_in_from, effective_time)
        service = _Service(self._serve(bundle, timeframe), effective_time, since)
        before = [s for s in self._services.get(timeframe, []) if s.effective_time < effective_time]
        self._services[timeframe] = [*before, service]

    def grow(self, n_symbols: int) -> None:
        """Make room for n symbols; called by itself where a row brings a new one."""
        if n_symbols > self._n_symbols:
            self._n_symbols = n_symbols
            for service in self._all():
                service.model.grow(n_symbols)

    def change_tier(self, timeframe: str, time: int, tier: Tier) -> None:
        """Let no tier better than `tier` answer from bar time `time` (ns UTC) on, which no row may have passed."""
        if time > self._caps.get(timeframe, (-1, Tier.GPU))[0]:
            coming = [*self._changes.get(timeframe, []), (time, tier)]
            self._changes[timeframe] = sorted(coming, key=lambda change: (change[0], rank(change[1])))

    def degraded(self) -> dict[str, tuple[Tier, Tier]]:
        """Return of each degraded timeframe the tier that answers, and the one that would if nothing had failed."""
        tiers = {
            name: (services[0].model.tier, services[0].model.tiers[0]) for name, services in self._services.items()
        }
        return {name: pair for name, pair in tiers.items() if pair[0] != pair[1]}

    def probe(self, timeframe: str) -> Tier | None:
        """Return the best tier that works again, None where no better one does."""
        models = [service.model for service in self._services[timeframe]]
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

        Each row with all required columns gets exactly one prediction where its timeframe has a model in effect.
        Others get none, and the model's state of that symbol stays as it was. Where a tier fails, `fall` is asked and
        the next one answers from the batch's first bar time on; none of those rows was answered before.
        """
        if not len(bars.time):
            return []
        if (highest := int(bars.symbol.max())) >= self._n_symbols:
            self.grow(max(2 * self._n_symbols, highest + 1))
        predictions = []
        for k, timeframe in enumerate(self._timeframes):
            if timeframe in self._services:
                predictions += self._infer(timeframe, bars, rows, np.flatnonzero(bars.timeframe == k), fall)
        return predictions

    def _infer(self, timeframe: str, bars: Bars, rows: FeatureRows, which: Int64, fall: Fall) -> list[Predictions]:
        """Predict from the rows of one timeframe, in stretches of one tier."""
        time, changes, services = bars.time[which], self._changes.get(timeframe, []), self._services[timeframe]
        predictions, begin = [], 0
        while begin < len(time):
            while changes and changes[0][0] <= time[begin]:
                self._enter(timeframe, *changes.pop(0))
            end = int(np.searchsorted(time, changes[0][0])) if changes else len(time)
            predictions += self._stretch(timeframe, bars, rows, which[begin:end], fall)
            begin = end
        while len(services) > 1 and len(time) and services[1].effective_time <= time[-1]:
            del services[0]
        return predictions

    def _stretch(self, timeframe: str, bars: Bars, rows: FeatureRows, which: Int64, fall: Fall) -> list[Predictions]:
        """Predict, one tier lower where a device fails. Members run first, so that a failure leaves no trace."""
        while True:
            try:
                drafts = list(self._drafts(self._services[timeframe], bars, rows, which))
                break
            except RuntimeError as error:
                tier, time = self._below(timeframe), int(bars.time[which[0]])
                if tier is None:
                    raise
                fall(timeframe, time, tier, error)
                self._enter(timeframe, time, tier)
        made = [(speaks, model.settle(draft, bars, rows)) for speaks, model, draft in drafts]
        return [predictions for speaks, predictions in made if speaks and len(predictions.row)]

    def _drafts(
        self, services: list[_Service], bars: Bars, rows: FeatureRows, which: Int64
    ) -> Iterator[tuple[bool, ServedModel, Draft]]:
        """Let each model draft the rows that it follows in the shadow, and those that it speaks for."""
        time = bars.time[which]
        ends = [s.effective_time for s in services[1:]] + [np.iinfo(np.int64).max]
        for service, end in zip(services, ends, strict=True):
            begin, speaks, stops = np.searchsorted(time, (service.burn_in_from, service.effective_time, end))
            if begin < speaks:
                yield False, service.model, service.model.draft(bars, rows, which[begin:speaks])
            if speaks < stops:
                yield True, service.model, service.model.draft(bars, rows, which[speaks:stops])

    def _below(self, timeframe: str) -> Tier | None:
        """Return the next tier down that one of the timeframe's models has, None below the last."""
        models = [service.model for service in self._services[timeframe]]
        best = min(rank(model.tier) for model in models)
        return next((tier for tier in LADDER[best + 1 :] if any(tier in model.tiers for model in models)), None)

    def _enter(self, timeframe: str, time: int, tier: Tier) -> None:
        self._caps[timeframe] = time, tier
        for service in self._services[timeframe]:
            service.model.enter(tier)

    def _serve(self, bundle: Bundle, timeframe: str) -> ServedModel:
        model = ServedModel(bundle, self._names, self._fingerprints, self._device, self._n_symbols, self._threshold)
        if timeframe in self._caps:
            model.enter(self._caps[timeframe][1])
        return model

    def _all(self) -> list[_Service]:
        return [service for services in self._services.values() for service in services]

    def snapshot(self) -> dict[str, Any]:
        """Return models in service and their state, arrays with symbols first (live: copy at once)."""
        return {
            "n_symbols": self._n_symbols,
            "caps": {timeframe: [since, str(tier)] for timeframe, (since, tier) in self._caps.items()},
            "timeframes": {
                timeframe: {
                    str(k): {
                        "version": service.model.version,
                        "effective_time": service.effective_time,
                        "burn_in_from": service.burn_in_from,
                        "model": service.model.snapshot(),
                    }
                    for k, service in enumerate(services)
                }
                for timeframe, services in self._services.items()
            },
        }

    def restore(self, snapshot: Mapping[str, Any], load: Callable[[str], Bundle]) -> None:
        """Take over what `snapshot` gave; `load` reads a version. Raises what `load` raises, and ValueError."""
        self._n_symbols = int(snapshot["n_symbols"])
        self._services = {}
        self._caps = {timeframe: (int(since), Tier(tier)) for timeframe, (since, tier) in snapshot["caps"].items()}
        for timeframe, (since, _) in self._caps.items():
            self._changes[timeframe] = [change for change in self._changes.get(timeframe, []) if change[0] > since]
        for timeframe, saved in snapshot["timeframes"].items():
            self._services[timeframe] = []
            for k in range(len(saved)):
                part = saved[str(k)]
                model = self._serve(load(part["version"]), timeframe)
                model.restore(part["model"])
                service = _Service(model, int(part["effective_time"]), int(part["burn_in_from"]))
                self._services[timeframe].append(service)
