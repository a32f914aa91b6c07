"""`undertone explain`: what each feature added to a prediction, and how the members voted."""

from __future__ import annotations

import time
from typing import Any, Final

from dataflows.inspection.shown import prediction_at
from dataflows.stored import open_place
from models.explain.cache import Asked, ExplanationFolder
from models.explain.prediction import NotExplained
from models.explain.shortened import shortened
from ops.drain import Drain
from ops.errors import CommandFailed
from ops.explaining import Explainer
from ops.explaining_child import IDLE_S
from ops.settings import Settings
from ops.tables import print_json, print_table
from schema.messages import prediction_id

_LOOK_S: Final = 0.2


def run(
    settings: Settings, *, json: bool, symbol: str, at: int | None, timeframe: str | None, method: str, top: int
) -> int:
    """Explain the newest prediction up to a time, and print it. A second time it is read from the cache."""
    try:
        place = open_place(settings.store.url, settings.store.namespace)
        served = prediction_at(place, symbol, timeframe, at)
    except NotExplained:
        raise
    except ValueError as error:
        raise CommandFailed(f"explain: {error}") from None
    folder = ExplanationFolder(settings.explain.directory, settings.explain.keep)
    wanted = Asked(prediction_id(served), method)
    if folder.get(wanted) is None:
        folder.put(wanted, Explainer(settings).explain(served, method))
    answer = shortened(folder.get(wanted) or {}, top)
    if json:
        print_json(answer)
    else:
        _print(answer)
    return 0


def answer_waiting(settings: Settings, *, json: bool, drain: Drain) -> int:
    """Explain what the service was asked for, until nothing has come for a minute: the worker's child."""
    explainer = Explainer(settings)
    folder = ExplanationFolder(settings.explain.directory, settings.explain.keep)
    until = time.monotonic() + IDLE_S
    while not drain.asked and time.monotonic() < until:
        if explainer.answer_waiting(folder):
            until = time.monotonic() + IDLE_S
        time.sleep(_LOOK_S)
    return 0


def _print(answer: dict[str, Any]) -> None:
    print(f"{answer['symbol']} {answer['timeframe']} {answer['timestamp']}, model {answer['model_version']}, "
          f"{answer['prediction_horizon']} bars ahead; {answer['rows']:,} rows, {answer['source']}")  # fmt: skip
    print(f"expected return {_bps(answer['expected_return'])} bps, of it {_bps(answer['base_value'])} without knowing "
          "anything")  # fmt: skip
    _parts(answer)
    for name, member in answer["members"].items():
        votes = ", ".join(f"{side} {share:.1%}" for side, share in member["probabilities"].items())
        print(f"\n{name} ({member['kind']}), weight {member['weight']:.3g}: {votes}; by {member['method']}"
              + (f", R2 {member['fit']:.3g}" if member["fit"] is not None else ""))  # fmt: skip
        _parts(member)
        for looked in member["attention"]:
            weights = looked["weights"]
            most = sorted(range(len(weights)), key=lambda k: -weights[k])[:3]
            places = ", ".join(f"{weights[k]:.0%} {len(weights) - 1 - k} back" for k in most)
            print(f"attention {looked['layer']}, newest of {len(weights)}: {places}")
    for note in answer["notes"]:
        print(f"note: {note}")


def _parts(part: dict[str, Any]) -> None:
    rows = [(p["feature"], p["value"] if p["value"] is None else f"{p['value']:.6g}", _bps(p["contribution"]))
            for p in part["contributions"]]  # fmt: skip
    others = part["others"]
    if others["features"]:
        rows.append((f"{others['features']} others", None, _bps(others["contribution"])))
    print_table(["feature", "value", "adds, bps"], rows)
    check = part["check"]
    verdict = "add up" if check["adds_up"] else "DON'T ADD UP"
    print(f"parts {verdict}: {_bps(check['sum'])} against {_bps(check['output'])} bps, "
          f"difference {_bps(check['difference'])}")  # fmt: skip


def _bps(log_return: float) -> str:
    return f"{1e4 * log_return:+.4g}"
