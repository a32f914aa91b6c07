"""Show at the end of a run what the laws count: near-ties of columns that branch on equality."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = [
        str(value)
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == "near-ties"
    ]
    if lines:
        terminalreporter.section("near-ties under prices moved by 2^-50", sep="-")
        terminalreporter.write_line("\n".join(lines))
