"""Every call of the OpenAPI document with generated input, good and bad: no 5xx, no hang, answers as promised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method

from api.app import create_app
from api.main import open_reader
from dataflows.sinks.sqlite import SqliteStore
from models.explain.cache import ExplanationFolder
from models.jobs.jobs import Jobs
from models.jobs.opening import open_records
from models.register import Versions
from tests.api.history import fill
from tests.sinks.batches import FEATURES

_EMPTY = create_app(open_reader("sqlite:///nowhere.db"))  # nothing is opened
# A method that isn't there is a 405 with an `Allow` header all right, but not for `/{file}` of the page; and what a
# timeframe or a time may say is more than a schema can.
_NOT_OURS = [unsupported_method, positive_data_acceptance]
_CALLS = [(path, method) for path, calls in _EMPTY.openapi()["paths"].items() for method in calls]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The service over thirty days of bars."""
    path = tmp_path_factory.mktemp("fuzz") / "store.db"
    store = SqliteStore(path, feature_names=FEATURES)
    fill(store)
    reader = open_reader(f"sqlite:///{path}")
    jobs = Jobs(open_records(f"sqlite:///{path.parent}/jobs.db"))
    explanations = ExplanationFolder(path.parent / "explanations", keep=10)
    yield create_app(reader, versions=Versions(path.parent / "models"), jobs=jobs, explanations=explanations)
    jobs.records.close()
    reader.store.close()
    store.close()


@pytest.fixture(scope="module")
def document(filled: FastAPI) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", filled)


@pytest.mark.parametrize("call", _CALLS, ids=" ".join)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_input_breaks_the_service(document: Any, call: tuple[str, str], mode: GenerationMode) -> None:
    @given(case=document[call[0]][call[1]].as_strategy(generation_mode=mode))
    @settings(
        max_examples=30, deadline=20_000, derandomize=True, database=None, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def sent(case: Any) -> None:
        case.call_and_validate(excluded_checks=_NOT_OURS)

    try:
        sent()
    except Unsatisfiable:
        assert mode == GenerationMode.NEGATIVE, "a call without parameters has no bad input"
