"""Analyses over thirty days of hourly bars, against formulas written out here."""

from __future__ import annotations

import itertools
import math
import statistics
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from fastapi import FastAPI

from api.answers.analysis import Analysis
from api.answers.series import SpectrumAnswer
from dataflows.sinks.sqlite import SqliteStore
from tests.api.conftest import Get
from tests.api.history import DAY, HOURS, PATH, History, fill

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "questdb"], indirect=True)


@pytest.fixture
def history(writer: SqliteStore) -> History:
    return fill(writer)


@pytest.fixture
def analyze(get: Get, history: History) -> Any:
    def ask(url: str = "/analyze", **body: Any) -> httpx.Response:
        return get(url, "POST", json={"timeframe": "1h", **body})

    return ask


def test_the_answer_is_the_newest_prediction_and_its_surroundings(analyze: Any, get: Get) -> None:
    answer = analyze(symbol="AAPL").json()
    msgspec.convert(answer, dict)
    Analysis.model_validate(answer)
    (newest,) = get("/predictions/latest", symbols="AAPL").json()["predictions"]
    for name in ("prediction_id", "current_price", "predicted_price", "expected_return", "risk_level", "sequence",
                 "confidence", "direction", "model_version", "timestamp", "probabilities"):  # fmt: skip
        assert answer[name] == newest[name], name
    assert answer["age_ms"] > 0 and answer["processing_time_ms"] > 0


def test_indicators_are_what_their_definitions_say(analyze: Any, history: History) -> None:
    said = analyze(symbol="AAPL").json()["technical_indicators"]
    closes = history.close.tolist()
    daily = closes[HOURS - 1 :: HOURS][:-1]  # the day of the prediction hasn't ended
    returns = [math.log(b / a) for a, b in itertools.pairwise(daily)][-20:]
    assert said["volatility_20d"] == pytest.approx(statistics.stdev(returns), rel=1e-12)
    assert said["sma_ratio"] == pytest.approx(closes[-1] / statistics.fmean(closes[-20:]), rel=1e-12)
    volumes = history.volume.tolist()
    trend = math.log(statistics.fmean(volumes[-5:]) / statistics.fmean(volumes[-20:]))
    assert said["volume_trend"] == pytest.approx(trend, rel=1e-12)
    assert said["rsi"] == 50.0 + (len(closes) - 1) / 100  # the stored column rsi_14 of the same bar


def test_context_compares_with_a_day_and_a_week_ago(analyze: Any, history: History) -> None:
    answer = analyze(symbol="AAPL").json()
    said, price = answer["market_context"], answer["current_price"]
    for days, name in ((1, "price_change_1d"), (7, "price_change_7d")):
        before = history.close[history.time <= history.time[-1] - days * DAY][-1]
        assert said[name] == pytest.approx(100 * (price / before - 1), rel=1e-9)
    by_day = history.volume.reshape(-1, HOURS).sum(axis=1)  # the newest bar ends its day: whole days are compared
    last, today = by_day[-21:-1], by_day[-1]
    assert said["volume_rank"] == pytest.approx(100 * (np.sum(last < today) + 0.5 * np.sum(last == today)) / 20)


def test_shares_of_the_spectrum_add_up_to_one(analyze: Any, get: Get, history: History) -> None:
    said = analyze(symbol="AAPL").json()["spectral_analysis"]
    assert sum(said.values()) == pytest.approx(1.0, rel=1e-12)
    whole = get("/spectrum/AAPL", timeframe="1h", days=len(history.time) - 1).json()
    SpectrumAnswer.model_validate(whole)
    returns = np.diff(np.log(history.close))
    assert whole["total_power"] == pytest.approx(np.sum((returns - returns.mean()) ** 2), rel=1e-9)  # Parseval
    assert sum(band["power"] for band in whole["frequency_bands"].values()) == pytest.approx(whole["total_power"])
    low = whole["frequency_bands"]["low_frequency"]["power"] / whole["total_power"]
    assert said["low_freq_trend"] == pytest.approx(low)


def test_what_history_is_too_short_for_is_null(analyze: Any, get: Get) -> None:
    answer = analyze(symbol="NEW").json()
    assert answer["technical_indicators"] == {
        "rsi": answer["technical_indicators"]["rsi"], "volatility_20d": None, "sma_ratio": None, "volume_trend": None,
    }  # fmt: skip
    assert answer["spectral_analysis"] == {"low_freq_trend": None, "mid_freq_cycle": None, "high_freq_noise": None}
    assert answer["market_context"]["price_change_7d"] is None and answer["market_context"]["volume_rank"] is None
    assert get("/spectrum/NEW").status_code == 404


def test_a_threshold_makes_it_neutral(analyze: Any) -> None:
    directions = [analyze(symbol="AAPL", confidence_threshold=t).json()["direction"] for t in (0.0, 0.5, 0.51)]
    assert directions == ["bullish", "bullish", "neutral"]  # its confidence is 0.5
    assert analyze(symbol="AAPL", include_spectral=False).json()["spectral_analysis"] is None


def test_one_unknown_symbol_does_not_fail_the_rest(analyze: Any) -> None:
    results = analyze("/batch_analyze", symbols=["MSFT", "??", "AAPL"]).json()["results"]
    assert [result["symbol"] for result in results] == ["MSFT", "??", "AAPL"]
    assert [result["error"] and result["error"]["status"] for result in results] == [None, 404, None]
    assert results[2]["result"]["prediction_id"] == analyze(symbol="AAPL").json()["prediction_id"]


def test_any_horizon_is_answered_from_the_same_prediction(analyze: Any) -> None:
    one, three = (analyze(symbol="AAPL", prediction_horizon=h).json() for h in (1, 3))
    assert (three["prediction_horizon"], three["direction"]) == (3, "bearish")
    assert three["probabilities"] == {"down": 0.625, "sideways": 0.25, "up": 0.125}
    assert three["confidence"] == 0.625 / 0.75
    assert three["expected_return"] == pytest.approx(100 * math.expm1(PATH[2, 0]), rel=1e-12)
    assert three["predicted_price"] == pytest.approx(three["current_price"] * math.exp(PATH[2, 0]), rel=1e-12)
    assert {k: v for k, v in one.items() if k in ("timestamp", "current_price", "technical_indicators")} == {
        k: v for k, v in three.items() if k in ("timestamp", "current_price", "technical_indicators")
    }
    beyond = analyze(symbol="AAPL", prediction_horizon=4)
    assert beyond.status_code == 404 and "store.paths_from_s" in beyond.json()["detail"]


def test_what_isnt_there_is_a_404_that_says_what_is(analyze: Any) -> None:
    assert analyze(symbol="??").status_code == 404
    answer = analyze(symbol="AAPL", timeframe="5m")
    assert answer.status_code == 404
    assert "['1h']" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"symbol": ""},
        {"symbol": "AAPL", "prediction_horizon": 0},
        {"symbol": "AAPL", "prediction_horizon": 31},
        {"symbol": "AAPL", "confidence_threshold": 1.5},
        {"symbol": "AAPL", "timeframe": "fortnight"},
        {"symbol": "AAPL", "window": 3},
        {"symbol": ["AAPL"]},
    ],
)
def test_what_a_validator_rejects_is_a_400(analyze: Any, body: dict[str, Any]) -> None:
    answer = analyze(**body)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_51_symbols_and_nan_are_400(analyze: Any, app: FastAPI, get: Get) -> None:
    assert analyze("/batch_analyze", symbols=["A"] * 51).status_code == 400
    nan = get("/analyze", "POST", content=b'{"symbol": "AAPL", "timeframe": "1h", "confidence_threshold": NaN}',
              headers={"content-type": "application/json"})  # fmt: skip
    assert nan.status_code == 400


def test_a_signal_is_the_prediction_in_one_word(analyze: Any, get: Get) -> None:
    signal = analyze("/api/ai/predict", symbol="AAPL").json()
    (newest,) = get("/predictions/latest", symbols="AAPL").json()["predictions"]
    assert signal["signal"] == "BUY"
    assert signal["details"] == {f"{name}_probs": votes for name, votes in newest["members"].items()}
    assert get("/api/ai/predict", "POST", json={"symbol": "AAPL"}).json() == signal
    batch = analyze("/api/ai/predict-batch", symbols=["MSFT", "??"]).json()["results"]
    assert batch[0]["result"]["signal"] == "SELL" and batch[1]["error"]["status"] == 404
