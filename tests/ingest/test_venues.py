"""The parsers against messages in the documented formats; the exchanges themselves can't be reached from here."""

from __future__ import annotations

import json
from random import Random

import pytest

from dataflows.ingest.venue import Complaint, Message, Pulse, Quote, Trade
from dataflows.ingest.venues import VENUES, venue_of
from dataflows.ingest.venues.binance import STREAMS_A_MESSAGE
from schema.times import parse_iso

# As the documentation shows them: binance-spot-api-docs/web-socket-streams, exchange/websocket-feed/channels.
BINANCE_TRADE = """{"stream":"bnbbtc@trade","data":{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001",
"q":"100","b":88,"a":50,"T":1672515782135,"m":true,"M":true}}"""
BINANCE_QUOTE = """{"stream":"bnbusdt@bookTicker","data":{"u":400900217,"s":"BNBUSDT","b":"25.35190000",
"B":"31.21000000","a":"25.36520000","A":"40.66000000"}}"""
COINBASE_MATCH = """{"type":"match","trade_id":10,"sequence":50,"maker_order_id":"ac928c66-ca53-498f-9c13-a110027a60e8",
"taker_order_id":"132fb6ae-456b-4654-b4e0-d681ac05cea1","time":"2014-11-07T08:19:27.028459Z","product_id":"BTC-USD",
"size":"5.23512","price":"400.23","side":"sell"}"""
COINBASE_TICKER = """{"type":"ticker","sequence":37475248783,"product_id":"ETH-USD","price":"1285.22",
"open_24h":"1310.79","volume_24h":"245532.79269678","low_24h":"1280.52","high_24h":"1313.8",
"volume_30d":"9788783.60117027","best_bid":"1285.04","best_bid_size":"0.46688654","best_ask":"1285.27",
"best_ask_size":"1.56637040","side":"buy","time":"2022-10-19T23:28:22.061769Z","trade_id":370843401,
"last_size":"11.4396987"}"""
COINBASE_HEARTBEAT = """{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD",
"time":"2014-11-07T08:19:28.464459Z"}"""


def parsed(venue: str, text: str) -> list[Message]:
    return list(venue_of(venue).parse(text.encode()))


def test_a_binance_trade() -> None:
    assert parsed("binance", BINANCE_TRADE) == [
        Trade("BNBBTC", 1672515782135 * 10**6, 12345, 0.001, 100.0, -1)  # the buyer made the market: a seller took it
    ]
    bought = BINANCE_TRADE.replace('"m":true', '"m":false').replace("1672515782135", "1672515782135789")
    assert parsed("binance", bought) == [Trade("BNBBTC", 1672515782135789 * 1000, 12345, 0.001, 100.0, 1)]


def test_a_binance_quote_has_no_time_of_its_own() -> None:
    assert parsed("binance", BINANCE_QUOTE) == [Quote("BNBUSDT", 0, 400900217, 25.3519, 31.21, 25.3652, 40.66)]


def test_a_coinbase_match_names_the_makers_side() -> None:
    time = parse_iso("2014-11-07T08:19:27.028459Z")
    assert parsed("coinbase", COINBASE_MATCH) == [Trade("BTC-USD", time, 10, 400.23, 5.23512, 1)]
    last = COINBASE_MATCH.replace('"match"', '"last_match"').replace('"sell"', '"buy"')
    assert parsed("coinbase", last) == [Trade("BTC-USD", time, 10, 400.23, 5.23512, -1)]


def test_a_coinbase_ticker_and_a_heartbeat() -> None:
    time = parse_iso("2022-10-19T23:28:22.061769Z")
    quote = Quote("ETH-USD", time, 37475248783, 1285.04, 0.46688654, 1285.27, 1.5663704)
    assert parsed("coinbase", COINBASE_TICKER) == [quote]
    assert parsed("coinbase", COINBASE_HEARTBEAT) == [Pulse(parse_iso("2014-11-07T08:19:28.464459Z"), "BTC-USD", 20)]


@pytest.mark.parametrize(
    ("venue", "text"),
    [
        ("binance", '{"result":null,"id":1}'),
        ("binance", '{"result":["btcusdt@aggTrade"],"id":3}'),
        ("binance", '{"stream":"btcusdt@kline_1m","data":{"e":"kline"}}'),
        ("coinbase", '{"type":"subscriptions","channels":[{"name":"level2","product_ids":["ETH-USD"]}]}'),
        ("coinbase", '{"type":"a type of tomorrow","x":1}'),
    ],
)
def test_what_says_nothing_of_the_market_is_empty(venue: str, text: str) -> None:
    assert parsed(venue, text) == []


@pytest.mark.parametrize(
    ("venue", "text", "says"),
    [
        ("binance", '{"code":2,"msg":"Invalid request: too many parameters"}', "too many parameters"),
        ("binance", '{"error":{"code":2,"msg":"Invalid request"},"id":1}', "Invalid request"),
        ("binance", '{"stream":"","data":{"e":"serverShutdown","E":1770123456789}}', "serverShutdown"),
        ("binance", '{"e":"serverShutdown","E":1770123456789}', "serverShutdown"),
        ("coinbase", '{"type":"error","message":"Failed to subscribe","reason":"XX-USD is not a valid product"}', "XX"),
    ],
)
def test_a_complaint_is_read(venue: str, text: str, says: str) -> None:
    (complaint,) = parsed(venue, text)
    assert isinstance(complaint, Complaint)
    assert says in complaint.text


NEITHERS = ["", "{", "null", "[]", "1", '"x"', "\x00", "[" * 100_000, "{}", '{"type":7,"stream":7}']
BAD = {
    "binance": [
        BINANCE_TRADE.replace('"0.001"', '"free"'), BINANCE_TRADE.replace("12345", "-1"),
        BINANCE_TRADE.replace("12345", "99999999999999999999"), BINANCE_TRADE.replace("1672515782135", "0"),
        BINANCE_TRADE.replace("1672515782135", "7258118400000000"), BINANCE_QUOTE.replace('"u"', '"v"'),
    ],
    "coinbase": [
        COINBASE_MATCH.replace("08:19:27.028459Z", "25:61"), COINBASE_MATCH.replace("2014", "9999"),
        COINBASE_MATCH.replace('"400.23"', "null"), COINBASE_TICKER.replace("best_bid_size", "size_of_best_bid"),
        COINBASE_HEARTBEAT.replace("20,", '"20",'),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("venue", "text"), [(venue, text) for venue in VENUES for text in [*NEITHERS, *BAD[venue]]])
def test_what_can_not_be_read_is_refused_as_one_kind_of_error(venue: str, text: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        parsed(venue, text)


VALID = {"binance": [BINANCE_TRADE, BINANCE_QUOTE], "coinbase": [COINBASE_MATCH, COINBASE_TICKER, COINBASE_HEARTBEAT]}


@pytest.mark.parametrize("venue", VENUES)
def test_altered_bytes_raise_nothing_else(venue: str) -> None:
    dice, read = Random(9), 0
    for _ in range(20_000):
        raw = bytearray(dice.choice(VALID[venue]).encode())
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(raw))
            raw[at : at + dice.randint(0, 2)] = bytes(dice.choice(b'0129-+:.,"{}[]eETZtfn\\ \xff') for _ in range(2))
        try:
            read += len(venue_of(venue).parse(bytes(raw)))
        except (ValueError, RecursionError):
            continue
    assert read > 100


def test_subscriptions_ask_for_what_the_documentation_names() -> None:
    (request,) = map(json.loads, venue_of("binance").subscriptions(["BTCUSDT", "ETHUSDT"]))
    streams = ["btcusdt@trade", "btcusdt@bookTicker", "ethusdt@trade", "ethusdt@bookTicker"]
    assert request == {"method": "SUBSCRIBE", "params": streams, "id": 1}
    (request,) = map(json.loads, venue_of("coinbase").subscriptions(["BTC-USD"]))
    assert request == {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["matches", "ticker", "heartbeat"]}


def test_many_streams_are_asked_for_in_at_most_five_messages_a_second() -> None:
    binance = venue_of("binance")
    requests = [json.loads(text) for text in binance.subscriptions([f"S{k}" for k in range(binance.most_symbols)])]
    assert len(requests) <= 4
    assert sum(len(request["params"]) for request in requests) == 1024  # the most of one connection
    assert max(len(request["params"]) for request in requests) <= STREAMS_A_MESSAGE
