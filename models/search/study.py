"""A search as an Optuna study in a database: any number of processes at once, killed and taken up again.

A trial's draws are seeded by the study's seed and the trial's number. So a search that was broken off between trials
and taken up again asks for what an unbroken one would have asked for. A trial whose process died is marked as failed,
and its point is tried again; what was finished is never lost.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from models.data.dataset import TrainingRefused
from models.jobs.place import has_ended, this_process
from models.jobs.record import Process
from models.search.points import Choices, TrialPruned, grid

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

Sampler = Literal["tpe", "random", "grid"]
Pruner = Literal["median", "hyperband", "none"]
MOST_POINTS: Final = 2_000  # of a grid
_SOON: Final = dt.timedelta(seconds=60)  # in which a process says who it is
_STARTUP: Final = 4  # trials before the median of the others counts
REFUSED: Final = "refused"
_PROCESS, _DIGEST, _RATIO, _SAMPLER = "process", "digest", "sharpe_a_day", "sampler"

Objective = Callable[[Mapping[str, Any], Callable[[int, float], bool]], tuple[float, float | None]]


class StudyMismatch(ValueError):
    """The study is another search: the message says what differs."""

    exit_code = 78


class Search:
    """One study. Raises StudyMismatch where it exists and isn't to be gone on with, or is of something else."""

    def __init__(
        self, storage: str, name: str, space: Mapping[str, Choices], digest: str, *, sampler: Sampler, pruner: Pruner,
        seed: int, folds: int, resume: bool,
    ) -> None:  # fmt: skip
        """Open the study, or make it. `digest` is of data and configuration, `folds` at most how many there are."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        if storage.startswith("sqlite:///"):
            Path(storage.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        self._space, self._sampler, self._seed = dict(space), sampler, seed
        known = name in optuna.get_all_study_names(storage)
        if known and not resume:
            raise StudyMismatch(
                f"tune: study {name!r} is in {storage} already; go on with it, or join it, by --resume, or name "
                "another with --study"
            )
        pruners: dict[str, Any] = {
            "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=_STARTUP),
            "hyperband": lambda: optuna.pruners.HyperbandPruner(1, max(folds, 1), reduction_factor=2),
            "none": optuna.pruners.NopPruner,
        }
        self.study: Study = optuna.create_study(
            storage=storage, study_name=name, direction="minimize", load_if_exists=True, pruner=pruners[pruner]()
        )
        self._agree(digest)

    def _agree(self, digest: str) -> None:
        mine = {_DIGEST: digest, _SAMPLER: self._sampler}
        theirs = self.study.user_attrs
        for what, value in mine.items():
            if what not in theirs:
                self.study.set_user_attr(what, value)
                if value == "grid":
                    points = grid(self._space, MOST_POINTS)
                    random.Random(self._seed).shuffle(points)
                    for point in points:
                        self.study.enqueue_trial(point)
            elif theirs[what] != value:
                raise StudyMismatch(
                    f"tune: study {self.study.study_name!r} has another {what} ({theirs[what]}, here {value}): it is "
                    "of other files, settings or dimensions; give the same, or name another with --study"
                )

    def run(
        self, trials: int, objective: Objective, asked: Callable[[], bool], told: Callable[[FrozenTrial], None]
    ) -> None:
        """Try points until the study has so many trials, whichever process tried them, or `asked` says to stop.

        `objective` raises TrialPruned where it was told to stop, and TrainingRefused of a point that can't be trained;
        what else it raises fails the trial and is raised on.
        """
        from optuna.trial import TrialState

        while not asked():
            self._bury()
            if self._counted() >= trials or self._exhausted():
                return
            self.study.sampler = self._seeded(len(self.study.get_trials(deepcopy=False)))
            trial = self.study.ask()
            trial.set_user_attr(_PROCESS, msgspec.to_builtins(this_process()))
            if self._counted(before=trial.number) >= trials:  # another process was quicker
                self.study.tell(trial, state=TrialState.FAIL)
                return
            self.study.sampler = self._seeded(trial.number)
            point = {name: trial.suggest_categorical(name, list(values)) for name, values in self._space.items()}
            told(self._try(trial, point, objective))

    def _try(self, trial: Trial, point: Mapping[str, Any], objective: Objective) -> FrozenTrial:
        from optuna.trial import TrialState

        def judge(fold: int, mean: float) -> bool:
            trial.report(mean, fold)
            return trial.should_prune()

        try:
            value, ratio = objective(point, judge)
        except TrialPruned:
            return self.study.tell(trial, state=TrialState.PRUNED)
        except TrainingRefused as refused:  # a window longer than a fold: this point is none, others are
            trial.set_user_attr(REFUSED, str(refused))
            return self.study.tell(trial, state=TrialState.PRUNED)
        except BaseException:
            self.study.tell(trial, state=TrialState.FAIL)
            raise
        trial.set_user_attr(_RATIO, ratio)
        return self.study.tell(trial, value)

    def _bury(self) -> None:
        """Fail the trials whose processes are dead, and queue their points again."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if not _died(trial):
                continue
            try:
                self.study.tell(trial.number, state=TrialState.FAIL)
            except (ValueError, UpdateFinishedTrialError):
                continue  # another process was quicker
            if trial.params:
                self.study.enqueue_trial(trial.params)

    def _counted(self, before: int | None = None) -> int:
        from optuna.trial import TrialState

        states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
        every = self.study.get_trials(deepcopy=False, states=states)
        return sum(before is None or trial.number < before for trial in every)

    def _exhausted(self) -> bool:
        """Return whether a grid has no point left."""
        from optuna.trial import TrialState

        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return self._sampler == "grid" and not waiting

    def _seeded(self, number: int) -> BaseSampler:
        import optuna

        seed = (self._seed * 1_000_003 + number) % 2**32
        if self._sampler == "tpe":
            return optuna.samplers.TPESampler(seed=seed)
        return optuna.samplers.RandomSampler(seed=seed)

    def best(self) -> FrozenTrial:
        """Return the best trial. Raises TrainingRefused, with the last one's reason, where none was finished."""
        from optuna.trial import TrialState

        if any(trial.state == TrialState.COMPLETE for trial in self.study.get_trials(deepcopy=False)):
            return self.study.best_trial
        said = [t.user_attrs[REFUSED] for t in self.study.get_trials(deepcopy=False) if REFUSED in t.user_attrs]
        raise TrainingRefused(said[-1] if said else "tune: no trial was finished; go on with --resume")

    def tried(self) -> tuple[int, dict[int, float]]:
        """Return how many points were tried, pruned ones too, and by trial the Sharpe ratio a day where it has one."""
        from optuna.trial import TrialState

        ended = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
        ratios = {trial.number: trial.user_attrs.get(_RATIO) for trial in ended}
        return len(ended), {number: float(ratio) for number, ratio in ratios.items() if ratio is not None}


def _died(trial: FrozenTrial) -> bool:
    process = trial.user_attrs.get(_PROCESS)
    if process is None:  # it was killed before it said who it is, or is about to
        return trial.datetime_start is None or dt.datetime.now() - trial.datetime_start > _SOON
    return has_ended(msgspec.convert(process, Process))
