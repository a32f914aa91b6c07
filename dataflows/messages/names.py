"""Symbols by code, kept from poll to poll: the same names are the same tuple, so that the gate looks them up once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from schema.ticks import NO_SYMBOL, Int32

LIMIT: Final = 16_384  # names kept; a flood of made-up symbols starts the table anew instead of growing it


class Names:
    """A table of names that grows, until it is too long and starts anew."""

    def __init__(self) -> None:
        """Start empty."""
        self._codes: dict[str, int] = {}
        self._names: tuple[str, ...] = ()

    def start(self) -> None:
        """Begin a batch: codes given before may be void."""
        if len(self._codes) > LIMIT:
            self._codes, self._names = {}, ()

    def codes(self, names: Iterable[str]) -> list[int]:
        """Return each name's code; the empty name has none, NO_SYMBOL."""
        known = self._codes
        return [known.setdefault(name, len(known)) if name else NO_SYMBOL for name in names]

    def codes_array(self, names: Sequence[str]) -> Int32:
        """Return `codes` as an array; fast where all are known."""
        try:
            return np.fromiter(map(self._codes.__getitem__, names), np.int32, len(names))
        except KeyError:
            return np.array(self.codes(names), np.int32)

    def names(self) -> tuple[str, ...]:
        """Return all names by code."""
        if len(self._names) != len(self._codes):
            self._names = tuple(self._codes)
        return self._names
