"""Rows as the DataFrame that QuestDB's client turns into ILP."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dataflows.sinks.columns import VALUES
from dataflows.sinks.questdb.merging import Part
from schema.tables import Table

if TYPE_CHECKING:
    import pandas as pd

LAST_TIME: Final = 9_214_646_399_999_999_999  # ns UTC, the largest that a designated timestamp takes
_REFUSED: Final = frozenset({"ticks", "dead_letters"})  # tables that tell of ticks with any time


def frame(table: Table, features: Sequence[str], part: Part) -> pd.DataFrame:
    """Return the rows with the columns' types of QuestDB; what wasn't given or is NaN becomes null.

    A refused tick may carry a time that no timestamp holds: in the tables that tell of it, it stands at the nearest
    one, and its text says what was found.
    """
    import pandas as pd

    columns = {
        name: pd.Series(_cells(table.columns.get(name, "float"), column, table.name in _REFUSED), copy=False)
        for name, column in part.own.items()
        if name != VALUES
    }
    found = pd.DataFrame(columns, copy=False)
    if VALUES not in part.own:
        return found
    values = pd.DataFrame(np.asfortranarray(part.own[VALUES]), columns=list(features), copy=False)
    return pd.concat([found, values], axis=1)


def symbols(table: Table, part: Part) -> list[str]:
    """Return the given columns that are symbols."""
    return [name for name, kind in table.columns.items() if kind == "symbol" and name in part.own]


def _cells(kind: str, column: Any, clipped: bool) -> Any:
    import pandas as pd

    if kind == "time":
        times = np.asarray(column, np.int64)
        return (np.clip(times, 0, LAST_TIME) if clipped else times).view("datetime64[ns]")
    if kind == "int":
        return column if isinstance(column, np.ndarray) else pd.array(column, dtype="Int64")
    if kind == "bytes":
        column = [None if cell is None else base64.b64encode(cell).decode() for cell in column]
    if kind in ("symbol", "text", "bytes"):
        return pd.Series(column, dtype=object)
    return column
