"""Pictures of a version: what a reader looks at before the numbers. matplotlib is imported when they are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.data.folds import SLICES
from models.evaluation.calibration import class_of
from models.evaluation.scoring import Forecast, Outcome
from models.metadata import Metadata
from models.reports.importance import gain_shares
from models.training.walk import Walk
from schema.ticks import Float64

_COLOURS: Final = {"fit": "#4c78a8", "stop": "#f2b447", "calibrate": "#72b7b2", "test": "#d1495b"}
_LINES: Final = ("#4c78a8", "#d1495b", "#72b7b2", "#f2b447", "#8e6c8a", "#7f7f7f")
_CLASSES: Final = ("down", "sideways", "up")
_COLUMNS: Final = 20  # that the importance shows


def draw(path: Path, metadata: Metadata, walk: Walk, sensitivities: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Write the pictures into a version's directory and return their files; none where matplotlib isn't installed."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return []
    outcome = Outcome(*(np.concatenate([getattr(o, part) for o in walk.outcomes]) for part in ("time", "y", "unit")))
    vote = Forecast(
        *(np.concatenate([getattr(f, part) for f in walk.forecasts["ensemble"]])
          for part in ("mean", "log_variance", "probabilities"))
    )  # fmt: skip
    shares = {**gain_shares(path, metadata), **sensitivities}
    painted: dict[str, Callable[[Any], None]] = {
        "training_curves.png": lambda figure: _curves(figure, walk),
        "folds.png": lambda figure: _folds(figure, metadata),
        "baselines.png": lambda figure: _baselines(figure, metadata),
        "calibration.png": lambda figure: _calibration(figure, vote, outcome),
        "confusion.png": lambda figure: _confusion(figure, vote, outcome),
        "importance.png": lambda figure: _importance(figure, shares),
    }
    for name, paint in painted.items():
        figure = Figure(figsize=(9, 4.2), dpi=110, layout="constrained")
        paint(figure)
        figure.savefig(path / name)
    return list(painted)


def _curves(figure: Any, walk: Walk) -> None:
    """Loss a epoch of the last fold's nets; trees have none."""
    axes = figure.subplots()
    nets = [(name, f.fit) for name, f in walk.fitted.items() if f.fit is not None]
    for (name, fit), colour in zip(nets, _LINES):
        number = [epoch.epoch for epoch in fit.history]
        axes.plot(number, [e.fit_loss for e in fit.history], color=colour, linestyle="--", label=f"{name}: fit slice")
        stop = [e.stop_loss for e in fit.history]
        axes.plot(number, stop, color=colour, label=f"{name}: stop slice")
        best = int(np.argmin(stop))
        axes.plot(number[best], stop[best], "o", color=colour, label=f"{name}: kept; ended by {fit.ended}")
    axes.set(title="Loss a epoch, last fold", xlabel="epoch", ylabel="mean loss, all horizons")
    if nets:
        axes.legend(frameon=False)
        axes.xaxis.get_major_locator().set_params(integer=True)
    else:
        axes.text(0.5, 0.5, "trees have no epochs", ha="center", va="center", transform=axes.transAxes)
    _plain(axes)


def _folds(figure: Any, metadata: Metadata) -> None:
    axes, folds = figure.subplots(), metadata.metrics["folds"]
    for place, fold in enumerate(folds):
        for name in SLICES:
            first, last, _ = fold["slices"][name]
            begin, end = np.array([first, last], "datetime64[ns]").astype("datetime64[ms]").astype(object)
            axes.barh(place, end - begin, left=begin, height=0.8, color=_COLOURS[name],
                      label=name if place == 0 else None)  # fmt: skip
    axes.invert_yaxis()
    axes.set(title="Slices of each fold", xlabel="bar time, UTC", ylabel="fold", yticks=_ticks(len(folds)))
    axes.set_yticklabels([str(folds[k]["number"] + 1) for k in _ticks(len(folds))])
    figure.legend(frameon=False, ncols=4, loc="outside lower center")
    figure.autofmt_xdate(rotation=20)
    _plain(axes)


def _ticks(n: int) -> list[int]:
    return list(range(0, n, max(1, -(-n // 12))))


def _baselines(figure: Any, metadata: Metadata) -> None:
    """Scores beside the naive forecasters', with intervals over days where there are enough."""
    metrics = metadata.metrics
    rows = [*metrics["models"].items(), *((f"naive: {k}", v) for k, v in metrics["baselines"].items())]
    shown = {
        "nll": "negative log likelihood\n(less is better)", "log_loss": "log loss of the classes\n(less is better)",
        "directional_accuracy": "share of right signs",
    }  # fmt: skip
    for axes, (key, title) in zip(figure.subplots(1, 3, sharey=True), shown.items()):
        for place, (name, scores) in enumerate(rows):
            value = scores.get(key)
            if value is None:
                axes.text(0.02, place, "says none", va="center", color="#999999", fontsize=8,
                          transform=axes.get_yaxis_transform())  # fmt: skip
                continue
            colour = _LINES[5] if name.startswith("naive") else _LINES[0] if name != "ensemble" else _LINES[1]
            interval = scores["intervals"].get(key)
            error = np.abs(np.array(interval)[:, None] - value) if isinstance(interval, list) else None
            axes.errorbar(value, place, xerr=error, fmt="o", color=colour, capsize=3)
        axes.set(title=title, yticks=range(len(rows)))
        axes.set_yticklabels([name for name, _ in rows])
        axes.margins(x=0.15)
        _plain(axes)
        if key == "directional_accuracy":
            axes.axvline(0.5, color="#999999", linewidth=0.8)
    axes.invert_yaxis()


def _calibration(figure: Any, vote: Forecast, outcome: Outcome) -> None:
    """Stated and found: class probabilities in tenths of the rows, and the size of moves."""
    left, right = figure.subplots(1, 2)
    assert vote.probabilities is not None and vote.log_variance is not None and vote.mean is not None
    label = class_of(outcome.y)
    for k, (name, colour) in enumerate(zip(_CLASSES, _LINES)):
        stated, found = _binned(vote.probabilities[:, k], (label == k).astype(float))
        left.plot(stated, found, "o-", color=colour, markersize=4, label=name)
    ends = [0, max(0.05, float(vote.probabilities.max()))]
    left.plot(ends, ends, color="#999999", linewidth=0.8)
    left.set(title="Class probabilities", xlabel="stated", ylabel="found")
    left.legend(frameon=False)
    stated, found = _binned(np.exp(vote.log_variance), (outcome.y - vote.mean) ** 2)
    right.plot(np.sqrt(stated), np.sqrt(found), "o-", color=_LINES[0], markersize=4)
    ends = [float(np.sqrt(stated.min())), float(np.sqrt(stated.max()))]
    right.plot(ends, ends, color="#999999", linewidth=0.8)
    right.set(title="Size of moves, in units of sigma_t √h", xlabel="stated deviation", ylabel="found deviation")
    _plain(left)
    _plain(right)


def _binned(stated: Float64, found: Float64) -> tuple[Float64, Float64]:
    order = np.array_split(np.argsort(stated, kind="stable"), min(10, max(len(stated) // 20, 1)))
    return np.array([stated[part].mean() for part in order]), np.array([found[part].mean() for part in order])


def _confusion(figure: Any, vote: Forecast, outcome: Outcome) -> None:
    assert vote.probabilities is not None
    counts = np.zeros((3, 3))
    np.add.at(counts, (class_of(outcome.y), vote.probabilities.argmax(axis=1)), 1)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(3, 3):
        colour = "white" if share[row, column] > 0.6 else "black"
        axes.text(column, row, f"{share[row, column]:.0%}\n{int(counts[row, column]):,}", ha="center", va="center",
                  color=colour)  # fmt: skip
    axes.set(title="Likeliest class, share of what happened", xlabel="forecast", ylabel="happened", xticks=range(3),
             yticks=range(3), xticklabels=_CLASSES, yticklabels=_CLASSES)  # fmt: skip


def _importance(figure: Any, shares: Mapping[str, Mapping[str, float]]) -> None:
    figure.set_size_inches(9, 6)
    for axes, (name, found) in zip(np.atleast_1d(figure.subplots(1, max(len(shares), 1))), shares.items()):
        top = sorted(found.items(), key=lambda item: -item[1])[:_COLUMNS]
        axes.barh([column for column, _ in top], [share for _, share in top], color=_LINES[0])
        axes.invert_yaxis()
        axes.set(title=name, xlabel="share")
        axes.tick_params(axis="y", labelsize=8)
        if not top:
            axes.axis("off")
            axes.text(0.5, 0.5, "no gradient passes\nto its inputs", ha="center", transform=axes.transAxes)
        _plain(axes)


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
