"""The answer of `/analyze`: the newest streamed prediction, and what stored bars and features say around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from api.analysis import indicators
from api.analysis.days import Days
from api.analysis.recent import Recent, RecentBars
from api.analysis.similar import Situations
from api.analysis.spectrum import shares, spectrum
from api.reader import Reader
from schema.timeframes import SECOND
from schema.times import parse_iso

Row = dict[str, Any]

_DAY: Final = 86_400 * SECOND
_RSI: Final = "rsi_14"


class Analyst:
    """Analyses of the symbols of one store, each made once a bar."""

    def __init__(self, reader: Reader) -> None:
        """Read from `reader`."""
        self._reader, self._recent, self._days = reader, RecentBars(reader), Days(reader)
        self._situations = Situations(reader)
        self._rsi: tuple[tuple[str, int], dict[str, float | None]] = ("", 0), {}  # of one bar time, by symbol
        self._made: dict[tuple[str, str], tuple[tuple[int, int], Row]] = {}

    def prepare(self, messages: Sequence[Row]) -> None:
        """Make the analyses of many predictions at once: what they need is read a bar time at a time."""
        for timeframe, timestamp in sorted({(said["timeframe"], said["timestamp"]) for said in messages}):
            self._recent.extend(timeframe, parse_iso(timestamp))
        for said in messages:
            self._around(said)

    def knows(self, said: Row) -> bool:
        """Return whether `analysis` would answer from memory."""
        return self._known(said) is not None

    def analysis(self, said: Row) -> Row:
        """Return all that doesn't depend on the request, of a prediction's message. Raises StoreAway."""
        kept = (
            "symbol", "timeframe", "timestamp", "current_price", "predicted_price", "prediction_horizon", "confidence",
            "direction", "expected_return", "risk_level", "probabilities", "model_version", "tier", "sequence",
            "prediction_id",
        )  # fmt: skip
        unasked = {"similar_situations": None, "outcome_spread": None}
        return {**{name: said[name] for name in kept}, "as_of": said["timestamp"], **self._around(said), **unasked}

    def similar(self, said: Row) -> Row:
        """Return the symbol's most similar past situations, and the spread of what followed them."""
        at, horizon = parse_iso(said["timestamp"]), said["prediction_horizon"]
        found, outcomes = self._situations.similar(said["symbol"], said["timeframe"], at, horizon)
        return {"similar_situations": found, "outcome_spread": outcomes}

    def _around(self, said: Row) -> Row:
        """Return what depends on the bar alone, once a bar."""
        if (known := self._known(said)) is not None:
            return known
        symbol, timeframe, key = said["symbol"], said["timeframe"], _bar_of(said)
        at = key[0]
        bars = self._recent.get(symbol, timeframe, at)
        around = {
            "spectral_analysis": _spectral(bars),
            "technical_indicators": self._technical(symbol, timeframe, at, bars),
            "market_context": self._context(symbol, timeframe, at, said["current_price"]),
        }
        if len(bars.time) and bars.time[-1] == at:  # a store may show a bar later than the bus its prediction
            self._made[symbol, timeframe] = key, around
        return around

    def _known(self, said: Row) -> Row | None:
        made = self._made.get((said["symbol"], said["timeframe"]))
        return made[1] if made is not None and made[0] == _bar_of(said) else None

    def _technical(self, symbol: str, timeframe: str, at: int, bars: Recent) -> Row:
        closes = [close for _, close in self._days.closes(symbol, self._daily(symbol, timeframe), at)]
        return {
            "rsi": self._rsi_of(symbol, timeframe, at),
            "volatility_20d": indicators.volatility(closes),
            "sma_ratio": indicators.sma_ratio(bars.close),
            "volume_trend": indicators.volume_trend(bars.volume),
        }

    def _rsi_of(self, symbol: str, timeframe: str, at: int) -> float | None:
        bar_time, known = self._rsi
        if bar_time != (timeframe, at):
            known = self._reader.features_at(_RSI, timeframe, at)
            if known:  # not stored, or a little later than the bus told of the prediction
                self._rsi = (timeframe, at), known
        return known.get(symbol)

    def _context(self, symbol: str, timeframe: str, at: int, price: float | None) -> Row:
        before = {days: self._days.close_before(symbol, timeframe, at - days * _DAY) for days in (1, 7)}
        today, sessions = self._days.volumes(symbol, timeframe, at)
        return {
            "current_price": price,
            "price_change_1d": indicators.change(price, before[1]),
            "price_change_7d": indicators.change(price, before[7]),
            "volume_rank": indicators.rank(today, sessions),
        }

    def _daily(self, symbol: str, timeframe: str) -> str:
        """Return the timeframe whose closes are the days': bars of one day where there are any."""
        return "1d" if (symbol, "1d") in self._reader.series("bars") else timeframe


def _bar_of(said: Row) -> tuple[int, int]:
    return parse_iso(said["timestamp"]), said["bar_sequence"]


def _spectral(bars: Recent) -> Row:
    found = spectrum(bars.close)
    names = ("low_freq_trend", "mid_freq_cycle", "high_freq_noise")
    return dict(zip(names, shares(found) if found is not None else (None, None, None), strict=True))


def asked(analysis: Row, *, spectral: bool, threshold: float) -> Row:
    """Return the analysis as a request wants it: neutral below its threshold, without the spectrum where unwanted."""
    spectrum_or_not = {} if spectral else {"spectral_analysis": None}
    return {**analysis, "direction": direction(analysis, threshold), **spectrum_or_not}


def direction(said: Row, threshold: float) -> str | None:
    """Return the class of a prediction's message at a caller's threshold; None where it has no probabilities."""
    p, confidence = said["probabilities"], said["confidence"]
    if confidence is None or None in p.values():
        return None
    if p["sideways"] >= max(p["up"], p["down"]) or confidence < threshold or p["up"] == p["down"]:
        return "neutral"
    return "bullish" if p["up"] > p["down"] else "bearish"
