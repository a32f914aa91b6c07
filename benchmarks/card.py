"""The benchmark card: what the system does on this machine, on one core, medians of three.

    python -m benchmarks.card [--write] [--quick]

`--write` puts the card into benchmarks/README.md. The recorded day is taken from UNDERTONE_DATA; what needs it is
left out where that is unset, and the card says so. The peers are installed into var/peers when first wanted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
DAY: Final = "us-equities-2013-10-08.parquet"
MARKS: Final = "<!-- card begins -->", "<!-- card ends -->"
SERVING_MARKS: Final = "<!-- serving card begins -->", "<!-- serving card ends -->"
LIVE_MARKS: Final = "<!-- live card begins -->", "<!-- live card ends -->"


def one_core(module: str, *arguments: str) -> dict[str, Any]:
    """Run a measurement in a process of its own, on one core, and return the JSON it prints."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"benchmark {module} {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of each number over the runs; other values as in the first."""
    first = runs[0]
    return {k: median(run[k] for run in runs) if isinstance(v, int | float) else v for k, v in first.items()}


def measure(times: int, data: Path | None) -> list[tuple[str, str, str]]:
    """Return rows (what, figure, target)."""
    rows: list[tuple[str, str, str]] = []
    with TemporaryDirectory() as folder:
        if data is not None:
            rows += _day(times, data / DAY, Path(folder))
        rows += _symbols(times) + _inference(times) + _mgdl()
    return rows + _peers(times)


def _day(times: int, day: Path, folder: Path) -> list[tuple[str, str, str]]:
    def rate(*options: str) -> float:
        runs = [one_core("benchmarks.day", str(day), *options) for _ in range(times)]
        return float(medians(runs)["ticks_per_second"])

    models = folder / "models"
    for timeframe in ("1s", "1m"):
        one_core("benchmarks.first_model", str(day), timeframe, str(models))
    inline, bytewax = rate("--timeframe", "1s"), rate("--timeframe", "1s", "--engine", "bytewax")
    served = {tf: rate("--timeframe", tf, "--models", str(models)) for tf in ("1s", "1m")}
    served_bytewax = rate("--timeframe", "1s", "--models", str(models), "--engine", "bytewax")
    start = medians([one_core("benchmarks.start", str(day), str(models)) for _ in range(times)])
    memory = one_core("benchmarks.day", str(day), "--timeframe", "1s", "--times", "10")["rss_mb"]
    return [
        ("day, 1 s bars, no model, in process", f"{inline:,.0f} ticks/s", "500,000"),
        ("day, 1 s bars, no model, Bytewax", f"{bytewax:,.0f} ticks/s ({bytewax / inline:.0%} of it)", "67 %"),
        ("day, 1 m bars, no model, in process", f"{rate('--timeframe', '1m'):,.0f} ticks/s", ""),
        ("day, 1 s bars, net and trees, in process", f"{served['1s']:,.0f} ticks/s", ""),
        ("day, 1 s bars, net and trees, Bytewax", f"{served_bytewax:,.0f} ticks/s", ""),
        ("day, 1 m bars, net and trees, in process", f"{served['1m']:,.0f} ticks/s", ""),
        ("RSS after each of ten replays of the day", ", ".join(f"{mb:.0f}" for mb in memory) + " MB", "flat"),
        ("start to first prediction, warm cache", f"{start['seconds']:.1f} s", "5 s"),
    ]


def _symbols(times: int) -> list[tuple[str, str, str]]:
    found = medians([one_core("benchmarks.thousand") for _ in range(times)])
    return [
        (f"1,000 symbols: tick, {found['tick_columns']:.0f} tick columns", f"{found['tick_ns']:.0f} ns", "1,000 ns"),
        ("1,000 symbols: bars, a tick", f"{found['bar_ns']:.0f} ns", ""),
        (f"1,000 symbols: feature row, all {found['columns']:.0f} columns", f"{found['row_ns']:,.0f} ns", "6,000 ns"),
        ("the same without spectral columns", f"{found['row_ns_without_spectral']:,.0f} ns", "3,000 ns"),
        ("state a symbol and timeframe", f"{found['state_bytes'] / 1000:.1f} kB", "64 kB"),
        ("tables of the season beside it", f"{found['season_bytes'] / 1000:.1f} kB", ""),
    ]  # fmt: skip


def _inference(times: int) -> list[tuple[str, str, str]]:
    found = medians([one_core("benchmarks.inference") for _ in range(times)])

    def ms(name: str) -> str:
        return f"{found[f'{name}_ms']:.1f} ms, p99 {found[f'{name}_p99_ms']:.1f} ms"

    def rate(name: str) -> str:
        return f"{found[f'{name}_a_second']:,.0f} a second"

    return [
        ("1,000 symbols at a bar time: LSTM, LightGBM with 300 trees, vote", ms("section_lstm_trees"), "15 ms"),
        ("the same with a GRU", ms("section_gru_trees"), "15 ms"),
        ("the same with the trees alone", ms("section_trees"), ""),
        *((f"{net} alone, 1,000 symbols by state", rate(f"net_{net}"), "100,000") for net in ("gru", "lstm")),
        ("lstm_residual, 3 layers", rate("net_lstm_residual"), "100,000"),
        ("lstm_bidirectional, windows of 64 rows", rate("net_lstm_bidirectional"), ""),
        ("GRU, a call a symbol", rate("gru_symbol_by_symbol"), ""),
    ]


def _mgdl() -> list[tuple[str, str, str]]:
    """One run: it takes minutes. Processor time of one core, where the target speaks of two."""
    found = one_core("benchmarks.mgdl")
    epochs, below = ([f"{seconds:.1f}" for seconds in found[name]] for name in ("epoch_s", "below_s"))
    return [
        (f"`mgdl`: epoch of {found['windows']:,} windows, grade by grade", f"{', '.join(epochs)} s", "300 s"),
        ("what frozen grades would add if they weren't kept", f"{', '.join(below)} s", ""),
        ("`mgdl`: 1,000 symbols x 252 on a CPU", f"{found['cross_section_s'] * 1000:,.0f} ms", ""),
    ]


def _peers(times: int) -> list[tuple[str, str, str]]:
    """Return the section `beside the peers`: ns a row of both, on the columns that the peer has."""
    try:
        runs = [one_core("benchmarks.peers")["peers"] for _ in range(times)]
    except SystemExit as failed:
        print(f"the peers are left out: {failed}", file=sys.stderr)
        return []
    found = {name: medians([run[name] for run in runs]) for name in runs[0]}
    return [("**beside the peers**, ns a row", "", "")] + [
        (
            f"{name}: {peer['columns']:.0f} columns that both have (our groups write {peer['written']:.0f})",
            f"{peer['peer_ns']:,.0f} ns, ours {peer['ours_ns']:,.0f} ns: {peer['times_a_row']:.0f} times a row, "
            f"{peer['times_a_column']:.0f} a column",
            "30 times",
        )
        for name, peer in found.items()
    ]


def card(rows: list[tuple[str, str, str]], times: int) -> str:
    """Return the card in Markdown, with machine and commit."""
    lines = [
        f"{machine()} (one core used); medians of {times}.",
        "",
        "| what | measured | target |",
        "| --- | --- | --- |",
        *(f"| {what} | {figure} | {target} |" for what, figure, target in rows),
    ]
    return "\n".join(lines)


def machine(load_before: float | None = None) -> str:
    """Return what was measured, when and on what, with the load average at the end and, where given, before."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    before = "" if load_before is None else f"{load_before:.1f} before and "
    return (
        f"Commit `{commit.strip()}`, {datetime.now(UTC):%Y-%m-%d}, {_processor()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, load average {before}{os.getloadavg()[0]:.1f} when it ended"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def write(text: str, marks: tuple[str, str] = MARKS, path: Path = ROOT / "benchmarks" / "README.md") -> None:
    """Put a card between its marks in benchmarks/README.md."""
    begin, end = marks
    before, rest = path.read_text().split(begin)
    path.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}")


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure and print the benchmark card.")
    parser.add_argument("--write", action="store_true", help="put it into benchmarks/README.md")
    parser.add_argument("--quick", action="store_true", help="one run instead of three")
    options = parser.parse_args(arguments)
    data = os.environ.get("UNDERTONE_DATA")
    if not data:
        print("UNDERTONE_DATA is not set: the recorded day is left out", file=sys.stderr)
    times = 1 if options.quick else 3
    text = card(measure(times, Path(data) if data else None), times)
    print(text)
    if options.write:
        write(text)


if __name__ == "__main__":
    main()
