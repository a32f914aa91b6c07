"""Explanations kept as files, by prediction and method; what is asked for and not there yet lies beside them.

    folder/DIGEST.json       an explanation: DIGEST is of prediction id and method
    folder/DIGEST.asked      a request that a worker has yet to answer
    folder/DIGEST.failed     why it couldn't

Files appear by one rename, so readers never see half of one. Needs neither torch nor numpy.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from ops.durable import put_in_place


class Asked(msgspec.Struct, frozen=True):
    """What is to be explained, and how."""

    prediction_id: str
    method: str


class ExplanationFolder:
    """The explanations in a folder, the newest `keep` of them. Any process may read and write."""

    def __init__(self, folder: Path, keep: int) -> None:
        """Look at the folder when something is asked; it is made by the first write."""
        self._folder, self._keep = folder, keep

    def get(self, request: Asked) -> dict[str, Any] | None:
        """Return the explanation, None where there is none yet."""
        return self._read(self._path(request, "json"))

    def failure(self, request: Asked) -> str | None:
        """Return why a worker couldn't explain it, None where none has tried in vain."""
        found = self._read(self._path(request, "failed"))
        return None if found is None else str(found["error"])

    def put(self, request: Asked, explanation: Any) -> None:
        """Keep an explanation; it is no longer asked for."""
        self._write(self._path(request, "json"), explanation)
        self._done(request)
        every = sorted(self._folder.glob("*.json"), key=_age)
        for old in every[: max(len(every) - self._keep, 0)]:
            old.unlink(missing_ok=True)

    def fail(self, request: Asked, error: str) -> None:
        """Note why it can't be explained; it is no longer asked for."""
        self._write(self._path(request, "failed"), {"error": error})
        self._done(request)

    def ask(self, request: Asked) -> None:
        """Ask a worker for it; asking twice is asking once. What failed before is tried again."""
        if not (path := self._path(request, "asked")).exists():
            self._path(request, "failed").unlink(missing_ok=True)
            self._write(path, request)

    def waiting(self) -> list[Asked]:
        """Return what is asked for, the oldest first."""
        found = (self._read(path) for path in sorted(self._folder.glob("*.asked"), key=_age))
        return [msgspec.convert(one, Asked) for one in found if one is not None]

    def _done(self, request: Asked) -> None:
        self._path(request, "asked").unlink(missing_ok=True)

    def _path(self, request: Asked, kind: str) -> Path:
        digest = hashlib.sha256(f"{request.method} {request.prediction_id}".encode()).hexdigest()[:32]
        return self._folder / f"{digest}.{kind}"

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def _write(self, path: Path, content: Any) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=".partial-", dir=self._folder)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(content))
        put_in_place(Path(partial), path)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
