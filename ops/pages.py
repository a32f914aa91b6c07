"""Reference pages made from the code: `python -m ops.pages` writes them, `--check` fails where one is stale."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ops.metrics import declared
from ops.settings.layers import ALIASES, QUESTDB, variable
from ops.settings.sections import Section, Settings

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"

_SETTINGS_HEAD: Final = """# Settings

Made from `ops/settings/sections.py` by `python -m ops.pages`; don't edit.

A setting is taken from the first of these places that has it:
1. the command line: a command's own option, or `--set section.key=value`
2. the environment: `UNDERTONE_SECTION__KEY`, then the short names below
3. files in TOML: the last `-c FILE`, the ones before it, then `undertone.toml` of the working directory
4. the default

Lists are written `a,b` (or as TOML or JSON lists). An unknown key in any of these places is an error that names it
(exit code 78). All settings are read at start; a change takes effect at the next one.
"""
_METRICS_HEAD: Final = """# Metrics

Made from `ops/metrics.py` by `python -m ops.pages`; don't edit. A live dataflow answers Prometheus
at `metrics.host` and `metrics.port`; the service has its own at `GET /metrics`.
"""


def settings_page() -> str:
    """Return docs/settings.md."""
    parts = [_SETTINGS_HEAD]
    for name, field in Settings.model_fields.items():
        section: type[Section] = field.annotation  # type: ignore[assignment]
        rows = [
            f"| `{f.alias or key}` | `{variable(f'{name}.{f.alias or key}')}` | {_shown(f.default)} | {f.description} |"
            for key, f in section.model_fields.items()
        ]
        parts.append(f"## {name}\n{section.__doc__}\n")
        parts.append(
            "\n".join(["| key | in the environment | default | meaning |", "| --- | --- | --- | --- |", *rows, ""])
        )
    short = [f"| `{name}` | `{key}` |" for name, key in ALIASES.items()]
    together = " and ".join(f"`{name}`" for name in QUESTDB)
    short.append(f"| {together} | `store.url` = `questdb://host:port` |")
    parts.append("\n".join(["## Short names in the environment", "| name | setting |", "| --- | --- |", *short, ""]))
    return "\n".join(parts)


def _shown(default: Any) -> str:
    if isinstance(default, tuple):
        return f"`{','.join(map(str, default))}`" if default else "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return "none" if default in ("", None) else f"`{default}`"


def metrics_page() -> str:
    """Return docs/metrics.md."""
    rows = [
        f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels) or '-'} | {metric.description} |"
        for metric in declared()
    ]
    return "\n".join([_METRICS_HEAD, "| name | kind | labels | meaning |", "| --- | --- | --- | --- |", *rows, ""])


def features_page() -> str:
    """Return docs/features.md."""
    from features import documentation, families
    from features.catalogue import registered

    families.load()
    return documentation.page(registered())


def messages_page() -> str:
    """Return docs/messages.md."""
    from dataflows.messages import documentation

    return documentation.page()


def openapi_page() -> str:
    """Return docs/openapi.json."""
    from api.app import create_app
    from api.main import open_reader

    app = create_app(open_reader("sqlite:///nowhere.db"), version="1")  # of the contract; nothing is opened
    return json.dumps(app.openapi(), indent=1, sort_keys=True) + "\n"


PAGES: Final[dict[str, Callable[[], str]]] = {
    "settings.md": settings_page,
    "metrics.md": metrics_page,
    "features.md": features_page,
    "messages.md": messages_page,
    "openapi.json": openapi_page,
}


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` say which are stale; 1 if one is."""
    stale = [name for name, page in PAGES.items() if _text(DOCS / name) != page()]
    if "--check" in arguments:
        for name in stale:
            print(f"docs/{name} is stale; run python -m ops.pages", file=sys.stderr)
        return 1 if stale else 0
    DOCS.mkdir(exist_ok=True)
    for name in stale:
        (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"wrote docs/{name}")
    return 0


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
