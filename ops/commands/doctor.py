"""`undertone doctor`: what is installed, what can be reached, which device is used."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from ops.errors import CommandError
from ops.local import stack
from ops.local.server import Server
from ops.settings import Settings
from ops.tables import print_json, print_table

LIBRARIES: Final = (
    "bytewax", "numpy", "numba", "torch", "lightgbm", "pyarrow", "pandas", "msgspec", "safetensors", "fastapi",
    "uvicorn", "pydantic-settings", "prometheus-client", "structlog", "exchange-calendars", "confluent-kafka",
    "questdb", "redis",
)  # fmt: skip
_TIMEOUT_S: Final = 0.5
_PORTS: Final = {"questdb": 9000, "redis": 6379, "rediss": 6379}


class Finding(NamedTuple):
    """One thing looked at. `code` is what the command exits with if this is the worst."""

    part: str
    what: str
    found: str
    code: int = 0


def run(settings: Settings, json: bool) -> int:
    """Print all findings; the exit code is 0, 75 if a configured server is away, 78 if something is not installed."""
    findings = [
        *_machine(), *_libraries(), *_places(settings), *_servers(settings), *_local_servers(settings),
        _device(settings),
    ]  # fmt: skip
    code = max(finding.code for finding in findings)
    if json:
        print_json({"ok": code == 0, "findings": [finding._asdict() for finding in findings]})
    else:
        marks = {0: "ok", 75: "AWAY", 78: "WRONG"}
        print_table(("", "part", "what", "found"), [(marks[f.code], f.part, f.what, f.found) for f in findings])
    return code


def _machine() -> Iterator[Finding]:
    version = platform.python_version()
    fits = (3, 11) <= sys.version_info[:2] <= (3, 12)
    yield Finding("python", version, sys.executable if fits else "expected 3.11 or 3.12", 0 if fits else 78)
    yield Finding("machine", platform.machine(), f"{os.cpu_count()} cores, {_cpu_features()}")


def _cpu_features() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return "CPU features unknown"
    flags = next((line.split(":", 1)[1].split() for line in text.splitlines() if line.startswith("flags")), [])
    return " ".join(flag for flag in ("sse4_2", "avx", "avx2", "fma", "avx512f") if flag in flags) or "no vector units"


def _libraries() -> Iterator[Finding]:
    for name in LIBRARIES:
        try:
            yield Finding("library", name, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding("library", name, "not installed; run make .venv, or install undertone again", 78)


def _places(settings: Settings) -> Iterator[Finding]:
    store = settings.store.url
    if store.startswith("sqlite:"):
        yield _writable("store", Path(store.removeprefix("sqlite:///")).parent, f"SQLite {sqlite3.sqlite_version}")
    yield _writable("checkpoints", settings.checkpoint.directory, "")
    yield _writable("models", settings.registry.root, "")
    kernels = Path(os.environ.get("NUMBA_CACHE_DIR") or Path(__file__).resolve().parents[2] / "features")
    yield _writable("compile cache", kernels, "")
    folder = settings.data.folder
    files = len(list(folder.glob("*.parquet"))) if folder else 0
    found = f"{files} Parquet files" if folder else "set UNDERTONE_DATA to use it"
    yield Finding("data", str(folder or "not set"), found)


def _writable(part: str, folder: Path, more: str) -> Finding:
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        return Finding(part, str(folder), f"{existing} is no folder that can be written; change it, or set another", 75)
    free = shutil.disk_usage(existing).free / 2**30
    return Finding(part, str(folder), ", ".join(filter(None, (more, f"writable, {free:.1f} GiB free"))))


def _servers(settings: Settings) -> Iterator[Finding]:
    for part, address in (("store", settings.store.url), ("bus", settings.bus.url)):
        parts = urlsplit(address)
        if parts.scheme in _PORTS:
            host, port = parts.hostname or "127.0.0.1", parts.port or _PORTS[parts.scheme]
            yield _reach(part, f"{parts.scheme}://{host}:{port}", host, port)


def _reach(part: str, what: str, host: str, port: int) -> Finding:
    try:
        socket.create_connection((host, port), timeout=_TIMEOUT_S).close()
    except OSError as error:
        return Finding(part, what, f"no answer: {error.strerror or error}; start it or correct {part}.url", 75)
    return Finding(part, what, "answers")


def _local_servers(settings: Settings) -> Iterator[Finding]:
    """Say what of `make up` is there. None of it is needed to run embedded, so none of it is wrong."""
    for server in stack.servers(settings):
        process, trouble = server.process(), server.trouble()
        if trouble is None:
            found = f"healthy, process {process.pid}" if process else "healthy, not started by `make up`"
        elif process:
            found = f"process {process.pid} isn't healthy: {trouble}; see python -m ops.local logs {server.name}"
        else:
            found = _startable(server)
        yield Finding("local server", f"{server.name} {server.address}", found)


def _startable(server: Server) -> str:
    try:
        server.need()
    except CommandError as error:
        return f"down, and can't be started: {error}"
    return "down; `make up` starts it"


def _device(settings: Settings) -> Finding:
    wanted = settings.inference.device
    try:
        import torch
    except ImportError as error:
        return Finding("device", wanted, f"torch can't be imported: {error}", 78)
    if torch.cuda.is_available() and wanted != "cpu":
        return Finding("device", "cuda", torch.cuda.get_device_name(0))
    if wanted == "cuda":
        return Finding("device", "cuda", "no GPU that torch can use; set inference.device to auto", 78)
    return Finding("device", "cpu", f"{torch.get_num_threads()} threads")
