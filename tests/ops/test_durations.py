"""Durations, paces and times of the command line."""

from __future__ import annotations

import pytest

from ops.durations import parse_duration, parse_pace, parse_time


@pytest.mark.parametrize(
    ("text", "seconds"), [("60s", 60), ("500ms", 0.5), ("1h30m", 5400), ("2d", 172_800), ("1.5m", 90), ("7", 7)]
)
def test_durations_are_read_in_their_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds, rel=1e-15)


@pytest.mark.parametrize("text", ["", "s", "60x", "-1s", "1s2", "1 s", "inf", "nan"])
def test_what_is_no_duration_is_quoted(text: str) -> None:
    with pytest.raises(ValueError, match=f"duration {text!r} is not understood, expected something like 60s"):
        parse_duration(text)


def test_paces_are_multiples_of_the_recorded_one_and_max_is_none() -> None:
    assert (parse_pace("max"), parse_pace("1x"), parse_pace("50x"), parse_pace("0.5x")) == (0, 1, 50, 0.5)


@pytest.mark.parametrize("text", ["", "fast", "0x", "-1x", "50"])
def test_what_is_no_pace_is_quoted(text: str) -> None:
    with pytest.raises(ValueError, match=f"pace {text!r} is not understood, expected max, 1x or 50x"):
        parse_pace(text)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01", 0),
        ("2013-10-08", 1_381_190_400_000_000_000),
        ("2013-10-08T13:30:00", 1_381_239_000_000_000_000),
        ("2013-10-08T13:30:00Z", 1_381_239_000_000_000_000),
        ("2013-10-08T09:30:00-04:00", 1_381_239_000_000_000_000),
        ("2013-10-08T13:30:00.000001Z", 1_381_239_000_000_001_000),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(text: str, ns: int) -> None:
    assert parse_time(text) == ns


def test_what_is_no_time_is_quoted() -> None:
    with pytest.raises(ValueError, match="time 'yesterday' is not understood"):
        parse_time("yesterday")
