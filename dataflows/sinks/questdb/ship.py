"""Rows to QuestDB over ILP/HTTP: one table a request, what the server refuses ends in `dead_letters`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
from questdb import QuestDBError, QuestDBErrorCode, Sender

from dataflows.sinks.columns import VALUES
from dataflows.sinks.errors import StoreError
from dataflows.sinks.questdb.data import frame, symbols
from dataflows.sinks.questdb.ddl import META_TABLE
from dataflows.sinks.questdb.merging import Part, cut, merged
from schema.questdb import META, Address
from schema.stores import stored_name
from schema.tables import TABLES, Table

TIMEOUT_MS: Final = 10_000  # for the answer to one request
_CELLS: Final = 1_000_000  # of one request: 20 MB of ILP, 1,000 rows of the whole catalogue
_ROWS: Final = 10_000  # of one request
_DATA_CODES: Final = frozenset(
    {
        QuestDBErrorCode.BadDataFrame, QuestDBErrorCode.InvalidTimestamp, QuestDBErrorCode.InvalidUtf8,
        QuestDBErrorCode.InvalidName, QuestDBErrorCode.BatchTooLarge, QuestDBErrorCode.LimitExceeded,
    }
)  # fmt: skip
REJECTED: Final = "rejected"  # reason of a dead letter


class Shipper:
    """Writes parts of one namespace. What it raises as QuestDBError is the server's being away: ship them again."""

    def __init__(self, address: Address, namespace: str, features: Sequence[str]) -> None:
        """Connect at the first request."""
        self._address, self._namespace, self._features = address, namespace, tuple(features)
        self._sender: Sender | None = None
        self.rejected = 0  # rows in dead_letters
        self.answered: Callable[[], None] = lambda: None  # called after each request that got an answer

    def ship(self, parts: Iterable[Part]) -> None:
        """Write all rows; when it returns the server has them in its write-ahead logs."""
        letters: list[Part] = []
        for part in merged(parts):
            most = self._rows_a_request(part)
            for begin in range(0, part.n, most):
                self._send(cut(part, begin, begin + most), letters)
        for letter in merged(letters):
            self._send(letter, None)

    def ship_meta(self, values: dict[str, str]) -> None:
        """Write values of the namespace."""
        n = len(values)
        own = {
            "time": [0] * n,
            "namespace": [self._namespace] * n,
            "name": list(values),
            "value": list(values.values()),
        }
        self._flush(META_TABLE, META, Part(META, own, n))

    def close(self) -> None:
        """Drop the connection; the next request makes another."""
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.close(flush=False)

    def _rows_a_request(self, part: Part) -> int:
        width = len(part.own) + (len(self._features) if VALUES in part.own else 0)
        return max(min(_ROWS, _CELLS // width), 1)

    def _send(self, part: Part, letters: list[Part] | None) -> None:
        """Write rows, halving what is refused down to the rows that are to blame."""
        try:
            self._flush(TABLES[part.table], stored_name(part.table, self._namespace), part)
        except Exception as error:
            if not _blames_rows(error):
                raise
            if letters is None:
                raise StoreError(f"store {self._address}: a dead letter is refused: {error}") from error
            if part.n == 1:
                letters.append(_letter(part, str(error)))
                self.rejected += 1
                return
            half = part.n // 2
            self._send(cut(part, 0, half), letters)
            self._send(cut(part, half, part.n), letters)

    def _flush(self, table: Table, name: str, part: Part) -> None:
        data = frame(table, self._features, part)
        try:
            sender = self._connected()
            buffer = sender.new_buffer()
            buffer.dataframe(data, table_name=name, symbols=symbols(table, part), at=table.key[0])
            sender.flush(buffer, transactional=True)
        except QuestDBError as error:
            if not _blames_rows(error):
                self.close()
                raise
            self.answered()
            raise
        self.answered()

    def _connected(self) -> Sender:
        if self._sender is None:
            where = self._address
            sender = Sender.from_conf(
                f"http::addr={where.host}:{where.http};username={where.user};password={where.password};"
                f"auto_flush=off;retry_timeout=0;request_timeout={TIMEOUT_MS};max_buf_size={1 << 30};"
            )
            sender.establish()  # type: ignore[no-untyped-call]
            self._sender = sender
        return self._sender


def _blames_rows(error: Exception) -> bool:
    """Return whether the rows themselves were refused; anything else may work another time."""
    if isinstance(error, QuestDBError):
        return error.code in _DATA_CODES or '"code":"invalid"' in str(error)
    return isinstance(error, TypeError | ValueError | OverflowError)  # found by pandas before the client saw them


def _letter(part: Part, reason: str) -> Part:
    """Return the dead letter of one refused row. Its key follows from the row's, so a repeat is the same letter."""
    row = {name: _plain(column[0]) for name, column in part.own.items() if name != VALUES}
    key = repr([row.get(name) for name in TABLES[part.table].key])
    number = int.from_bytes(hashlib.blake2b(key.encode(errors="replace"), digest_size=7).digest())
    named = "source" in part.own
    found = msgspec.json.encode(row, enc_hook=repr).decode(errors="replace")
    cells: dict[str, Any] = {
        "time": _number(row["time"], 0), "symbol": _text(row.get("symbol"), 100), "reason": REJECTED,
        "found": f"row of {part.table}: {_text(found, 2000)}", "expected": f"the store says: {_text(reason, 1000)}",
        "source": _text(row["source"], 200) if named else f"store:{part.table}",
        "partition": _number(row["partition"], 0) if named else 0,
        "offset": _number(row["offset"], number) if named else number,
        "message_index": _number(row["message_index"], 0) if named else 0,
    }  # fmt: skip
    return Part("dead_letters", {name: [cell] for name, cell in cells.items()}, 1)


def _plain(cell: Any) -> Any:
    cell = cell.item() if hasattr(cell, "item") and getattr(cell, "ndim", 1) == 0 else cell
    if isinstance(cell, str):
        return cell.encode(errors="replace").decode()
    return cell.tolist() if hasattr(cell, "tolist") else cell


def _text(cell: Any, most: int) -> str:
    return str(cell if cell is not None else "").encode(errors="replace").decode()[:most]


def _number(cell: Any, otherwise: int) -> int:
    return cell if isinstance(cell, int) and abs(cell) < 1 << 63 else otherwise
