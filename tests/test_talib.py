"""The page that sets the catalogue beside TA-Lib says what is so."""

from __future__ import annotations

import pytest
import talib

from tests.talib_digits import columns, digits
from tests.talib_page import PAGE, claimed, differences, page
from tests.talib_table import ABSENT, EQUAL, TABLE, Row

EQUAL_ROWS = [row for row in TABLE.values() if row.verdict == EQUAL]


def test_every_function_of_talib_has_its_row() -> None:
    assert set(TABLE) == set(talib.get_functions())


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.function)
def test_a_row_names_columns_that_exist_or_says_why_there_are_none(row: Row) -> None:
    assert set(row.comparisons) <= columns()
    assert bool(row.columns) == (row.verdict != ABSENT)
    assert row.why or row.verdict == EQUAL


@pytest.mark.parametrize("row", EQUAL_ROWS, ids=lambda row: row.function)
def test_what_is_called_equal_agrees_to_the_digits_claimed(row: Row) -> None:
    assert digits(row) >= max(claimed(PAGE.read_text())[row.function], 9)


def test_the_page_is_the_tables() -> None:
    assert differences(PAGE.read_text(), page()) == []


def test_a_page_that_claims_a_digit_more_is_found() -> None:
    fresh = page()
    told = fresh.replace("| 12 |\n", "| 13 |\n", 1)
    assert told != fresh and differences(told, fresh) and differences(fresh.replace("| SMA |", "| SMB |"), fresh)
