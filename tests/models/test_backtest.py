"""The backtest against a plain loop over one symbol at a time, and the laws that no backtest may break."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from models.backtest.book import Book, directions, keep_book
from models.backtest.fills import Costs, Fills, fills_of
from models.backtest.ground import Ground, GroundBuilder, Quotes, flat_rows
from models.backtest.performance import best_of, drawdown, moments, performance, probability_above, sharpe
from models.data.dataset import Dataset
from models.evaluation.scoring import Forecast
from models.evaluation.trials import TrialLedger, Trials
from schema.bars import take_bars
from schema.ticks import QUOTE, TRADE, ticks_of
from schema.timeframes import SECOND
from tests.models.market import START, make_dataset, make_market

S, N, H = 3, 240, 4
MARKET = make_market(S, N)
DATASET = make_dataset(MARKET, H)
ROWS = np.arange(S * 40, S * 200)
COSTS = Costs(fee_bps=1.0, half_spread_bps=3.0, latency_ms=250.0)


def ground_of(seed: int = 3, quoted: tuple[int, ...] = (0, 1)) -> Ground:
    """Quotes at random times for some symbols; sessions of 100 bars."""
    random = np.random.default_rng(seed)
    parts = []
    for symbol in quoted:
        n = 500
        time = START + np.sort(random.integers(0, N * SECOND, n))
        mid = 100 * np.exp(np.cumsum(2e-4 * random.standard_normal(n)))
        half = mid * random.uniform(1e-5, 4e-4, n)
        parts.append(Quotes(np.full(n, symbol, np.int32), time, mid - half, mid + half))
    quotes = Quotes(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    opened = DATASET.price * np.exp(1e-5 * random.standard_normal(len(DATASET.time)))
    close = START + (1 + (DATASET.time - START - 1) // (100 * SECOND)) * 100 * SECOND
    return Ground(DATASET.time - SECOND, opened, np.ones(len(opened)), close, quotes)


GROUND = ground_of()
DIRECTION = np.random.default_rng(5).integers(-1, 2, len(ROWS)).astype(np.int8)


def kept(
    dataset: Dataset = DATASET, ground: Ground = GROUND, direction: Any = DIRECTION, costs: Costs = COSTS,
    rows: Any = ROWS,
) -> Book:  # fmt: skip
    return keep_book(dataset, rows, direction, H, fills_of(dataset, ground, costs), flat_rows(dataset, ground), costs)


def net(book: Book) -> Any:
    return book.gross - book.spread - book.fee


def plain(symbol: int) -> dict[int, tuple[float, float, float]]:
    """Trade one symbol order by order: row -> (position, gross, cost)."""
    series = [int(k) for k in np.flatnonzero(DATASET.symbol == symbol)]
    said = dict(zip(ROWS.tolist(), DIRECTION.tolist(), strict=True))
    orders = []  # row, when it is filled, at which bid and ask
    for place, row in enumerate(series):
        if symbol in (0, 1):
            mine = [k for k in range(len(GROUND.quotes.time)) if GROUND.quotes.symbol[k] == symbol
                    and GROUND.quotes.time[k] > DATASET.time[row] + 250_000_000]  # fmt: skip
            if mine:
                orders.append((row, mine[0], GROUND.quotes.bid[mine[0]], GROUND.quotes.ask[mine[0]]))
        elif place + 1 < len(series):
            opened = GROUND.open[series[place + 1]]
            orders.append((row, place, opened * (1 - 3e-4), opened * (1 + 3e-4)))
    out, held = {}, 0.0
    books: list[int] = []
    for k, (row, fill, bid, ask) in enumerate(orders):
        books = [*books, said.get(row, 0)][-H:]
        if DATASET.time[row] + SECOND >= GROUND.session_close[row]:
            books = []
        mid = (bid + ask) / 2
        if k + 1 < len(orders) and orders[k + 1][1] == fill:
            out[row] = (held, 0.0, 0.0)
            continue
        wanted = sum(books) / H
        bought = wanted - held
        cost = abs(bought) * ((ask - mid) / mid + 1e-4)
        held = wanted
        if k + 1 < len(orders):
            after = (orders[k + 1][2] + orders[k + 1][3]) / 2
        else:
            after = DATASET.price[series[-1]]
            cost += abs(held) * ((ask - mid) / mid + 1e-4)
        out[row] = (held, held * (after - mid) / mid, cost)
    return out


def test_every_row_is_what_a_plain_loop_trades() -> None:
    book = kept()
    for symbol in range(S):
        expected = plain(symbol)
        assert len(expected) > 200 and sum(position != 0 for position, _, _ in expected.values()) > 100
        for row in np.flatnonzero(DATASET.symbol == symbol).tolist():
            position, gross, cost = expected.get(row, (0.0, 0.0, 0.0))
            assert book.position[row] == pytest.approx(position, abs=1e-12), (symbol, row)
            assert book.gross[row] == pytest.approx(gross, abs=1e-12), (symbol, row)
            assert book.spread[row] + book.fee[row] == pytest.approx(cost, abs=1e-12), (symbol, row)


def test_a_zero_signal_earns_and_costs_nothing() -> None:
    book = kept(direction=np.zeros(len(ROWS), np.int8))
    assert not any(column.any() for column in book[:5])


def test_doubled_fees_never_help() -> None:
    once, twice = kept(), kept(costs=replace(COSTS, fee_bps=2.0))
    assert (net(twice) <= net(once)).all() and net(twice).sum() < net(once).sum()
    np.testing.assert_array_equal(once.gross, twice.gross)
    np.testing.assert_allclose(twice.fee, 2 * once.fee)


def test_the_other_way_round_earns_the_opposite_and_pays_the_same() -> None:
    ours, theirs = kept(), kept(direction=-DIRECTION)
    np.testing.assert_allclose(ours.gross, -theirs.gross, atol=1e-15)
    np.testing.assert_allclose(ours.spread + ours.fee, theirs.spread + theirs.fee)


def test_later_fills_never_use_earlier_quotes() -> None:
    before = fills_of(DATASET, GROUND, COSTS)
    quoted = before.quoted & np.isfinite(before.mid)
    assert (before.time[quoted] > DATASET.time[quoted] + 250_000_000).all()
    for latency in (251.0, 400.0, 5_000.0):
        later = fills_of(DATASET, GROUND, replace(COSTS, latency_ms=latency))
        here = later.quoted & np.isfinite(later.mid)
        assert (later.time[here] >= before.time[here]).all()


def test_nothing_is_known_before_its_time() -> None:
    """Quotes, bars and directions behind a moment don't change what was held and earned until then."""
    moment = START + 150 * SECOND
    book = kept()
    late = GROUND.quotes.time > moment
    quotes = GROUND.quotes._replace(
        bid=np.where(late, 50.0, GROUND.quotes.bid), ask=np.where(late, 51.0, GROUND.quotes.ask)
    )
    opened = np.where(GROUND.start > moment, 70.0, GROUND.open)
    price = np.where(DATASET.time > moment, 60.0, DATASET.price)
    direction = np.where(DATASET.time[ROWS] > moment, 1, DIRECTION).astype(np.int8)
    other = kept(replace(DATASET, price=price), replace(GROUND, quotes=quotes, open=opened), direction)
    settled = book.known <= moment
    assert settled.sum() > 300 and (book.gross[settled] != 0).sum() > 150
    for ours, theirs in zip(book, other, strict=True):
        np.testing.assert_array_equal(ours[settled], theirs[settled])
    assert (book.gross != other.gross).any()


def test_symbols_in_another_order_earn_the_same() -> None:
    """Other ids for the same symbols, and rows of a bar time in another order."""
    new = np.array([2, 0, 1], np.int32)
    rows = np.lexsort((new[DATASET.symbol], DATASET.time))
    names = ("time", "values", "eligible", "sigma", "price", "returns", "label_end", "past", "trade_price")
    parts = {name: getattr(DATASET, name)[rows] for name in names}
    dataset = replace(DATASET, symbol=new[DATASET.symbol[rows]], **parts)
    quotes = GROUND.quotes._replace(symbol=new[GROUND.quotes.symbol])
    order = np.argsort(quotes.symbol, kind="stable")
    ground = Ground(
        GROUND.start[rows], GROUND.open[rows], GROUND.basis[rows], GROUND.session_close[rows],
        Quotes(*(c[order] for c in quotes)),
    )  # fmt: skip
    given = np.zeros(len(rows), np.int8)
    given[ROWS] = DIRECTION
    book, other = kept(), kept(dataset, ground, given[rows][ROWS])
    for ours, theirs in zip(book, other, strict=True):
        np.testing.assert_array_equal(ours[rows], theirs)
    assert performance(book, DATASET, ROWS, 252)["net_total"] == pytest.approx(
        performance(other, dataset, ROWS, 252)["net_total"], rel=1e-12
    )


def test_no_position_is_held_over_a_sessions_end() -> None:
    book, flat = kept(), flat_rows(DATASET, GROUND)
    assert flat.sum() > 4 and not book.position[flat & (book.traded > 0)].any()


def test_the_ground_is_the_bars_and_the_valid_quotes() -> None:
    builder = GroundBuilder(0, 0.1)
    parts = [
        (take_bars(MARKET.bars, slice(0, 50)), MARKET.rows),
        (take_bars(MARKET.bars, slice(50, None)), MARKET.rows),
    ]
    assert list(builder.watch(iter(parts))) == parts
    bid = np.array([99.0, 100.0, 101.0, 99.0, 50.0, np.nan, 10.0])
    ask = np.array([100.0, 101.0, 100.0, 99.0, 99.0, np.nan, 10.1])  # good, good, crossed, locked, wide, trade, good
    kind = np.array([QUOTE] * 5 + [TRADE, QUOTE], np.uint8)
    builder.take(ticks_of(7, ts_event=np.arange(7), symbol=[1, 1, 1, 1, 1, 1, 0], kind=kind, bid=bid, ask=ask))
    ground = builder.finish()
    assert ground.quotes.time.tolist() == [6, 0, 1] and ground.quotes.symbol.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(ground.start, MARKET.bars.start)


def test_directions_are_those_that_are_served() -> None:
    p = np.array([[0.2, 0.3, 0.5], [0.5, 0.3, 0.2], [0.3, 0.4, 0.3], [0.4, 0.2, 0.4], [0.36, 0.24, 0.40]])
    assert directions(Forecast(probabilities=p), 0.5).tolist() == [1, -1, 0, 0, 1]
    assert directions(Forecast(probabilities=p), 0.7).tolist() == [1, -1, 0, 0, 0]
    assert directions(Forecast(np.array([0.1, -2.0, 0.0])), 0.9).tolist() == [1, -1, 0]


def trials(ratios: Any) -> Trials:
    return Trials(tuple(ratios), len(ratios))


def test_trials_are_counted_once_each_and_by_timeframe(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "registry")
    assert ledger.of("1d") == Trials((), 0)
    for key, timeframe, ratio in (("a", "1d", 0.1), ("b", "1d", 0.2), ("a", "1d", 0.3), ("c", "1m", 0.4)):
        ledger.add(key, timeframe, ratio)
    with (tmp_path / "registry" / "trials.jsonl").open("a") as file:
        file.write('{"key": "torn')
    assert ledger.of("1d") == Trials((0.3, 0.2), 2)
    assert ledger.of("1d", ["a_version", "b"]) == Trials((0.3, 0.2), 3)


def test_the_sharpe_ratio_is_deflated_as_the_paper_says() -> None:
    """The threshold is that of the paper's example: 100 trials of variance 1/2 a year, 1,250 days of 250 a year."""
    everyone = np.array([-1.0, 1.0] * 50)
    everyone *= np.sqrt(0.5 / 250 / np.var(everyone, ddof=1))
    assert best_of(trials(everyone), 1250) == pytest.approx(0.1132, abs=5e-5)
    daily = np.random.default_rng(1).standard_normal(400) * 0.01 + 0.001
    ratio, z = daily.mean() / daily.std(ddof=1), (daily - daily.mean()) / daily.std()
    error = np.sqrt((1 - np.mean(z**3) * ratio + (np.mean(z**4) - 1) / 4 * ratio**2) / 399)
    assert probability_above(moments(daily), 0.05) == pytest.approx(norm.cdf((ratio - 0.05) / error))
    few, many = sharpe(daily, 252, trials([ratio])), sharpe(daily, 252, trials([ratio, *[0.0] * 99]))
    assert few["deflated"] == few["probabilistic"] == pytest.approx(norm.cdf(ratio / error))
    assert many["deflated"] < few["deflated"] and many["trials"] == 100
    assert best_of(Trials((ratio,), 100), 400) == best_of(trials([ratio] * 100), 400)
    assert sharpe(daily[:19], 252)["sharpe"] == "insufficient: 19 days, 20 needed"


def test_the_best_of_many_without_skill_is_what_it_is_said_to_be() -> None:
    random, days = np.random.default_rng(2), 250
    best = [max(r.mean() / r.std() for r in random.standard_normal((30, days))) for _ in range(300)]
    assert np.mean(best) == pytest.approx(best_of(trials([0.0] * 30), days), rel=0.05)


def test_drawdown_is_the_deepest_fall() -> None:
    assert drawdown(np.array([0.1, -0.2, 0.05, -0.1, 0.5])) == pytest.approx(0.25)
    assert drawdown(np.array([-0.1, -0.2])) == pytest.approx(0.3)


def test_figures_are_sums_over_days_and_symbols() -> None:
    """Of a book of four rows, two days, two symbols: symbol 1 has no bar on the second day."""
    day = 86_400 * SECOND
    part = {name: getattr(DATASET, name)[:3] for name in ("values", "eligible", "sigma", "price", "returns",
            "label_end", "past", "trade_price")}  # fmt: skip
    dataset = replace(DATASET, time=np.array([1, 2, day + 1]), symbol=np.array([0, 1, 0], np.int32), **part)
    book = Book(np.array([1.0, -0.5, 1.0]), np.array([1.0, 0.5, 0.0]), np.array([0.01, 0.02, -0.01]),
                np.array([0.001, 0.0, 0.0]), np.array([0.0, 0.002, 0.0]), dataset.time)  # fmt: skip
    found = performance(book, dataset, np.arange(3), 252)
    assert found["days"] == 2 and found["net_interval"] == "insufficient: 2 days, 20 needed"
    assert found["gross_bps_a_day"] == pytest.approx(1e4 * (0.015 - 0.01) / 2)
    assert found["net_total"] == pytest.approx((0.009 + 0.018) / 2 - 0.01)
    assert found["drawdown"] == pytest.approx(0.01) and found["hit_rate"] == pytest.approx(2 / 3)


def test_fills_without_quotes_are_the_next_bars_open() -> None:
    fills: Fills = fills_of(DATASET, GROUND, COSTS)
    series = np.flatnonzero(DATASET.symbol == 2)
    np.testing.assert_array_equal(fills.mid[series[:-1]], GROUND.open[series[1:]])
    assert np.isnan(fills.mid[series[-1]]) and not fills.quoted[series].any()
