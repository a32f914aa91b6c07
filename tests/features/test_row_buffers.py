"""Rows keep what was written as long as anyone holds them; memory that nobody sees is used again."""

from __future__ import annotations

import numpy as np

from features.row_buffers import NOT_WRITTEN, SPARE, RowBuffers, take_back, with_spare_rows
from schema.features import FeatureRows


def test_rows_come_empty() -> None:
    buffers = RowBuffers(3)
    rows = buffers.take(5)
    rows.values[...], rows.why[...] = 1.0, 0
    del rows
    rows = buffers.take(4)
    assert np.isnan(rows.values).all()
    assert (rows.why == NOT_WRITTEN).all()


def test_memory_that_nobody_sees_is_used_again() -> None:
    buffers = RowBuffers(3)
    first = buffers.take(5).values.__array_interface__["data"]
    assert buffers.take(5).values.__array_interface__["data"] == first


def test_memory_that_someone_sees_is_not() -> None:
    buffers = RowBuffers(3)
    rows = buffers.take(5)
    rows.values[...] = 7.0
    view = rows.values[1:3, :2]
    del rows
    for _ in range(10):
        buffers.take(5).values[...] = 8.0
    assert (view == 7.0).all()


def test_validity_that_someone_sees_is_not_either() -> None:
    buffers = RowBuffers(3)
    why = buffers.take(5).why
    for _ in range(10):
        buffers.take(5).why[...] = 8
    assert (why == NOT_WRITTEN).all()


def test_more_holders_than_the_pool_remembers() -> None:
    buffers = RowBuffers(2)
    held = []
    for number in range(20):
        held.append(buffers.take(3))
        held[-1].values[...] = number
    assert [rows.values[0, 0] for rows in held] == list(range(20))


def test_spare_rows_are_the_memory_itself() -> None:
    rows = RowBuffers(2).take(3)
    values, why = with_spare_rows(rows)
    assert values.shape == why.shape == (3 + SPARE, 2)
    values[1, 0] = 5.0
    take_back(rows, values, why)
    assert rows.values[1, 0] == 5.0


def test_rows_from_elsewhere_are_copied_and_taken_back() -> None:
    rows = FeatureRows(np.zeros((3, 2)), np.zeros((3, 2), np.uint8))
    values, why = with_spare_rows(rows)
    values[1, 0], why[2, 1] = 5.0, 9
    take_back(rows, values, why)
    assert rows.values[1, 0] == 5.0
    assert rows.why[2, 1] == 9
