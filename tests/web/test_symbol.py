"""One symbol: charts, path, outcomes, votes, situations, features, explanations, as REST says them."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from models.explain.cache import Asked
from tests.web.conftest import CONNECTED, Service
from tests.web.market import HORIZON, PATH


@pytest.fixture
def symbol(page: Page, service: Service) -> Page:
    """SYN002, the market standing still."""
    service.market.step()
    page.goto(f"{service.url}/#/symbol/SYN002?timeframe=1s")
    expect(page.locator("#state")).to_have_text(CONNECTED)
    expect(page.get_by_role("img", name="candles")).to_be_visible()
    return page


def signed(bps: float) -> str:
    return f"{'−' if bps < 0 else '+'}{abs(bps):.2f}"


def test_the_headline_chart_and_path_are_those_of_rest(symbol: Page, service: Service) -> None:
    path = service.get("api/v1/path/SYN002", timeframe="1s")
    expect(symbol.get_by_role("heading", level=1)).to_have_text("SYN002")
    expect(symbol.locator(".headline .model dd")).to_have_text(f"{path['model_version']}, cpu")
    bps = 100 * next(step for step in path["steps"] if step["prediction_horizon"] == HORIZON)["expected_return"]
    expect(symbol.locator(".headline .expected dd")).to_have_text(f"{signed(bps)} bps in {HORIZON}")
    last = f"{service.get('bars/SYN002', timeframe='1s')['bars'][-1]['close']:.2f}"
    label = re.compile(rf"120 candles, last close {re.escape(last)}, predicted .* in {PATH} bars, between")
    expect(symbol.get_by_role("img", name="candles")).to_have_attribute("aria-label", label)
    symbol.get_by_text("Predicted path as a table").click()
    rows = symbol.get_by_role("table", name="Predicted path").get_by_role("row")
    expect(rows).to_have_count(PATH + 1)
    for k, step in enumerate(path["steps"], 1):
        expect(rows.nth(k)).to_contain_text(signed(100 * step["expected_return"]))


def test_past_predictions_are_counted_as_rest_judges_them(symbol: Page, service: Service) -> None:
    outcomes = service.get("api/v1/outcomes/SYN002", timeframe="1s", limit=120)["outcomes"]
    hits = sum(row["hit"] is True for row in outcomes)
    misses = sum(row["hit"] is False for row in outcomes)
    assert hits > 20 and misses > 20
    expect(symbol.locator(".hit")).to_contain_text(f"{hits} hits")
    expect(symbol.locator(".miss")).to_contain_text(f"{misses} misses")
    assert symbol.evaluate(
        "async ([hit, outcomes]) => (await import('/charts/series.js')).tally(outcomes).hits === hit", [hits, outcomes]
    )


def test_votes_situations_spectrum_and_features_are_shown(symbol: Page, service: Service) -> None:
    path = service.get("api/v1/path/SYN002", timeframe="1s")
    votes = symbol.get_by_role("table", name="Votes of the members")
    for name, (down, _, up) in path["members"].items():
        row = votes.get_by_role("row", name=name)
        expect(row).to_contain_text(f"{int(100 * down + 0.5)} %")
        expect(row).to_contain_text(f"{int(100 * up + 0.5)} %")
    expect(symbol.get_by_role("table", name="Similar situations").get_by_role("row")).to_have_count(11)
    expect(symbol.get_by_role("img", name="Spectrum of")).to_be_visible()
    expect(symbol.get_by_role("img", name="Spectrogram of")).to_be_visible()
    features = service.get("features/SYN002", timeframe="1s")
    symbol.get_by_role("searchbox", name="Filter features").fill("feature_07")
    value = features["values"][features["names"].index("feature_07")]
    expect(symbol.get_by_role("table", name="Feature row").get_by_role("row", name="feature_07")).to_contain_text(
        f"{value:.2f}"
    )


def test_an_explanation_is_waited_for_and_then_shown(symbol: Page, service: Service) -> None:
    symbol.get_by_role("button", name="Explain the newest prediction").click()
    expect(symbol.get_by_text("Being explained")).to_be_visible()
    (asked,) = service.explanations.waiting()
    parts = [{"feature": "feature_03", "value": 51.5, "contribution": 2e-4, "sign": "+"},
             {"feature": "rsi_14", "value": None, "contribution": -1e-4, "sign": "-"}]  # fmt: skip
    service.explanations.put(Asked(asked.prediction_id, asked.method), explanation(asked.prediction_id, parts))
    rows = symbol.get_by_role("table", name="Top features").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("feature_03")
    expect(rows.nth(1)).to_contain_text("▲ +2.00")
    expect(rows.nth(2)).to_contain_text("▼ −1.00")


def explanation(prediction_id: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    check = {"sum": 1e-4, "output": 1e-4, "difference": 0.0, "tolerance": 1e-9, "adds_up": True}
    return {
        "prediction_id": prediction_id, "symbol": "SYN002", "timeframe": "1s",
        "timestamp": "2026-01-01T00:00:01.000000000Z", "prediction_horizon": HORIZON, "model_version": "champion",
        "method": "auto", "expected_return": 1e-4, "base_value": 0.0, "contributions": parts, "check": check,
        "members": {}, "rows": 10, "source": "store", "notes": [],
    }  # fmt: skip


def test_an_unknown_symbol_is_told(page: Page, service: Service) -> None:
    page.goto(f"{service.url}/#/symbol/NOPE")
    expect(page.get_by_role("alert")).to_contain_text("There is no symbol NOPE")


def test_the_spectrogram_is_numpys(page: Page, service: Service) -> None:
    page.goto(service.url)
    returns = np.random.default_rng(3).normal(0, 1e-3, 200)
    found = page.evaluate(
        "async returns => (await import('/charts/dsp.js')).spectrogram(returns, 64, 2)", returns.tolist()
    )
    hann = 0.5 - 0.5 * np.cos(2 * math.pi * np.arange(64) / 64)
    windows = np.lib.stride_tricks.sliding_window_view(returns, 64)[::2]
    expected = np.abs(np.fft.rfft((windows - windows.mean(1, keepdims=True)) * hann))[:, 1:] ** 2
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-18)
