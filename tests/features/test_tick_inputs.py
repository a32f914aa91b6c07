"""Laws of what tick kernels read: the aggressor of a trade, the quotes without a usable mid."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from features.tick_inputs import TickPreparer
from schema.ticks import QUOTE, TRADE, Ticks, concat, take, ticks_of

NAN = np.nan


def trade(price: float, side: int = 0, symbol: int = 0) -> Ticks:
    return ticks_of(1, kind=TRADE, symbol=symbol, price=price, size=100.0, side=side)


def quote(bid: float, ask: float, symbol: int = 0) -> Ticks:
    return ticks_of(1, kind=QUOTE, symbol=symbol, bid=bid, bid_size=1.0, ask=ask, ask_size=1.0)


def preparer(symbols: int = 4) -> TickPreparer:
    made = TickPreparer()
    made.grow(symbols)
    return made


def sides(*ticks: Ticks) -> list[int]:
    return preparer().prepare(concat(list(ticks))).side.tolist()


def usable(bid: float, ask: float) -> bool:
    inputs = preparer().prepare(quote(bid, ask))
    assert np.isnan(inputs.bid[0]) == np.isnan(inputs.ask[0])
    return not np.isnan(inputs.bid[0])


def market(n: int, seed: int, per_unit: float) -> Ticks:
    """Four symbols, mids a few ticks about 6,000,000, a third of the trades without a side, some odd quotes."""
    rng = np.random.default_rng(seed)
    mid, half = 6_000_000 + rng.integers(-6, 7, n), rng.integers(-1, 4, n)
    bid, ask, odd = (mid - half) / per_unit, (mid + half) / per_unit, rng.random(n)
    bid = np.where(odd < 0.05, NAN, np.where(odd < 0.1, bid / 2, bid))
    return ticks_of(
        n, ts_event=np.arange(n), symbol=rng.integers(0, 4, n), kind=rng.integers(0, 2, n), price=mid / per_unit,
        size=1.0, bid=bid, bid_size=1.0, ask=np.where(odd > 0.95, NAN, ask), ask_size=1.0,
        side=rng.integers(-1, 2, n),
    )  # fmt: skip


def naive_side(ticks: Ticks, k: int, per_unit: float) -> int:
    """Read the aggressor of trade k from the whole history, in integer ticks."""
    if ticks.side[k]:
        return int(ticks.side[k])
    before = np.flatnonzero(ticks.symbol[:k] == ticks.symbol[k])
    price, quotes = round(ticks.price[k] * per_unit), before[ticks.kind[before] == QUOTE]
    if len(quotes):
        bid, ask = ticks.bid[quotes[-1]], ticks.ask[quotes[-1]]
        if bid > 0 and ask > 0 and (ask - bid) / ((bid + ask) / 2) <= 0.1:
            above = 2 * price - round(bid * per_unit) - round(ask * per_unit)
            if above:
                return int(np.sign(above))
    paid = [round(p * per_unit) for p in ticks.price[before[ticks.kind[before] == TRADE]]] + [price]
    moves = [now - last for last, now in pairwise(paid) if now != last]
    return int(np.sign(moves[-1])) if moves else 0


def test_given_side_is_kept() -> None:
    assert sides(quote(99.0, 101.0), trade(101.0, side=-1), trade(99.0, side=1)) == [0, -1, 1]


def test_trade_above_the_mid_was_bought_and_below_it_sold() -> None:
    assert sides(quote(99.0, 101.0), trade(100.5), trade(99.5), trade(101.0), trade(99.0)) == [0, 1, -1, 1, -1]


def test_trade_at_the_mid_goes_by_the_tick_rule() -> None:
    assert sides(quote(99.0, 101.0), trade(100.0), trade(99.5), trade(100.0), trade(100.0)) == [0, 0, -1, 1, 1]


def test_without_a_quote_the_tick_rule_remembers_the_last_change() -> None:
    assert sides(trade(100.0), trade(100.0), trade(100.5), trade(100.5), trade(100.0)) == [0, 0, 1, 1, -1]


@pytest.mark.parametrize("unusable", [quote(NAN, 101.0), quote(99.0, NAN), quote(50.0, 101.0)])
def test_an_unusable_quote_leaves_no_quote_standing(unusable: Ticks) -> None:
    assert sides(quote(99.0, 101.0), trade(100.5), unusable, trade(100.4)) == [0, 1, 0, -1]


def test_quotes_of_another_symbol_do_not_count() -> None:
    assert sides(quote(99.0, 101.0, symbol=1), trade(100.5), trade(99.0, symbol=1)) == [0, 0, -1]


def test_quotes_with_a_mid_are_usable() -> None:
    assert usable(99.0, 101.0)
    assert usable(100.0, 100.0), "locked quotes are real"
    assert usable(100.01, 100.0), "crossed quotes are real"
    assert usable(95.0, 105.0), "0.1 of the mid is the bound"


def test_quotes_without_a_mid_are_not() -> None:
    for bid, ask in ((94.9, 105.0), (NAN, 101.0), (99.0, NAN), (0.0, 101.0)):
        assert not usable(bid, ask)


@pytest.mark.parametrize("per_unit", [1e2, 1e8, 1.0])
def test_side_equals_the_naive_one(per_unit: float) -> None:
    ticks = market(3_000, 1, per_unit)
    expected = [naive_side(ticks, k, per_unit) if ticks.kind[k] == TRADE else 0 for k in range(3_000)]
    assert preparer().prepare(ticks).side.tolist() == expected
    assert set(expected) == {-1, 0, 1}


def test_batches_snapshots_and_growth_do_not_matter() -> None:
    ticks = market(2_000, 2, 1e2)
    whole, rng, at, one = preparer().prepare(ticks), np.random.default_rng(3), 0, TickPreparer()
    while at < 2_000:
        end = at + int(rng.choice([0, 1, 7, 300]))
        part = take(ticks, slice(at, end))
        before, one = one.snapshot(), TickPreparer()
        one.restore(before)
        one.grow(1 + int(part.symbol.max(initial=0)))
        for name, column in one.prepare(part)._asdict().items():
            np.testing.assert_array_equal(column, getattr(whole, name)[at:end], err_msg=name)
        at = end


def test_a_symbol_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match=r"symbol 4, expected 0 \.\. 3; call grow"):
        preparer(4).prepare(trade(1.0, symbol=4))


def test_a_snapshot_of_other_arrays_is_refused() -> None:
    with pytest.raises(ValueError, match="tick inputs"):
        preparer().restore({"bid": np.zeros(4)})
