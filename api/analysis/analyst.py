"""The answer of `/analyze`: the newest streamed prediction, and what stored bars and features say around it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final, TypedDict

from api.analysis import indicators
from api.analysis.days import Days
from api.analysis.recent import Recent, RecentBars
from api.analysis.similar import Situations
from api.analysis.spectrum import shares_of
from api.reader import Reader
from api.store import Row
from models.direction import direction_of
from schema.predictions import Direction
from schema.times import parse_iso

Shares = tuple[float, float, float]
Numbers = dict[str, float | None]  # by symbol

_RSI: Final = "rsi_14"
_DIRECTIONS: Final = {int(direction): direction.name.lower() for direction in Direction}
_SAID: Final = (
    "symbol", "timeframe", "timestamp", "current_price", "predicted_price", "prediction_horizon", "confidence",
    "direction", "expected_return", "risk_level", "probabilities", "model_version", "tier", "sequence", "prediction_id",
)  # fmt: skip
_said: Final = itemgetter(*_SAID)
_NO_SHARES: Final = (None, None, None)


class Indicators(TypedDict):
    """The newest bars in numbers; None where history is too short."""

    rsi: float | None
    volatility_20d: float | None
    sma_ratio: float | None
    volume_trend: float | None


class Context(TypedDict):
    """The price against earlier ones (percent), and today's volume among those of earlier days (percentile)."""

    current_price: float | None
    price_change_1d: float | None
    price_change_7d: float | None
    volume_rank: float | None


class Surroundings(TypedDict):
    """What depends on a bar alone."""

    spectral_analysis: dict[str, float | None]
    technical_indicators: Indicators
    market_context: Context


class Analyst:
    """Analyses of the symbols of one store, each made once a bar."""

    def __init__(self, reader: Reader) -> None:
        """Read from `reader`."""
        self._reader, self._recent, self._days = reader, RecentBars(reader), Days(reader)
        self._situations = Situations(reader)
        self._rsi: tuple[tuple[str, int], dict[str, float | None]] = ("", 0), {}  # of one bar time, by symbol
        self._made: dict[tuple[str, str], tuple[tuple[int, int], Surroundings]] = {}

    def prepare(self, messages: Sequence[Row]) -> None:
        """Make the analyses of many predictions at once: what they need is read a bar time at a time."""
        for timeframe, timestamp in sorted({(said["timeframe"], said["timestamp"]) for said in messages}):
            self._recent.extend(timeframe, parse_iso(timestamp))
        self._surround([said for said in messages if self._known(said) is None])

    def knows(self, said: Row) -> bool:
        """Return whether `analysis` would answer from memory."""
        return self._known(said) is not None

    def known(self, said: Row) -> Row | None:
        """Return what `analysis` would from memory, None where it would ask the store."""
        around = self._known(said)
        return None if around is None else _analysis(said, around)

    def analysis(self, said: Row) -> Row:
        """Return all that doesn't depend on the request, of a prediction's message. Raises StoreAway."""
        return _analysis(said, self._known(said) or self._surround([said])[0])

    def similar(self, said: Row) -> Row:
        """Return the symbol's most similar past situations, and the spread of what followed them."""
        at, horizon = parse_iso(said["timestamp"]), said["prediction_horizon"]
        found, outcomes = self._situations.similar(said["symbol"], said["timeframe"], at, horizon)
        return {"similar_situations": found, "outcome_spread": outcomes}

    def _surround(self, messages: Sequence[Row]) -> list[Surroundings]:
        """Return it for many series: what is computed from their bars is computed at once."""
        keys = [_bar_of(said) for said in messages]
        bars = [self._recent.get(said["symbol"], said["timeframe"], key[0])
                for said, key in zip(messages, keys, strict=True)]  # fmt: skip
        closes = [recent.close for recent in bars]
        moments: dict[tuple[str, int], list[str]] = {}
        for said, key in zip(messages, keys, strict=True):
            moments.setdefault((said["timeframe"], key[0]), []).append(said["symbol"])
        rsi = {moment: self._rsi_at(*moment, symbols) for moment, symbols in moments.items()}
        found = zip(messages, keys, bars, shares_of(closes), indicators.sma_ratios(closes),
                    indicators.volume_trends([recent.volume for recent in bars]), strict=True)  # fmt: skip
        return [self._kept(said, key, recent, rsi[said["timeframe"], key[0]], *columns)
                for said, key, recent, *columns in found]  # fmt: skip

    def _kept(
        self, said: Row, key: tuple[int, int], bars: Recent, rsi: Numbers,
        shares: Shares | None, sma: float | None, trend: float | None,
    ) -> Surroundings:  # fmt: skip
        symbol, timeframe, at, price = said["symbol"], said["timeframe"], key[0], said["current_price"]
        days = self._days.around(symbol, timeframe, at)
        low, middle, high = shares or _NO_SHARES
        around: Surroundings = {
            "spectral_analysis": {"low_freq_trend": low, "mid_freq_cycle": middle, "high_freq_noise": high},
            "technical_indicators": {
                "rsi": rsi.get(symbol),
                "volatility_20d": days.volatility,
                "sma_ratio": sma,
                "volume_trend": trend,
            },
            "market_context": {
                "current_price": price,
                "price_change_1d": indicators.change(price, days.close_1d),
                "price_change_7d": indicators.change(price, days.close_7d),
                "volume_rank": days.volume_rank,
            },
        }
        if len(bars.time) and bars.time[-1] == at:  # a store may show a bar later than the bus its prediction
            self._made[symbol, timeframe] = key, around
        return around

    def _known(self, said: Row) -> Surroundings | None:
        made = self._made.get((said["symbol"], said["timeframe"]))
        return made[1] if made is not None and made[0] == _bar_of(said) else None

    def _rsi_at(self, timeframe: str, at: int, symbols: Sequence[str]) -> Numbers:
        moment, known = self._rsi
        if moment != (timeframe, at):
            known = {}
        missing = [symbol for symbol in symbols if symbol not in known]
        if missing:  # not asked for yet, not stored, or a little later than the bus told of the prediction
            known = {**known, **self._reader.features_at(_RSI, timeframe, at, missing)}
            self._rsi = (timeframe, at), known
        return known


_time_of: Final = lru_cache(1024)(parse_iso)  # rows of one batch share their times


def _bar_of(said: Row) -> tuple[int, int]:
    return _time_of(said["timestamp"]), said["bar_sequence"]


def _analysis(said: Row, around: Surroundings) -> Row:
    """Return a new analysis, with all that doesn't depend on the request."""
    analysis: Row = dict(zip(_SAID, _said(said), strict=True))
    analysis["as_of"] = said["timestamp"]
    analysis.update(around)
    analysis["similar_situations"] = analysis["outcome_spread"] = None
    return analysis


def asked(analysis: Row, *, spectral: bool, threshold: float) -> Row:
    """Make an analysis what a request wants: neutral below its threshold, without the spectrum where unwanted."""
    analysis["direction"] = direction(analysis, threshold)
    if not spectral:
        analysis["spectral_analysis"] = None
    return analysis


def direction(said: Row, threshold: float) -> str | None:
    """Return the class of a prediction's message at a caller's threshold; None where it has no probabilities."""
    p, confidence = said["probabilities"], said["confidence"]
    if confidence is None or None in p.values():
        return None
    return _DIRECTIONS[direction_of(p["down"], p["sideways"], p["up"], confidence, threshold)]
