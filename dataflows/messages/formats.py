"""Which format a message has: told by its headers, else seen by its first byte."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

FORMAT_HEADER: Final = "undertone-format"
VERSION_HEADER: Final = "undertone-version"
VERSION: Final = 1  # raised where an older reader would misread; fields are only ever appended, which raises nothing

Headers = Iterable[tuple[str, bytes | str | None]]


class Format(StrEnum):
    """How one message is encoded."""

    JSON = "json"  # one tick, heartbeat or event: an object
    MSGPACK = "msgpack"  # the same object
    COLUMNS = "columns"  # n ticks and heartbeats of one partition: a msgpack array of columns


class Unreadable(ValueError):
    """A message that can't be read: says what was found."""


_KNOWN: Final = {str(each).encode(): each for each in Format}
_VERSION: Final = str(VERSION).encode()


def headers_of(form: Format) -> list[tuple[str, bytes]]:
    """Return the headers that a message of this format carries."""
    return [(FORMAT_HEADER, str(form).encode()), (VERSION_HEADER, _VERSION)]


def format_of(headers: Headers | None, value: bytes) -> Format:
    """Return a message's format. Raises Unreadable for an unknown one or another version."""
    form = None
    for key, text in headers or ():
        if key == FORMAT_HEADER:
            form = _KNOWN.get(_as_bytes(text))
            if form is None:
                raise Unreadable(f"header {FORMAT_HEADER}={text!r}, expected one of {', '.join(Format)}")
        elif key == VERSION_HEADER and _as_bytes(text) != _VERSION:
            raise Unreadable(f"header {VERSION_HEADER}={text!r}, this reader knows version {VERSION}")
    return form or _guess(value)


def _guess(value: bytes) -> Format:
    """Tell the formats apart by the first byte: `{` or a blank, a msgpack map, a msgpack array."""
    if not value:
        raise Unreadable(f"an empty message without a header {FORMAT_HEADER}")
    first = value[0]
    if first in b"{ \t\r\n":
        return Format.JSON
    if 0x80 <= first <= 0x8F or first in (0xDE, 0xDF):
        return Format.MSGPACK
    if 0x90 <= first <= 0x9F or first in (0xDC, 0xDD):
        return Format.COLUMNS
    raise Unreadable(f"a message that begins with {value[:20]!r} and has no header {FORMAT_HEADER}")


def _as_bytes(text: bytes | str | None) -> bytes:
    return text if isinstance(text, bytes) else (text or "").encode(errors="replace")
