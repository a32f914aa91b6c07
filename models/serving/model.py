"""One model in service for one timeframe: from feature rows to predictions, with its state a symbol."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.classes import RISK_WINDOW, move, rank_risk, vote
from models.labels import comparable, reference
from models.registry.bundle import Bundle
from models.serving.ladder import LastWords, Words
from models.serving.paths import member_classes, paths
from models.serving.servable import check_columns
from models.serving.served_members import Device, ServedMembers
from models.votes.adaptive import AdaptiveVote, VoteRows, places
from schema.bars import BarFlag, Bars
from schema.features import FeatureRows
from schema.predictions import Predictions, Tier
from schema.ticks import Float64, Int64
from schema.timeframes import parse_timeframe


@dataclass(frozen=True, slots=True)
class Draft:
    """What the members said of n rows, before the vote."""

    which: Int64  # (n,) rows of the batch
    weights: dict[str, float]  # of the M members that spoke
    means: Float64  # (M, n) NaN where a member has nothing to say; one of them has
    log_variances: Float64  # (M, n)
    heads: Float64 | None = None  # (M, n, H, 2) both at every horizon, where paths are wanted


class ServedModel:
    """A loaded version with the state of S symbols: recurrent states, rings, and the last volatilities for the risk.

    Raises ValueError, naming the columns, where the feature rows are not the ones it was trained on.
    """

    def __init__(
        self,
        bundle: Bundle,
        names: Sequence[str],
        fingerprints: Mapping[str, str],
        device: Device,
        n_symbols: int,
        threshold: float,
        *,
        paths: bool = False,
    ) -> None:
        """Serve; with `paths` predictions carry every horizon."""
        metadata = bundle.metadata
        self._inputs = check_columns(metadata, names, fingerprints)
        self.bundle, self._threshold, self._fingerprint = bundle, threshold, metadata.fingerprint
        self.executor = device.executor
        self._paths = paths and all(member.mean_map for member in metadata.members.values() if member.kind == "trees")
        self._members = ServedMembers(bundle, self._inputs.width, device, n_symbols, paths=self._paths)
        self._sigma = list(names).index(metadata.volatility)
        self._ring = np.zeros((n_symbols, RISK_WINDOW))
        self._count = np.zeros(n_symbols, np.int64)
        self._last = LastWords(n_symbols)
        self._timeframe = parse_timeframe(metadata.timeframe)
        self._adaptive: AdaptiveVote | None = None
        if bundle.vote in ("dynamic", "performance"):
            weights, dynamic = np.array(list(bundle.weights.values())), bundle.vote == "dynamic"
            self._adaptive = AdaptiveVote(weights, metadata.primary, n_symbols, dynamic=dynamic)

    @property
    def version(self) -> str:
        """The version's name."""
        return self.bundle.metadata.version

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The tiers it has here, best first."""
        return self._members.tiers

    @property
    def tier(self) -> Tier:
        """The one that answers."""
        return self._members.tier

    def enter(self, cap: Tier) -> None:
        """Serve at the best tier that `cap` allows; see ServedMembers."""
        self._members.enter(cap)

    def probe(self, tier: Tier) -> None:
        """Try whether a tier works again, beside the one that serves. Raises RuntimeError where it doesn't."""
        self._members.probe(tier)

    def grow(self, n_symbols: int) -> None:
        """Make room for more symbols."""
        self._members.grow(n_symbols)
        more = n_symbols - len(self._count)
        self._ring = np.concatenate((self._ring, np.zeros((more, RISK_WINDOW))))
        self._count = np.concatenate((self._count, np.zeros(more, np.int64)))
        self._last.grow(n_symbols)
        if self._adaptive is not None:
            self._adaptive.grow(n_symbols)

    def draft(self, bars: Bars, rows: FeatureRows, which: Int64) -> Draft:
        """Run the members on the given rows that have all required columns, in order; the others leave no trace.

        A row of which no member has anything to say, since no window is full, is not in the draft.
        Raises RuntimeError where the device fails. Nothing but the nets' states has changed then.
        """
        which = which[self._inputs.eligible(rows.values, which)]
        if self.tier == Tier.STALE:
            which = which[self._last.known(bars.symbol[which])]
            return Draft(which, {}, np.empty((0, len(which))), np.empty((0, len(which))))
        heads = self._members.heads(self._inputs.make(rows.values, which), bars.symbol[which])
        primary = self.bundle.metadata.primary - 1 if self._paths else 0
        means, log_variances = heads[:, :, primary, 0], heads[:, :, primary, 1]
        spoken = np.isfinite(means).any(axis=0)
        path = heads[:, spoken] if self._paths else None
        return Draft(which[spoken], self._members.weights, means[:, spoken], log_variances[:, spoken], path)

    def settle(self, draft: Draft, bars: Bars, rows: FeatureRows) -> Predictions:
        """Make predictions of a draft; drafts are settled in the order they were made in."""
        metadata, which = self.bundle.metadata, draft.which
        symbol, price = bars.symbol[which], reference(bars)[0][which]
        sigma = np.maximum(rows.values[which, self._sigma], metadata.volatility_floor)
        unit, members, path = sigma * math.sqrt(metadata.primary), dict[str, Float64](), None
        if self.tier == Tier.STALE:
            words = self._last.repeat(symbol)
        else:
            weights = self._shares(draft, bars, rows, unit)
            words, members = self._voted(draft, bars, weights, unit)
            if draft.heads is not None:
                speakers = [metadata.members[name] for name in draft.weights]
                path = paths(draft.heads, speakers, weights, sigma, metadata.primary)
        return Predictions(
            time=bars.time[which],
            symbol=symbol,
            timeframe=bars.timeframe[which],
            bar_sequence=bars.sequence[which],
            horizon=metadata.primary,
            current_price=price,
            predicted_price=move(price, words.expected_return),
            **words._asdict(),
            unit=unit,
            members=members,
            path=path,
            model_version=self.version,
            fingerprint=self._fingerprint,
            tier=self.tier,
            full_tier=self.tiers[0],
            row=which,
            notes=self._notes(),
        )

    def _voted(self, draft: Draft, bars: Bars, weights: Float64, unit: Float64) -> tuple[Words, dict[str, Float64]]:
        metadata, which = self.bundle.metadata, draft.which
        means, log_variances, primary = draft.means, draft.log_variances, metadata.primary
        members = [metadata.members[name] for name in draft.weights]
        spoken = zip(means, log_variances, members, strict=True)
        p = np.stack([member_classes(m, s, member, primary, primary) for m, s, member in spoken])
        voted = vote(means, log_variances, p, weights, unit, self._threshold)
        risk = np.empty(len(which), np.int8)
        rank_risk(bars.symbol, which, voted.volatility, self._ring, self._count, risk)
        classes = voted.probabilities
        words = Words(
            voted.expected_return, voted.volatility, classes[:, 0], classes[:, 1], classes[:, 2], voted.confidence,
            voted.direction, risk,
        )  # fmt: skip
        self._last.keep(bars.symbol[which], words)
        return words, dict(zip(draft.weights, p, strict=True))

    def _shares(self, draft: Draft, bars: Bars, rows: FeatureRows, unit: Float64) -> Float64:
        """Return the weights (M,) of the members, or (M, n) where they follow what came true."""
        if self._adaptive is None:
            return np.array(list(draft.weights.values()))
        which, every = draft.which, list(self.bundle.weights)
        means, log_variances = (np.full((len(every), len(which)), np.nan) for _ in range(2))
        mine = [every.index(name) for name in draft.weights]
        means[mine], log_variances[mine] = draft.means, draft.log_variances
        price, trade_price = comparable(bars)
        within = self._timeframe.nominal_ns < 86_400 * 10**9  # labels end with the session
        judged = VoteRows(
            bars.symbol[which],
            places(bars.time, bars.sequence, self._timeframe)[which],
            (2 * bars.session_open * within + trade_price)[which],
            (bars.flags[which] & int(BarFlag.HALTED)) == 0,
            price[which],
            unit,
            rows.values[which, self._sigma],
        )
        return self._adaptive.shares(judged, means, log_variances)[mine]

    def _notes(self) -> tuple[str, ...]:
        absent = (f"member {name} is absent, the others' weights are renormalised" for name in self.bundle.absent)
        degraded = (f"degraded: {self.tier} answers instead of {self.tiers[0]}",) if self.tier != self.tiers[0] else ()
        return (*absent, *degraded)

    def snapshot(self) -> dict[str, Any]:
        """Return the state a symbol: states or rings by member of the present tier, volatilities (S, 250) and their
        number (S,), the last words, the scores of a vote that follows performance."""
        vote = {"vote": self._adaptive.snapshot()} if self._adaptive is not None else {}
        last = self._last.snapshot()
        return {
            "states": self._members.snapshot(),
            "volatilities": self._ring,
            "predicted": self._count,
            "last": last,
            **vote,
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take over what `snapshot` gave at the same tier."""
        self._members.restore(snapshot["states"])
        self._ring = np.array(snapshot["volatilities"], np.float64)
        self._count = np.array(snapshot["predicted"], np.int64)
        self._last.restore(snapshot["last"])
        if self._adaptive is not None:
            self._adaptive.restore(snapshot["vote"])
