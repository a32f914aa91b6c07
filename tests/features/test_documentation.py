"""The features page says everything a catalogue row holds, and a stale one is noticed."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from features.catalogue import registered
from features.documentation import main, page
from tests.laws.runs import COLUMNS


def test_page_names_every_column_and_what_its_row_says() -> None:
    text = page(registered())
    for column in COLUMNS.values():
        row = column.formula.replace("|", "\\|")
        assert f"`{column.name}`" in text
        assert row in text
        assert column.source.replace("|", "\\|") in text


def test_stale_page_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    fresh = page(registered())
    monkeypatch.setattr("sys.stdin", io.StringIO(fresh))
    assert main(["--check"]) == 0
    group = registered()[0]
    changed = replace(group, columns=(replace(group.columns[0], formula="another"), *group.columns[1:]))
    monkeypatch.setattr("sys.stdin", io.StringIO(page([changed, *registered()[1:]])))
    assert main(["--check"]) == 1
    assert "run: python -m features.documentation > docs/features.md" in capsys.readouterr().err


def test_page_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out == page(registered())
