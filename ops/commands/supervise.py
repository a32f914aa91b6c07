"""`undertone run --supervise`: the live dataflow in a process of its own, started again when it fails."""

from __future__ import annotations

import sys

from ops.drain import Drain
from ops.settings import Settings
from ops.supervisor import Policy, Supervisor

_MAIN = "from ops.cli import main; main()"


def run(settings: Settings, *, json: bool, drain: Drain) -> int:
    """Supervise a `run` with the same arguments."""
    supervise = settings.supervise
    policy = Policy(supervise.back_off_s, supervise.longest_back_off_s, supervise.failures, supervise.window_s)
    given = [argument for argument in sys.argv[1:] if argument != "--supervise"]

    def command(restarts: int) -> list[str]:
        return [sys.executable, "-c", _MAIN, *given, "--restarts", str(restarts)]

    return Supervisor(command, policy).run(drain)
