"""From the settings `train.*` to one run's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from models.config import ENSEMBLE, TREES, TrainingConfig, TreesConfig, WalkForward, preset, with_members
from ops.errors import UsageError
from ops.settings import Settings


def configuration(settings: Settings, name: str | None = None, model: str | None = None) -> TrainingConfig:
    """Return the preset with what the settings say and, with `model` (`gru`, `gru+lightgbm`), other members.

    A setting that nobody gave leaves the preset's choice. Raises UsageError on an unknown architecture, and
    ArchitecturesNotLoaded where a module of `models.modules` has none.
    """
    if settings.models.modules:
        from models.extensions import load_architectures

        load_architectures(settings.models.modules)
    chosen = settings.train
    config = preset(chosen.preset)
    if model is not None:
        members = members_of(model)
        config = with_members(config, members, _small if chosen.preset == "quick" else lambda name: {})
        config = replace(config, name="_".join(members))
    config = _with_options(config, chosen.options)
    given = _given(settings)
    net = given(
        epochs=chosen.epochs, patience=chosen.patience, divergence=chosen.divergence, clip=chosen.clip,
        learning_rate=chosen.learning_rate, schedule=chosen.schedule, accumulate=chosen.accumulate, batch=chosen.batch,
        streams=chosen.streams, augment=chosen.augment, class_weights=chosen.class_weights,
        precision=chosen.precision, device=chosen.device,
    )  # fmt: skip
    walk = given(
        train_bars=chosen.train_bars, validation_bars=chosen.validation_bars, step_bars=chosen.step_bars,
        embargo_bars=chosen.embargo_bars, growing=chosen.growing, refit_every=chosen.refit_every, folds=chosen.folds,
    )  # fmt: skip
    walk = {key.removesuffix("_bars"): value for key, value in walk.items()}
    embargo = {"embargo": walk["embargo"]} if "embargo" in walk else {}
    return replace(
        config, name=name or config.name, primary=chosen.horizon, seed=chosen.seed, threads=chosen.threads,
        memory=chosen.memory_mb, source=chosen.source, replay=chosen.replay,
        nets=tuple(replace(one, **net) for one in config.nets),
        walk=replace(config.walk or WalkForward(), **walk) if chosen.scheme == "walk_forward" else None,
        **given(columns=chosen.columns, vote=chosen.vote, graphs=chosen.graphs), **embargo,
    )  # fmt: skip


def _with_options(config: TrainingConfig, options: Mapping[str, Mapping[str, Any]]) -> TrainingConfig:
    """Return the configuration with what `train.options` says of its members. Raises UsageError on an unknown name."""
    known = [field.name for field in fields(TreesConfig) if field.name != "architecture"]
    for name in (one.architecture for one in config.trees):
        if unknown := options.get(name, {}).keys() - set(known):
            raise UsageError(f"setting train.options.{name} has {sorted(unknown)}, expected some of {', '.join(known)}")
    nets = (replace(net, options={**net.options, **options.get(net.architecture, {})}) for net in config.nets)
    trees = (replace(one, **options.get(one.architecture, {})) for one in config.trees)
    return replace(config, nets=tuple(nets), trees=tuple(trees))


def members_of(model: str) -> tuple[str, ...]:
    """Return the architectures that a `--model` names. Raises UsageError on an unknown one."""
    from models.architectures import architectures

    names = ENSEMBLE if model == "ensemble" else tuple(model.split("+"))
    known = (*architectures(), *TREES)
    unknown = [name for name in names if name not in known]
    if unknown or len(set(names)) != len(names):
        raise UsageError(
            f"--model {model}: {', '.join(unknown) or 'a name twice'}; expected one of {', '.join(sorted(known))}, "
            "several joined by +, or ensemble; `undertone models architectures` tells more"
        )
    return names


def _small(name: str) -> dict[str, Any]:
    from models.architectures import small_options

    return small_options(name)


def _given(settings: Settings) -> Any:
    said = settings.train.model_fields_set

    def given(**values: Any) -> Mapping[str, Any]:
        return {key: value for key, value in values.items() if key in said}

    return given
