"""The registry: versions of models in directories under a root, and which of them is active for a timeframe.

    root/active.json                          what is active, with a number that rises with every activation
    root/NAME_YYYYMMDD_HHMMSS/metadata.json   beside weights.safetensors, NAME.txt (trees), training_*.{json,md}

A version appears by one rename, so a killed training run leaves no half of one. Nothing here is pickled, and nothing
here imports torch or LightGBM before `load`.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from models.metadata import FORMAT, Metadata, file_checksum

if TYPE_CHECKING:
    from models.bundle import Bundle

_ACTIVE = "active.json"
_METADATA = "metadata.json"
_PARTIAL = ".partial-"


class RegistryError(Exception):
    """A version or the registry's own file can't be used. The text says which, why, and what to do."""


class Activation(msgspec.Struct, frozen=True):
    """One timeframe's active version."""

    version: str
    number: int  # of the activation; rises over the whole registry
    activated: str  # ISO-8601 UTC


class _ActiveFile(msgspec.Struct):
    number: int = 0
    active: dict[str, Activation] = {}


class Registry:
    """All versions under `root` (made when the first one is published)."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def list(self) -> tuple[Metadata, ...]:
        """Return every readable version, oldest first. Unfinished and damaged directories are left out."""
        return tuple(sorted(self._readable(), key=lambda m: (m.created, m.version)))

    def show(self, version: str) -> Metadata:
        """Return what a version says about itself. Raises RegistryError."""
        path = self.path(version) / _METADATA
        if not path.is_file():
            known = ", ".join(m.version for m in self.list()) or "none"
            raise RegistryError(
                f"model {version!r} is not in the registry {self.root}; it holds: {known}. "
                "Train one with `undertone train`, or name one that `undertone models list` shows"
            )
        try:
            metadata = msgspec.json.decode(path.read_bytes(), type=Metadata)
        except (OSError, msgspec.DecodeError) as error:
            raise RegistryError(
                f"model {version!r}: {path} can't be read as metadata ({error}); delete the directory and train again"
            ) from error
        if metadata.format != FORMAT:
            raise RegistryError(
                f"model {version!r}: {path} has format {metadata.format}, this program reads {FORMAT}; train again"
            )
        return metadata

    def path(self, version: str) -> Path:
        """Return a version's directory, whether or not it is there."""
        if not version or Path(version).name != version or version.startswith("."):
            raise RegistryError(f"model version {version!r} is not a name; expected NAME_YYYYMMDD_HHMMSS")
        return self.root / version

    def load(self, version: str) -> Bundle:
        """Read a version's members into memory, checksums checked. Raises RegistryError."""
        from models.bundle import load_bundle

        metadata = self.show(version)
        for name, expected in metadata.checksums.items():
            path = self.path(version) / name
            found = file_checksum(path) if path.is_file() else "no file"
            if found != expected:
                raise RegistryError(
                    f"model {version!r}: {path} is damaged: sha256 {found}, expected {expected}; "
                    "restore it from a backup, or train again"
                )
        try:
            return load_bundle(self.path(version), metadata)
        except (ValueError, KeyError, RuntimeError, OSError) as error:
            raise RegistryError(f"model {version!r} can't be loaded: {error}; train again") from error

    def activate(self, version: str) -> int:
        """Make a version its timeframe's active one and return the activation's number. Raises RegistryError."""
        metadata = self.show(version)
        with self._locked():
            state = self._state()
            number = state.number + 1
            now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            state.active[metadata.timeframe] = Activation(version, number, now)
            _write_atomically(
                self.root / _ACTIVE, msgspec.json.format(msgspec.json.encode(_ActiveFile(number, state.active)))
            )
        return number

    def active(self, timeframe: str) -> str | None:
        """Return the version that is active for a timeframe, None if there is none. Raises RegistryError."""
        activation = self.activations().get(timeframe)
        return activation.version if activation else None

    def activations(self) -> dict[str, Activation]:
        """Return the active version of every timeframe that has one. Raises RegistryError."""
        return self._state().active

    def publish(self, name: str, write: Callable[[Path, str], None], now: dt.datetime | None = None) -> str:
        """Make a new version `name_YYYYMMDD_HHMMSS` and return it.

        `write(directory, version)` fills a directory that becomes visible, all at once, when it returns; where the
        name is taken, a suffix `_2`, `_3` … is added.
        """
        stamp = (now or dt.datetime.now(dt.UTC)).strftime("%Y%m%d_%H%M%S")
        self.root.mkdir(parents=True, exist_ok=True)
        with self._locked():
            names = (f"{name}_{stamp}" + (f"_{n}" if n > 1 else "") for n in range(1, 1_000_000))
            version = next(v for v in names if not self.path(v).exists())
            partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=self.root))
            try:
                write(partial, version)
                for path in (*partial.iterdir(), partial):
                    _make_durable(path)
                partial.chmod(0o755)
                partial.rename(self.path(version))
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
            _make_durable(self.root)
        return version

    def _readable(self) -> Iterator[Metadata]:
        for path in self.root.iterdir() if self.root.is_dir() else ():
            if path.is_dir() and not path.name.startswith(".") and (path / _METADATA).is_file():
                try:
                    yield self.show(path.name)
                except RegistryError:
                    continue

    def _state(self) -> _ActiveFile:
        path = self.root / _ACTIVE
        try:
            return msgspec.json.decode(path.read_bytes(), type=_ActiveFile)
        except FileNotFoundError:
            return _ActiveFile()
        except (OSError, msgspec.DecodeError) as error:
            raise RegistryError(
                f"{path} can't be read ({error}); delete it and activate a version with `undertone models activate`"
            ) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.root / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _write_atomically(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{_PARTIAL}{path.name}")
    partial.write_bytes(content)
    _make_durable(partial)
    partial.replace(path)
    _make_durable(path.parent)


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
