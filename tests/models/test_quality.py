"""What is looked at before training: each fault planted in a sound set is found, and nothing is in a sound one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.config import SIGMA, TrainingConfig
from models.data.dataset import Dataset
from models.data.quality import examine
from models.data.stationarity import stationarity
from models.registry.registry import Registry
from models.runs.training import train
from tests.models.market import NAMES, make_dataset, make_market

SOUND = make_dataset(make_market(3, 900))
CONFIG = TrainingConfig(walk=None, primary=3, embargo=10)


def changed(name: str, change: Callable[[Any], None]) -> Dataset:
    array = getattr(SOUND, name).copy()
    change(array)
    return replace(SOUND, **{name: array})


def put(where: Any, value: Any) -> Callable[[Any], None]:
    return lambda array: array.__setitem__(where, value)


def verdict(dataset: Dataset, check: str) -> tuple[str, str]:
    found = next(f for f in examine(dataset, CONFIG).findings if f.check == check)
    return found.verdict, found.found


def test_a_sound_set_is_not_refused() -> None:
    quality = examine(SOUND, CONFIG)
    assert quality.refusals == ()
    assert {f.check for f in quality.findings if f.verdict == "note"} <= {"gaps"}
    text = quality.markdown()
    assert "| order of time | ok | strictly increasing in every symbol |" in text
    assert "| rows | ok | 2," in text


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        (changed("time", put(7, int(SOUND.time[4]))), "duplicates: 1 rows repeat their symbol's bar time, the"),
        (changed("time", put(slice(None), SOUND.time[::-1])), "order of time: .* steps back in time, the first at row"),
        (changed("returns", put((9, 0), np.inf)), r"labels: 1 out of range, the first in row 9: a log return of inf"),
        (changed("returns", put((9, 0), -4.0)), r"labels: 1 out of range, the first in row 9: a log return of -4"),
        (changed("values", put((slice(None), NAMES.index(SIGMA)), np.nan)), f"all-NaN columns: required: {SIGMA}"),
        (changed("values", put((slice(None), NAMES.index(SIGMA)), 1.0)), f"constant columns: required: {SIGMA}"),
        (changed("eligible", put(slice(400, None), False)), r"rows: \d+ labelled rows .* expected at least 500;"),
    ],
)  # fmt: skip
def test_what_makes_training_impossible_is_named(dataset: Dataset, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        train(dataset, CONFIG, tmp_path)
    assert Registry(tmp_path).list() == ()


def test_what_a_reader_should_know_is_noted() -> None:
    splits = changed("past", put(50, np.log(2)))
    assert verdict(splits, "splits")[1] == "1 one-bar log returns beyond 0.65"
    assert verdict(splits, "outliers") == ("note", "1 one-bar returns beyond 20 sigma")
    assert verdict(SOUND, "outliers") == ("ok", "0 one-bar returns beyond 20 sigma")
    assert verdict(changed("values", put((slice(None), 1), 3.0)), "constant columns") == ("note", "1: noise")
    assert verdict(changed("values", put((slice(None), 1), np.nan)), "all-NaN columns") == ("note", "1: noise")
    assert verdict(changed("trade_price", put(slice(0, 270), True)), "reference price")[1].startswith(
        "10.0% of the rows"
    )
    late = changed("time", lambda time: time.__iadd__(10**12 * (np.arange(len(time)) >= 600)))
    before, after = verdict(SOUND, "gaps")[1], verdict(late, "gaps")
    assert after[0] == "note" and "the longest 1,001 s" in after[1] and before != after[1]


def test_baselines_need_fewer_rows_than_nets() -> None:
    few = changed("eligible", put(slice(900, None), False))
    few = replace(few, eligible=few.eligible & (np.arange(len(few.time)) < 300))
    assert examine(few, CONFIG).refusals and not examine(few, replace(CONFIG, nets=())).refusals


def test_a_walk_is_told_from_noise() -> None:
    random = np.random.default_rng(4)
    noise = random.standard_normal(800)
    assert stationarity(noise)[0] == "ok" and stationarity(noise)[1].startswith("stationary (p: ADF 0.000")
    assert stationarity(np.cumsum(noise))[0] == "note" and "a unit root" in stationarity(np.cumsum(noise))[1]
    assert stationarity(np.ones(100)) == ("ok", "not tested: 100 values")
