"""Where settings come from, which place wins, and what is said about a wrong one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from features.catalogue import Family
from ops.errors import ConfigurationError
from ops.settings import Settings, load
from ops.settings.loading import known_keys
from schema.timeframes import parse_timeframes
from tests.ops.commands import ROOT


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_load_from_nothing() -> None:
    settings = load(environ={})
    assert settings == Settings()
    assert settings.bars.timeframes == ("1s", "1m", "5m")
    assert settings.universe.symbols == "auto"


def test_default_timeframes_are_understood_by_the_schema() -> None:
    assert [t.name for t in parse_timeframes(list(Settings().bars.timeframes))] == ["1s", "1m", "5m"]


def test_each_place_wins_over_the_ones_below(empty_folder: Path) -> None:
    write(
        empty_folder / "undertone.toml", "[api]\nport = 1\nhost = 'toml'\n[order]\nlanes = 2\n[bars]\ncalendar='XNYS'\n"
    )
    first = write(empty_folder / "a.toml", "[api]\nport = 2\n[order]\nlanes = 3\nbound_ms = 3\n")
    second = write(empty_folder / "b.toml", "[api]\nport = 3\n[order]\nbound_ms = 4\n")
    environ = {"API_PORT": "4", "API_HOST": "alias", "UNDERTONE_API__PORT": "5"}
    settings = load([first, second], ["api.port=6"], {"api.port": ("--port", 7)}, environ)
    assert settings.api.port == 7
    assert load([first, second], ["api.port=6"], {"api.port": ("--port", None)}, environ).api.port == 6
    assert load([first, second], [], {}, environ).api.port == 5
    assert load([first, second], [], {}, {"API_PORT": "4"}).api.port == 4
    assert load([first, second], environ={}).api.port == 3
    assert load([second, first], environ={}).api.port == 2
    assert load(environ={}).api.port == 1
    assert (settings.api.host, settings.order.lanes, settings.order.bound_ms) == ("alias", 3, 4)
    assert settings.bars.calendar == "XNYS"


@pytest.mark.parametrize(
    ("name", "text", "section", "key", "value"),
    [
        ("REDIS_URL", "redis://host:6379/1", "bus", "url", "redis://host:6379/1"),
        ("MODEL_PATH", "models-here", "registry", "root", Path("models-here")),
        ("MAX_BATCH_SIZE", "64", "inference", "max_batch_size", 64),
        ("CACHE_TTL", "10", "api", "cache_ttl", 10),
        ("API_HOST", "0.0.0.0", "api", "host", "0.0.0.0"),
        ("API_PORT", "9001", "api", "port", 9001),
        ("CORS_ORIGINS", "http://a,http://b", "api", "cors_origins", ("http://a", "http://b")),
        ("LOG_LEVEL", "WARNING", "log", "level", "warning"),
        ("QUESTDB_HOST", "quest", "store", "url", "questdb://quest:9000"),
        ("QUESTDB_PORT", "9009", "store", "url", "questdb://127.0.0.1:9009"),
        ("UNDERTONE_DATA", "days", "data", "folder", Path("days")),
        ("UNDERTONE_LOG__JSON", "true", "log", "json_lines", True),
        ("UNDERTONE_UNIVERSE__SYMBOLS", "A, B", "universe", "symbols", ("A", "B")),
        ("UNDERTONE_UNIVERSE__SYMBOLS", '["A,B", "C"]', "universe", "symbols", ("A,B", "C")),
        ("UNDERTONE_INFERENCE__BUCKETS", "16,32", "inference", "buckets", (16, 32)),
    ],
)
def test_environment_names_are_understood(name: str, text: str, section: str, key: str, value: object) -> None:
    assert getattr(getattr(load(environ={name: text}), section), key) == value


def test_empty_short_names_are_as_if_unset() -> None:
    assert load(environ={"API_PORT": "", "QUESTDB_HOST": "", "UNDERTONE_DATA": ""}) == Settings()


def test_other_names_of_the_environment_are_not_ours() -> None:
    assert load(environ={"PATH": "x", "UNDERTONES": "x", "PORT": "1"}) == Settings()


TELL = "; set it in the environment or in undertone.toml"


@pytest.mark.parametrize(
    ("environ", "assignments", "message"),
    [
        ({"QUESTDB_PORT": "abc"}, [], f"setting QUESTDB_PORT is 'abc', expected an integer from 1 to 65535{TELL}"),
        ({"API_PORT": "abc"}, [], f"setting API_PORT is 'abc', expected an integer{TELL}"),
        ({"UNDERTONE_API__PORT": "70000"}, [], f"setting UNDERTONE_API__PORT is '70000', expected at most 65535{TELL}"),
        ({}, ["order.lanes=0"], f"setting order.lanes (--set) is '0', expected at least 1{TELL}"),
        ({}, ["order.max_spread=0"], f"setting order.max_spread (--set) is '0', expected more than 0.0{TELL}"),
        ({}, ["order.max_spread=x"], f"setting order.max_spread (--set) is 'x', expected a number{TELL}"),
        ({}, ["order.max_spread=inf"], f"setting order.max_spread (--set) is 'inf', expected a finite number{TELL}"),
        ({}, ["store.ticks=maybe"], f"setting store.ticks (--set) is 'maybe', expected true or false{TELL}"),
        ({}, ["api.host="], f"setting api.host (--set) is '', expected a text that isn't empty{TELL}"),
        (
            {},
            ["inference.device=gpu"],
            f"setting inference.device (--set) is 'gpu', expected one of auto, cpu or cuda{TELL}",
        ),
        (
            {},
            ["bars.timeframes=1s,7x"],
            "setting bars.timeframes (--set) is '1s,7x', expected seconds, minutes or hours up to a day (1s, 5m, 4h), "
            f"1d, 1w, 1M, or tick:N, volume:N, dollar:N{TELL}",
        ),
        (
            {},
            ["bars.timeframes=1s,1s"],
            f"setting bars.timeframes (--set) is '1s,1s', expected a list of at least one name, without repeats{TELL}",
        ),
        (
            {},
            ["universe.leaders=SPY,QQQ,IWM"],
            f"setting universe.leaders (--set) is 'SPY,QQQ,IWM', expected a list of at most 2 different names{TELL}",
        ),
        (
            {},
            ["universe.symbols="],
            f"setting universe.symbols (--set) is '', expected a list of at least one name, without repeats{TELL}",
        ),
        (
            {},
            ["universe.symbols=[1"],
            f'setting universe.symbols (--set) is \'[1\', expected a list such as a,b or ["a", "b"]{TELL}',
        ),
        (
            {},
            ["store.url=postgres://x"],
            "setting store.url (--set) is 'postgres://x', expected an address like sqlite:///var/undertone.db, "
            f"memory:, null:, questdb://host:9000{TELL}",
        ),
        (
            {"REDIS_URL": "host:6379"},
            [],
            "setting REDIS_URL is 'host:6379', expected an address like memory:, null:, redis://host:6379/0, "
            f"rediss://host:6379/0{TELL}",
        ),
        (
            {},
            ["store.namespace=A b"],
            "setting store.namespace (--set) is 'A b', expected at most 40 small letters, digits and single "
            f"underscores, a letter first (live, replay, what_if_2){TELL}",
        ),
        (
            {},
            ["store.url=sqlite:x.db"],
            "setting store.url (--set) is 'sqlite:x.db', expected sqlite:///relative/path or sqlite:////absolute/path"
            f"{TELL}",
        ),
        (
            {},
            ["inference.buckets=1,16"],
            "setting inference.buckets (--set) is '1,16', expected a rising list of batch sizes, each at least 2"
            f"{TELL}",
        ),
        (
            {"MAX_BATCH_SIZE": "8"},
            [],
            "setting MAX_BATCH_SIZE is '8', expected a bucket in inference.buckets of at most max_batch_size, "
            f"which is 8{TELL}",
        ),
        (
            {},
            ["bars.extended_open=4am"],
            f"setting bars.extended_open (--set) is '4am', expected a time of day like 04:00, or nothing{TELL}",
        ),
        (
            {},
            ["bars.extended_open=04:00"],
            "setting bars.extended_open (--set) is '04:00', expected an exchange's code in bars.calendar when "
            f"extended hours are given{TELL}",
        ),
        ({}, ["api.port"], "--set 'api.port' is no assignment, expected --set section.key=value"),
        ({}, ["port=1"], "--set 'port=1' is no assignment, expected --set section.key=value"),
        ({}, ["api.prot=1"], "setting api.prot (--set) is unknown; the nearest known one is api.port"),
        (
            {"UNDERTONE_API__PROT": "1"},
            [],
            "setting UNDERTONE_API__PROT is unknown; the nearest known one is UNDERTONE_API__PORT",
        ),
        (
            {"UNDERTONE_XYZZY": "1"},
            [],
            "setting UNDERTONE_XYZZY is unknown; `undertone config show` lists the known ones",
        ),
    ],
)
def test_errors_say_where_what_was_found_and_what_to_do(
    environ: dict[str, str], assignments: list[str], message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(assignments=assignments, environ=environ)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[api]\nprot = 1\n", "setting api.prot ({}) is unknown; the nearest known one is api.port"),
        ("[apu]\nport = 1\n", "setting apu.port ({}) is unknown; the nearest known one is api.port"),
        ("port = 1\n", "setting port ({}) is unknown; the nearest known one is api.port"),
        ("[api]\nport = 'abc'\n", f"setting api.port ({{}}) is 'abc', expected an integer{TELL}"),
        ("[api.port]\nx = 1\n", f"setting api.port ({{}}) is {{{{'x': 1}}}}, expected an integer{TELL}"),
        ("[api\n", "settings file {} can't be read: Expected ']' at the end of a table declaration"),
    ],
)
def test_errors_in_a_file_name_the_file(empty_folder: Path, text: str, message: str) -> None:
    path = write(empty_folder / "mine.toml", text)
    with pytest.raises(ConfigurationError) as caught:
        load([path], environ={})
    assert str(caught.value).startswith(message.format(path))


def test_a_file_that_is_not_there_is_named(empty_folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"settings file nope\.toml does not exist"):
        load([Path("nope.toml")], environ={})


def test_undertone_toml_is_read_and_named_without_being_asked_for(empty_folder: Path) -> None:
    write(empty_folder / "undertone.toml", "[api]\nprot = 1\n")
    with pytest.raises(ConfigurationError, match=r"setting api\.prot \(undertone\.toml\) is unknown"):
        load(environ={})


def test_settings_can_not_be_changed_after_they_were_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().api.port = 1  # type: ignore[misc]


def test_settings_without_load_ignore_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API", '{"port": 1}')
    assert Settings().api.port == 8001


def test_every_setting_has_a_description() -> None:
    for section, field in Settings.model_fields.items():
        for name, key in field.annotation.model_fields.items():  # type: ignore[union-attr]
            assert key.description, f"{section}.{name}"
            assert key.description.endswith("."), f"{section}.{name}"


def test_every_setting_is_read_somewhere() -> None:
    paths = [path for package in ("ops", "dataflows", "models", "api") for path in (ROOT / package).rglob("*.py")]
    sources = "\n".join(
        p.read_text(encoding="utf-8") for p in paths if p.parent.name != "settings" and p.name != "pages.py"
    )
    keys = [
        f"{section}.{name}"
        for section, field in Settings.model_fields.items()
        for name in field.annotation.model_fields  # type: ignore[union-attr]
    ]
    short = {"train": "(settings.train|chosen)"}
    inert = [
        k
        for k in keys
        if not re.search(rf"\b{short.get(k.split('.')[0], k.split('.')[0])}\.{k.split('.')[1]}\b", sources)
    ]
    assert inert == []


def test_every_default_is_accepted_as_text() -> None:
    defaults = Settings().model_dump(mode="json", by_alias=True)
    for key in known_keys():
        section, name = key.split(".")
        value = defaults[section][name]
        if value is not None:
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            assert load(assignments=[f"{key}={text}"], environ={}) == Settings(), key


def test_families_of_the_catalogue_can_be_named() -> None:
    assert load(assignments=[f"features.families={','.join(Family)}"], environ={}).features.families == tuple(Family)
