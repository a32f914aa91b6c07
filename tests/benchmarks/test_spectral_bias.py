"""What the study of spectral bias measures."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.spectral_bias.learning import GRADES, Schedule, graded
from benchmarks.spectral_bias.problem import AMPLITUDES, make_problem, relative_squared_error

FREQUENCIES = np.arange(1, 21)


@pytest.mark.parametrize("amplitude", AMPLITUDES)
def test_errors_lie_between_nothing_and_all(amplitude: str) -> None:
    problem = make_problem(amplitude, FREQUENCIES, 600)
    np.testing.assert_allclose(problem.error_by_frequency(np.zeros(600)), 1)
    np.testing.assert_allclose(problem.error_by_frequency(problem.y), 0)
    assert relative_squared_error(np.zeros(600), problem.y) == 1


def test_an_error_is_seen_at_its_frequency_alone() -> None:
    problem = make_problem("constant", 10 * FREQUENCIES, 6_000)
    missing = np.sin(2 * np.pi * 50 * problem.x + 0.3) * 0.5
    found = problem.error_by_frequency(problem.y + missing)
    np.testing.assert_allclose(found, np.where(problem.frequencies == 50, 0.25, 0), atol=1e-9)


def test_each_grade_goes_on_from_the_sum_of_those_before() -> None:
    problem = make_problem("constant", FREQUENCIES[:3], 120)
    course = graded(problem, Schedule(steps=160, batch=60, looks=160))
    ends = [course.train[course.step.index(40 * (grade + 1))] for grade in range(GRADES)]
    starts = [course.train[course.step.index(40 * grade + 1)] for grade in range(1, GRADES)]
    assert course.step == list(range(1, 161))
    assert (np.diff(ends) < 0).all()
    for end, start in zip(ends, starts):  # behind its first step a new grade is near what it took over
        assert abs(start - end) < 0.1


def test_an_unknown_amplitude_is_refused() -> None:
    with pytest.raises(ValueError, match="'constnt' is unknown"):
        make_problem("constnt", FREQUENCIES, 600)
