"""A hundred thousand unknown symbols through Kafka into QuestDB: dead letters with a reason, and no memory of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil
import pytest

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.messages.encode import encode_columns
from dataflows.messages.formats import Format
from schema.ticks import TRADE, ticks_of
from tests.kafka.topics import TIME, delivering, names, new_topic, opened, settings
from tests.servers import QuestDb
from tests.sinks.conftest import new_namespace, questdb_url

FLOOD, A_MESSAGE = 100_000, 1_000


def flood(kafka: str, topic: str, first: int) -> None:
    """Append a trade each of `FLOOD` symbols that nobody knows, and one of a known symbol with each thousand."""
    with delivering(kafka, topic) as delivery:
        for begin in range(first, first + FLOOD, A_MESSAGE):
            strangers = [f"X{k:07d}" for k in range(begin, begin + A_MESSAGE)]
            codes = np.arange(A_MESSAGE + 1, dtype=np.int32)
            ticks = ticks_of(A_MESSAGE + 1, ts_event=TIME + begin, symbol=codes, kind=TRADE, price=5.0, size=1.0)
            delivery.send(encode_columns(ticks, [*strangers, names()[0]]), 0, Format.COLUMNS)


def read(flow: Flow, ticks: int) -> float:
    """Read until so many ticks came; return the process's memory, MB."""
    while flow.tally.counts.ticks_read < ticks:
        flow.pipeline.advance()
    flow.store.flush()
    return psutil.Process().memory_info().rss / 2**20


@pytest.mark.slow
def test_a_flood_of_unknown_symbols_is_dead_letters_and_grows_nothing(
    kafka: str, questdb: QuestDb, tmp_path: Path
) -> None:
    topic, namespace = new_topic(kafka, 1), new_namespace()
    wanted = settings(
        f"store.url={questdb_url(questdb)}", f"store.namespace={namespace}", f"store.spool_directory={tmp_path}",
        "order.outlier_bound=0",
    )  # fmt: skip
    flow = assemble(wanted, opened(kafka, topic, batch_ticks=5_000))
    each, memory = FLOOD + FLOOD // A_MESSAGE, []
    for k in range(3):
        flood(kafka, topic, k * FLOOD)
        memory.append(read(flow, (k + 1) * each))
    counts = flow.tally.counts
    assert counts.ticks_dead == {"unknown_symbol": 3 * FLOOD}
    assert counts.ticks_read == 3 * each
    assert len(flow.universe) == len(names())
    assert memory[2] - memory[1] < 25, f"a third flood took {memory} MB"
    (row,) = flow.store.query("SELECT count() AS n, count_distinct(symbol) AS symbols FROM dead_letters")
    assert (row["n"], row["symbols"]) == (3 * FLOOD, 3 * FLOOD)
    (found,) = flow.store.query("SELECT reason, found, expected FROM dead_letters WHERE symbol = 'X0123456'")
    assert found["reason"] == "unknown_symbol" and "X0123456" in found["found"]
    assert "configured symbols" in found["expected"]
    flow.close()
