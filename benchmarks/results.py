"""What every architecture reaches on the recorded data: docs/results.md.

    python -m benchmarks.results [--on daily,minutes] [--only gru,lightgbm] [--write]

Walks each architecture forward (small nets, settings in SETS), judges it beside naive forecasters and after costs, with
the code of `undertone evaluate walk`, and keeps what it found in var/results/SET/NAME.json, so that a set may be done
in pieces. `--write` makes the page of all that is there. Data: folder of UNDERTONE_DATA.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from models.architectures import architectures
from models.assessment.report import number, span
from models.assessment.study import study
from models.backtest.performance import Moments, best_of, probability_above
from models.config import TREES
from models.evaluation.trials import Trials
from ops.commands.judged import judged, replayed
from ops.drain import Drain
from ops.provenance import markdown_table, provenance, write_page
from ops.settings import load
from ops.train_settings import configuration

ROOT = Path(__file__).resolve().parents[1]
FOUND = ROOT / "var" / "results"
COMMON = ("train.preset=quick", "train.growing=false", "train.epochs=6", "train.columns=32", "bars.calendar=XNYS")
SETS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "daily": (
        "Daily bars of 14 US tickers",
        ("us-equities-daily.parquet",),
        ("bars.timeframes=1d", "train.train_bars=500", "train.validation_bars=200", "train.step_bars=250",
         "train.folds=8", "train.refit_every=2"),
    ),
    "minutes": (
        "1-minute bars of AIG, BAC, IBM and SPY, three days of ticks",
        tuple(f"us-equities-2013-10-0{day}.parquet" for day in (7, 8, 9)),
        ("bars.timeframes=1m", "train.train_bars=400", "train.validation_bars=100", "train.step_bars=100",
         "train.refit_every=2"),
    ),
}  # fmt: skip


def measure(name: str, only: list[str]) -> None:
    """Walk the architectures of one set forward that are asked for, and keep what comes out."""
    _, files, own = SETS[name]
    folder = FOUND / name
    folder.mkdir(parents=True, exist_ok=True)
    settings = load([], [*COMMON, *own, f"registry.root={folder / 'registry'}"], {}, {})
    past = replayed(settings, [Path(os.environ["UNDERTONE_DATA"]) / file for file in files], True, Drain())
    for model in only:
        began, busy = time.monotonic(), time.process_time()
        tested = study(past.dataset, configuration(settings, None, model), past.names)
        found = judged(settings, tested, past, {model: f"walk {model}"})
        cost = {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - busy, "made": provenance(),
                "history": [len(past.dataset.time), len(past.names), len(past.dataset.columns)]}  # fmt: skip
        (folder / f"{model}.json").write_text(json.dumps({**found, **cost}, default=str))
        print(
            f"{name} {model}: {cost['seconds']:.0f} s, {cost['cpu_seconds']:.0f} s of CPU", file=sys.stderr, flush=True
        )


def page() -> list[str]:
    """Return the parts of docs/results.md."""
    parts = [
        "What every architecture reaches out of sample, walked forward with small nets on a CPU, beside naive "
        "forecasters on the same rows. Made by `python -m benchmarks.results --write`; one architecture on your own "
        "history: `undertone evaluate walk FILE --model NAME`. What the words mean: [evaluation.md](evaluation.md).",
    ]
    for name, (title, _, own) in SETS.items():
        found = {path.stem: json.loads(path.read_text()) for path in sorted((FOUND / name).glob("*.json"))}
        if found:
            parts += [f"## {title}", *_section(found, (*COMMON, *own))]
    return parts


def _section(found: dict[str, dict[str, Any]], settings: tuple[str, ...]) -> list[str]:
    one = next(iter(found.values()))
    rows, symbols, columns = one["history"]
    ratios = [f["backtests"][name]["sharpe_a_day"] for name, f in found.items() if name in f["backtests"]]
    trials = Trials(tuple(ratio for ratio in ratios if ratio is not None), len(found))
    naive = {name: scores for name, scores in one["scores"].items() if name.startswith("naive: ")}
    table = [_row(name, f["scores"][name], f["backtests"].get(name), trials, f) for name, f in found.items()]
    table += [_row(name, scores, one["backtests"].get(name), trials) for name, scores in naive.items()]
    head = dict.fromkeys(("forecaster", "accuracy", "95 %", "information coefficient", "95 % ", "nll", "log loss",
                          "gross bps a day", "net bps a day", "net 95 %", "Sharpe a year", "deflated", "seconds",
                          "of CPU"), "---:")  # fmt: skip
    head["forecaster"] = "---"
    return [
        f"{rows:,} bars of {symbols} symbols, {columns} columns; horizon {one['horizon']} bars. Settings: "
        f"{', '.join(f'`{s}`' for s in settings)}. Tested: {one['rows']:,} rows of {one['days']} days where the net "
        f"speaks ({next(iter(found))}; nets with a window may say less). Costs: fee {one['trading']['fee_bps']:g} bps, "
        f"half a spread of {one['trading']['half_spread_bps']:g} bps where there are no quotes, latency "
        f"{one['trading']['latency_ms']:g} ms where there are.",
        *_verdict(found, naive),
        markdown_table(head, table),
        f"Deflated by the {len(found)} architectures of the table{_missing(found)}. Seconds of the clock, on a machine "
        f"that was busy with other work, and of CPU. {max(f['made'] for f in found.values())}",
    ]


def _missing(found: dict[str, dict[str, Any]]) -> str:
    names = [name for name in (*TREES, *architectures()) if name not in found]
    return f"; not run: {', '.join(names)}" if names else ""


def deflated(earned: dict[str, Any], trials: Trials) -> float | None:
    """Return the deflated Sharpe ratio by the trials of the whole table."""
    found = earned["moments"]
    return probability_above(Moments(*found), best_of(trials, found[0])) if found else None


def _row(
    name: str, scores: dict[str, Any], earned: dict[str, Any] | None, trials: Trials,
    whole: dict[str, Any] | None = None,
) -> list[object]:  # fmt: skip
    intervals = scores["intervals"]
    cells: list[object] = [
        f"`{name}`" if whole else name, number(scores.get("directional_accuracy")),
        span(intervals.get("directional_accuracy")), number(scores.get("information_coefficient")),
        span(intervals.get("information_coefficient")), number(scores.get("nll")), number(scores.get("log_loss")),
    ]  # fmt: skip
    if earned:
        cells += [number(earned["gross_bps_a_day"]), number(earned["net_bps_a_day"]), span(earned["net_interval"]),
                  number(earned["sharpe"]), number(deflated(earned, trials))]  # fmt: skip
    else:
        cells += [None] * 5
    return [*cells, *([f"{whole['seconds']:.0f}", f"{whole['cpu_seconds']:.0f}"] if whole else (None, None))]


def _verdict(found: dict[str, dict[str, Any]], naive: dict[str, dict[str, Any]]) -> list[str]:
    """Say plainly who beats the best naive forecaster, and who earns more than chance after costs."""
    lines = []
    for key, what, better in (("directional_accuracy", "accuracy", 1), ("nll", "likelihood of returns", -1),
                              ("log_loss", "likelihood of classes", -1)):  # fmt: skip
        known = {name: better * scores[key] for name, scores in naive.items() if scores.get(key) is not None}
        best = max(known, key=lambda name: known[name])
        won = [
            name for name, f in found.items() if better * (f["scores"][name].get(key) or -1e9 * better) > known[best]
        ]
        sure = [name for name in won if _apart(found[name], name, key, better, known[best])]
        lines.append(
            f"- {what}: {len(won)} of {len(found)} are better than {best} ({number(better * known[best])})"
            + (f": {', '.join(won)}" if won else "")
            + f"; with an interval that leaves it out: {', '.join(sure) or 'none'}"
        )
    earn = [n for n, f in found.items() if n in f["backtests"] and _above_zero(f["backtests"][n]["net_interval"])]
    lines.append(f"- after costs, an interval of net returns above 0: {', '.join(earn) or 'none'}")
    return ["\n".join(lines)]


def _apart(found: dict[str, Any], name: str, key: str, better: int, bound: float) -> bool:
    interval = found["scores"][name]["intervals"].get(key)
    return isinstance(interval, list) and min(better * value for value in interval) > bound


def _above_zero(interval: Any) -> bool:
    return isinstance(interval, list) and interval[0] > 0


def main() -> int:
    """Measure what is asked for, write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", default=",".join(SETS), help="sets, separated by commas; empty for none")
    parser.add_argument("--only", default="", help="architectures, separated by commas")
    parser.add_argument("--write", action="store_true", help="write docs/results.md")
    options = parser.parse_args()
    only = options.only.split(",") if options.only else [*TREES, *architectures()]
    for name in filter(None, options.on.split(",")):
        measure(name, only)
    if options.write:
        write_page(ROOT / "docs" / "results.md", "Results", page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
