"""The registry: versions of models in directories under a root, and which of them is active for a timeframe.

    root/active.json                          what is active, what challenges it, what was active before
                                              (models.registry.standing)
    root/NAME_YYYYMMDD_HHMMSS/metadata.json   beside weights.safetensors, NAME.txt (trees), training_*.{json,md}

A version appears by one rename, so a killed training run leaves no half of one. Nothing here is pickled. Reading and
changing it needs neither torch nor LightGBM; `models.registry.registry` loads versions.
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from models.metadata import FORMAT, Metadata
from models.registry.standing import (
    PARTIAL,
    Activation,
    RegistryError,
    Standing,
    changed_standing,
    locked,
    read_standing,
)
from ops.durable import sync

_METADATA = "metadata.json"
_RUNS = ".runs"


class Versions:
    """All versions under `root` (made when the first one is published), and what is wanted of running dataflows."""

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

    def activate(self, version: str) -> int:
        """Make a version its timeframe's active one and return the activation's number. Raises RegistryError.

        It challenges no more. What was active before is remembered for `roll_back`.
        """
        timeframe = self.show(version).timeframe
        with changed_standing(self.root) as standing:
            standing.activate(timeframe, version)
        return standing.number

    def roll_back(self, timeframe: str) -> str:
        """Make the version active again that was so before, and return it; a second call goes further back.

        Raises RegistryError where there was none before.
        """
        with changed_standing(self.root) as standing:
            version = standing.roll_back(timeframe)
            if version is None:
                raise RegistryError(
                    f"registry {self.root}: no version was active on {timeframe} before the present one; name one with "
                    "`undertone models activate`"
                )
            self.show(version)
        return version

    def challenge(self, version: str) -> int:
        """Let a version be scored beside its timeframe's active one and return the change's number.

        Raises RegistryError where it is active.
        """
        timeframe = self.show(version).timeframe
        with changed_standing(self.root) as standing:
            active = standing.active.get(timeframe)
            if active is not None and active.version == version:
                raise RegistryError(
                    f"model {version!r} is the active one on {timeframe}; a challenger is another version than that"
                )
            standing.challenge(timeframe, version)
        return standing.number

    def withdraw(self, version: str) -> None:
        """End a version's challenge. Raises RegistryError where it challenges nothing."""
        with changed_standing(self.root) as standing:
            if not standing.withdraw(version):
                raise RegistryError(f"model {version!r} challenges nothing; `undertone models list` shows what does")

    def active(self, timeframe: str) -> str | None:
        """Return the version that is active for a timeframe, None if there is none. Raises RegistryError."""
        activation = self.activations().get(timeframe)
        return activation.version if activation else None

    def standing(self) -> Standing:
        """Return what is wanted of running dataflows now. Raises RegistryError."""
        return read_standing(self.root)

    def activations(self) -> dict[str, Activation]:
        """Return the active version of every timeframe that has one. Raises RegistryError."""
        return self.standing().active

    def publish(self, name: str, write: Callable[[Path, str], None], now: dt.datetime | None = None) -> str:
        """Make a new version `name_YYYYMMDD_HHMMSS` and return it.

        `write(directory, version)` fills a directory that becomes visible, all at once, when it returns; where the
        name is taken, a suffix `_2`, `_3` … is added.
        """
        stamp = (now or dt.datetime.now(dt.UTC)).strftime("%Y%m%d_%H%M%S")
        self.root.mkdir(parents=True, exist_ok=True)
        with locked(self.root):
            names = (f"{name}_{stamp}" + (f"_{n}" if n > 1 else "") for n in range(1, 1_000_000))
            version = next(v for v in names if not self.path(v).exists())
            partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=self.root))
            try:
                write(partial, version)
                for path in (*partial.iterdir(), partial):
                    sync(path)
                partial.chmod(0o755)
                partial.rename(self.path(version))
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
            sync(self.root)
        return version

    def run_folder(self, run: str) -> Path:
        """Return where a run of training keeps what it has fitted (models.runs.journal)."""
        return self.root / _RUNS / run

    def forget_run(self, run: str) -> None:
        """Delete what a run has fitted, if anything is there."""
        shutil.rmtree(self.run_folder(run), ignore_errors=True)

    def delete(self, versions: Iterable[str]) -> None:
        """Delete versions, and what killed runs left unfinished. Nothing may be publishing meanwhile."""
        with locked(self.root):
            for version in versions:  # renamed first, so that nobody sees one with files missing
                self.path(version).rename(self.root / f"{PARTIAL}{version}")
            for path in self.root.glob(f"{PARTIAL}*/"):
                shutil.rmtree(path)

    def _readable(self) -> Iterator[Metadata]:
        for path in self.root.iterdir() if self.root.is_dir() else ():
            if path.is_dir() and not path.name.startswith(".") and (path / _METADATA).is_file():
                try:
                    yield self.show(path.name)
                except RegistryError:
                    continue
