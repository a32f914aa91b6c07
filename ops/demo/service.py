"""The API in a process of its own, as it runs in production, so that it takes nothing from the flow."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.errors import CommandFailed
from ops.settings import Settings

_PATIENCE = 20.0  # seconds for it to answer


@contextmanager
def serving(settings: Settings, log: Path) -> Iterator[str]:
    """Serve the store while the block runs; give the page's address. Raises CommandFailed if it doesn't start."""
    address = f"http://{settings.api.host}:{settings.api.port}"
    command = [
        sys.executable, "-c", "from ops.cli import main; main()", "api",
        "--set", f"store.url={settings.store.url}", "--set", f"store.namespace={settings.store.namespace}",
        "--set", f"registry.root={settings.registry.root}", "--set", f"api.dataflow_url={_metrics(settings)}",
        "--host", settings.api.host, "--port", str(settings.api.port),
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        )
    try:
        _wait(process, address, log)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _metrics(settings: Settings) -> str:
    """Return where this process, the dataflow, answers Prometheus; empty where it does not."""
    chosen = settings.metrics
    return f"http://{chosen.host}:{chosen.port}/metrics" if chosen.port else ""


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            raise CommandFailed(f"the service on {address} ended: {log.read_text().strip().splitlines()[-1]}")
        try:
            urllib.request.urlopen(f"{address}/livez", timeout=1).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise CommandFailed(f"the service on {address} gave no answer within {_PATIENCE:g} s; see {log}")
