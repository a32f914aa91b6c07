"""An explanation for a reader: the largest parts, and what the others come to. Needs neither torch nor numpy."""

from __future__ import annotations

from typing import Any


def shortened(explanation: dict[str, Any], n: int) -> dict[str, Any]:
    """Return a kept explanation with the n largest contributions alone, and the sum of the others beside them."""
    members = {name: _short(member, n) for name, member in explanation["members"].items()}
    return {**_short(explanation, n), "members": members}


def _short(part: dict[str, Any], n: int) -> dict[str, Any]:
    every = part["contributions"]
    others = {"features": max(len(every) - n, 0), "contribution": sum(p["contribution"] for p in every[n:])}
    return {**part, "contributions": every[:n], "others": others}
