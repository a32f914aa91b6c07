"""Logs go to stderr, as text or as one JSON object a line, from the set level on."""

from __future__ import annotations

import json

import pytest

from ops import log


def test_json_lines_hold_part_level_time_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", json_lines=True)
    log.logger("checkpoint").info("written", batch=7)
    out, err = capsys.readouterr()
    line = json.loads(err)
    assert out == ""
    assert line.pop("timestamp").endswith("Z")
    assert line == {"part": "checkpoint", "event": "written", "batch": 7, "level": "info"}


def test_text_goes_to_stderr_without_colours_when_it_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info")
    log.logger("store").warning("slow", seconds=2)
    out, err = capsys.readouterr()
    assert out == ""
    assert "slow" in err
    assert "seconds=2" in err
    assert "\x1b" not in err


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("warning")
    log.logger("store").info("quiet")
    assert capsys.readouterr() == ("", "")


def test_an_error_keeps_its_traceback_in_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", json_lines=True)
    try:
        raise ValueError("broken")
    except ValueError:
        log.logger("store").exception("failed")
    line = json.loads(capsys.readouterr().err)
    assert "ValueError: broken" in line["exception"]
