"""Generated input, good and bad, for every call of the service's OpenAPI document.

    python -m tests.api.fuzz [--examples 300] [--seed N] [--write]

prints what was sent and answered, and with --write puts it into docs/fuzz.md. Exit code 1 where a call broke.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import hypothesis
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method

from api.app import create_app
from api.main import open_reader
from benchmarks.card import ROOT, machine
from dataflows.sinks.sqlite import SqliteStore
from models.explain.cache import ExplanationFolder
from models.jobs.jobs import Jobs
from models.jobs.opening import open_records
from models.registry.register import Versions
from ops import log
from tests.api.history import fill
from tests.sinks.batches import FEATURES

# A method that isn't there is a 405 with an `Allow` header all right, but not for `/{file}` of the page; and what a
# timeframe or a time may say is more than a schema can.
_NOT_OURS: Final = [unsupported_method, positive_data_acceptance]
_LONGEST_MS: Final = 20_000  # an answer takes no longer
_PAGE: Final = ROOT / "docs" / "fuzz.md"
_KNOWN: Final = {"symbol": "AAPL", "symbols": ["AAPL", "nobody"], "timeframe": "1h"}
Call = tuple[str, str]  # path and method


@dataclass
class Tried:
    """What came of one call with one kind of input."""

    sent: int = 0
    answers: Counter[int] = field(default_factory=Counter)  # by status
    slowest_ms: float = 0.0


def calls() -> list[Call]:
    """Return every call that the document names."""
    empty = create_app(open_reader("sqlite:///nowhere.db"))  # nothing is opened
    return [(path, method) for path, found in empty.openapi()["paths"].items() for method in found]


@contextmanager
def filled(folder: Path) -> Iterator[FastAPI]:
    """The service over thirty days of bars, with jobs and explanations."""
    store = SqliteStore(folder / "store.db", feature_names=FEATURES)
    fill(store)
    reader = open_reader(f"sqlite:///{folder}/store.db")
    jobs = Jobs(open_records(f"sqlite:///{folder}/jobs.db"))
    explanations = ExplanationFolder(folder / "explanations", keep=10)
    try:
        yield create_app(reader, versions=Versions(folder / "models"), jobs=jobs, explanations=explanations)
    finally:
        jobs.records.close()
        reader.store.close()
        store.close()


def document_of(app: FastAPI) -> Any:
    """Return what schemathesis draws from."""
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def tried(document: Any, call: Call, mode: GenerationMode, examples: int, seed: int | None = None) -> Tried:
    """Send generated input to one call; the same each time without a seed. Raises what schemathesis finds wrong."""
    outcome = Tried()

    @given(case=document[call[0]][call[1]].as_strategy(generation_mode=mode), known=st.booleans())
    @settings(
        max_examples=examples, deadline=_LONGEST_MS, derandomize=seed is None, database=None, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def sent(case: Any, known: bool) -> None:
        if known and mode == GenerationMode.POSITIVE:
            _ask_for_known(case)
        began = time.perf_counter()
        response = case.call()
        outcome.slowest_ms = max(outcome.slowest_ms, (time.perf_counter() - began) * 1e3)
        outcome.sent += 1
        outcome.answers[response.status_code] += 1
        case.validate_response(response, excluded_checks=_NOT_OURS)

    try:
        (sent if seed is None else hypothesis.seed(seed)(sent))()
    except Unsatisfiable:
        assert mode == GenerationMode.NEGATIVE, "a call without parameters has no bad input"
    return outcome


def _ask_for_known(case: Any) -> None:
    """Let a call be about a symbol and a timeframe that are there: drawn ones hardly ever are."""
    for place in (case.path_parameters, case.query, case.body):
        for name in place.keys() & _KNOWN.keys() if isinstance(place, dict) else ():
            place[name] = _KNOWN[name]
    if isinstance(case.body, dict) and case.body.keys() & {"symbol", "symbols"}:
        case.body["timeframe"] = _KNOWN["timeframe"]
    if "timeframe" in {parameter.name for parameter in case.operation.query}:
        case.query = {**(case.query or {}), "timeframe": _KNOWN["timeframe"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz every call, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.api.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--examples", type=int, default=300, help="of each call and kind of input")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 20))
    parser.add_argument("--write", action="store_true", help="put the report into docs/fuzz.md")
    chosen = parser.parse_args(arguments)
    log.configure("error")
    began, rows, broken = time.monotonic(), list[str](), list[str]()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name, filled(Path(name)) as app:
        document = document_of(app)
        for call in calls():
            for mode in GenerationMode:
                try:
                    outcome = tried(document, call, mode, chosen.examples, chosen.seed)
                except Exception as error:
                    broken.append(f"{call[1].upper()} {call[0]}, {mode.value}: {error}")
                    print(broken[-1], file=sys.stderr, flush=True)
                    continue
                answers = ", ".join(f"{status}: {n:,}" for status, n in sorted(outcome.answers.items()))
                rows.append(
                    f"| `{call[1].upper()} {call[0]}` | {mode.value} | {outcome.sent:,} | {answers} "
                    f"| {outcome.slowest_ms:,.0f} |"
                )
    text = _report(rows, broken, chosen, time.monotonic() - began)
    print(text)
    if chosen.write:
        _PAGE.write_text(text)
    return 1 if broken else 0


def _report(rows: list[str], broken: list[str], chosen: argparse.Namespace, seconds: float) -> str:
    head = (
        "# Fuzzed calls\n\n"
        "Every call of docs/openapi.json with generated input: as the schema says (positive), and against it "
        "(negative: wrong types and ranges, missing fields, unknown methods, broken JSON). An answer of 500 or above, "
        "one that the document doesn't promise, or one that takes 20 s is a fault. Made by `make fuzz`; CI tries 30 of "
        "each, and the WebSocket by tests/api/test_live_fuzz.py.\n\n"
        f"Up to {chosen.examples} of each, seed {chosen.seed}, {seconds:,.0f} s. {machine()}.\n\n"
    )
    table = "| call | input | sent | answers | slowest, ms |\n| --- | --- | ---: | --- | ---: |\n" + "\n".join(rows)
    faults = "\n".join(f"- {line}" for line in broken) if broken else "None."
    return f"{head}{table}\n\nFaults found:\n\n{faults}\n"


if __name__ == "__main__":
    sys.exit(main())
