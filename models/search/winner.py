"""The best point as settings that `undertone train -c` reads, and what the search was, beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def toml(comments: list[str], settings: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a TOML file of sections with plain values, lists and tables one level deep; comments come first."""
    lines = [f"# {comment}" for comment in comments]
    for section, values in settings.items():
        plain = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
        lines += ["", f"[{section}]", *(f"{name} = {_value(value)}" for name, value in plain.items())]
        for name, tables in values.items():
            for table, options in tables.items() if isinstance(tables, Mapping) else ():
                lines += ["", f"[{section}.{name}.{table}]", *(f"{k} = {_value(v)}" for k, v in options.items())]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    """Write a value as TOML does, which for these is as JSON does."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value)
