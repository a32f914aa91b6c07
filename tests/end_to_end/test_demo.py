"""The demo: one command, and predictions move on the page."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.end_to_end.runs import adds_up, command, environment


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def asked(address: str) -> Any:
    """The JSON at an address, None while nobody answers there."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return json.load(answer)
    except (urllib.error.URLError, OSError):
        return None


def newest(address: str) -> dict[str, str]:
    """The time of each symbol's newest prediction."""
    answer = asked(f"{address}/predictions/latest")
    return {} if answer is None else {row["symbol"]: row["timestamp"] for row in answer["predictions"]}


def test_the_demo_trains_serves_and_ends_with_a_summary(tmp_path: Path) -> None:
    port = free_port()
    arguments = ["demo", "--for", "25s", "--symbols", "8", "--no-open", "--port", str(port), "--json"]
    process = subprocess.Popen(
        [*command(*arguments), "--set", "metrics.port=0"], cwd=tmp_path, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    address, seen = f"http://127.0.0.1:{port}", []
    until = time.monotonic() + 200
    while process.poll() is None and time.monotonic() < until:
        times = newest(address)
        if times and (not seen or times != seen[-1]):
            seen.append(times)
        time.sleep(0.5)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors[-2000:]
    assert "training a small one" in output
    summary = json.loads(output[output.index("{") :])
    summary["ticks_read"] -= summary["waiting"]
    assert adds_up(summary)
    assert summary["predictions"] > 0
    assert len(seen) > 5, "predictions did not move"
    assert set(seen[-1]) == {f"SYN{k:03d}" for k in range(8)}
