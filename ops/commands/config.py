"""`undertone config`: what is set, and whether it fits what is installed and there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ops.errors import ConfigurationError
from ops.settings import Settings
from ops.tables import print_json, print_table


def show(settings: Settings, json: bool) -> int:
    """Print every setting; passwords in addresses and in options of clients are masked."""
    values = settings.model_dump(mode="json", by_alias=True)
    for section in ("store", "bus"):
        values[section]["url"] = without_password(values[section]["url"])
    values["kafka"]["options"] = [without_secret(option) for option in values["kafka"]["options"]]
    if json:
        print_json(values)
    else:
        rows = [(f"{section}.{key}", _text(value)) for section, part in values.items() for key, value in part.items()]
        print_table(("setting", "value"), rows)
    return 0


def check(settings: Settings, json: bool) -> int:
    """Print what does not fit. Raises ConfigurationError with the first such thing."""
    problems = list(problems_of(settings))
    if json:
        print_json({"ok": not problems, "problems": problems})
    if problems:
        raise ConfigurationError("; ".join(problems))
    if not json:
        print("settings are fine")
    return 0


def problems_of(settings: Settings) -> Iterator[str]:
    """Yield one line for each setting that points to something unknown."""
    import exchange_calendars

    from features import families
    from models.registry.registry import Registry, RegistryError

    try:
        families.configured(settings.features.families, settings.features.modules)
    except families.FeaturesNotLoaded as error:
        yield str(error)
    if settings.models.modules:
        yield from _broken_modules(settings)
    known = {"UTC", *exchange_calendars.get_calendar_names()}
    if settings.bars.calendar not in known:
        yield f"setting bars.calendar is {settings.bars.calendar!r}, expected UTC or an exchange's code like XNYS"
    if settings.inference.model not in ("active", "none"):
        try:
            Registry(settings.registry.root).show(settings.inference.model)
        except RegistryError as error:
            yield f"setting inference.model: {error}"


def _broken_modules(settings: Settings) -> Iterator[str]:
    from models.extensions import ArchitecturesNotLoaded, load_architectures

    try:
        load_architectures(settings.models.modules)
    except ArchitecturesNotLoaded as error:
        yield str(error)


def without_password(address: str) -> str:
    """Return the address with its password masked."""
    parts = urlsplit(address)
    if parts.password is None:
        return address
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{host}"))


def without_secret(option: str) -> str:
    """Return an option like `sasl.password=x` with its value masked where its name speaks of a secret."""
    name, _, _ = option.partition("=")
    return f"{name}=***" if any(word in name for word in ("password", "secret", "pem", "sasl.jaas")) else option


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
