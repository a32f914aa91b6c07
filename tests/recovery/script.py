"""What a fuzzed run does, as lines of text: drawn from a seed, printed, and read again to replay a failure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.recovery.stack import ONE, THREE

SERVERS: Final = ("kafka", "questdb", "redis")
SCALES: Final = {"one": ONE, "three": THREE}  # feature processes
MODELS: Final = ("first", "second")
WEIGHTS: Final = {"publish": 6, "kill": 5, "restart": 2, "pause": 2, "rescale": 2, "activate": 1, "validate": 1}


class Action(NamedTuple):
    """One line: a verb, what it is done to, and a number."""

    verb: str
    what: str = ""
    number: float = 0.0

    def __str__(self) -> str:
        """Return the line."""
        return " ".join(part for part in (self.verb, self.what, f"{self.number:g}" if self.number else "") if part)

    @staticmethod
    def parse(line: str) -> Action:
        """Read a line. Raises ValueError."""
        verb, *rest = line.split()
        number = float(rest.pop()) if rest and rest[-1].replace(".", "", 1).isdigit() else 0.0
        action = Action(verb, " ".join(rest), number)
        if verb not in WEIGHTS:
            raise ValueError(f"script: {line!r}: expected one of {', '.join(WEIGHTS)}")
        return action


def drawn(seed: int, steps: int) -> Iterator[Action]:
    """Yield a script: it begins with ticks, uses every verb once if it is long enough, and ends with a validation."""
    rng, scale, models = random.Random(seed), "one", 0
    first = [verb for verb in WEIGHTS if verb not in ("publish", "validate")]
    rng.shuffle(first)
    yield Action("publish", number=15_000)  # a minute and a half of market: predictions begin behind the first
    for step in range(steps):
        verb = first[step // 2] if step % 2 == 0 and step // 2 < len(first) else _chosen(rng)
        if verb == "publish":
            yield Action(verb, number=rng.randrange(200, 3_000))
        elif verb == "kill":
            yield Action(verb, rng.choice(["inference", *SCALES[scale]]))
        elif verb == "restart":
            yield Action(verb, f"{rng.choice(SERVERS)} {rng.choice(('kill', 'stop'))}", round(rng.uniform(0.1, 2.0), 1))
        elif verb == "pause":
            yield Action(verb, rng.choice(SERVERS), round(rng.uniform(0.2, 3.0), 1))
        elif verb == "rescale":
            scale = "three" if scale == "one" else "one"
            yield Action(verb, scale)
        elif verb == "activate":
            models += 1
            yield Action(verb, MODELS[models % 2])
        else:
            yield Action(verb)
    yield Action("validate")


def _chosen(rng: random.Random) -> str:
    return rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
