"""How long to wait before the next try: twice as long each time, never the same for two who fail together."""

from __future__ import annotations

from random import Random


class Backoff:
    """Waits from `first` to `most` seconds, each shortened by up to half by chance."""

    def __init__(self, first: float, most: float, random: Random) -> None:
        """Begin with the first."""
        self.first, self.most, self.random = first, most, random
        self.tries = 0

    def wait(self) -> float:
        """Return the seconds to wait now."""
        longest = min(self.first * 2.0 ** min(self.tries, 60), self.most)
        self.tries += 1
        return longest * self.random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin anew: it went well."""
        self.tries = 0
