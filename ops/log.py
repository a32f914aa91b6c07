"""Logs on stderr by structlog: text, or one JSON object a line. Never a line a tick."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


def configure(level: str = "info", json_lines: bool = False) -> None:
    """Send logs of `level` and above to stderr."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json_lines
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.format_exc_info] if json_lines else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=_stderr_logger,
        cache_logger_on_first_use=False,
    )


def _stderr_logger(*_: Any) -> structlog.WriteLogger:
    return structlog.WriteLogger(sys.stderr)


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a part; `log.info("checkpoint written", batch=7)` writes the part and the fields."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=name)
    return bound
