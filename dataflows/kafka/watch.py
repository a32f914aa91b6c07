"""Watch a topic while it is read: whether its brokers answer, and whether it still is the topic it was."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from dataflows.kafka.start import check_same
from dataflows.kafka.topic import Topic, TopicAway, Topics
from ops import metrics
from ops.errors import DependencyAway
from ops.log import logger

EVERY_S: Final = 5.0
SAY_EVERY_S: Final = 30.0
_ANSWER_WITHIN_S: Final = 4.0


class Watch:
    """Asks now and then, never waits. Brokers that don't answer are waited for: said in the log and in a metric."""

    def __init__(self, topics: Topics, topic: Topic, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with a topic that was just described; `clock` gives seconds."""
        self._topics, self._topic, self._clock = topics, topic, clock
        self._asked: Future[Any] | None = None
        self._next = clock() + EVERY_S
        self._away_since = 0.0
        self._said = 0.0
        self._missing = False
        self._log = logger("kafka")
        metrics.SOURCE_AWAY.set(0)

    @property
    def away(self) -> bool:
        """Whether no broker answers."""
        return self._away_since > 0

    def look(self) -> None:
        """Call it between polls; cheap.

        Raises OtherLog where the topic was made anew or has other partitions, TopicAway where it was deleted.
        """
        now = self._clock()
        if self._asked is not None and self._asked.done():
            asked, self._asked = self._asked, None
            self._judge(asked)
        elif self._asked is None and now >= self._next:
            self._next = now + EVERY_S
            self._asked = self._topics.asked(_ANSWER_WITHIN_S)
        if self.away and now - self._said >= SAY_EVERY_S:
            self._say(now)

    def lost(self, error: str) -> None:
        """Say that no broker answers."""
        if not self.away:
            self._away_since = self._said = self._clock()
            metrics.SOURCE_AWAY.set(1)
            self._log.warning("no broker answers, waiting", servers=self._topics.cluster.servers, error=error)

    def heard(self) -> None:
        """Say that a broker answered."""
        if self.away:
            self._log.info("a broker answers again", after_s=round(self._clock() - self._away_since, 1))
            self._away_since = 0.0
            metrics.SOURCE_AWAY.set(0)

    def _judge(self, asked: Future[Any]) -> None:
        try:
            topic = self._topics.described(asked)
        except TopicAway:
            if self._missing:  # a broker that has just started may not know its topics yet: asked twice
                raise
            self._missing = True
            return
        except DependencyAway as error:
            self.lost(str(error))
            return
        self._missing = False
        self.heard()
        check_same(topic, self._topic)

    def _say(self, now: float) -> None:
        self._said = now
        waited = round(now - self._away_since, 1)
        self._log.warning("still no broker answers, waiting", servers=self._topics.cluster.servers, waited_s=waited)
