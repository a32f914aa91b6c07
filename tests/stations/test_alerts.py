"""The alerts station: what it tells is a function of rows and predictions in order, and what was planted is told."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dataflows.batch import Batch
from dataflows.stations.alerts import Alerts
from dataflows.watch.anomalies import SPAN
from models.drift.describing import describe
from models.drift.reference import SAID, Reference
from models.drift.term import Rule, said
from schema.alerts import Alert, AlertKind, AlertState
from schema.bars import BarFlag, Bars, take_bars, zero_bars
from schema.features import FeatureRows
from schema.timeframes import SECOND, parse_timeframes
from tests.models.test_outcomes import predicted

S, N = 4, 1500
START = 1_700_000_000 * SECOND // (60 * SECOND) * 60 * SECOND
TIMEFRAMES = parse_timeframes("1s,1m")
RULE = Rule(1.2, 2, 3)
RAISED, CLEARED, HAPPENED = AlertState.RAISED, AlertState.CLEARED, AlertState.HAPPENED
K = AlertKind


def market(seed: int = 5, n: int = N, symbols: int = S) -> Bars:
    """Minutes of calm trade: normal returns, log-normal volumes and spreads."""
    random = np.random.default_rng(seed)
    bars = zero_bars(n * symbols)
    bars.time[:] = START + 60 * SECOND * (1 + np.repeat(np.arange(n), symbols))
    bars.symbol[:], bars.timeframe[:] = np.tile(np.arange(symbols), n), 1
    moves = 1e-4 * random.standard_normal((n, symbols))
    bars.mid[:] = 60_000 * np.exp(np.cumsum(moves, axis=0)).ravel()
    bars.close[:], bars.volume[:] = bars.mid, random.lognormal(3.0, 0.7, n * symbols)
    half = bars.mid * 5e-5 * random.lognormal(0.0, 0.2, n * symbols)
    bars.bid[:], bars.ask[:] = bars.mid - half, bars.mid + half
    return bars


def at(bar: int, symbol: int) -> int:
    return bar * S + symbol


def planted() -> Bars:
    bars = market()
    bars.mid[at(600, 1) :: S] *= 1.004  # a jump of 40 deviations, there to stay
    bars.volume[at(700, 2)] *= 5_000
    bars.ask[at(800, 3)] += 0.05 * bars.mid[at(800, 3)]
    moves = np.diff(np.log(bars.mid.reshape(N, S)), axis=0)
    moves[1000:1100] *= 4.0
    bars.mid[S:] = (bars.mid[:S] * np.exp(np.cumsum(moves, axis=0))).ravel()
    half = (bars.ask - bars.bid) / 2
    bars.bid[:], bars.ask[:] = bars.mid - half, bars.mid + half
    return bars


BARS = planted()
VALUES = np.random.default_rng(8).standard_normal((N * S, 3))
VALUES[at(400, 0) : at(700, 0), 1] += 2.0
VALUES[at(850, 0) :, 1] += 2.0
HANDED_OVER = 950
SAYS = predicted(np.random.default_rng(9), BARS, 1)
NAMES = ("a", "b", "c")
CALM = np.random.default_rng(10).standard_normal((N * S, 3))
REFERENCE = Reference(
    describe(NAMES, CALM, np.arange(N * S), range(3), BARS.time),
    describe(SAID, said(SAYS), np.arange(len(SAYS.row)), range(len(SAID)), SAYS.time),
)


def station(**given: Any) -> Alerts:
    return Alerts(TIMEFRAMES, NAMES, lambda version: REFERENCE, rule=RULE, **given)


def batch_of(number: int, begin: int, end: int, bars: Bars = BARS) -> Batch:
    """Some rows with what is said of them: "old" speaks up to a bar, then "new"; of symbol 3 "old" isn't served."""
    batch = Batch(number, bars=take_bars(bars, slice(begin, end)), last=end == len(bars.time))
    batch.features = FeatureRows(VALUES[begin:end], np.zeros((end - begin, 3), np.uint8))
    here, first, aside = (begin <= SAYS.row) & (SAYS.row < end), SAYS.row < at(HANDED_OVER, 0), SAYS.row % S == 3
    parts = (
        (here & first & ~aside, "old", True, False), (here & ~first, "new", True, False),
        (here & first & aside, "old", False, False), (here & first & aside, "other", True, True),
    )  # fmt: skip
    for which, version, served, challenger in parts:
        part = replace(SAYS.part(which, served=served, challenger=challenger), model_version=version)
        part.row = part.row - begin
        (batch.predictions if served else batch.shadows).append(part)
    return batch


def run(size: int, resumes: bool = False, bars: Bars = BARS, **given: Any) -> list[Alert]:
    watching, alerts = station(**given), list[Alert]()
    for number, begin in enumerate(range(0, len(bars.time), size), 1):
        alerts += watching.step(batch_of(number, begin, min(begin + size, len(bars.time)), bars)).alerts
        if resumes:
            saved = copy.deepcopy(watching.snapshot())
            watching = station(**given)
            watching.restore(saved)
    return in_order(alerts)


def in_order(alerts: Sequence[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda alert: (alert.time, alert.kind, alert.symbol))


@pytest.fixture(scope="module")
def whole() -> list[Alert]:
    return run(N * S)


@pytest.mark.parametrize(
    ("size", "resumes"), [(S, False), (7, False), (7, True), (91 * S, True), (1000 * S + 1, False)]
)
def test_alerts_dont_depend_on_batches_or_on_a_resume(whole: list[Alert], size: int, resumes: bool) -> None:
    assert run(size, resumes) == whole


def test_no_two_alerts_share_a_key(whole: list[Alert]) -> None:
    assert len({(alert.time, alert.kind, alert.symbol, alert.timeframe) for alert in whole}) == len(whole)


def test_what_was_planted_is_told_once_and_nothing_else_is(whole: list[Alert]) -> None:
    market_wide = {K.REGIME_CHANGE, K.FEATURE_DRIFT, K.DRIFT_PERSISTS}
    single = [(a.kind, a.state, a.symbol, bar_of(a)) for a in whole if a.kind not in market_wide]
    ends = 10  # calm bars
    assert single == [
        (K.JUMP, RAISED, 1, 600), (K.RETURN_OUTLIER, RAISED, 1, 600),
        (K.JUMP, CLEARED, 1, 600 + ends), (K.RETURN_OUTLIER, CLEARED, 1, 600 + ends),
        (K.VOLUME_OUTLIER, RAISED, 2, 700), (K.VOLUME_OUTLIER, CLEARED, 2, 700 + ends),
        (K.SPREAD_OUTLIER, RAISED, 3, 800), (K.SPREAD_OUTLIER, CLEARED, 3, 800 + ends),
    ]  # fmt: skip
    jump = next(a for a in whole if a.kind == K.JUMP)
    assert jump.details["score"] > 20 and jump.details["log_return"] == pytest.approx(np.log(1.004), abs=5e-4)


def bar_of(alert: Alert) -> int:
    return (alert.time - START) // (60 * SECOND) - 1


def test_a_change_of_volatility_is_raised_and_cleared(whole: list[Alert]) -> None:
    raised, cleared, *later = (a for a in whole if a.kind == K.REGIME_CHANGE)
    assert {a.details["to"] for a in later} <= {"calm", "usual"}, "it is calm against the wild hour before"
    assert (raised.state, raised.details["to"], cleared.state) == (RAISED, "wild", CLEARED)
    assert 1000 + 10 <= bar_of(raised) < 1060 and 1100 < bar_of(cleared) < 1300


def test_drift_is_told_of_the_version_that_speaks(whole: list[Alert]) -> None:
    drift = [a for a in whole if a.kind in (K.FEATURE_DRIFT, K.PREDICTION_DRIFT)]
    told = [(a.kind, a.state, a.details["model_version"]) for a in drift]
    one, two = (K.FEATURE_DRIFT, RAISED, "old"), (K.FEATURE_DRIFT, CLEARED, "old")
    assert told == [one, two, one, two, (K.FEATURE_DRIFT, RAISED, "new")]
    assert drift[0].details["columns"][0]["name"] == "b" and drift[0].details["beyond"] == 1
    assert 400 < bar_of(drift[0]) < 520 and 700 < bar_of(drift[1]) < 820
    assert drift[3].details["why"] == "another version speaks" and bar_of(drift[3]) == HANDED_OVER
    persists = [a for a in whole if a.kind == K.DRIFT_PERSISTS]
    assert {a.state for a in persists} == {HAPPENED} and {a.details["of"] for a in persists} == {"features"}
    assert [a for a in persists if a.time < drift[1].time] and persists[-1].details["model_version"] == "new"


@pytest.mark.parametrize("size", [11, 50 * S, N * S])
def test_a_flood_is_held_back_and_counted(size: int) -> None:
    bars = market()
    bars.mid[at(600, 0) :] *= 1.01  # every symbol jumps
    alerts = [a for a in run(size, bars=bars, most=3) if a.kind not in (K.FEATURE_DRIFT, K.DRIFT_PERSISTS)]
    raised = [a for a in alerts if a.state == RAISED]
    assert [(a.kind, a.symbol) for a in raised] == [(K.JUMP, 0), (K.RETURN_OUTLIER, 0), (K.RETURN_OUTLIER, 1)]
    assert len([a for a in alerts if a.state == CLEARED]) == 3, "what wasn't told isn't cleared"
    (held,) = (a for a in alerts if a.kind == K.SUPPRESSED)
    assert held.details == {"alerts": 2 * S - 3} and held.time == raised[0].time + 60 * SECOND


@pytest.mark.parametrize("flag", [BarFlag.GAP, BarFlag.HALTED, BarFlag.SESSION_FIRST])
def test_a_return_over_a_break_is_no_jump(flag: BarFlag) -> None:
    bars = market()
    bars.mid[at(600, 1) :: S] *= 1.01
    bars.flags[at(600, 1)] = flag
    assert not [a for a in run(N * S, bars=bars) if a.kind in (K.JUMP, K.RETURN_OUTLIER)]


def test_nothing_is_judged_in_warm_up_and_prices_of_two_kinds_arent_compared() -> None:
    bars = market()
    bars.mid[at(int(SPAN) - 1, 1) :: S] *= 1.01
    bars.close[at(900, 2)] *= 1.02
    bars.mid[at(900, 2)] = np.nan
    assert not [a for a in run(N * S, bars=bars) if a.kind in (K.JUMP, K.RETURN_OUTLIER)]


def test_one_tick_among_returns_of_zero_is_no_anomaly() -> None:
    bars = market(n=3000, symbols=1)
    random = np.random.default_rng(4)
    ticks = np.where(random.random(3000) < 0.02, random.choice([-1.0, 1.0], 3000), 0.0)
    bars.mid[:] = 0.0001 * (100 + np.cumsum(ticks))
    watching = station()
    assert not [a for a in watching.step(Batch(1, bars=bars)).alerts if a.kind in (K.JUMP, K.RETURN_OUTLIER)]


def test_ordinary_markets_are_quiet() -> None:
    """Returns with tails of Student's t (5): 40 series of 1,500 bars."""
    n, symbols = 1500, 40
    bars, random = market(11, n, symbols), np.random.default_rng(12)
    bars.mid[:] = 0.0001 * np.exp(np.cumsum(1e-4 * random.standard_t(5, (n, symbols)), axis=0)).ravel()
    half = bars.mid * 5e-5 * random.lognormal(0.0, 0.3, n * symbols)
    bars.bid[:], bars.ask[:] = bars.mid - half, bars.mid + half
    raised = [a.kind for a in station().step(Batch(1, bars=bars)).alerts if a.state == RAISED]
    assert set(raised) <= {K.JUMP, K.RETURN_OUTLIER} and len(raised) <= 40, "at most one in 6,000 scores"


def test_switched_off_it_passes_batches_through_and_keeps_nothing() -> None:
    off = station(on=False)
    assert off.step(batch_of(1, 0, N * S)).alerts == [] and off.snapshot() == {}
    off.restore(station().snapshot())
    on = station()
    on.restore({})
    assert in_order(on.step(batch_of(1, 0, N * S)).alerts) == run(N * S)


def test_a_reference_that_cant_be_read_stops_nobody() -> None:
    def damaged(version: str) -> Reference:
        raise ValueError("drift.json can't be read")

    watching = Alerts(TIMEFRAMES, NAMES, damaged, rule=RULE)
    kinds = {a.kind for a in watching.step(batch_of(1, 0, N * S)).alerts}
    assert K.JUMP in kinds and K.FEATURE_DRIFT not in kinds
