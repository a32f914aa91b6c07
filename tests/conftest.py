"""What all tests share: where recorded days are, and examples that are the same in every run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from dataflows.kernel_cache import forget_stale

forget_stale()  # before any kernel is loaded
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of recorded days that UNDERTONE_DATA names; without it the test is skipped."""
    folder = os.environ.get("UNDERTONE_DATA")
    if not folder:
        pytest.skip("UNDERTONE_DATA is not set: it names the folder of recorded days")
    return Path(folder)
