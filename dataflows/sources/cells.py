"""Read the cells of a CSV, all at once where they are good, as many as possible where they are not."""

from __future__ import annotations

from functools import reduce
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflows.sources.columns import FLOATS

_WHOLE: Final = r"^-?\d{1,19}$"
_NUMBER: Final = r"^-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$|^-?(?i:nan|inf)$"
_ZONED: Final = r"^\d{4}-\d\d-\d\d.*(Z|[-+]\d\d(:?\d\d)?)$"
_PLAIN: Final = r"^\d{4}-\d\d-\d\d([T ][\d:.]+)?$"

_AS_TEXT: Final = ("symbol", "kind", "side")
_FORMS: Final = {
    **{field: ((pa.float64(), _NUMBER),) for field in FLOATS},
    **{field: ((pa.int64(), _WHOLE),) for field in ("conditions", "sequence", "lane")},
    **{
        field: ((pa.int64(), _WHOLE), (pa.timestamp("ns", "UTC"), _ZONED), (pa.timestamp("ns"), _PLAIN))
        for field in ("ts_event", "ts_recv")
    },
}


def read_cells(table: pa.Table, columns: dict[str, str]) -> tuple[pa.RecordBatch, dict[int, str]]:
    """Read a table of byte strings, null where empty, as columns of ticks.

    Returns a batch with one column a field, and for each row with an unreadable cell what was found there.
    """
    read: dict[str, pa.Array] = {}
    malformed: dict[int, str] = {}
    for field, name in columns.items():
        column = table.column(name).combine_chunks()
        cells = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        read[field] = cells if field in _AS_TEXT else _read_column(cells.view(pa.string()), field)
        unreadable = pc.and_not(cells.is_valid(), read[field].is_valid())
        for row in np.flatnonzero(unreadable.to_numpy(zero_copy_only=False)).tolist():
            found = f"{name}={cells[row].as_py()[:100].decode(errors='backslashreplace')!r}"
            malformed[row] = f"{malformed[row]}, {found}" if row in malformed else found
    return pa.RecordBatch.from_pydict(read), malformed


def _read_column(cells: pa.Array, field: str) -> pa.Array:
    """Read cells in the first of the field's forms that fits all of them, else each in the form that it has."""
    for kind, _ in _FORMS[field]:
        try:
            return _plain(cells.cast(kind))
        except pa.ArrowInvalid:
            continue
    trimmed = pc.ascii_trim_whitespace(cells)
    return reduce(pc.coalesce, (_plain(_read_some(trimmed, kind, form)) for kind, form in _FORMS[field]))


def _read_some(cells: pa.Array, kind: pa.DataType, form: str) -> pa.Array:
    """Read the cells of the given form, null for the others."""
    fits = pc.match_substring_regex(cells, form)
    return _cast(pc.if_else(fits, cells, pa.scalar(None, cells.type)), kind)


def _cast(cells: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast what can be cast: halve until the unreadable ones stand alone."""
    try:
        return cells.cast(kind)
    except pa.ArrowInvalid:
        if len(cells) == 1:
            return pa.nulls(1, kind)
    middle = len(cells) // 2
    return pa.concat_arrays([_cast(cells[:middle], kind), _cast(cells[middle:], kind)])


def _plain(array: pa.Array) -> pa.Array:
    """Times as whole ns, so that the forms of a column fit together."""
    return array.cast(pa.int64()) if pa.types.is_timestamp(array.type) else array
