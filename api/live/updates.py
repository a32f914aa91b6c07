"""Analyses as frames, each encoded once for all who hear it."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any, Final

import msgspec

from api.analysis.analyst import Analyst, asked
from api.live.feed import Said
from api.live.messages import Update, update
from api.parameters import now
from schema.times import parse_iso

Key = tuple[str, str]  # timeframe, symbol


class Updates:
    """The newest update of each series, with and without its spectrum."""

    def __init__(self, analyst: Analyst) -> None:
        """Begin without any."""
        self._analyst = analyst
        self._made: dict[tuple[Key, bool], tuple[Said, Update]] = {}

    def ready(self, key: Key, said: Said, spectral: bool) -> Update | None:
        """Return what was made of a prediction, or is now from memory; None where the store must be asked."""
        made = self._made.get((key, spectral))
        if made is not None and made[0] is said:
            return made[1]
        analysis = self._analyst.known(said)
        return None if analysis is None else self._keep(key, said, spectral, analysis)

    async def make(self, key: Key, said: Said, spectral: bool) -> Update:
        """Make it with what the store says. Raises StoreAway."""
        return self._keep(key, said, spectral, await asyncio.to_thread(self._analyst.analysis, said))

    def _keep(self, key: Key, said: Said, spectral: bool, analysis: dict[str, Any]) -> Update:
        made = update(key[1], int(said["sequence"] or 0), _encode(analysis, spectral))
        self._made[key, spectral] = said, made
        return made


def _encode(analysis: dict[str, Any], spectral: bool) -> bytes:
    begun = now()
    answer = asked(analysis, spectral=spectral, threshold=0.5)
    answer["age_ms"] = (begun - _time_of(answer["timestamp"])) / 1e6
    answer["processing_time_ms"] = (now() - begun) / 1e6
    return msgspec.json.encode(answer)


_time_of: Final = lru_cache(1024)(parse_iso)  # rows of one batch share their times
