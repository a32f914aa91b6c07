"""What commands answer: data, doctor, models, features."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from ops.cli import main
from tests.ops.commands import clean_environment

HEADER = "ts,symbol,kind,price,size,bid,bid_size,ask,ask_size\n"
GOOD = "2013-10-08T14:00:{:02d}Z,IBM,trade,180.{:02d},100,,,,\n"


class Program:
    """The command line in this process, in a folder of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.monkeypatch, self.capsys = folder, monkeypatch, capsys

    def __call__(self, *arguments: str, **environ: str) -> tuple[int, dict[str, Any]]:
        """Return the exit code and the JSON object."""
        self.monkeypatch.chdir(self.folder)
        self.monkeypatch.setattr("os.environ", clean_environment(**environ))
        with pytest.raises(SystemExit) as left:
            main([*arguments, "--json"])
        answer: dict[str, Any] = json.loads(self.capsys.readouterr().out)
        return int(left.value.code or 0), answer


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Program]:
    yield Program(tmp_path, monkeypatch, capsys)
    structlog.reset_defaults()


def ticks_file(folder: Path, *rows: str) -> str:
    path = folder / "ticks.csv"
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return str(path)


def test_data_info_says_what_a_file_holds(program: Program) -> None:
    rows = [GOOD.format(k, k) for k in (1, 3, 2)]
    quote = "2013-10-08T14:00:05Z,AIG,quote,,,48.1,100,48.2,200\n"
    code, answer = program("data", "info", ticks_file(program.folder, *rows, quote))
    (file,) = answer["files"]
    assert code == 0
    assert (file["rows"], file["kinds"], file["symbols"]) == (4, {"trade": 3, "quote": 1}, {"IBM": 3, "AIG": 1})
    assert (file["first"], file["last"]) == ("2013-10-08T14:00:01.000000000Z", "2013-10-08T14:00:05.000000000Z")
    assert file["steps_back"] == 1


def test_data_validate_passes_what_the_dataflow_would_use(program: Program) -> None:
    code, answer = program("data", "validate", ticks_file(program.folder, *(GOOD.format(k, k) for k in range(30))))
    assert (code, answer["ticks_read"], answer["ticks_used"], answer["ticks_dead"]) == (0, 30, 30, {})


def test_data_validate_counts_add_up_and_name_the_row(program: Program) -> None:
    good = [GOOD.format(k, k) for k in range(10, 30)]
    bad_price = "2013-10-08T14:00:40Z,IBM,trade,-1,100,,,,\n"
    late = GOOD.format(0, 0)
    outlier = "2013-10-08T14:00:41Z,IBM,trade,1800,100,,,,\n"
    code, answer = program("data", "validate", ticks_file(program.folder, *good, bad_price, late, outlier))
    dead = answer["ticks_dead"]
    assert code == 1
    assert dead == {"bad_price": 1, "outlier": 1}
    assert answer["ticks_late"] == 1
    assert answer["ticks_read"] == answer["ticks_used"] + answer["ticks_late"] + sum(dead.values()) == 23
    examples = {example["reason"]: (example["file"], example["row"]) for example in answer["examples"]}
    assert examples == {"bad_price": ("ticks.csv", 20), "outlier": ("ticks.csv", 22)}


def test_data_validate_obeys_the_settings(program: Program) -> None:
    file = ticks_file(program.folder, *(GOOD.format(k, k) for k in range(3)))
    code, answer = program("data", "validate", file, "--set", "universe.symbols=AIG")
    assert (code, answer["ticks_dead"]) == (1, {"unknown_symbol": 3})


@pytest.mark.real
def test_recorded_days_are_wholly_accounted_for(program: Program, data_folder: Path) -> None:
    code, answer = program("data", "validate", str(data_folder / "us-equities-2013-10-08.parquet"))
    assert answer["ticks_read"] == 1_524_073
    assert answer["ticks_used"] + answer["ticks_late"] + sum(answer["ticks_dead"].values()) == 1_524_073
    assert code == (1 if answer["ticks_late"] or answer["ticks_dead"] else 0)


def test_doctor_finds_what_is_installed_and_the_device(program: Program) -> None:
    code, answer = program("doctor")
    parts = {finding["part"] for finding in answer["findings"]}
    assert (code, answer["ok"]) == (0, True)
    assert {
        "python",
        "machine",
        "library",
        "store",
        "checkpoints",
        "models",
        "compile cache",
        "data",
        "device",
        "local server",
    } == parts


def test_doctor_says_which_configured_server_is_away(program: Program) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # taken, but nothing listens
        port = closed.getsockname()[1]
        code, answer = program("doctor", REDIS_URL=f"redis://127.0.0.1:{port}/0")
    (bus,) = [finding for finding in answer["findings"] if finding["part"] == "bus"]
    assert (code, bus["code"], bus["what"]) == (75, 75, f"redis://127.0.0.1:{port}")
    assert "no answer" in bus["found"]


def test_doctor_reaches_a_configured_server(program: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code, answer = program("doctor", QUESTDB_PORT=str(port))
    (store,) = [finding for finding in answer["findings"] if finding["part"] == "store"]
    assert (code, store["found"]) == (0, "answers")


def test_doctor_names_a_store_that_can_not_be_written(program: Program) -> None:
    (program.folder / "var").write_text("a file where the store's folder should be", encoding="utf-8")
    code, answer = program("doctor", "--set", "store.url=sqlite:///var/x.db")
    (store,) = [finding for finding in answer["findings"] if finding["part"] == "store"]
    assert (code, store["code"]) == (75, 75)


def test_doctor_says_what_of_the_local_servers_is_there(program: Program) -> None:
    ports = ("kafka", "questdb_http", "questdb_pg", "questdb_ilp", "redis")
    closed = {f"UNDERTONE_LOCAL__{name.upper()}_PORT": "1" for name in ports}
    code, answer = program("doctor", PATH=str(program.folder), JAVA_HOME="", **closed)
    local = [finding for finding in answer["findings"] if finding["part"] == "local server"]
    assert code == 0  # none of them is needed to run embedded
    assert [finding["what"].split()[0] for finding in local] == ["kafka", "questdb", "redis"]
    for finding, missing in zip(local, ("java", "java", "redis-server"), strict=True):
        assert f"down, and can't be started: {missing} is not installed" in finding["found"]


def test_doctor_knows_a_healthy_server(program: Program, redis_server: str) -> None:
    _, answer = program("doctor", UNDERTONE_LOCAL__REDIS_PORT=redis_server.split(":")[2].split("/")[0])
    (found,) = [finding["found"] for finding in answer["findings"] if finding["what"].startswith("redis redis://")]
    assert found == "healthy, not started by `make up`"


def test_an_empty_registry_lists_nothing(program: Program) -> None:
    assert program("models", "list") == (0, {"root": "var/models", "models": []})


def test_the_catalogue_is_listed_in_the_order_of_a_row_and_by_family(program: Program) -> None:
    from features.catalogue import registered
    from features.families import load

    load()
    _, answer = program("features", "list")
    names = [column["name"] for column in answer["columns"]]
    assert names == [column.name for group in registered() for column in group.columns]
    _, answer = program("features", "list", "--families", "technical")
    assert {column["family"] for column in answer["columns"]} == {"technical"}


def test_a_feature_is_shown_with_its_whole_row(program: Program) -> None:
    _, answer = program("features", "show", "rsi_14")
    assert (answer["name"], answer["family"], answer["warm_up"], answer["unit"]) == (
        "rsi_14",
        "technical",
        15,
        "percent",
    )
    assert len(answer["fingerprint"]) == 16
