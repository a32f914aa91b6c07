"""What a run stored in a real QuestDB: replayed from there, inspected, measured."""

from __future__ import annotations

import functools
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from dataflows import live
from dataflows.sources.files import FileSource
from dataflows.sources.recording import write_parquet
from dataflows.sources.synthetic import SyntheticMarket
from ops.cli import main
from schema.timeframes import SECOND
from tests.end_to_end.runs import adds_up
from tests.recovery.test_from_store import MIDNIGHT, SETTINGS
from tests.servers import QuestDb


def test_the_store_gives_the_certificate_back(
    questdb: QuestDb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    namespace, lanes = f"t{uuid.uuid4().hex[:10]}", 3
    url = f"questdb://{questdb.host}:{questdb.http}?pg={questdb.pg}"
    market = SyntheticMarket(4, seed=8, start_ns=MIDNIGHT - 90 * SECOND, duration_s=180, faults=0.02, lanes=lanes)
    write_parquet(market, tmp_path / "ticks.parquet")
    place = f"[order]\nlanes = {lanes}\n"
    stored = f'ticks = true\nurl = "{url}"\nnamespace = "{namespace}"'
    (tmp_path / "undertone.toml").write_text(SETTINGS.replace("ticks = true", stored) + place)
    (tmp_path / "var").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(live, "FileSource", functools.partial(FileSource, batch_size=150))

    def undertone(*arguments: str) -> tuple[int, dict[str, Any], str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([*arguments, "--json"])
        said = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, json.loads(said.out) if said.out else {}, said.err

    code, ran, errors = undertone("run", "--source", "ticks.parquet")
    assert code == 0, errors
    for more in ((), ("--from", "2024-01-02T00:01:00Z")):
        code, again, errors = undertone("replay", "--from-store", *more, "--namespace", f"{namespace}_again{len(more)}")
        assert code == 0, errors
        assert (again["certificate"], again["ticks_used"]) == (ran["certificate"], ran["ticks_used"])
        assert adds_up(again)
    assert "begins at the archived checkpoint" in errors
    code, found, errors = undertone("recovery", "inspect")
    assert code == 0, errors
    assert found["next_start"] is not None
    assert found["store"]["batch"] >= found["checkpoints"][0]["batch"] > 0
    code, _, errors = undertone("recovery", "reset", "--yes")
    assert (code, "another namespace" in errors) == (78, True)
    assert undertone("recovery", "inspect")[1]["next_start"] == found["next_start"]
