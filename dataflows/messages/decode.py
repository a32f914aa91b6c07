"""Read a poll of messages into one batch. Nothing in a message can raise: what can't be read is a malformed row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from dataflows.batch import Arrivals
from dataflows.messages.formats import Format, Headers, Unreadable, format_of
from dataflows.messages.names import Names
from dataflows.messages.part import Refused, arrivals_of, refusals
from dataflows.messages.singles import read_singles
from dataflows.messages.tables import read_tables

MAX_BYTES: Final = 8 << 20


class Decoder:
    """Turns messages into struct-of-arrays batches; keeps the table of names from one poll to the next."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        """Refuse messages above `max_bytes`."""
        self.max_bytes = max_bytes
        self._names = Names()

    def decode(
        self, values: Sequence[bytes | None], headers: Sequence[Headers | None], lane: ArrayLike,
        offset: ArrayLike,
    ) -> Arrivals:  # fmt: skip
        """Return what n messages hold, in their order: ticks of message k have its lane and offset.

        A message that can't be read gives one malformed row at index 0, with its time and symbol where those could
        be read; a tick that can't be read gives one in its place.
        """
        self._names.start()
        refused: list[Refused] = []
        sorted_: dict[Format, tuple[list[bytes], list[int]]] = {form: ([], []) for form in Format}
        for place, (value, header) in enumerate(zip(values, headers)):
            try:
                form = self._format(value, header)
            except Unreadable as error:
                refused.append(Refused(place, str(error)))
                continue
            of_form = sorted_[form]
            of_form[0].append(value)  # type: ignore[arg-type]  # None has no format
            of_form[1].append(place)
        parts = []
        for form, (chosen, places) in sorted_.items():
            if not chosen:
                continue
            part, odd = (
                read_tables(chosen, places, self._names)
                if form is Format.COLUMNS
                else read_singles(chosen, places, form, self._names)
            )
            parts.append(part)
            refused += odd
        if refused:
            parts.append(refusals(refused))
        places_ = np.asarray(lane, np.int64), np.asarray(offset, np.int64)
        return arrivals_of(parts, *places_, self._names.names())

    def _format(self, value: bytes | None, headers: Headers | None) -> Format:
        if value is None:
            raise Unreadable("a message without a value")
        if len(value) > self.max_bytes:
            raise Unreadable(
                f"a message of {len(value)} bytes; at most {self.max_bytes} are read (source.max_message_bytes)"
            )
        return format_of(headers, value)
