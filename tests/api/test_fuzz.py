"""Every call of the OpenAPI document with generated input, good and bad: no 5xx, no hang, answers as promised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from schemathesis import GenerationMode

from tests.api.fuzz import Call, calls, document_of, filled, tried


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with filled(tmp_path_factory.mktemp("fuzz")) as app:
        yield document_of(app)


@pytest.mark.parametrize("call", calls(), ids=" ".join)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_input_breaks_the_service(document: Any, call: Call, mode: GenerationMode) -> None:
    outcome = tried(document, call, mode, examples=30)
    assert outcome.sent or mode == GenerationMode.NEGATIVE
