"""Why a file can't be read as ticks, or a position can't be returned to."""

from __future__ import annotations

from os import PathLike


class BadFile(ValueError):
    """A file that can't be read as ticks: says which, what was found, what was expected and what to do."""

    def __init__(self, path: str | PathLike[str], found: str, expected: str, remedy: str) -> None:
        self.path, self.found, self.expected, self.remedy = str(path), found, expected, remedy
        super().__init__(f"{self.path}: found {found}, expected {expected}; {remedy}")


class OtherLog(ValueError):
    """A position of another log: returning to it would read other ticks than before."""
