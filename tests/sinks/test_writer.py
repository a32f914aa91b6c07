"""The background writer: order, backpressure, what it acknowledges and when it asks for the disk."""

from __future__ import annotations

import threading
import time

import pytest

from dataflows.sinks.writer import Group, Writer


class Disk:
    """Records what is written, once it is let go."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[int | None], bool]] = []
        self.free, self.entered = threading.Event(), threading.Event()

    def write(self, groups: list[Group], sync: bool) -> None:
        self.entered.set()
        self.free.wait(10)
        self.calls.append(([group.sequence for group in groups], sync))


def rows(sequence: int, cells: int = 1) -> Group:
    return Group([("bars", {}, 1)], cells, sequence)


@pytest.fixture
def disk() -> Disk:
    return Disk()


def test_a_flush_ends_with_a_write_that_outlives_a_power_cut(disk: Disk) -> None:
    disk.free.set()
    writer = Writer(disk.write, 100)
    for number in (1, 2):
        writer.put(rows(number))
        while writer.acknowledged < number:
            time.sleep(0.001)
    assert not any(sync for _, sync in disk.calls)
    writer.flush()
    assert disk.calls[-1][1]
    written = len(disk.calls)
    writer.flush()
    assert len(disk.calls) == written, "nothing new: nothing to write"
    writer.stop()


def test_groups_that_wait_go_together_in_order_and_idle_batches_ride_along(disk: Disk) -> None:
    writer = Writer(disk.write, 100)
    writer.put(rows(1))
    disk.entered.wait(10)
    for group in (rows(2), rows(3), Group(sequence=4), Group(sequence=5)):
        writer.put(group)
    assert writer.acknowledged == 0
    disk.free.set()
    writer.flush()
    assert [numbers for numbers, _ in disk.calls] == [[1], [2, 5]]
    assert writer.acknowledged == 5
    writer.stop()


def test_put_waits_while_the_queue_is_full(disk: Disk) -> None:
    writer = Writer(disk.write, 10)
    writer.put(rows(1, cells=10))
    disk.entered.wait(10)
    waiting = threading.Thread(target=writer.put, args=(rows(2),))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    disk.free.set()
    waiting.join(10)
    assert not waiting.is_alive()
    writer.flush()
    assert writer.acknowledged == 2
    writer.stop()


def test_an_error_wakes_who_waits_and_is_raised_from_then_on() -> None:
    def fail(groups: list[Group], sync: bool) -> None:
        raise OSError("no disk")

    writer = Writer(fail, 1)
    writer.put(rows(1))
    for call in (writer.flush, writer.check, lambda: writer.put(rows(2))):
        with pytest.raises(OSError, match="no disk"):
            call()
    assert writer.acknowledged == 0
    writer.stop()
