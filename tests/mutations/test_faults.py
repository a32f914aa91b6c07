"""Every fault still fits its file, and together they are of all families and kinds."""

from __future__ import annotations

import pytest

from features.catalogue import Family
from tests.mutations.fault import DoesNotFit, Fault, Kind, planted
from tests.mutations.faults import FAULTS
from tests.mutations.page import PAGE, first_cells, listed
from tests.mutations.trial import ROOT


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.path}: {fault.breaks}")
def test_a_fault_fits_its_file(fault: Fault) -> None:
    compile(planted(ROOT, fault), fault.path, "exec")


def test_a_text_that_is_not_there_does_not_fit() -> None:
    fault = FAULTS[0]._replace(old="no kernel has this")
    with pytest.raises(DoesNotFit, match=r"has 0 times the text 'no kernel has this', expected exactly once"):
        planted(ROOT, fault)


def test_faults_are_of_all_families_and_kinds() -> None:
    assert {fault.family for fault in FAULTS} == {family.value for family in Family}
    assert {fault.kind for fault in FAULTS} == set(Kind)


def test_each_fault_breaks_something_else() -> None:
    assert len({first_cells(fault) for fault in FAULTS}) == len(FAULTS)


def test_the_page_lists_the_faults() -> None:
    assert listed(PAGE.read_text()) == [first_cells(fault) for fault in FAULTS], (
        "docs/mutations.md is stale; run python -m tests.mutations.run --write"
    )
