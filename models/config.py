"""How a model is trained: one frozen set of choices, stored with the version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

SIGMA: Final = "reference_volatility_60"  # sigma_t: log return per bar, known at t
LABEL_CLIP: Final = 8.0  # |return| / (sigma sqrt(h)) beyond it counts as this much in every likelihood
NETS: Final = (  # models.architectures has them; named here for those who don't import torch
    "candle_cnn", "cnn", "cnn_lstm", "gru", "gru_attention", "gru_bidirectional", "lstm", "lstm_bidirectional",
    "lstm_direction", "lstm_residual", "mgdl", "multiscale", "patchtsmixer", "patchtst", "transformer",
    "transformer_multiscale", "transformer_volatility",
)  # fmt: skip
TREES: Final = ("lightgbm", "xgboost")
ENSEMBLE: Final = ("candle_cnn", "lstm", "lightgbm")  # what `--model ensemble` stands for
VOTES: Final = ("weighted", "stacking", "dynamic", "performance")
SCHEDULES: Final = ("cosine", "one_cycle", "constant")
WEIGHTS: Final = {"candle_cnn": 0.25, "lstm": 0.35, **dict.fromkeys(TREES, 0.4)}  # of the vote; others as lstm


@dataclass(frozen=True, slots=True)
class NetConfig:
    """One net among the members.

    A net with a step form learns by truncated back-propagation over `chunk` rows of `streams` parallel pieces of
    series, one over windows from mini-batches of `batch` windows.
    """

    architecture: str = "gru"
    options: dict[str, Any] = field(default_factory=dict)
    streams: int = 64
    chunk: int = 64  # rows between truncations; the state is carried over them
    burn_in: int = 64  # first rows of a piece that start from a zero state inside a series: no loss on them
    batch: int = 256
    epochs: int = 40
    patience: int = 15  # epochs without a better stop-slice loss
    divergence: float = 0.1  # growth of the gap between stop and fit loss, of the fit loss, that counts as overfitting
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    weight_decay: float = 1e-3
    clip: float = 1.0  # gradient norm
    accumulate: int = 1  # batches whose gradients make one step
    augment: float = 0.1  # share of the sequences of a batch that are disturbed a little: models.training.augmentation
    class_weights: bool = False  # terms weigh inversely to how frequent their class is in the fit slice
    precision: str = "float32"
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class TreesConfig:
    """Gradient-boosted trees: `mean_trees` + `variance_trees` at the primary horizon."""

    architecture: str = "lightgbm"
    mean_trees: int = 150
    variance_trees: int = 150
    leaves: int = 15
    learning_rate: float = 0.05
    least_rows_a_leaf: int = 200
    row_share: float = 0.7
    column_share: float = 0.5
    patience: int = 20


@dataclass(frozen=True, slots=True)
class WalkForward:
    """Folds, in bar times pooled over symbols: see models.data.folds."""

    train: int = 500
    validation: int = 100
    step: int = 50
    embargo: int = 5
    growing: bool = True  # the fit slice begins where the history does; else it keeps its length
    refit_every: int = 10  # folds between fits of a net; trees are fitted in every one
    folds: int = 0  # only so many, the newest; 0: all that fit


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """One training run."""

    name: str = "gru_lightgbm"  # the version is NAME_YYYYMMDD_HHMMSS
    primary: int = 5  # the horizon that is served, in bars
    weights: dict[str, float] = field(default_factory=lambda: {"gru": 0.5, "lightgbm": 0.5})
    vote: str = "weighted"  # one of VOTES: by these weights, by fitted ones, or from them on by what came true
    nets: tuple[NetConfig, ...] = (NetConfig(),)
    trees: tuple[TreesConfig, ...] = (TreesConfig(),)
    walk: WalkForward | None = field(default_factory=WalkForward)  # None: one split by shares and embargo
    shares: tuple[float, float, float, float] = (0.6, 0.1, 0.15, 0.15)  # fit, stop, calibrate, test: of bar times
    embargo: int = 60  # bars left out behind each boundary of the one split, beside the purged labels
    columns: int = 0  # at most so many optional columns, those that go best with the labels of the fit slice; 0: all
    source: str = ""  # a version whose nets are trained on: transfer
    replay: float = 0.0  # share of rows drawn from what `source` knows, beside the newer ones; 0: all rows alike
    seed: int = 1
    threads: int = 1
    graphs: bool = True  # the nets' graphs for ONNX Runtime are written into the version
    memory: int = 1024  # MB of the training set's files that may be resident at once; bits don't depend on it

    @property
    def members(self) -> tuple[NetConfig | TreesConfig, ...]:
        """The nets, then the trees."""
        return (*self.nets, *self.trees)


QUICK: Final = TrainingConfig(
    name="quick",
    nets=(
        NetConfig(options={"hidden": 32}, chunk=32, streams=48, epochs=12, patience=3, burn_in=32, learning_rate=4e-3),
    ),
    trees=(TreesConfig(mean_trees=40, variance_trees=40, learning_rate=0.1),),
    walk=WalkForward(train=500, validation=200, step=100, folds=3, growing=False, refit_every=3),
    embargo=30,
    columns=48,
    graphs=False,
)
PRESETS: Final = {"default": TrainingConfig(), "quick": QUICK}


def preset(name: str, **changes: object) -> TrainingConfig:
    """Return a named preset with some fields changed. Raises ValueError on an unknown name."""
    if name not in PRESETS:
        raise ValueError(f"training preset {name!r} is unknown; expected one of {sorted(PRESETS)}")
    return replace(PRESETS[name], **changes)  # type: ignore[arg-type]


def with_members(
    config: TrainingConfig, names: tuple[str, ...], options: Callable[[str], dict[str, Any]] = lambda name: {}
) -> TrainingConfig:
    """Return the configuration with other members, each with the choices that the preset has for its kind.

    `options` gives those of a net by its name.
    """
    net, trees = (config.nets or (NetConfig(),))[0], (config.trees or (TreesConfig(),))[0]
    return replace(
        config,
        nets=tuple(replace(net, architecture=name, options=options(name)) for name in names if name not in TREES),
        trees=tuple(replace(trees, architecture=name) for name in names if name in TREES),
        weights={name: round(_weight(name) / sum(map(_weight, names)), 6) for name in names},
    )


def _weight(name: str) -> float:
    return WEIGHTS.get(name, WEIGHTS["lstm"])
