"""Types of settings and how they are read from text: lists, timeframes, addresses, times of day, calendars."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from ops.durations import parse_time, parse_weekly
from schema.kafka import kafka_address, partition_set
from schema.questdb import questdb_address
from schema.stores import check_namespace, retention_days, sqlite_path
from schema.timeframes import parse_timeframe

MAX_LEADERS = 2
_SHARD = re.compile(r"[a-z0-9_]{1,40}")
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def split_list(found: Any) -> Any:
    """Read `a,b` or `["a", "b"]` from text; leave anything else alone."""
    if not isinstance(found, str):
        return found
    text = found.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            raise ValueError('a list such as a,b or ["a", "b"]') from None
    return [part.strip() for part in text.split(",") if part.strip()]


def _read_object(found: Any) -> Any:
    if not isinstance(found, str):
        return found
    try:
        return json.loads(found)
    except ValueError:
        raise ValueError('an object such as {"gru": {"hidden": 32}}') from None


def _split_unless_auto(found: Any) -> Any:
    return found if found == "auto" else split_list(found)


def _leaders(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) > MAX_LEADERS or len(set(names)) < len(names):
        raise ValueError(f"a list of at most {MAX_LEADERS} different names")
    return names


def _all_different(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or len(set(names)) < len(names):
        raise ValueError("a list of at least one name, without repeats")
    return names


def _shards(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names) or not all(_SHARD.fullmatch(name) for name in names):
        raise ValueError("a list of different names of small letters, digits and underscores")
    return names


def _source(url: str) -> str:
    return _checked(kafka_address)(url) if url.startswith("kafka:") else url


def _topic(url: str) -> str:
    return _checked(kafka_address)(url) if url else url


def _start(text: str) -> str:
    if text in ("earliest", "latest", "snapshot"):
        return text
    try:
        parse_time(text)
    except ValueError:
        raise ValueError("earliest, latest, snapshot, or a UTC time like 2026-11-21T15:00:00Z") from None
    return text


def _options(pairs: tuple[str, ...]) -> tuple[str, ...]:
    if any(not key.strip() or not separator for key, separator, _ in (pair.partition("=") for pair in pairs)):
        raise ValueError("a list of options like security.protocol=ssl")
    return pairs


def _checked(check: Callable[[str], object]) -> Callable[[str], str]:
    """Return a validator that says of a failed check only what was expected."""

    def validate(text: str) -> str:
        try:
            check(text)
        except ValueError as error:
            raise ValueError(str(error).partition("expected ")[2] or str(error)) from None
        return text

    return validate


def _timeframes(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        _checked(parse_timeframe)(name)
    return _all_different(names)


def _rising(shapes: tuple[int, ...]) -> tuple[int, ...]:
    if not shapes or shapes[0] < 2 or any(b <= a for a, b in itertools.pairwise(shapes)):
        raise ValueError("a rising list of batch sizes, each at least 2")
    return shapes


def _address(schemes: tuple[str, ...]) -> AfterValidator:
    expected = "an address like " + ", ".join(schemes)
    known = {scheme.split(":", 1)[0] for scheme in schemes}

    def check(address: str) -> str:
        parts = urlsplit(address)
        if parts.scheme not in known:
            raise ValueError(expected)
        if "//" in address and not (parts.netloc or parts.path.strip("/")):
            raise ValueError(expected)
        return address

    return AfterValidator(check)


def _store(url: str) -> str:
    checks = {"sqlite": sqlite_path, "questdb": questdb_address}
    check = checks.get(url.split(":", 1)[0])
    return url if check is None else _checked(check)(url)


def _websocket(url: str) -> str:
    if url and (urlsplit(url).scheme not in ("ws", "wss") or not urlsplit(url).hostname):
        raise ValueError("an address like wss://host:port/path, or nothing")
    return url


def _lower(found: Any) -> Any:
    return found.lower() if isinstance(found, str) else found


def _time_of_day(text: str) -> str:
    if text and not _TIME_OF_DAY.fullmatch(text):
        raise ValueError("a time of day like 04:00, or nothing")
    return text


def _time_or_none(text: str) -> str:
    try:
        parse_time(text or "1970-01-01")
    except ValueError:
        raise ValueError("a UTC time like 2026-11-21 or 2026-11-21T15:00:00Z, or nothing") from None
    return text


def _weekly(text: str) -> str:
    return _checked(parse_weekly)(text) if text else text


def _jobs(url: str) -> str:
    return _checked(sqlite_path)(url) if url.startswith("sqlite:") else url


def _calendar(code: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_./-]+", code):
        raise ValueError("UTC or an exchange's code like XNYS")
    return code


Names = Annotated[tuple[str, ...], BeforeValidator(split_list)]
Symbols = Annotated[
    Literal["auto"] | Annotated[tuple[str, ...], AfterValidator(_all_different)],
    Field(union_mode="left_to_right"),
    BeforeValidator(_split_unless_auto),
]
Leaders = Annotated[tuple[str, ...], BeforeValidator(split_list), AfterValidator(_leaders)]
Timeframes = Annotated[tuple[str, ...], BeforeValidator(split_list), AfterValidator(_timeframes)]
StoreUrl = Annotated[
    str,
    _address(("sqlite:///var/undertone.db", "memory:", "null:", "questdb://host:9000")),
    AfterValidator(_store),
]
Retention = Annotated[str, AfterValidator(_checked(retention_days))]
Namespace = Annotated[str, AfterValidator(_checked(check_namespace))]
BusUrl = Annotated[str, _address(("memory:", "null:", "redis://host:6379/0", "rediss://host:6379/0"))]
IngestTarget = Annotated[str, _address(("segments:///var/ticks", "kafka://host:9092/ticks"))]
WebSocketUrl = Annotated[str, AfterValidator(_websocket)]
KafkaUrl = Annotated[str, AfterValidator(_checked(kafka_address))]
Shards = Annotated[tuple[str, ...], BeforeValidator(split_list), AfterValidator(_shards)]
SourceUrl = Annotated[str, Field(min_length=1), AfterValidator(_source)]
TopicUrl = Annotated[str, AfterValidator(_topic)]
Partitions = Annotated[str, AfterValidator(_checked(partition_set))]
Start = Annotated[str, AfterValidator(_start)]
Options = Annotated[tuple[str, ...], BeforeValidator(split_list), AfterValidator(_options)]
TimeOrNone = Annotated[str, AfterValidator(_time_or_none)]
WeeklyTime = Annotated[str, AfterValidator(_weekly)]
JobsUrl = Annotated[
    str,
    _address(("sqlite:///var/jobs.db", "redis://host:6379/0", "rediss://host:6379/0")),
    AfterValidator(_jobs),
]
TimeOfDay = Annotated[str, AfterValidator(_time_of_day)]
Calendar = Annotated[str, AfterValidator(_calendar)]
Buckets = Annotated[tuple[int, ...], BeforeValidator(split_list), AfterValidator(_rising)]
Level = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]
OptionTables = Annotated[dict[str, dict[str, Any]], BeforeValidator(_read_object)]
