"""The process beside a worker that explains: begun when something is asked, one at a time, ended with it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from models.explain.cache import Asked, ExplanationFolder
from ops.explaining_child import ExplainingChild

ASKED = Asked("1m:AAA:1:0:5:v", "auto")
NOTE = "import sys, time; open(sys.argv[1], 'a').write('begun '); time.sleep(float(sys.argv[2]))"


def child(tmp_path: Path, seconds: float) -> tuple[ExplanationFolder, ExplainingChild, Path]:
    folder, told = ExplanationFolder(tmp_path / "why", keep=5), tmp_path / "told"
    return folder, ExplainingChild(folder, [sys.executable, "-c", NOTE, str(told), str(seconds)]), told


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_is_begun_when_something_waits_and_ended_with_the_worker(tmp_path: Path) -> None:
    folder, explaining, told = child(tmp_path, 600)
    explaining.look()
    explaining.close()
    assert not told.exists(), "nothing was asked"
    folder.ask(ASKED)
    explaining.look()
    until(lambda: told.exists() and told.read_text() != "")
    explaining.look()
    began = time.monotonic()
    explaining.close()
    assert time.monotonic() - began < 10
    assert told.read_text() == "begun ", "one at a time"


def test_one_that_went_idle_is_begun_again_for_the_next_question(tmp_path: Path) -> None:
    folder, explaining, told = child(tmp_path, 0)
    folder.ask(ASKED)

    def twice() -> bool:
        explaining.look()
        return told.exists() and told.read_text() == "begun begun "

    until(twice)
    folder.put(ASKED, {})
    explaining.close()
