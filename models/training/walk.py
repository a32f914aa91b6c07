"""Walk through the folds: fit members, collect what they say of rows they were not fitted on, score it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from models.architectures import Net
from models.config import NetConfig, TrainingConfig
from models.data.dataset import Dataset
from models.data.folds import Cut, Fold, Folds, Rows
from models.data.problem import Problem, problem_of
from models.evaluation.baselines import baselines
from models.evaluation.scoring import Forecast, Outcome
from models.progress import Progress, Step
from models.registry.bundle import Bundle
from models.training.members import Fitted, fit_member
from models.training.pooled import Calibration, Pool, forecast
from models.training.processes import is_first
from models.votes.voting import Voting


@dataclass(slots=True)
class Walk:
    """What is left behind the last fold."""

    config: TrainingConfig
    folds: Folds
    voting: Voting
    problem: Problem | None = None  # of the last fold, on which the members of the version were fitted
    fitted: dict[str, Fitted] = field(default_factory=dict)
    calibration: dict[str, Calibration] = field(default_factory=dict)
    forecasts: dict[str, list[Forecast]] = field(default_factory=dict)  # of the test rows, a fold; members and naive
    outcomes: list[Outcome] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)  # of the data set, that both are of
    notes: list[str] = field(default_factory=list)

    @property
    def nets(self) -> dict[str, Net]:
        """The fitted nets by name."""
        return {name: fitted.fit.net for name, fitted in self.fitted.items() if fitted.fit is not None}


def walk_forward(
    dataset: Dataset, config: TrainingConfig, folds: Folds, run: Path | None, source: Bundle | None,
    progress: Progress,
) -> Walk:  # fmt: skip
    """Fit every member on every fold that asks for it; predict and score the test slices.

    A fold's forecasts are calibrated on the pooled calibrate slices of it and of the folds before it, so nothing of a
    test slice is known to what is scored on it. `run` is where what is fitted is kept for a resume.
    """
    walk = Walk(config, folds, Voting(config, dataset))
    pools = {spec.architecture: Pool(config.primary) for spec in config.members}
    fits = sum(_due(spec, cut) for cut in folds.cuts for spec in config.members)
    done = 0
    for fold in folds:
        problem = _problem(dataset, fold, config, source, run)
        calibrated: dict[str, Forecast] = {}
        for spec in config.members:
            name = spec.architecture
            if _due(spec, fold):
                keep = run / f"fold-{fold.number:04d}-{name}.safetensors" if run is not None else None
                fitted = fit_member(spec, problem, config, keep, source, _told(progress, fold, folds, done, fits))
                walk.fitted[name] = fitted
                walk.notes += fitted.fit.notes if fitted.fit else ()
                done += 1
            if is_first():
                heads = walk.fitted[name].heads(problem, fold.calibrate)
                pools[name].add(*heads, problem.y[fold.calibrate])
                walk.calibration[name] = pools[name].calibrate()
                calibrated[name] = forecast(walk.calibration[name], *heads, config.primary)
        if is_first():
            walk.voting.learn(calibrated, problem.label[fold.calibrate])
            _score_fold(walk, problem)
        walk.problem = problem
    return walk


def pooled(walk: Walk) -> tuple[Rows, Outcome, dict[str, Forecast]]:
    """Return the test rows of all folds as one: rows of the data set, what happened, what each forecaster said."""
    together = Outcome(*(np.concatenate(parts) for parts in zip(*((o.time, o.y, o.unit) for o in walk.outcomes))))
    return np.concatenate(walk.rows), together, {name: join(parts) for name, parts in walk.forecasts.items()}


def join(parts: list[Forecast]) -> Forecast:
    """Return the forecasts of several folds as one."""
    return Forecast(*(
        None if getattr(parts[0], kind) is None else np.concatenate([getattr(part, kind) for part in parts])
        for kind in ("mean", "log_variance", "probabilities")
    ))  # fmt: skip


def _due(spec: object, fold: Fold | Cut) -> bool:
    return fold.refit or not isinstance(spec, NetConfig)


def _problem(
    dataset: Dataset, fold: Fold, config: TrainingConfig, source: Bundle | None, scratch: Path | None
) -> Problem:  # fmt: skip
    known = source.metadata if source is not None else None
    names = [net.architecture for net in config.nets]
    if known is None:
        return problem_of(dataset, fold, names, config.columns, config.primary, scratch=scratch)
    fold = replay_fold(dataset, fold, known.data.slices["calibrate"][1], config) if config.replay else fold
    return problem_of(
        dataset, fold, names, 0, config.primary, known.columns, known.volatility_floor, scratch
    )  # fmt: skip


def replay_fold(dataset: Dataset, fold: Fold, known_until: int, config: TrainingConfig) -> Fold:
    """Return the fold with a fit slice of the rows behind `known_until` (ns UTC) and a share of older ones.

    The old rows are drawn in runs of 64 bar times, since a recurrent net learns from stretches, not from single rows.
    """
    newer = dataset.time[fold.fit] > known_until
    new, old = fold.fit[newer], fold.fit[~newer]
    wanted = round(len(new) * config.replay / (1 - config.replay))
    if not len(new) or wanted >= len(old):
        return fold
    _, place = np.unique(dataset.time[old], return_inverse=True)
    runs = place // 64
    order = np.random.default_rng((config.seed, fold.number)).permutation(int(runs.max()) + 1)
    drawn = np.concatenate([old[runs == run] for run in order])[:wanted]
    return fold._replace(fit=np.sort(np.concatenate((drawn, new))))


def _told(progress: Progress, fold: Fold, folds: Folds, done: int, fits: int) -> Progress:
    number, last = fold.number + 1, folds.cuts[-1].number + 1
    where = f"fold {number} of {last}: " if len(folds) > 1 else ""

    def tell(step: Step) -> None:
        text, share = f"{where}{step.text}", (done + step.share) / fits
        progress(step._replace(text=text, share=share, fold=number, folds=last))

    return tell


def _score_fold(walk: Walk, problem: Problem) -> None:
    """Add the forecasts of a fold's test rows on which every member speaks."""
    rows, primary = problem.fold.test, walk.config.primary
    said = {name: fitted.heads(problem, rows) for name, fitted in walk.fitted.items()}
    speak = np.all([np.isfinite(mean[:, -1]) for mean, _ in said.values()], axis=0)
    rows = rows[speak]
    naive = problem.fold._replace(test=rows)
    unit = problem.unit
    walk.rows.append(rows)
    walk.outcomes.append(Outcome(problem.dataset.time[rows], problem.label[rows], unit[rows]))
    found = {
        name: forecast(walk.calibration[name], mean[speak], log_variance[speak], primary)
        for name, (mean, log_variance) in said.items()
    }
    found["ensemble"] = walk.voting.vote(found, problem, rows)
    found |= {
        f"naive: {name}": f for name, f in baselines(problem.dataset, naive, problem.label, unit, primary).items()
    }
    for name, one in found.items():
        walk.forecasts.setdefault(name, []).append(one)
