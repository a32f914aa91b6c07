"""Answers that hold until something is written."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

_MOST: Final = 512  # answers


class Cache:
    """Keeps what was made at one version of the store; a newer version empties it."""

    def __init__(self, ttl: float) -> None:
        """Keep answers for at most `ttl` seconds."""
        self._ttl, self._version = ttl, cast(Any, None)
        self._kept: OrderedDict[Any, tuple[float, Any]] = OrderedDict()

    def get(self, key: Any, version: Any, make: Callable[[], T]) -> T:
        """Return what `make` returned for this key at this version."""
        now = monotonic()
        if version != self._version:
            self.clear()
            self._version = version
        kept = self._kept.get(key)
        if kept is not None and now - kept[0] < self._ttl:
            return cast(T, kept[1])
        value = make()
        self._kept[key] = (now, value)
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return value

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._version = None
