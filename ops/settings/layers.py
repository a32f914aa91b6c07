"""Places that settings come from, each as a layer of values that remember how the user wrote them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ops.errors import ConfigurationError

PREFIX: Final = "UNDERTONE_"
DELIMITER: Final = "__"

ALIASES: Final = {
    "REDIS_URL": "bus.url",
    "MODEL_PATH": "registry.root",
    "MAX_BATCH_SIZE": "inference.max_batch_size",
    "CACHE_TTL": "api.cache_ttl",
    "API_HOST": "api.host",
    "API_PORT": "api.port",
    "CORS_ORIGINS": "api.cors_origins",
    "LOG_LEVEL": "log.level",
    "UNDERTONE_DATA": "data.folder",
}
QUESTDB: Final = ("QUESTDB_HOST", "QUESTDB_PORT")  # together they are store.url
_QUESTDB_DEFAULTS: Final = {"QUESTDB_HOST": "127.0.0.1", "QUESTDB_PORT": "9000"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One value as the user gave it: `name` as written there, `place` for the error text."""

    key: str  # section.key
    value: Any
    name: str
    place: str = ""

    @property
    def label(self) -> str:
        """The entry as an error text names it."""
        return f"{self.name} ({self.place})" if self.place else self.name


def variable(key: str) -> str:
    """Return the environment's name of `section.key`."""
    return PREFIX + key.upper().replace(".", DELIMITER)


def from_file(path: Path) -> list[Entry]:
    """Read a TOML file.

    Raises ConfigurationError where it is missing, unreadable, or has a value outside a section.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"settings file {path} does not exist; name an existing TOML file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"settings file {path} can't be read: {error}; expected TOML") from None
    entries = []
    for section, values in document.items():
        if not isinstance(values, dict):
            entries.append(Entry(section, values, section, str(path)))
            continue
        entries += [Entry(f"{section}.{key}", value, f"{section}.{key}", str(path)) for key, value in values.items()]
    return entries


def from_environment(environ: Mapping[str, str]) -> list[Entry]:
    """Read the short names of the specification, then `UNDERTONE_SECTION__KEY`, which wins over them."""
    short = [Entry(key, environ[name], name) for name, key in ALIASES.items() if environ.get(name)]
    long = [
        Entry(name.removeprefix(PREFIX).lower().replace(DELIMITER, "."), value, name)
        for name, value in environ.items()
        if name.startswith(PREFIX) and name not in ALIASES
    ]
    return _questdb(environ) + short + long


def _questdb(environ: Mapping[str, str]) -> list[Entry]:
    if not any(environ.get(name) for name in QUESTDB):
        return []
    host, port = (environ.get(name) or _QUESTDB_DEFAULTS[name] for name in QUESTDB)
    if not (port.isdecimal() and 0 < int(port) < 65_536):
        raise ConfigurationError(
            f"setting QUESTDB_PORT is {port!r}, expected an integer from 1 to 65535; "
            "set it in the environment or in undertone.toml"
        )
    return [Entry("store.url", f"questdb://{host}:{port}", " and ".join(n for n in QUESTDB if environ.get(n)))]


def from_assignments(assignments: Iterable[str]) -> list[Entry]:
    """Read `section.key=value` of the command line.

    Raises ConfigurationError where one is no assignment.
    """
    entries = []
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or "." not in key:
            raise ConfigurationError(f"--set {text!r} is no assignment, expected --set section.key=value")
        entries.append(Entry(key.strip(), value, key.strip(), "--set"))
    return entries


def from_options(options: Mapping[str, Any]) -> list[Entry]:
    """Take what a command's own options set: `{"store.url": ("--store", "null:")}`; None is not given."""
    return [Entry(key, value, option, "") for key, (option, value) in options.items() if value is not None]
