"""`training_report.md` of a version."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, Final

from models.data.quality import Quality
from models.metadata import Member, Metadata

_SCORES: Final = ("nll", "qlike", "crps_bps", "coverage_80", "coverage_95", "mae_bps", "rmse_bps", "r2_zero",
                  "directional_accuracy", "directional_coverage", "brier", "log_loss",
                  "information_coefficient")  # fmt: skip
_CAPTIONS: Final = {
    "folds.png": "Folds on the axis of time. Nothing is fitted, stopped or calibrated on what lies right of it.",
    "baselines.png": "The model beside naive forecasters, on the test rows of all folds.",
    "calibration.png": "Calibration of the vote: what it states against what happened.",
    "confusion.png": "Likeliest class against what happened.",
    "training_curves.png": "Fitting the nets, last fold. The dot is the epoch that was kept.",
    "importance.png": "What the members make of each column: trees by the gain of their splits, nets by how far their "
    "mean moves with it.",
}


def write_report(metadata: Metadata, quality: Quality, pictures: Sequence[str], notes: Sequence[str]) -> str:
    """Return the report in Markdown: verdict, data, folds, scores beside the baselines, members, columns."""
    data, metrics = metadata.data, metadata.metrics
    basis = (
        f"`trade-price` on {data.trade_price_share:.1%} of the labels, mid on the others"
        if data.trade_price_share
        else "mid"
    )
    lines = [
        f"# {metadata.version}",
        "",
        f"Timeframe {metadata.timeframe}, served horizon {metadata.primary} of 1 .. {metadata.horizons} bars, "
        f"{data.rows:,} rows of {data.symbols} symbols, {_time(data.first)} to {_time(data.last)}, labels: {basis}.",
        f"Trained by commit {metadata.commit or 'unknown'} at {metadata.created}.",
        "",
        f"**{_verdict(metrics)}**",
        "",
        f"## Test rows: {metrics['rows']:,} of {len(metrics['folds'])} folds, {metrics['days']} days, "
        f"{metrics['zero_returns']:.1%} zero returns",
        "",
        *_picture("baselines.png", pictures),
        f"| forecaster | {' | '.join(_SCORES)} |",
        f"| --- |{' --- |' * len(_SCORES)}",
        *(_row(name, scores) for name, scores in metrics["models"].items()),
        *(_row(f"naive: {name}", scores) for name, scores in metrics["baselines"].items()),
        "",
        *_intervals(metrics),
        *_picture("calibration.png", pictures),
        *_picture("confusion.png", pictures),
        "## Folds",
        "",
        *_picture("folds.png", pictures),
        *_folds(metadata),
        "## Members",
        "",
        *(_member(name, member, metrics["ended"].get(name)) for name, member in metadata.members.items()),
        "",
        *_picture("training_curves.png", pictures),
        *_picture("importance.png", pictures),
        *([] if pictures else ["No pictures: matplotlib is not installed (pip install 'undertone[plots]').", ""]),
        *(f"- {note}" for note in notes),
        *_concerns(quality),
        f"## {len(metadata.columns)} columns, fingerprint {metadata.fingerprint}",
        "",
        ", ".join(f"`{c.name}`" + (" (required)" if c.required else "") for c in metadata.columns),
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def _verdict(metrics: dict[str, Any]) -> str:
    """Say in a sentence whether the vote beats the best naive forecaster."""
    words = []
    for key, what in (("nll", "returns"), ("log_loss", "classes")):
        ours = metrics["models"]["ensemble"].get(key)
        naive = {name: scores[key] for name, scores in metrics["baselines"].items() if scores.get(key) is not None}
        if ours is None or not naive:
            continue
        best = min(naive, key=lambda name: naive[name])
        better = ours < naive[best]
        words.append(
            f"{'beats' if better else 'does not beat'} {best} in the likelihood of {what} ({ours:.4g} against "
            f"{naive[best]:.4g})"
        )
    enough = isinstance(metrics["models"]["ensemble"]["intervals"].get("nll"), list)
    tail = "" if enough else "; too few days to say how far that is chance"
    return f"The vote {' and '.join(words)}{tail}."


def _intervals(metrics: dict[str, Any]) -> Iterator[str]:
    scores = metrics["models"]["ensemble"]["intervals"]
    yield "95 % intervals of the vote, by resampling whole days:"
    yield from (f"- {key}: {_interval(found)}" for key, found in scores.items())
    yield ""


def _folds(metadata: Metadata) -> Iterator[str]:
    heads = ("fold", "fitted anew", "fit from", "fit to", "test from", "test to", "test rows", "nll",
             "nll of no_change", "log_loss")  # fmt: skip
    yield f"| {' | '.join(heads)} |"
    yield "| --- |" + " --- |" * (len(heads) - 1)
    for fold in metadata.metrics["folds"]:
        vote, naive = fold["scores"]["ensemble"], fold["scores"]["naive: no_change"]
        (fit_from, fit_to, _), (first, last, _) = fold["slices"]["fit"], fold["slices"]["test"]
        cells = [_number(scores.get(key)) for scores, key in ((vote, "nll"), (naive, "nll"), (vote, "log_loss"))]
        cells = [
            str(fold["number"] + 1), "yes" if fold["refit"] else "trees only", _time(fit_from), _time(fit_to),
            _time(first), _time(last), f"{fold['rows']:,}", *cells,
        ]  # fmt: skip
        yield f"| {' | '.join(cells)} |"
    yield ""


def _concerns(quality: Quality) -> Iterator[str]:
    yield "## Data quality"
    yield ""
    yield from (f"- {f.check}: {f.found}{f'; {f.remedy}' if f.remedy else ''}" for f in quality.findings
                if f.verdict != "ok")  # fmt: skip
    yield "- all checks: [data_quality.md](data_quality.md)"
    yield ""


def _picture(name: str, pictures: Sequence[str]) -> list[str]:
    return [f"![{_CAPTIONS[name]}]({name})", "", f"*{_CAPTIONS[name]}*", ""] if name in pictures else []


def _time(ns: int) -> str:
    return dt.datetime.fromtimestamp(ns / 1e9, dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _row(name: str, scores: dict[str, Any]) -> str:
    return f"| {name} | {' | '.join(_number(scores.get(key)) for key in _SCORES)} |"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _interval(interval: list[float] | str | None) -> str:
    return f"{interval[0]:.4g} .. {interval[1]:.4g}" if isinstance(interval, list) else str(interval)


def _member(name: str, member: Member, ended: str | None) -> str:
    other = "; horizons other than the served one are derived" if member.mean_map else ""
    shape = ", ".join(f"{value:.3g}" for value in member.class_map)
    why = f", fitting ended by {ended}" if ended else ""
    return (
        f"- `{name}` ({member.kind}), weight {member.weight:g}, variance scale {member.variance_scale:.3g}, "
        f"class map ({shape}){why}{other}"
    )
