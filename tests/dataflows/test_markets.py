from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dataflows.calendars import sessions_of_calendar
from dataflows.markets import market, markets, on_market
from ops.settings import Settings

# a session of each market and its hours by the market's own clock, from the exchanges' pages
HOURS = {
    "us": ("2013-10-07", "09:30", "16:00"), "wig80": ("2013-10-07", "09:00", "17:00"),
    "bse": ("2013-10-07", "09:15", "15:30"), "nse": ("2013-10-07", "09:15", "15:30"),
    "crypto": ("2013-10-06", "00:00", "00:00"),
}  # fmt: skip


def test_every_market_has_its_hours() -> None:
    assert set(markets()) == set(HOURS)


@pytest.mark.parametrize("name", HOURS)
def test_a_market_opens_and_closes_by_its_own_clock(name: str) -> None:
    found, (day, opens, closes) = market(name), HOURS[name]
    sessions = sessions_of_calendar(found.calendar)
    k = int(np.searchsorted(sessions.close, np.datetime64(day, "ns").astype(np.int64), side="right"))
    local = [pd.Timestamp(int(t), tz="UTC").tz_convert(found.zone) for t in (sessions.open[k], sessions.close[k])]
    assert [f"{time:%H:%M}" for time in local] == [opens, closes]
    assert f"{local[0]:%Y-%m-%d}" == day
    assert len(found.currency) in (3, 4)


def test_what_was_given_stands_before_the_markets_own() -> None:
    chosen = Settings.model_validate({"data": {"market": "crypto"}, "bars": {"calendar": "XNYS"}})
    settings = on_market(chosen)
    assert (settings.bars.calendar, tuple(settings.universe.symbols)) == ("XNYS", ("BTCUSDT", "ETHUSDT"))
    assert on_market(Settings.model_validate({"data": {"market": "wig80"}})).universe.symbols == "auto"
    assert on_market(Settings.model_validate({"data": {"market": "us"}})).bars.calendar == "XNYS"


def test_an_unknown_market_is_named() -> None:
    with pytest.raises(ValueError, match=r"data.market is 'mars', expected one of bse, crypto, nse, us, wig80"):
        market("mars")
