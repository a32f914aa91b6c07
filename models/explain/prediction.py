"""Take one prediction apart: each member by its method, then all by the weights they voted with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np

from models.architectures import WindowNet
from models.data.inputs import Inputs
from models.explain.answer import Attention, Explanation, MemberAnswer, check_of, parts_of
from models.explain.attention import attention_of
from models.explain.attribution import Attribution
from models.explain.gradients import has_gradient, integrated_gradients
from models.explain.local_line import asked_of, lime
from models.explain.net_question import question_of
from models.explain.series import Series
from models.explain.shapley import sampled_shapley
from models.explain.tree_shap import tree_shap
from models.explain.vote import vote_of
from models.labels import Float32
from models.registry.bundle import Bundle
from models.serving.served_members import stepper
from models.trees.flat import walk
from schema.messages import prediction_id
from schema.predictions import Tier
from schema.ticks import Float64, Int64
from schema.times import iso

METHODS: Final = ("auto", "shapley", "lime")
SEED: Final = 1
_CLASSES: Final = ("down", "sideways", "up")
_BUCKETS: Final = (16,)
_TOLERANCE: Final = 0.01  # of a check: share of the output's distance from the base value ...
_FLOOR: Final = 1e-4  # ... but at least this, in units of the label


class NotExplained(ValueError):
    """There is nothing to explain, or not enough to do it with. The message says what is missing."""


def explain(bundle: Bundle, texts: Mapping[str, str], series: Series, method: str = "auto") -> Explanation:
    """Explain the expected return of a served prediction.

    `texts` are the mean models of the members of trees, by name. `method`: "auto" is TreeSHAP for trees and integrated
    gradients for nets, sampled Shapley values where no gradient passes; "shapley" those for all nets; "lime" for all.
    Raises NotExplained, or ValueError naming the columns where the rows aren't those the model was trained on.
    """
    if method not in METHODS:
        raise NotExplained(f"explain: method {method!r}, expected one of {', '.join(METHODS)}")
    asked = _Asked(bundle, series)
    members = {name: asked.member(name, texts, method) for name in asked.speakers}
    unit, served = asked.unit, series.served
    means = {name: found.output for name, found in members.items()}
    mean = float(served["expected_return"]) / unit
    weights, certain = vote_of(bundle, means, asked.speakers, _probabilities(served), mean)
    replayed = sum(weights[name] * asked.served_mean(name) for name in members)
    base = sum(weights[name] * found.base for name, found in members.items()) * unit
    parts = np.sum([weights[name] * asked.summed(found.parts) for name, found in members.items()], axis=0) * unit
    tolerance = _TOLERANCE * abs(mean * unit - base) + _FLOOR * unit
    return Explanation(
        prediction_id(served), served["symbol"], served["timeframe"], iso(served["time"]), int(served["horizon"]),
        bundle.metadata.version, method, mean * unit, base, parts_of(asked.features, asked.values, parts),
        check_of(base, parts, mean * unit, tolerance),
        {name: asked.answer(name, found, weights[name]) for name, found in members.items()},
        len(series.values), series.source, tuple(_notes(members, certain, abs(replayed - mean), asked)),
    )  # fmt: skip


def _notes(members: Mapping[str, Attribution], certain: bool, gap: float, asked: _Asked) -> list[str]:
    notes = []
    if not certain:
        notes.append("the vote follows performance and its weights here can't be told: these are those it began with")
    if certain and gap > _FLOOR:
        notes.append(
            f"the members, run over the {len(asked.x)} rows that there are, say a mean {gap:.2g} units from the served "
            "one: a state that began earlier, or rows that a restart left out"
        )
    if asked.absent:
        notes.append(f"without a vote here: {', '.join(asked.absent)}; the others' weights are renormalised")
    if any(found.fit is not None for found in members.values()):
        notes.append("LIME's parts add up to its linear model, not to the prediction: the check shows by how much")
    return notes


def _probabilities(row: Mapping[str, Any]) -> Float64:
    return np.array([row[f"p_{name}"] for name in _CLASSES], np.float64)


class _Asked:
    """The model's inputs of a series, and which members spoke at its last row."""

    def __init__(self, bundle: Bundle, series: Series) -> None:
        metadata, served = bundle.metadata, series.served
        if served["tier"] == Tier.STALE:
            raise NotExplained("explain: this prediction repeats the one before (tier stale); ask for an earlier time")
        inputs = Inputs(metadata.columns, series.names, series.fingerprints)
        rows = np.flatnonzero(inputs.eligible(series.values, np.arange(len(series.values))))
        if not len(rows) or rows[-1] != len(series.values) - 1:
            raise NotExplained("explain: the feature row of this prediction lacks a required column, so it isn't its")
        self.x: Float32 = inputs.make(series.values, rows)
        self._bundle = bundle
        place = {name: k for k, name in enumerate(series.names)}
        self.features = tuple(column.name for column in metadata.columns)
        self.values: Float64 = series.values[-1, [place[name] for name in self.features]]
        self._owner: Int64 = np.array(
            [*range(len(self.features)), *(k for k, column in enumerate(metadata.columns) if column.masked)]
        )
        sigma = max(float(series.values[-1, place[metadata.volatility]]), metadata.volatility_floor)
        self.unit = sigma * math.sqrt(metadata.primary)
        plain = np.array([column.center == 0.0 and column.scale == 1.0 for column in metadata.columns])
        self._blank: Float32 = np.zeros(inputs.width, np.float32)
        self._blank[: len(plain)][plain] = np.median(self.x[:, : len(plain)][:, plain], axis=0)
        said = msgspec.json.decode(served["members"] or "{}", type=dict[str, list[float | None]])
        spoke = {name: vote for name, vote in said.items() if None not in vote}
        self.speakers = {name: np.array(vote, np.float64) for name, vote in spoke.items()}
        self.absent = tuple(name for name in bundle.weights if name not in self.speakers)
        unknown = self.speakers.keys() - bundle.weights.keys()
        if unknown or not self.speakers:
            raise NotExplained(f"explain: {sorted(said)} voted, the version has {list(bundle.weights)}")

    def member(self, name: str, texts: Mapping[str, str], method: str) -> Attribution:
        """Explain one member's mean at the primary horizon."""
        last, primary = self.x[-1], self._bundle.metadata.primary
        if name in self._bundle.trees:
            forest = self._bundle.trees[name].mean
            if method == "lime":
                return lime(lambda rows: walk(forest, rows.astype(np.float32)), last, self.x, SEED)
            return tree_shap(texts[name], last)
        question = question_of(self._bundle.nets[name], self.x, self._blank, primary)
        if method == "lime":
            return lime(asked_of(question), last, self.x, SEED)
        if method == "auto" and has_gradient(question):
            return integrated_gradients(question)
        return sampled_shapley(question, self._owner, SEED)

    def served_mean(self, name: str) -> float:
        """Return what the member says by the code that serves it."""
        metadata = self._bundle.metadata
        if name in self._bundle.trees:
            return float(walk(self._bundle.trees[name].mean, self.x[-1:])[0])
        net = self._bundle.nets[name]
        x = self.x[-net.window :] if isinstance(net, WindowNet) else self.x
        server = stepper(net, x.shape[1], metadata.horizons, "cpu", _BUCKETS, 1)
        return float(server.run(x, np.zeros(len(x), np.int32))[-1, metadata.primary - 1, 0])

    def summed(self, parts: Float64) -> Float64:
        """Return the parts of the features (F,) of those of the inputs: a mask bit's is its column's."""
        return np.bincount(self._owner, parts, len(self.features)).astype(np.float64)

    def answer(self, name: str, found: Attribution, weight: float) -> MemberAnswer:
        """Return a member's part, in log return."""
        unit, parts, net = self.unit, self.summed(found.parts) * self.unit, self._bundle.nets.get(name)
        tolerance = _TOLERANCE * abs(found.output - found.base) * unit + _FLOOR * unit
        looked: tuple[Attention, ...] = ()
        if net is not None:
            looked = attention_of(net, question_of(net, self.x, self._blank, self._bundle.metadata.primary))
        return MemberAnswer(
            self._bundle.metadata.members[name].kind, weight, found.method,
            dict(zip(_CLASSES, self.speakers[name].tolist(), strict=True)), found.base * unit,
            parts_of(self.features, self.values, parts),
            check_of(found.base * unit, parts, found.output * unit, tolerance), looked, found.fit,
        )  # fmt: skip
