"""Checkpoints of tables: whatever was copied, failed or resumed before, a file holds the state to the bit."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from dataflows.batch import NO_TICKS
from dataflows.checkpoints import file as checkpoint_file
from dataflows.checkpoints.checkpoint import Checkpoints
from dataflows.checkpoints.file import Arena, read, write
from features.calendar import season
from features.catalogue import Group, registered
from features.engine import FeatureEngine
from features.families import load
from features.inputs import BarInputs
from features.tables import FEW, Slots, Still, Table
from features.tick_inputs import TickPreparer
from schema.bars import BarFlag, Bars, zero_bars
from schema.ticks import Int64

MINUTE, HOUR = 60_000_000_000, 3_600_000_000_000
STEPS: Final = (0, MINUTE // 60, MINUTE // 7, MINUTE, 2 * MINUTE, HOUR, 9 * HOUR)  # of the clock, between two bars
TIMEFRAMES: Final = 2
Arrays = dict[str, np.ndarray]

load(())
NOTHING = TickPreparer().prepare(NO_TICKS)
NO_BARS = BarInputs(*(np.zeros(0) for _ in BarInputs._fields))
SEASON = next(group for group in registered() if group.name == "season")


class Market:
    """Bars at random: symbols appear, sessions begin, some bars come before the open, some batches span hours."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.clock, self.symbols = 20_000 * 24 * HOUR, 3
        self.session: dict[int, int] = {}

    def bars(self) -> Bars:
        rng, n = self.rng, int(self.rng.choice([1, 5, 40, 200]))
        self.symbols = min(self.symbols + int(rng.random() < 0.1), 8)
        bars = zero_bars(n)
        bars.symbol[:], bars.timeframe[:] = rng.integers(0, self.symbols, n), rng.integers(0, TIMEFRAMES, n)
        bars.start[:] = self.clock + np.cumsum(rng.choice(STEPS, n, p=(0.4, 0.4, 0.1, 0.07, 0.02, 0.009, 0.001)))
        self.clock = int(bars.start[-1])
        bars.time[:], bars.session_open[:] = bars.start + MINUTE, bars.start // (24 * HOUR) * (24 * HOUR) + 9 * HOUR
        bars.close[:], bars.volume[:] = 60_000 * np.exp(0.001 * rng.standard_normal(n)), rng.integers(0, 50, n)
        for column in (bars.open, bars.high, bars.low, bars.mid):
            column[:] = bars.close
        for k, series in enumerate((bars.symbol * TIMEFRAMES + bars.timeframe).tolist()):
            opened = int(bars.session_open[k])
            bars.flags[k] = BarFlag.SESSION_FIRST if self.session.get(series) != opened else 0
            self.session[series] = opened
        return bars


def engine_of(group: Group) -> FeatureEngine:
    return FeatureEngine([group], TIMEFRAMES, (True, True))


def advance(engine: FeatureEngine, bars: Bars) -> None:
    engine.grow(int(bars.symbol.max()) + 1)
    engine.bar_features(bars, engine.tick_features(NOTHING, bars))


def live(engine: FeatureEngine) -> Arrays:
    """The state itself, whatever `snapshot` says of it."""
    return {
        f"{part}.{name}": array for part, state in engine._parts().items() for name, array in state._asdict().items()
    }


def saved(snapshot: dict[str, Any]) -> Arrays:
    state = snapshot["engine"]["state"]
    return {f"{part}.{name}": array for part, arrays in state.items() for name, array in arrays.items()}


def differing(found: Arrays, expected: Arrays) -> set[str]:
    assert found.keys() == expected.keys()
    return {
        name
        for name, array in expected.items()
        if found[name].shape != array.shape or found[name].tobytes() != array.tobytes()
    }


def disk(monkeypatch: pytest.MonkeyPatch, full: bool) -> None:
    """Make the disk full, or not."""
    monkeypatch.undo()

    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    if full:
        monkeypatch.setattr(checkpoint_file, "_write_parts", fail)


def violations(group: Group, folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Yield for each checkpoint which arrays it has otherwise than a twin that was never looked at."""
    market, rng = Market(seed), np.random.default_rng(seed + 1)
    engine, twin = engine_of(group), engine_of(group)
    checkpoints, expected = Checkpoints(folder, lambda: 1 << 60), dict[int, Arrays]()
    for number in range(1, 121):
        bars = market.bars()
        advance(engine, bars)
        advance(twin, bars)
        does = rng.random()
        if does < 0.3:
            disk(monkeypatch, full=False)
            checkpoints.cut({"engine": engine.snapshot(), "number": number}, number)
            expected[number] = {name: array.copy() for name, array in live(twin).items()}
            if rng.random() < 0.5:  # the flow goes on while the file is written
                bars = market.bars()
                advance(engine, bars)
                advance(twin, bars)
            checkpoints.finish()
        elif does < 0.4:
            disk(monkeypatch, full=True)
            checkpoints.cut({"engine": engine.snapshot(), "number": number}, number)
            with pytest.raises(OSError, match="full"):
                checkpoints.finish()
        elif does < 0.45:
            engine.snapshot()  # somebody else looked
        elif does < 0.5 and expected:  # killed: a new engine goes on from the newest one, and so does the twin
            engine, twin = engine_of(group), engine_of(group)
            snapshot, _ = checkpoints.newest()
            assert snapshot is not None
            engine.restore(snapshot["engine"])
            twin.restore(snapshot["engine"])
            checkpoints.prepare({"engine": engine.snapshot(), "number": 0})
            yield differing(live(engine), expected[snapshot["number"]])
        if does < 0.3:
            newest, _ = checkpoints.newest()
            assert newest is not None and newest["number"] == number
            yield differing(saved(newest), expected[number])
    checkpoints.close()


@pytest.mark.parametrize("seed", range(4))
def test_a_checkpoint_holds_the_state_whatever_came_before(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = list(violations(SEASON, tmp_path, seed, monkeypatch))
    assert len(found) > 25
    assert not set().union(*found)


FORGETFUL: dict[str, Callable[[season.State, BarInputs], Int64]] = {
    "minutes that run": lambda state, bars: season.minute_of(bars.start, bars.session_open),
    "minutes that begin": lambda state, bars: state.minute[bars.series],
    "the last row": lambda state, bars: season.touched(state, BarInputs(*(column[:-1] for column in bars))),
}


@pytest.mark.parametrize("what", FORGETFUL)
def test_a_slot_that_a_group_forgets_is_noticed(tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forgetful = replace(SEASON, tables={"slots": Slots(1, FORGETFUL[what])})
    assert set().union(*violations(forgetful, tmp_path, 0, monkeypatch)) == {"season.slots"}


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("many", [False, True])
def test_a_table_is_brought_up_to_date_on_any_axis(axis: int, many: bool) -> None:
    rng, shape = np.random.default_rng(axis), [3, 4, 5]
    shape[axis] = 2 * FEW
    array = rng.random(shape)
    slots = np.arange(5 if many else 2) * 3
    table = Table(array, Slots(axis, lambda state, bars: slots))
    before = table.still()
    assert np.array_equal(before, array)
    np.moveaxis(array, axis, 0)[slots] += 1.0
    table.touch(None, NO_BARS)
    assert not np.array_equal(before, array)
    assert table.still().tobytes() == array.tobytes()


def test_a_file_does_not_tell_what_was_copied(tmp_path: Path) -> None:
    """So that older versions read it, and this one theirs."""
    rng = np.random.default_rng(1)
    arrays = {f"a{n}": rng.integers(0, 255, n).astype(np.uint8) for n in (7, 64, 0, 130, 1, 63)}
    for still in ((), ("a7",), ("a64", "a0"), ("a7", "a130", "a63"), tuple(arrays)):
        tree = {name: array.view(Still) if name in still else array for name, array in arrays.items()}
        write(tmp_path / f"{len(still)}", *Arena().copy(tree))
        assert (tmp_path / f"{len(still)}").read_bytes() == (tmp_path / "0").read_bytes()
    assert all(np.array_equal(array, arrays[name]) for name, array in read(tmp_path / "0").items())


def test_what_is_still_is_not_copied() -> None:
    still, moves = np.arange(6.0).view(Still), np.arange(6.0)
    _, body = Arena().copy({"still": still, "moves": moves})
    shared = [np.shares_memory(np.frombuffer(piece, np.uint8), still) for piece in body if len(piece)]
    assert shared == [True, False, False]
    assert not any(np.shares_memory(np.frombuffer(piece, np.uint8), moves) for piece in body)


def test_memory_is_taken_before_the_first_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = Checkpoints(tmp_path, lambda: 1)
    checkpoints.prepare({"x": np.arange(1000.0)})
    monkeypatch.setattr(np, "zeros", lambda *_: pytest.fail("fresh memory"))
    checkpoints.cut({"x": np.arange(1000.0) + 1}, 1)
    monkeypatch.undo()
    checkpoints.finish()
    assert read(tmp_path / f"{1:016d}.checkpoint")["x"][0] == 1.0
    checkpoints.close()
