"""What travels through the flow: one envelope a batch of ticks, filled station by station."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from dataflows.split.message import ShardRows
from features.inputs import BarInputs, TickInputs
from schema.alerts import Alert
from schema.bars import Bars, empty_bars
from schema.events import Decision, Event
from schema.features import FeatureRows
from schema.outcomes import Outcomes, Score
from schema.predictions import Predictions
from schema.reasons import Dead
from schema.ticks import Int64, Ticks, ticks_of

# Shared, since making them anew would cost a live batch more than most stations do. Nobody writes into them.
NO_TICKS: Final = ticks_of(0)
NO_BARS: Final = empty_bars(0)
NO_TIMES: Final = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What a source hands over: ticks in order of arrival, `ticks.symbol` indexing `names`.

    `malformed` maps a row to what was found where a cell couldn't be read ("price='abc'"); that cell holds its
    unset value. `unknown_kinds` maps a row of UNKNOWN_KIND to the text found. Within a lane (offset, index) rises.
    """

    ticks: Ticks
    names: tuple[str, ...]
    malformed: dict[int, str] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    unknown_kinds: dict[int, str] = field(default_factory=dict)
    shards: tuple[ShardRows, ...] = ()  # of the split topology: what feature processes said, instead of ticks


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One refused tick: where it stood, why it was refused, what was found and what was expected."""

    time: int  # ns UTC of the event, 0 if unreadable
    symbol: str
    reason: Dead
    found: str
    expected: str
    lane: int
    offset: int
    index: int


@dataclass(slots=True)
class Stamps:
    """Wall-clock ns of the stages of this batch. They reach tables and histograms, never a decision."""

    received: int = 0
    closed: int = 0
    features_ready: int = 0
    enqueued: int = 0
    published: int = 0  # handed to the bus; one with a queue of its own sends later


@dataclass(slots=True)
class Batch:
    """One pass through the flow. A station reads what the ones before filled and fills its own."""

    number: int  # counts passes from 1 on; the same at every station between two passes
    arrivals: Arrivals | None = None  # from the source
    last: bool = False  # the input ends here
    ticks: Ticks = NO_TICKS  # gate: what passed; order: released, in order
    watermark: int = 0  # order: no tick before this event time can come any more (ns)
    dead: list[DeadLetter] = field(default_factory=list)
    late: Ticks = NO_TICKS
    late_watermark: Int64 = field(default_factory=lambda: NO_TIMES)  # of each late tick's lane
    tick_inputs: TickInputs | None = None  # bars: the released ticks as kernels read them
    bars: Bars = NO_BARS
    inputs: BarInputs | None = None  # bar features: the bars as kernels read them
    features: FeatureRows | None = None
    predictions: list[Predictions] = field(default_factory=list)  # what is served
    shadows: list[Predictions] = field(default_factory=list)  # what is only scored
    served: list[dict[str, Any]] | None = None  # serving: rows of the table `predictions`, numbered and published
    outcomes: list[Outcomes] = field(default_factory=list)  # of earlier predictions, known by now
    scores: list[Score] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    stamps: Stamps = field(default_factory=Stamps)
