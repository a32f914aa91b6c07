"""The bytes of a segment: a header, then frames, each with its offset and a checksum.

    segment   magic, 16 bytes that name the log, offset of the first frame
    frame     length of the body, CRC-32 of all that follows it, offset, kind, body

Offsets count frames from 0 on, over all segments of a lane. A file is named after its first.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple

MAGIC: Final = b"UNDERTONE SEGMENT 1\n"
HEADER: Final = Struct(f"<{len(MAGIC)}s16sQ")
_FRAME: Final = Struct("<IIQB")
_CHECKED: Final = Struct("<QB")
FRAME_BYTES: Final = _FRAME.size
MOST_BYTES: Final = 64 << 20  # of a body; a longer length is no length
SUFFIX: Final = ".segment"

MESSAGE: Final = 0  # body: a message of dataflows.messages
STATE: Final = 1  # body: what the writer has to remember, first in a segment; readers skip it


class Frame(NamedTuple):
    """One frame as read."""

    offset: int
    kind: int
    body: bytes
    end: int  # byte behind it
    crc: int


def pack(offset: int, kind: int, body: bytes) -> bytes:
    """Return a frame's bytes."""
    crc = zlib.crc32(body, zlib.crc32(_CHECKED.pack(offset, kind)))
    return _FRAME.pack(len(body), crc, offset, kind) + body


def parse(data: bytes, at: int, offset: int) -> Frame | None:
    """Return the frame of this offset at byte `at`, None where there is none that is whole and right."""
    begin = at + FRAME_BYTES
    if len(data) < begin:
        return None
    length, crc, found, kind = _FRAME.unpack_from(data, at)
    if found != offset or length > MOST_BYTES or len(data) < begin + length:
        return None
    body = data[begin : begin + length]
    if zlib.crc32(body, zlib.crc32(_CHECKED.pack(offset, kind))) != crc:
        return None
    return Frame(offset, kind, body, begin + length, crc)


def length_at(data: bytes, at: int) -> int:
    """Return how many bytes the frame at `at` says it has, at least those of a frame without a body."""
    if len(data) < at + FRAME_BYTES:
        return FRAME_BYTES
    return FRAME_BYTES + min(int(_FRAME.unpack_from(data, at)[0]), MOST_BYTES)


def later_frame(data: bytes, at: int, offset: int) -> int | None:
    """Return the byte of a right frame behind `at` whose offset is the next but few, None if there is none.

    It tells damage from a torn end: behind the write that a crash cut there is nothing.
    """
    for ahead in range(1, 9):
        wanted = Struct("<Q").pack(offset + ahead)
        place = data.find(wanted, at)
        while place >= 0:
            begin = place - 8
            if begin >= at and parse(data, begin, offset + ahead) is not None:
                return begin
            place = data.find(wanted, place + 1)
    return None


def segment_name(first: int) -> str:
    """Return the name of the segment that begins with offset `first`."""
    return f"{first:020d}{SUFFIX}"


def segments_of(folder: Path) -> list[tuple[int, Path]]:
    """Return a lane's segments with their first offsets, in order."""
    return sorted((int(path.stem), path) for path in folder.glob(f"*{SUFFIX}") if path.stem.isdecimal())
