"""One model in service for one timeframe: from feature rows to predictions, with its state a symbol."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.bundle import Bundle
from models.classes import RISK_WINDOW, map_classes, move, normal_classes, rank_risk, vote
from models.inputs import Inputs
from models.labels import Float32, reference
from models.metadata import Member, Metadata
from models.stepper import Stepper
from models.trees import walk
from schema.bars import Bars
from schema.features import FeatureRows
from schema.predictions import Predictions, Tier
from schema.ticks import Float64, Int32, Int64


def check_columns(metadata: Metadata, names: Sequence[str], fingerprints: Mapping[str, str]) -> Inputs:
    """Return what makes a model's inputs of rows with these columns.

    Raises ValueError, naming the columns, where they are not the ones it was trained on.
    """
    try:
        return Inputs(metadata.columns, names, fingerprints)
    except ValueError as error:
        raise ValueError(f"model {metadata.version} can't run here: {error}") from None


@dataclass(frozen=True, slots=True)
class Device:
    """Where nets run, and in which shapes."""

    name: str  # "cpu" or "cuda"
    buckets: tuple[int, ...]


class ServedModel:
    """A loaded version with the state of S symbols: recurrent states, and the last volatilities for the risk.

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
    ) -> None:
        metadata = bundle.metadata
        self._inputs = check_columns(metadata, names, fingerprints)
        self.bundle, self._threshold = bundle, threshold
        self._sigma = list(names).index(metadata.volatility)
        self._steppers = {
            name: Stepper(net, self._inputs.width, metadata.primary, device.name, device.buckets, n_symbols)
            for name, net in bundle.nets.items()
        }
        self._weights = np.array(list(bundle.weights.values()))
        self._ring = np.zeros((n_symbols, RISK_WINDOW))
        self._count = np.zeros(n_symbols, np.int64)
        self._tier = (Tier.CPU if device.name == "cpu" else Tier.GPU) if bundle.nets else Tier.TREES
        self._notes = tuple(f"member {name} is absent, the others' weights are renormalised" for name in bundle.absent)

    @property
    def version(self) -> str:
        """The version's name."""
        return self.bundle.metadata.version

    def grow(self, n_symbols: int) -> None:
        """Make room for more symbols."""
        for stepper in self._steppers.values():
            stepper.grow(n_symbols)
        more = n_symbols - len(self._count)
        self._ring = np.concatenate((self._ring, np.zeros((more, RISK_WINDOW))))
        self._count = np.concatenate((self._count, np.zeros(more, np.int64)))

    def predict(self, bars: Bars, rows: FeatureRows, which: Int64) -> Predictions:
        """Predict from the given rows that have all required columns, in order; the others leave no trace."""
        metadata = self.bundle.metadata
        which = which[self._inputs.eligible(rows.values, which)]
        x, symbol = self._inputs.make(rows.values, which), bars.symbol[which]
        means, log_variances = self._members(x, symbol)
        unit = np.maximum(rows.values[which, self._sigma], metadata.volatility_floor) * math.sqrt(metadata.primary)
        members = [metadata.members[name] for name in self.bundle.weights]
        p = np.stack([_classes(m, s, member) for m, s, member in zip(means, log_variances, members, strict=True)])
        voted = vote(means, log_variances, p, self._weights, unit, self._threshold)
        risk = np.empty(len(which), np.int8)
        rank_risk(bars.symbol, which, voted.volatility, self._ring, self._count, risk)
        price = reference(bars)[0][which]
        return Predictions(
            time=bars.time[which],
            symbol=symbol,
            timeframe=bars.timeframe[which],
            bar_sequence=bars.sequence[which],
            horizon=metadata.primary,
            current_price=price,
            predicted_price=move(price, voted.expected_return),
            expected_return=voted.expected_return,
            volatility=voted.volatility,
            p_down=voted.probabilities[:, 0],
            p_sideways=voted.probabilities[:, 1],
            p_up=voted.probabilities[:, 2],
            confidence=voted.confidence,
            direction=voted.direction,
            risk=risk,
            members=dict(zip(self.bundle.weights, p, strict=True)),
            model_version=self.version,
            fingerprint=metadata.fingerprint,
            tier=self._tier,
            row=which,
            notes=self._notes,
        )

    def _members(self, x: Float32, symbol: Int32) -> tuple[Float64, Float64]:
        """Return calibrated means and log variances (M, n) at the primary horizon, in the order of the weights."""
        shape = (len(self._weights), len(x))
        means, log_variances = np.empty(shape), np.empty(shape)
        for k, name in enumerate(self.bundle.weights):
            if name in self._steppers:
                heads = self._steppers[name].run(x, symbol)
                means[k], log_variances[k] = heads[:, 0], heads[:, 1]
            else:
                trees = self.bundle.trees[name]
                means[k], log_variances[k] = walk(trees.mean, x), walk(trees.log_variance, x)
            log_variances[k] += math.log(self.bundle.metadata.members[name].variance_scale)
        return means, log_variances

    def snapshot(self) -> dict[str, Any]:
        """Return the state a symbol: recurrent states (S, K) by member, volatilities (S, 250) and their number (S,)."""
        states = {name: stepper.snapshot() for name, stepper in self._steppers.items()}
        return {"states": states, "volatilities": self._ring, "predicted": self._count}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take over what `snapshot` gave."""
        for name, stepper in self._steppers.items():
            stepper.restore(snapshot["states"][name])
        self._ring = np.array(snapshot["volatilities"], np.float64)
        self._count = np.array(snapshot["predicted"], np.int64)


def _classes(mean: Float64, log_variance: Float64, member: Member) -> Float64:
    temperature, sideways, _ = member.class_map  # the third speaks of other horizons than the primary one
    return map_classes(normal_classes(mean, log_variance), temperature, sideways)  # type: ignore[no-any-return]
