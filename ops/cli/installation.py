"""This machine: settings, what is installed, how fast it is."""

from __future__ import annotations

from ops.command_line import Common


def show_settings(call: Common) -> None:
    """Show every setting's value."""
    call.run("config", "show")


def check_settings(call: Common) -> None:
    """Check settings and what they point to."""
    call.run("config", "check")


def doctor(call: Common) -> None:
    """Say what is installed, what can be reached, and which device is used."""
    call.run("doctor")


def bench(call: Common) -> None:
    """Measure rates, latencies and memory; print a card with machine and commit."""
    call.run("bench")
