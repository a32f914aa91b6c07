"""Versions kept in memory for a while: explanation and evaluation load one once, not once a question."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from models.registry.registry import Registry

if TYPE_CHECKING:
    from models.registry.bundle import Bundle


class LoadedVersions:
    """The versions that were used last, at most `size` of them, each loaded again when it is `ttl_s` seconds old."""

    def __init__(
        self, registry: Registry, size: int, ttl_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Load from `registry` when asked. Not for several threads at once."""
        self.registry = registry
        self._size, self._ttl, self._clock = size, ttl_s, clock
        self._kept: OrderedDict[str, tuple[float, Bundle]] = OrderedDict()

    def load(self, version: str) -> Bundle:
        """Return a version, from memory where it is there. Raises RegistryError."""
        found, now = self._kept.get(version), self._clock()
        if found is None or now - found[0] >= self._ttl:
            self._kept[version] = found = now, self.registry.load(version)
        self._kept.move_to_end(version)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return found[1]
