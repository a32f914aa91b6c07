"""What was tried on the way: a Sharpe ratio that was picked out of many has to be deflated by how many they were.

`trials.jsonl` beside the versions has a line for each backtest: what it was of, and its Sharpe ratio a day. The same
one made again replaces its line's value, so it counts once. Versions that were never traded count without a ratio.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

_FILE: Final = "trials.jsonl"


@dataclass(frozen=True, slots=True)
class Trials:
    """All that was tried."""

    ratios: tuple[float, ...]  # Sharpe ratios a day, of those that have one
    count: int


NO_TRIALS: Final = Trials((), 0)


class _Line(msgspec.Struct, frozen=True):
    key: str
    timeframe: str
    sharpe_a_day: float


class TrialLedger:
    """The trials of a registry."""

    def __init__(self, root: Path | str) -> None:
        self._path = Path(root) / _FILE

    def add(self, key: str, timeframe: str, sharpe_a_day: float) -> None:
        """Note a backtest. `key` says what it was of and how it was traded. Safe beside other processes."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = msgspec.json.encode(_Line(key, timeframe, sharpe_a_day))
        with self._path.open("ab") as file:
            file.write(b"\n" + line)  # the break comes first, so that a torn line doesn't spoil the next

    def of(self, timeframe: str, versions: Iterable[str] = ()) -> Trials:
        """Return the trials of a timeframe, with the versions that no backtest is of counted beside them."""
        found: dict[str, float] = {}
        for text in self._path.read_bytes().splitlines() if self._path.is_file() else ():
            try:
                line = msgspec.json.decode(text, type=_Line)
            except msgspec.DecodeError:
                continue  # torn by a kill: that backtest was not finished
            if line.timeframe == timeframe:
                found[line.key] = line.sharpe_a_day
        untraded = [name for name in versions if not any(key.startswith(name) for key in found)]
        return Trials(tuple(found.values()), len(found) + len(untraded))
