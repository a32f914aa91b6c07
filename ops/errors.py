"""Errors that a command expects: one clear line on stderr, an exit code, never a traceback."""

from __future__ import annotations

from typing import ClassVar


class CommandError(Exception):
    """A failure the user can act on. The message says where, what was found, what was expected, what to do."""

    exit_code: ClassVar[int] = 1


class CommandFailed(CommandError):
    """The command ran and did not succeed."""

    exit_code = 1


class UsageError(CommandError):
    """The command line itself is wrong."""

    exit_code = 2


class DependencyAway(CommandError):
    """A server or a file that the command needs is away; trying again later may work."""

    exit_code = 75


class ConfigurationError(CommandError):
    """A setting, a schema or a fingerprint does not fit; trying again will not help."""

    exit_code = 78
