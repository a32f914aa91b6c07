"""How a model is trained: one frozen set of choices, stored with the version."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

SIGMA: Final = "reference_volatility_60"  # sigma_t: log return per bar, known at t
LABEL_CLIP: Final = 8.0  # |return| / (sigma sqrt(h)) beyond it counts as this much in every likelihood


@dataclass(frozen=True, slots=True)
class NetConfig:
    """The net. With a step form: truncated back-propagation over `chunk` rows of `streams` parallel pieces of series;
    over windows: mini-batches of `batch` windows."""

    architecture: str = "gru"
    options: dict[str, int] = field(default_factory=lambda: {"hidden": 48})
    streams: int = 64
    chunk: int = 64  # rows between truncations; the state is carried over them
    burn_in: int = 64  # first rows of a piece that start from a zero state inside a series: no loss on them
    batch: int = 256
    epochs: int = 40
    patience: int = 6  # epochs without a better stop-slice loss
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    clip: float = 1.0  # gradient norm


@dataclass(frozen=True, slots=True)
class TreesConfig:
    """The LightGBM member: `mean_trees` + `variance_trees` at the primary horizon."""

    mean_trees: int = 150
    variance_trees: int = 150
    leaves: int = 15
    learning_rate: float = 0.05
    least_rows_a_leaf: int = 200
    row_share: float = 0.7
    column_share: float = 0.5
    patience: int = 20


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """One training run."""

    name: str = "gru_lightgbm"  # the version is NAME_YYYYMMDD_HHMMSS
    primary: int = 5  # the horizon that is served, in bars
    weights: dict[str, float] = field(default_factory=lambda: {"gru": 0.5, "lightgbm": 0.5})
    net: NetConfig | None = field(default_factory=NetConfig)
    trees: TreesConfig | None = field(default_factory=TreesConfig)
    shares: tuple[float, float, float, float] = (0.6, 0.1, 0.15, 0.15)  # fit, stop, calibrate, test: of bar times
    embargo: int = 60  # bars left out behind each boundary, beside the purged labels
    seed: int = 1
    threads: int = 1


QUICK: Final = TrainingConfig(
    name="quick",
    net=NetConfig(options={"hidden": 32}, chunk=32, streams=48, epochs=12, patience=3, burn_in=32, learning_rate=4e-3),
    trees=TreesConfig(mean_trees=40, variance_trees=40, learning_rate=0.1),
    embargo=30,
)
PRESETS: Final = {"default": TrainingConfig(), "quick": QUICK}


def preset(name: str, **changes: object) -> TrainingConfig:
    """Return a named preset with some fields changed. Raises ValueError on an unknown name."""
    if name not in PRESETS:
        raise ValueError(f"training preset {name!r} is unknown; expected one of {sorted(PRESETS)}")
    return replace(PRESETS[name], **changes)  # type: ignore[arg-type]
