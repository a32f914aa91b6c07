"""The certificate: the same rows give the same hashes however they are cut, and any other bit gives others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataflows.batch import Batch
from dataflows.certificate import Certificate, Certifier, first_difference
from dataflows.universe import Universe
from features.sessions import DAY
from schema.bars import Bars, empty_bars, take_bars
from schema.features import FeatureRows


def bars_of(n: int) -> Bars:
    rng = np.random.default_rng(1)
    bars = empty_bars(n)
    for field in Bars._fields:
        column = getattr(bars, field)
        column[:] = rng.normal(size=n) if column.dtype.kind == "f" else rng.integers(0, 3, n)
    return bars._replace(time=15_986 * DAY + np.sort(rng.integers(1, 3 * DAY, n)), symbol=bars.symbol % 2)


BARS = bars_of(200)
VALUES = np.random.default_rng(2).normal(size=(200, 5))
WHY = np.zeros((200, 5), np.uint8)


def certified(cuts: list[int], values: np.ndarray = VALUES, bars: Bars = BARS, reload_at: int = -1) -> Certificate:
    certifier = Certifier(Universe(["A", "B"]), ["1s", "1m", "5m"], "f", 1)
    for number, (first, last) in enumerate(zip([0, *cuts], [*cuts, 200])):
        if number == reload_at:
            state = certifier.snapshot()
            certifier = Certifier(Universe(["A", "B"]), ["1s", "1m", "5m"], "f", 1)
            certifier.restore(state)
        rows = slice(first, last)
        certifier.step(Batch(1, bars=take_bars(bars, rows), features=FeatureRows(values[rows], WHY[rows])))
    return certifier.certificate()


def test_cuts_and_restores_give_the_same_certificate() -> None:
    whole = certified([])
    assert whole.digest == certified([1, 2, 77, 150]).digest == certified([60, 120], reload_at=2).digest
    assert {entry.day for entry in whole.entries} == {"2013-10-08", "2013-10-09", "2013-10-10"}
    assert sum(entry.rows for entry in whole.entries if entry.kind == "bars") == 200


def test_every_nan_is_the_same_nan() -> None:
    one, other = VALUES.copy(), VALUES.copy()
    one[3, 2], other[3, 2] = np.nan, np.uint64(0xFFF8000000000001).view(np.float64)
    assert certified([], one) == certified([], other) != certified([])


def test_the_last_bit_of_any_value_changes_it_and_the_entry_is_named() -> None:
    changed = VALUES.copy()
    changed[123, 4] = np.nextafter(changed[123, 4], 9)
    difference = first_difference(certified([]), certified([], changed))
    assert difference is not None
    assert difference[0] is not None
    assert difference[1] is not None
    entry = difference[0]
    assert entry.kind == "features"
    assert entry.symbol == "AB"[BARS.symbol[123]]
    assert entry.timeframe == ["1s", "1m", "5m"][BARS.timeframe[123]]
    assert entry.day == str(np.datetime64(int((BARS.time[123] - 1) // DAY), "D"))


def test_the_order_of_rows_matters_and_zero_signs_too() -> None:
    swapped = VALUES.copy()
    pair = np.flatnonzero((BARS.symbol == 0) & (BARS.timeframe == 0))[:2]
    swapped[pair] = swapped[pair[::-1]]
    assert certified([], swapped).digest != certified([]).digest
    zero, minus = VALUES.copy(), VALUES.copy()
    zero[0, 0], minus[0, 0] = 0.0, -0.0
    assert certified([], zero).digest != certified([], minus).digest


def test_a_certificate_survives_its_file_and_damage_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    certificate = certified([])
    path.write_text(certificate.to_json())
    assert Certificate.read(path) == certificate
    path.write_text(certificate.to_json().replace('"rows": ', '"rows": 1', 1))
    with pytest.raises(ValueError, match="its digest is"):
        Certificate.read(path)


def test_other_columns_are_not_compared() -> None:
    one = certified([])
    other = Certificate("g", 1, one.machine, one.entries)
    with pytest.raises(ValueError, match="fingerprints f and g"):
        first_difference(one, other)
