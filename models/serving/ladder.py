"""The tiers of inference, best first, and what a model says when no member can: its last word, marked stale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from models.registry.bundle import Bundle
from schema.predictions import Tier
from schema.ticks import Bool, Float64, Int32

LADDER: Final = (Tier.GPU, Tier.CPU, Tier.TREES, Tier.STALE)
FIELDS: Final = ("expected_return", "volatility", "p_down", "p_sideways", "p_up", "confidence", "direction", "risk")


def rank(tier: str) -> int:
    """Return a tier's place on the ladder, 0 for the best."""
    return LADDER.index(Tier(tier))


def tiers_of(bundle: Bundle, device: str) -> tuple[Tier, ...]:
    """Return the tiers that a model has on a device ("cpu" or "cuda"), best first; the last is always STALE."""
    nets = (Tier.CPU,) if device == "cpu" else (Tier.GPU, Tier.CPU)
    return (*(nets if bundle.nets else ()), *((Tier.TREES,) if bundle.trees else ()), Tier.STALE)


def best_under(tiers: Sequence[Tier], cap: Tier) -> Tier:
    """Return the best of a model's tiers that isn't above `cap`."""
    return next(tier for tier in tiers if rank(tier) >= rank(cap))


class Words(NamedTuple):
    """What a model says of n rows, arrays of shape (n,), in the order of FIELDS."""

    expected_return: Float64
    volatility: Float64
    p_down: Float64
    p_sideways: Float64
    p_up: Float64
    confidence: Float64
    direction: np.ndarray
    risk: np.ndarray


class LastWords:
    """What a model last said of each of S symbols."""

    def __init__(self, n_symbols: int) -> None:
        """Begin with nothing said."""
        self._said = np.zeros((n_symbols, len(FIELDS)))
        self._known = np.zeros(n_symbols, np.bool_)

    def grow(self, n_symbols: int) -> None:
        """Make room for more symbols."""
        more = n_symbols - len(self._known)
        self._said = np.concatenate((self._said, np.zeros((more, len(FIELDS)))))
        self._known = np.concatenate((self._known, np.zeros(more, np.bool_)))

    def keep(self, symbol: Int32, words: Words) -> None:
        """Remember n rows; of a symbol's rows the last one stays."""
        self._said[symbol] = np.column_stack(words)
        self._known[symbol] = True

    def known(self, symbol: Int32) -> Bool:
        """Return of which rows' symbols something was said."""
        return self._known[symbol]

    def repeat(self, symbol: Int32) -> Words:
        """Say it again."""
        expected, volatility, down, sideways, up, confidence, direction, risk = self._said[symbol].T.copy()
        return Words(
            expected, volatility, down, sideways, up, confidence, direction.astype(np.int8), risk.astype(np.int8)
        )

    def snapshot(self) -> dict[str, Any]:
        """Return it all, symbols first (live: copy at once)."""
        return {"said": self._said, "known": self._known}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take over what `snapshot` gave."""
        self._said, self._known = np.array(snapshot["said"], np.float64), np.array(snapshot["known"], np.bool_)
