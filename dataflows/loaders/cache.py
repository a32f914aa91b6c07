"""A local copy of what lies elsewhere: hybrid use, and the same rows again when the other end is away.

    FOLDER/objects/SHA256.parquet     what was read, under the checksum of its content: the same rows are kept once
    FOLDER/index/DIGEST.json          which object a URL had, and when it was read

Copies count once they are whole (a rename). Above the bound the objects go that were not used for the longest time.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dataflows.loaders import load, scheme_of
from dataflows.sources.errors import BadFile
from ops.durable import put_in_place


class Cache:
    """Copies in a folder, of at most so many bytes together."""

    def __init__(self, folder: Path, most_bytes: int, *, offline: bool = False) -> None:
        """Nothing is made before something is asked for. `offline`: nothing is asked of another place."""
        self._folder, self._most, self._offline = folder, most_bytes, offline

    def local(self, url: str) -> Path:
        """Return a file with the rows behind a URL: the file itself, or a copy that is made or renewed now.

        Offline it is the copy of the last time. Raises BadFile where there is nothing to read.
        """
        here = scheme_of(url) == ""
        if here and not url.lower().endswith(".txt"):  # Stooq's have columns of their own
            return Path(url)
        index = self._folder / "index" / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.json"
        if self._offline and not here:
            return self._known(url, index)
        copy = self._fetched(url)
        index.parent.mkdir(parents=True, exist_ok=True)
        _replace(index, json.dumps({"url": url, "object": copy.name}))
        self._evict(copy)
        return copy

    def _known(self, url: str, index: Path) -> Path:
        copy = self._objects / str(json.loads(index.read_text())["object"]) if index.is_file() else None
        if copy is None or not copy.is_file():
            raise BadFile(url, "no copy of it", f"one in {self._folder}", "read it once with data.offline off")
        if _checksum(copy) != copy.stem:
            copy.unlink()
            raise BadFile(copy, "a damaged copy, which was removed", f"the rows of {url}", "read it again online")
        os.utime(copy)
        return copy

    def _fetched(self, url: str) -> Path:
        self._objects.mkdir(parents=True, exist_ok=True)
        beside = self._objects / f".{os.getpid()}.parquet"
        try:
            write_parquet(url, beside)
            copy = self._objects / f"{_checksum(beside)}.parquet"
            os.replace(beside, copy)
        finally:
            beside.unlink(missing_ok=True)
        os.utime(copy)
        return copy

    @property
    def _objects(self) -> Path:
        return self._folder / "objects"

    def _evict(self, newest: Path) -> None:
        """Remove the objects that were not used for the longest time, but never the newest."""
        kept = sorted(self._objects.glob("[!.]*.parquet"), key=lambda path: path.stat().st_mtime_ns)
        size = sum(path.stat().st_size for path in kept)
        for path in kept:
            if size <= self._most:
                return
            if path != newest:
                size -= path.stat().st_size
                path.unlink(missing_ok=True)


def write_parquet(url: str, path: Path) -> int:
    """Write what lies behind a URL to a Parquet file and return its rows. Raises BadFile."""
    writer, rows = None, 0
    try:
        for batch in load(url):
            if writer is None:
                writer = pq.ParquetWriter(path, batch.schema, compression="zstd")
            elif batch.schema != writer.schema:
                batch = _cast(batch, writer.schema, url, rows)
            writer.write_batch(batch)
            rows += batch.num_rows
    finally:
        if writer is not None:
            writer.close()
    if not rows:
        path.unlink(missing_ok=True)
        raise BadFile(url, "no row", "at least one", "check what lies there")
    return rows


def _cast(batch: pa.RecordBatch, schema: pa.Schema, url: str, row: int) -> pa.RecordBatch:
    try:
        return batch.cast(schema)
    except (pa.ArrowInvalid, ValueError) as error:
        raise BadFile(url, f"other columns from row {row} on ({error})", f"{schema.names} throughout",
                      "write all parts with one schema") from error  # fmt: skip


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text)
    put_in_place(beside, path)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
