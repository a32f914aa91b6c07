"""The service under load, on this machine: the generator shares its cores.

    python -m benchmarks.serving [--quick] [--write]

Calls: /predictions/latest of one symbol and /analyze, with and without similar situations, over 1,000 symbols.
WebSockets: 2,000 connections, one symbol each, while the store is written every second.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil

from benchmarks.card import ROOT, SERVING_MARKS, machine, write
from benchmarks.serving.market import TIMEFRAME, fill, names

SYMBOLS = 1_000
_START = "import sys; from ops.cli import main; main()"


@contextmanager
def service(store: Path, log: Path) -> Iterator[tuple[str, psutil.Process, float]]:
    """Run the service; give its address, its process and how long it took to answer (s)."""
    begun = time.perf_counter()
    with log.open("w") as errors:
        arguments = ["api", "--port", "0", "--set", f"store.url=sqlite:///{store}"]
        process = subprocess.Popen([sys.executable, "-c", _START, *arguments], cwd=ROOT, stderr=errors)
        address = ""
        try:
            while not address:
                time.sleep(0.01)
                ports = [
                    c.laddr.port for c in psutil.Process(process.pid).net_connections("tcp") if c.status == "LISTEN"
                ]
                address = f"127.0.0.1:{ports[0]}" if ports else ""
            yield address, psutil.Process(process.pid), time.perf_counter() - begun
        finally:
            process.terminate()
            process.wait()


def calls(address: str, kind: str, seconds: float, rate: float) -> dict[str, Any]:
    """Load the service with calls of one kind over all symbols."""
    body = {"timeframe": TIMEFRAME, "include_rag_context": kind == "situations"}
    if kind == "latest":
        lines = [["GET", f"/predictions/latest?symbols={name}&timeframe={TIMEFRAME}", None] for name in names(SYMBOLS)]
    else:
        lines = [["POST", "/analyze", {"symbol": name, **body}] for name in names(SYMBOLS)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.serving.http", address, "16", str(seconds), str(rate)], cwd=ROOT, check=True,
        input="\n".join(map(json.dumps, lines)), capture_output=True, text=True,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout)
    if answer["errors"]:
        raise SystemExit(f"{kind}: {answer['errors']} answers were other than 200: the figures would be of refusals")
    return answer


def sockets(address: str, process: psutil.Process, store: Path, connections: int, seconds: int) -> dict[str, Any]:
    """Hold connections while the market is written; return latencies (ms), losses, CPU (ms/s), memory (kB each)."""
    before = process.memory_info().rss
    held = [sys.executable, "-m", "benchmarks.serving.sockets", address, str(connections), str(SYMBOLS)]
    listening = subprocess.Popen(held, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert listening.stdin is not None and listening.stdout is not None
    if listening.stdout.readline().strip() != "ready":
        raise SystemExit("the WebSockets could not be opened")
    time.sleep(2)
    writer = [sys.executable, "-m", "benchmarks.serving.market", str(store), str(SYMBOLS), str(seconds)]
    used = np.array([cpu(process), cpu(psutil.Process(listening.pid))])
    written = subprocess.run(writer, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    used = np.array([cpu(process), cpu(psutil.Process(listening.pid))]) - used
    memory = process.memory_info().rss - before
    time.sleep(2)  # what was written last is still on its way
    listening.stdin.close()
    heard = np.array(json.loads(listening.stdout.read()), np.int64).reshape(-1, 3)
    listening.wait()
    committed = {int(s): int(t) for s, _, t in (line.split() for line in written.splitlines())}
    first = np.array(sorted(committed))
    live = heard[heard[:, 1] >= first[0]]
    burst = np.searchsorted(first, live[:, 1], "right") - 1
    latency = (live[:, 2] - np.array([committed[s] for s in first.tolist()])[burst]) / 1e6
    slowest = [float(np.percentile(latency[burst == k], 99)) for k in range(len(first)) if (burst == k).any()]
    newest = np.array([live[live[:, 0] == k, 1].max(initial=0) for k in range(connections)])
    return {
        "p50": round(float(np.percentile(latency, 50)), 1), "p99": round(float(np.percentile(latency, 99)), 1),
        "p99 of bursts": (round(float(np.median(slowest)), 1), round(max(slowest), 1)),
        "updates a second": round(len(live) / seconds), "without the newest": int(np.sum(newest < first[-1])),
        "cpu": (1e3 * used / seconds).round().astype(int).tolist(),
        "kB a connection": round(memory / connections / 1024, 1),
    }  # fmt: skip


def cpu(process: psutil.Process) -> float:
    """Return the CPU time that a process has used (s)."""
    times = process.cpu_times()
    return float(times.user + times.system)


def measure(seconds: int, connections: int) -> list[tuple[str, str, str]]:
    """Return rows (what, figure, target)."""
    rows = list[tuple[str, str, str]]()
    with TemporaryDirectory() as folder:
        store = Path(folder) / "store.db"
        fill(store, SYMBOLS)
        with service(store, Path(folder) / "log") as (address, process, started):
            rows.append(("start of the service to its socket", f"{started:.2f} s", "1.5 s"))
            for kind, what in (("latest", "`/predictions/latest`"), ("analyze", "`/analyze`"),
                               ("situations", "`/analyze` with similar situations")):  # fmt: skip
                calls(address, kind, 3, 0)  # warm
                full, paced = calls(address, kind, seconds, 0), calls(address, kind, seconds, 500)
                rows.append((f"{what}, 16 connections", f"{full['rate']:,}/s, p99 {full['p99']} ms", "2,000/s"))
                rows.append(
                    (f"{what} at 500/s", f"{paced['rate']}/s, p50 {paced['p50']}, p99 {paced['p99']} ms", "10 ms")
                )
            live = sockets(address, process, store, connections, seconds)
            figure = f"p50 {live['p50']}, p99 {live['p99']} ms, {live['updates a second']:,} updates/s"
            rows.append((f"{connections:,} WebSockets, commit to client", figure, "p99 100 ms"))
            median, worst = live["p99 of bursts"]
            rows.append(("of the bursts' own p99", f"median {median}, slowest {worst} ms", ""))
            ours, theirs = live["cpu"]
            rows.append(("CPU a second of this: service, generator", f"{ours} ms, {theirs} ms", ""))
            rows.append(("of them without the newest value at the end", f"{live['without the newest']}", "0"))
            rows.append(("memory a connection", f"{live['kB a connection']} kB", "50 kB"))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the card into benchmarks/README.md")
    chosen = parser.parse_args()
    rows = measure(*((5, 500) if chosen.quick else (10, 2_000)))
    lines = ["| what | figure | target |", "| --- | --- | --- |", *(f"| {a} | {b} | {c} |" for a, b, c in rows)]
    card = "\n".join([machine(), "", *lines])
    print(card)
    if chosen.write:
        write(card, SERVING_MARKS)


if __name__ == "__main__":
    main()
