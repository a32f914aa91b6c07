"""What the routes answer over a filled store."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from api.answers import Answer
from api.answers.board import Board
from api.answers.health import Alive, Health
from api.answers.predictions import LatestPredictions, PredictionPage
from api.answers.series import BarList, FeatureCatalogue, FeatureRow, SeriesList
from dataflows.sinks.sqlite import SqliteStore
from dataflows.sinks.station import Sinks
from schema.messages import prediction_message
from tests.api.conftest import NOW, Get
from tests.sinks.batches import START, full_batch

pytestmark = [
    pytest.mark.usefixtures("station"),
    pytest.mark.parametrize("kind", ["sqlite", "questdb"], indirect=True),
]


def test_the_newest_prediction_of_each_symbol_is_what_the_bus_carries(get: Get, writer: SqliteStore) -> None:
    answer = get("/predictions/latest").json()
    newest = list(writer.query("SELECT * FROM predictions WHERE bar_sequence = 5 ORDER BY symbol"))
    ages = [item.pop("age_ms") for item in answer["predictions"]]
    assert answer == {"predictions": [prediction_message(row) for row in newest], "unknown": []}
    assert all(age > 0 for age in ages)


def test_numbers_are_in_their_units(get: Get) -> None:
    (item,) = get("/predictions/latest", symbols="AAPL", timeframe="1m").json()["predictions"]
    assert item["expected_log_return"] == 5e-4
    assert item["expected_return"] == pytest.approx(0.05001250208, rel=1e-9)  # percent
    assert item["timestamp"] == "2013-10-08T13:30:05.000000000Z"
    assert (item["direction"], item["risk_level"], item["probabilities"]["up"]) == ("bullish", "low", 0.5)


def test_undefined_is_null_never_nan(get: Get) -> None:
    (item,) = get("/predictions/latest", symbols="IBM").json()["predictions"]
    names = ("current_price", "expected_return", "expected_log_return", "volatility")
    assert [item[name] for name in names] == [None] * 4
    assert item["members"]["gru"] == [None, None, None]


def test_no_answer_holds_nan_or_infinity(get: Get) -> None:
    def refuse(text: str) -> Any:
        raise AssertionError(f"{text} in an answer")

    for url in ("/predictions/latest", "/predictions/IBM", "/features", "/features/MSFT", "/bars/IBM", "/symbols",
                "/health", "/board", "/openapi.json"):  # fmt: skip
        answer = get(url)
        assert answer.status_code == 200, (url, answer.text)
        json.loads(answer.text, parse_constant=refuse)


@pytest.mark.parametrize(
    ("url", "model"),
    [
        ("/predictions/latest", LatestPredictions), ("/predictions/IBM", PredictionPage),
        ("/bars/IBM", BarList), ("/features", FeatureCatalogue),
        ("/features/MSFT", FeatureRow), ("/symbols", SeriesList), ("/board", Board),
        ("/health", Health), ("/livez", Alive), ("/readyz", Alive),
    ],
)  # fmt: skip
def test_an_answer_has_the_shape_that_the_document_shows(get: Get, url: str, model: type[Answer]) -> None:
    model.model_validate_json(get(url).content)


def test_symbols_asked_for_that_have_no_prediction_are_named(get: Get) -> None:
    answer = get("/predictions/latest", symbols="IBM, XYZ").json()
    assert ([item["symbol"] for item in answer["predictions"]], answer["unknown"]) == (["IBM"], ["XYZ"])


def test_pages_hold_every_prediction_once_newest_first(get: Get) -> None:
    seen: list[int] = []
    before: dict[str, str] = {}
    while True:
        page = get("/predictions/MSFT", limit=2, **before).json()
        seen += [item["bar_sequence"] for item in page["predictions"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert seen == [5, 4, 3, 2, 1]


def test_start_is_in_and_end_is_out(get: Get) -> None:
    page = get("/predictions/MSFT", start="2013-10-08T13:30:02Z", end="2013-10-08T13:30:04.000000000Z").json()
    assert [item["bar_sequence"] for item in page["predictions"]] == [3, 2]


def test_a_new_prediction_is_seen_at_once(get: Get, station: Sinks, writer: SqliteStore) -> None:
    for number in (6, 7):
        station.step(full_batch(number))
        writer.flush()
        assert {item["bar_sequence"] for item in get("/predictions/latest").json()["predictions"]} == {number}


def test_the_champion_stands_before_a_challenger_of_the_same_bar(get: Get, station: Sinks, writer: SqliteStore) -> None:
    batch = full_batch(6)
    (champion,) = batch.predictions
    challenger = full_batch(6).predictions[0]
    champion.model_version, challenger.model_version = "z-champion", "a-challenger"
    batch.predictions = [champion, challenger]
    station.step(batch)
    writer.flush()
    assert {item["model_version"] for item in get("/predictions/latest").json()["predictions"]} == {"z-champion"}


def test_bars_come_oldest_first_and_only_the_newest(get: Get) -> None:
    answer = get("/bars/AAPL", limit=2).json()
    assert (answer["timeframe"], [bar["bar_sequence"] for bar in answer["bars"]]) == ("1m", [4, 5])
    assert answer["bars"][1]["time"] == "2013-10-08T13:30:05.000000000Z"


def test_a_feature_row_comes_with_names_validity_and_fingerprint(get: Get) -> None:
    row = get("/features/MSFT").json()
    assert (row["names"], row["values"], row["validity"]) == (["ema_8", "rsi_14"], [None, 4.0], [0, 1])
    assert row["fingerprint"] == get("/features").json()["fingerprint"] == "f" * 16


def test_symbols_tell_their_span_and_whether_predictions_are_fresh(get: Get) -> None:
    series = get("/symbols").json()["symbols"]
    assert [item["symbol"] for item in series] == ["AAPL", "IBM", "MSFT"]
    assert (series[0]["first"], series[0]["last"]) == (
        "2013-10-08T13:30:01.000000000Z", "2013-10-08T13:30:05.000000000Z",
    )  # fmt: skip
    assert not any(item["fresh"] for item in series)


def test_predictions_are_fresh_while_they_are_young(
    get: Get, station: Sinks, writer: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = START + 5 * 10**9
    for age, fresh in ((125, True), (126, False)):
        monkeypatch.setattr("api.routes.symbols.now", lambda age=age: last + age * 10**9)
        assert [item["fresh"] for item in get("/symbols").json()["symbols"]] == [fresh] * 3


def test_health_has_every_field_of_the_contract(get: Get) -> None:
    answer = get("/health").json()
    for name in ("status", "timestamp", "version", "model_loaded", "database_connected", "websocket_connections",
                 "uptime_seconds", "system_metrics"):  # fmt: skip
        assert answer[name] is not None, name
    assert set(answer["system_metrics"]) == {"cpu_percent", "memory_percent", "disk_percent"}
    assert answer["model_loaded"] and answer["database_connected"]
    assert (answer["status"], answer["dependencies"]["dataflow"]["state"]) == ("degraded", "silent")


def test_health_tells_a_lesser_tier(
    get: Get, station: Sinks, writer: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = NOW + 2 * 10**9
    monkeypatch.setattr("api.routes.health.now", lambda: later + 10**9)
    monkeypatch.setattr(station, "_clock", lambda: later)
    batch = full_batch(6)
    for made in batch.predictions:
        made.tier, made.full_tier = "trees", "gpu"
    station.step(batch)
    writer.flush()
    health = get("/health").json()
    assert (health["status"], health["dependencies"]["inference"]["state"]) == ("degraded", "degraded")
    assert "trees instead of gpu" in health["dependencies"]["inference"]["detail"]


def test_health_is_healthy_while_the_dataflow_reports(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.routes.health.now", lambda: NOW + 3 * 10**9)
    assert get("/health").json()["status"] == "healthy"


def test_health_tells_how_the_dataflows_sinks_are_doing(
    get: Get, writer: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.routes.health.now", lambda: NOW + 3 * 10**9)
    answer = get("/health").json()
    assert answer["dependencies"]["dataflow_bus"] == {"state": "up", "detail": "", "age_seconds": None}
    status = msgspec.json.decode(writer.get_meta("status") or "")
    status["bus"] |= {"name": "away", "detail": "redis://h: refused", "since": NOW / 1e9 - 7}
    writer.put_meta("status", msgspec.json.encode(status).decode())
    writer.commit(6)
    writer.flush()
    answer = get("/health").json()
    assert answer["status"] == "degraded"
    assert answer["dependencies"]["dataflow_bus"] == {
        "state": "away", "detail": "redis://h: refused", "age_seconds": pytest.approx(10)
    }  # fmt: skip


def test_the_board_shows_each_symbol_with_prices_and_the_run(get: Get) -> None:
    answer = get("/board", prices=3, limit=2).json()
    assert [(row["symbol"], row["prices"]) for row in answer["rows"]] == [("AAPL", [1.0] * 3), ("IBM", [1.0] * 3)]
    assert (answer["timeframe"], answer["timeframes"], answer["left_out"]) == ("1m", ["1m"], 1)
    assert answer["run"]["totals"]["predictions"] == 3  # of the first report: the clock stands still


def test_metrics_count_requests_by_route_not_by_path(get: Get) -> None:
    for symbol in ("AAPL", "IBM", "nobody"):
        get(f"/bars/{symbol}")
    text = get("/metrics").text
    assert 'undertone_api_requests_total{method="GET",route="/bars/{symbol:path}",status="200"} 2.0' in text
    assert 'undertone_api_requests_total{method="GET",route="/bars/{symbol:path}",status="404"} 1.0' in text
    assert "undertone_api_store_up 1.0" in text and "nobody" not in text


def test_probes_and_the_page_answer(get: Get) -> None:
    assert get("/livez").json() == {"status": "alive"}
    assert get("/readyz").json() == {"status": "ready"}
    page = get("/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
