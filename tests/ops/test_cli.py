"""The command line as a user meets it: help, exit codes, one line for an expected error, drain on Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
import typer
from typer.main import get_command

from ops.cli import app, main
from ops.command_line import _EXIT_CODES, one_line_errors
from ops.errors import CommandFailed, ConfigurationError, DependencyAway, UsageError
from tests.ops.commands import ROOT, clean_environment, undertone

HEAVY = (
    "torch", "numba", "sklearn", "pandas", "pyarrow", "lightgbm", "bytewax", "numpy", "pydantic_settings", "rich",
    "structlog", "exchange_calendars",
)  # fmt: skip


@dataclass
class Answer:
    """What a command left: its exit code, stdout and stderr."""

    returncode: int
    stdout: str
    stderr: str


Here = Callable[..., Answer]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Here]:
    """Run the command line in this process, in an empty folder, with nothing of ours in the environment."""

    def run(*arguments: str, **environ: str) -> Answer:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(os, "environ", clean_environment(**environ))
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        out, err = capsys.readouterr()
        return Answer(int(left.value.code or 0), out, err)

    yield run
    structlog.reset_defaults()


def imported_by(statement: str, names: tuple[str, ...]) -> list[str]:
    code = f"import sys\n{statement}\nprint([n for n in {names!r} if n in sys.modules], file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_environment(), capture_output=True, text=True, check=True, timeout=60
    )
    found: list[str] = json.loads(done.stderr.strip().splitlines()[-1].replace("'", '"'))
    return found


@pytest.mark.parametrize(
    "arguments", [["--help"], ["replay", "--help"], ["models", "--help"], ["config", "show", "--help"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    run = f"from ops.cli import main\ntry: main({arguments!r})\nexcept SystemExit: pass"
    assert imported_by(run, HEAVY) == []


def test_importing_the_service_imports_no_compiler_and_no_training_stack() -> None:
    modules = "; ".join(f"import {path.parent.name}.{path.stem}" for path in sorted((ROOT / "api").glob("[a-z]*.py")))
    assert imported_by(modules or "import api", ("torch", "numba", "bytewax", "sklearn", "lightgbm")) == []


def commands() -> list[list[str]]:
    """Return the words of every command that exists."""
    tree = get_command(app).commands  # type: ignore[attr-defined]
    return [[name, *([sub] if sub else [])] for name, c in tree.items() for sub in getattr(c, "commands", {"": None})]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_takes_the_common_options_and_says_what_it_does(words: list[str]) -> None:
    command = get_command(app)
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"-c", "--set", "--json", "-v"} <= options
    assert command.help


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_has_a_body(words: list[str]) -> None:
    assert (ROOT / "ops" / "commands" / f"{words[0]}.py").is_file()


def test_json_is_one_object_on_stdout(tmp_path: Path) -> None:
    done = undertone("config", "show", "--json", "--set", "api.port=9", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert json.loads(done.stdout)["api"]["port"] == 9


def test_without_json_a_setting_is_a_line(here: Here) -> None:
    done = here("config", "show", API_PORT="9")
    assert ["api.port", "9"] in [line.split() for line in done.stdout.splitlines()]


def test_a_password_is_not_shown(here: Here) -> None:
    done = here("config", "show", "--json", REDIS_URL="redis://me:secret@host:1/0")
    assert json.loads(done.stdout)["bus"]["url"] == "redis://me:***@host:1/0"


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["config", "check"], 0, ""),
        (
            ["config", "show", "--set", "api.prot=1"],
            78,
            "setting api.prot (--set) is unknown; the nearest known one is api.port",
        ),
        (["config", "check", "--set", "bars.calendar=MOON"], 78, "setting bars.calendar is 'MOON'"),
        (
            ["config", "check", "--set", "features.families=tecnical"],
            78,
            "setting features.families names ['tecnical']",
        ),
        (
            ["config", "check", "--set", "inference.model=none_such"],
            78,
            "setting inference.model: model 'none_such' is not",
        ),
        (["config", "show", "-c", "nope.toml"], 78, "settings file nope.toml does not exist"),
        (["models", "show", "none_such"], 78, "model 'none_such' is not in the registry"),
        (["models", "activate", "none_such"], 78, "model 'none_such' is not in the registry"),
        (["features", "show", "no_such_column"], 1, "feature 'no_such_column' is not in the catalogue"),
        (["data", "info", "nope.parquet"], 1, "nope.parquet: found no such file"),
    ],
)
def test_an_expected_error_is_one_line_and_its_exit_code(
    here: Here, arguments: list[str], code: int, line: str
) -> None:
    done = here(*arguments)
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == (1 if line else 0)
    assert line in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["config", "show", "--no-such-option"],
        ["replay"],
        ["replay", "x.parquet", "--pace", "fast"],
        ["replay", "x.parquet", "--from", "yesterday"],
        ["demo", "--for", "soon"],
        ["replay", "x.parquet", "--engine", "steam"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_exit_code_2(here: Here, arguments: list[str]) -> None:
    done = here(*arguments)
    assert done.returncode == 2
    assert "Error: " in done.stderr or done.stderr.startswith("undertone: ")
    assert "Traceback" not in done.stderr


def test_an_option_that_is_a_setting_is_named_in_its_error(here: Here) -> None:
    done = here("replay", "x.parquet", "--timeframe", "7x")
    assert done.returncode == 78
    assert "setting --timeframe is '7x', expected seconds, minutes or hours" in done.stderr


@pytest.mark.parametrize(
    ("error", "code"), [(CommandFailed, 1), (UsageError, 2), (DependencyAway, 75), (ConfigurationError, 78)]
)
def test_each_kind_of_error_has_its_exit_code(
    error: type[Exception], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as caught, one_line_errors():
        raise error("what happened")
    assert caught.value.exit_code == code
    assert capsys.readouterr().err == "undertone: what happened\n"


def test_a_full_disk_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught, one_line_errors():
        raise OSError(28, "No space left on device", "var/x")
    assert caught.value.exit_code == 75
    assert capsys.readouterr().err == (
        "undertone: var/x: No space left on device; make room or mend the disk, then start again\n"
    )


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(KeyError), one_line_errors():
        raise KeyError("a defect")


@pytest.mark.parametrize("path", _EXIT_CODES)
def test_errors_of_other_parts_are_where_the_table_says(path: str) -> None:
    module, _, name = path.rpartition(".")
    code = f"from {module} import {name}; assert issubclass({name}, Exception)"
    subprocess.run([sys.executable, "-c", code], env=clean_environment(), check=True, timeout=60)


def test_errors_of_other_parts_get_their_code(capsys: pytest.CaptureFixture[str]) -> None:
    from dataflows.sources.errors import BadFile

    with pytest.raises(typer.Exit) as caught, one_line_errors():
        raise BadFile("a.csv", "nothing", "ticks", "write some")
    assert caught.value.exit_code == 1
    assert capsys.readouterr().err == "undertone: a.csv: found nothing, expected ticks; write some\n"


DRAINS = """
import os, signal, sys, time
from ops.command_line import one_line_errors
from ops.drain import draining
with one_line_errors(), draining() as drain:
    print("ready", flush=True)
    while not (drain.asked and sys.argv[1] == "once"):
        time.sleep(0.01)
    print("drained", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_drains(number: signal.Signals) -> None:
    with _waiting("once") as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "drained\n")
    assert err == "undertone: draining; once more to stop at once\n"


def test_the_second_signal_stops() -> None:
    with _waiting("twice") as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert "draining" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode != 0
    assert (out, err.splitlines()[0]) == ("", "undertone: stopped")


def _waiting(times: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", DRAINS, times],
        env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process
