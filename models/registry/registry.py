"""The registry: versions on disk, and how one is loaded. Nothing is unpickled; only `load` imports torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.metadata import file_checksum
from models.registry.register import Versions
from models.registry.standing import Activation, RegistryError, Standing

if TYPE_CHECKING:
    from models.registry.bundle import Bundle

__all__ = ["Activation", "Registry", "RegistryError", "Standing"]


class Registry(Versions):
    """All versions under a folder, ready to be loaded."""

    def load(self, version: str) -> Bundle:
        """Read a version's members into memory, checksums checked. Raises RegistryError."""
        from models.registry.bundle import load_bundle

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
