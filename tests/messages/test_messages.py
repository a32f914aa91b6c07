"""Messages: what is encoded is read again to the last bit, whatever the format, and nothing in a message raises."""

from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest

from dataflows.batch import Arrivals
from dataflows.messages.decode import Decoder
from dataflows.messages.encode import encode_columns, encode_event, encode_heartbeat, encode_singles
from dataflows.messages.formats import Format, headers_of
from dataflows.messages.names import LIMIT
from dataflows.messages.wire import ColumnsMessage
from dataflows.sources.synthetic import SyntheticMarket
from schema.events import Event, EventKind
from schema.ticks import HEARTBEAT, NO_SYMBOL, QUOTE, TRADE, UNKNOWN_KIND, Ticks, count, take, ticks_of

TIME = 1_381_190_400_000_000_000
PLACE = ("lane", "offset", "index")


def market(**options: float) -> Arrivals:
    """Five seconds of five symbols, broken ticks and heartbeats among them."""
    arrivals = SyntheticMarket(5, lanes=2, duration_s=5.0, faults=0.05, **options).next_batch()
    assert arrivals is not None
    return arrivals


def decoded(*values: bytes | None, form: Format | None = None) -> Arrivals:
    headers = None if form is None else headers_of(form)
    return Decoder().decode(values, [headers] * len(values), [0] * len(values), range(100, 100 + len(values)))


def named(arrivals: Arrivals) -> list[str]:
    return [arrivals.names[code] if code >= 0 else "" for code in arrivals.ticks.symbol]


def assert_same(found: Arrivals, sent: Arrivals, ignored: tuple[str, ...] = ()) -> None:
    assert named(found) == named(sent)
    for field, ours, theirs in zip(Ticks._fields, found.ticks, sent.ticks):
        if field not in (*PLACE, "symbol", *ignored):
            assert ours.dtype == theirs.dtype
            assert ours.flags.writeable
            assert ours.tobytes() == theirs.tobytes(), field


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("form", [Format.JSON, Format.MSGPACK])
def test_single_messages_come_back_to_the_last_bit(form: Format, told: bool) -> None:
    sent = market()
    values = encode_singles(sent.ticks, sent.names, form, sent.unknown_kinds)
    found = decoded(*values, form=form if told else None)
    assert_same(found, sent)
    assert found.unknown_kinds == sent.unknown_kinds
    assert found.ticks.offset.tolist() == list(range(100, 100 + len(values)))
    assert not found.ticks.index.any()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_columns_come_back_to_the_last_bit(size: int) -> None:
    sent = market()
    n = count(sent.ticks)
    values = [encode_columns(take(sent.ticks, slice(k, k + size)), sent.names) for k in range(0, n, size)]
    found = decoded(*values)
    assert_same(found, sent)
    assert (found.ticks.offset - 100).tolist() == [k // size for k in range(n)]
    assert found.ticks.index.tolist() == [k % size for k in range(n)]


def test_columns_without_a_value_are_not_sent() -> None:
    quotes = ticks_of(100, ts_event=TIME, symbol=0, kind=QUOTE, bid=1.0, bid_size=2.0, ask=3.0, ask_size=4.0)
    message = encode_columns(quotes, ["A", "never seen"])
    assert len(message) < 100 * (8 + 1 + 4 + 4 * 8) + 40
    assert msgspec.msgpack.decode(message)[1] == ["A"]


def test_formats_may_be_mixed_in_one_poll_and_keep_their_order() -> None:
    a, b, c = (ticks_of(2, ts_event=TIME + k, symbol=0, kind=TRADE, price=1.0 + k, size=1.0) for k in range(3))
    one = take(b, slice(0, 1))
    values = [
        encode_columns(a, ["A"]), b"rubbish", *encode_singles(one, ["B"]), encode_heartbeat(TIME),
        *encode_singles(one, ["A"], Format.MSGPACK), encode_columns(c, ["C"]),
    ]  # fmt: skip
    found = decoded(*values)
    assert named(found) == ["A", "A", "", "B", "", "A", "C", "C"]
    assert (found.ticks.offset - 100).tolist() == [0, 0, 1, 2, 3, 4, 5, 5]
    assert found.ticks.index.tolist() == [0, 1, 0, 0, 0, 0, 0, 1]
    assert list(found.malformed) == [2]
    assert found.ticks.kind[4] == HEARTBEAT


@pytest.mark.parametrize("form", list(Format))
def test_a_heartbeat_is_event_time_and_nothing_else(form: Format) -> None:
    found = decoded(encode_heartbeat(TIME, form), form=form)
    assert (found.ticks.kind[0], found.ticks.ts_event[0], found.ticks.symbol[0]) == (HEARTBEAT, TIME, NO_SYMBOL)


@pytest.mark.parametrize("form", [Format.JSON, Format.MSGPACK])
@pytest.mark.parametrize("kind", list(EventKind))
def test_events_come_back(kind: EventKind, form: Format) -> None:
    event = Event(TIME, kind, "IBM", details={"ratio": 7, "of": ["x", None]})
    found = decoded(b"rubbish", encode_event(event, form))
    assert found.events == (Event(TIME, kind, "IBM", 0, 101, event.details),)
    assert count(found.ticks) == 1


def single(**cells: object) -> bytes:
    whole = {"ts_event": TIME, "kind": "trade", "symbol": "A", "price": 1.0, "size": 1.0}
    return msgspec.json.encode({**whole, **cells})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"", "empty message"),
        (None, "without a value"),
        (b"\x00\x01", "begins with"),
        (b"{", "truncated"),
        (b"[]" * 3, "begins with"),
        (b'{"kind":"trade"}', "ts_event"),
        (single(price="abc"), "price"),
        (single(ts_event=1.5), "ts_event"),
        (single(ts_event=1 << 63), "ts_event"),
        (single(side=2), "side"),
        (single(conditions=-1), "conditions"),
        (b'{"ts_event":1,"kind":"trade","price":1e999}', "price"),
        (b'{"ts_event":1,"kind":"trade","symbol":"\\ud800"}', "message"),
        (b'{"ts_event":1,"kind":"trade","x":' + b"[" * 100_000, "recursion"),
        (b"\x81" * 100_000, "message"),
        (b"\x9f" * 100_000, "columns"),
        (single(kind="halt", ts_event=0), "ts_event=0"),
        (single(kind="halt", ts_event=8 * 10**18), "1970 and 2200"),
        (msgspec.msgpack.encode({"ts_event": TIME, "kind": "halt", "details": {"x": msgspec.msgpack.Ext(1, b"")}}),
         "details"),
        (b"x" * ((8 << 20) + 1), "source.max_message_bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_can_not_be_read_is_one_malformed_row(value: bytes | None, text: str) -> None:
    found = decoded(single(), value, single())
    assert found.ticks.offset.tolist() == [100, 101, 102]
    assert list(found.malformed) == [1]
    assert text in found.malformed[1]
    assert len(found.malformed[1]) < 700
    assert not found.events


def test_time_and_symbol_of_a_malformed_tick_are_kept() -> None:
    found = decoded(single(price="abc", symbol="IBM"))
    assert (named(found), found.ticks.ts_event.tolist()) == (["IBM"], [TIME])


def columns(**changed: object) -> bytes:
    n = 3
    whole = {
        "version": 1, "names": ["A"], "ts_event": np.full(n, TIME).tobytes(), "kind": bytes([TRADE] * n),
        "symbol": np.zeros(n, np.int32).tobytes(), "price": np.ones(n).tobytes(), "size": np.ones(n).tobytes(),
    }  # fmt: skip
    return msgspec.msgpack.encode(ColumnsMessage(**{**whole, **changed}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"version": 2}, "version 2"),
        ({"price": b"1234567"}, "price has 7 bytes, expected 24"),
        ({"ts_event": b""}, "ts_event has 0 bytes"),
        ({"kind": bytes(4)}, "expected 32 for 4"),
        ({"names": [1]}, "Expected `str`"),
    ],
)
def test_a_columnar_message_that_is_not_whole_is_one_malformed_row(changed: dict[str, object], text: str) -> None:
    found = decoded(columns(), columns(**changed), columns())
    assert found.ticks.offset.tolist() == [100] * 3 + [101] + [102] * 3
    assert list(found.malformed) == [3]
    assert text in found.malformed[3]


def test_one_bad_row_of_a_columnar_message_leaves_the_others() -> None:
    found = decoded(
        columns(symbol=np.array([0, 1, -2], np.int32).tobytes()), columns(side=np.array([1, 5, -1], np.int8).tobytes())
    )
    assert found.malformed == {1: "symbol outside of the message's names", 2: "symbol outside of the message's names",
                               4: "side=5"}  # fmt: skip
    assert found.ticks.side.tolist() == [0, 0, 0, 1, 0, -1]
    assert named(found) == ["A", "", "", "A", "A", "A"]


def test_fields_of_a_later_version_that_only_appends_are_ignored() -> None:
    appended = msgspec.msgpack.encode([*msgspec.msgpack.decode(encode_columns(market().ticks, market().names)), b"new"])
    assert_same(decoded(appended), market())
    assert not decoded(single(yet_unknown={"a": [1]})).malformed


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ([("undertone-version", b"2")], "version"),
        ([("undertone-format", b"avro")], "expected one of json, msgpack, columns"),
        ([("undertone-format", None)], "undertone-format"),
        ([("undertone-format", b"columns")], "columns message"),
    ],
)
def test_headers_that_do_not_fit(headers: list[tuple[str, bytes | None]], text: str) -> None:
    found = Decoder().decode([single()], [headers], [0], [0])
    assert text in found.malformed[0]


def test_other_headers_are_nobodys_business() -> None:
    found = Decoder().decode([single()], [[("trace", b"\xff"), *headers_of(Format.JSON)]], [0], [0])
    assert not found.malformed


def test_the_table_of_names_is_kept_and_bounded() -> None:
    decoder, sent = Decoder(), market()
    values = [encode_columns(sent.ticks, sent.names)]
    polls = [decoder.decode(values, [None], [0], [k]) for k in range(2)]
    assert polls[0].names is polls[1].names
    for k in range(40):
        flood = [single(symbol=f"{k}-{i}") for i in range(1000)]
        found = decoder.decode(flood, [None] * 1000, [0] * 1000, range(1000))
        assert named(found) == [f"{k}-{i}" for i in range(1000)]
    assert len(found.names) <= LIMIT + 1000


def test_random_bytes_never_raise() -> None:
    rng, decoder = random.Random(5), Decoder()
    good = [single(), encode_columns(market().ticks, market().names), encode_heartbeat(TIME, Format.MSGPACK)]
    for _ in range(3000):
        value = bytearray(rng.choice(good))
        for _ in range(rng.randint(1, 8)):
            value[rng.randrange(min(len(value), 200))] = rng.randrange(256)
        cut = bytes(value[: rng.randint(0, len(value))] if rng.random() < 0.3 else value)
        found = decoder.decode([cut], [headers_of(rng.choice(list(Format))) if rng.random() < 0.3 else None], [0], [0])
        assert count(found.ticks) + len(found.events) >= (1 if found.malformed else 0)
        assert (found.ticks.symbol < len(found.names)).all()


def test_an_unknown_kind_keeps_its_text() -> None:
    found = decoded(single(kind="imbalance"))
    assert found.ticks.kind.tolist() == [UNKNOWN_KIND]
    assert found.unknown_kinds == {0: "'imbalance'"}
