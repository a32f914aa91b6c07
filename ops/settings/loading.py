"""Merge the layers into `Settings`, and turn what is wrong into one clear line."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ops.errors import ConfigurationError
from ops.settings.layers import PREFIX, Entry, from_assignments, from_environment, from_file, from_options, variable
from ops.settings.sections import Settings

FILE: Final = Path("undertone.toml")


def load(
    files: Iterable[Path] = (),
    assignments: Iterable[str] = (),
    options: Mapping[str, tuple[str, Any]] | None = None,
    environ: Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the settings: `options` and `assignments` > environment > `files`, the last first > undertone.toml.

    `options` maps a key to a command's option and its value (None is not given); `defaults` are a command's own.

    Raises ConfigurationError that names the wrong setting, where it was set, and what was expected.
    """
    entries = [Entry(key, value, key, "default of this command") for key, value in (defaults or {}).items()]
    entries += from_file(FILE) if FILE.exists() else []
    for path in files:
        entries += from_file(path)
    entries += from_environment(os.environ if environ is None else environ)
    entries += from_assignments(assignments) + from_options(options or {})
    return settings_of(entries)


def settings_of(entries: Iterable[Entry]) -> Settings:
    """Make settings of entries; a later one replaces an earlier one of the same key."""
    newest: dict[str, Entry] = {}
    for entry in entries:
        if entry.key not in known_keys():
            raise ConfigurationError(_unknown(entry))
        newest[entry.key] = entry
    nested: dict[str, dict[str, Any]] = {}
    for key, entry in newest.items():
        section, name = key.split(".")
        nested.setdefault(section, {})[name] = entry.value
    try:
        return Settings.model_validate(nested)
    except ValidationError as error:
        raise ConfigurationError(_wrong(error.errors()[-1], newest)) from None


def known_keys() -> list[str]:
    """Return every `section.key` in the order of declaration."""
    return [
        f"{section}.{field.alias or name}"
        for section, part in Settings.model_fields.items()
        for name, field in part.annotation.model_fields.items()  # type: ignore[union-attr]
    ]


def _unknown(entry: Entry) -> str:
    near = difflib.get_close_matches(entry.key, known_keys(), n=1, cutoff=0.4)
    if near and entry.name.startswith(PREFIX):
        near = [variable(near[0])]
    advice = f"the nearest known one is {near[0]}" if near else "`undertone config show` lists the known ones"
    return f"setting {entry.label} is unknown; {advice}"


def _wrong(error: ErrorDetails, newest: Mapping[str, Entry]) -> str:
    section = str(error["loc"][0])
    key = ".".join(str(part) for part in error["loc"][:2])
    entry = newest.get(key) or next(e for k, e in newest.items() if k.startswith(f"{section}."))
    return (
        f"setting {entry.label} is {entry.value!r}, expected {_expected(error)}; "
        "set it in the environment or in undertone.toml"
    )


_PLAIN: Final = {
    "int_parsing": "an integer",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "a text",
    "string_too_short": "a text that isn't empty",
    "tuple_type": "a list",
    "path_type": "a path",
}
_BOUNDS: Final = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def _expected(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _BOUNDS:
        words, limit = _BOUNDS[kind]
        return f"{words} {context[limit]}"
    if kind == "literal_error":
        return f"one of {context['expected']}".replace("'", "")
    if kind == "value_error":
        return str(context["error"])
    return _PLAIN.get(kind, error["msg"])
