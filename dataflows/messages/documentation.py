"""docs/messages.md: the messages' JSON schemas with an example of each, made from the types that decode them."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
import numpy as np

from dataflows.messages.encode import encode_event, encode_heartbeat, encode_singles
from dataflows.messages.formats import FORMAT_HEADER, VERSION, VERSION_HEADER, Format
from dataflows.messages.rows import FeaturesMessage
from dataflows.messages.wire import COLUMNS, UNSET, ColumnsMessage, SingleMessage
from schema.events import Event, EventKind
from schema.ticks import QUOTE, TRADE, ticks_of

_TIME: Final = 1_381_239_000_250_000_000

_HEAD: Final = f"""# Messages

What producers write into the topic of ticks, and what `undertone publish` and `undertone ingest` write. Made from
`dataflows/messages/wire.py` by `python -m ops.pages`; don't edit.

| header `{FORMAT_HEADER}` | one message is |
| --- | --- |
| `json` | one tick, heartbeat or market event: a JSON object |
| `msgpack` | the same object as a msgpack map |
| `columns` | n ticks and heartbeats of one partition: a msgpack array |

The header `{VERSION_HEADER}` is `{VERSION}`.

- Headers may be left out: a first byte `{{` means `json`, a msgpack map `msgpack`, a msgpack array `columns`. Formats
  may be mixed in a partition. `undertone publish` leaves them out of single ticks, which they would make twice as
  expensive to read; where they are there, they count.
- A symbol always goes to the same partition (`crc32(symbol) % partitions`, the key is the symbol where a message holds
  one tick): order is kept within a partition only.
- **Heartbeats** go into every partition, at least one a second of event time: a partition without ticks would hold
  all the others back.
- The version is raised only where an older reader would misread a message. Fields are otherwise appended, never
  removed or changed; a reader ignores those it doesn't know.
- A message that can't be read (damaged, unknown format or version, larger than `source.max_message_bytes`) is one row
  of `dead_letters` with its topic, partition and offset; so is each tick that can't be used. Nothing in a message stops
  the flow.
"""


def page() -> str:
    """Return docs/messages.md."""
    return "\n".join([_HEAD, _single(), _columns(), _rows(), ""])


def _single() -> str:
    trade = ticks_of(1, ts_event=_TIME, symbol=0, kind=TRADE, price=181.25, size=100.0, side=1, sequence=7)
    quote = ticks_of(1, ts_event=_TIME, symbol=0, kind=QUOTE, bid=181.2, bid_size=300.0, ask=181.3, ask_size=200.0)
    split = Event(_TIME, EventKind.SPLIT, "IBM", details={"ratio": 2})
    examples = [
        *encode_singles(trade, ["IBM"]), *encode_singles(quote, ["IBM"]), encode_heartbeat(_TIME, Format.JSON),
        encode_event(split),
    ]  # fmt: skip
    shown = "\n".join(example.decode() for example in examples)
    return f"## `json` and `msgpack`\n\n```json\n{shown}\n```\n\nAs JSON schema:\n\n{_schema(SingleMessage)}\n"


def _columns() -> str:
    rows = [
        f"| {2 + place} | `{name}` | {dtype.str} | {_empty(name)} |"
        for place, (name, dtype) in enumerate((name, COLUMNS[name]) for name in _columns_in_order())
    ]
    table = "\n".join(["| place | column | each number (numpy) | empty means |", "| --- | --- | --- | --- |", *rows])
    return (
        "## `columns`\n\nA msgpack array: place 0 is the version, place 1 the list of names, and from place 2 on each "
        f"column is a byte string of n raw numbers.\n\n{table}\n\nAs JSON schema, where byte strings are base64:\n\n"
        f"{_schema(ColumnsMessage)}\n\n{_HOW_TO}"
    )


def _rows() -> str:
    return f"""## What the dataflow appends

`kafka.predictions` names a topic of predictions, such as `predictions.v1`: one JSON object a message, the same that is
published on the bus and that the API answers with; its key is the symbol. `kafka.features` names one of feature rows,
such as `features.v1`: n rows of one batch and partition, a msgpack array. Both are appended before a checkpoint counts,
at least once: what a resumed run computes again is sent again with the same content. A reader drops what it has by
symbol, timeframe and `bar_sequence` (and, for predictions, `model_version`).

As JSON schema, where byte strings are base64:

{_schema(FeaturesMessage)}
"""


def _columns_in_order() -> list[str]:
    return [name for name in ColumnsMessage.__struct_fields__ if name in COLUMNS]


def _empty(name: str) -> str:
    if name == "ts_recv":
        return "equal to `ts_event`"
    if name not in UNSET:
        return "not allowed"
    value = np.frombuffer(UNSET[name], COLUMNS[name])[0]
    return "NaN" if value != value else str(value)


def _schema(kind: type[Any]) -> str:
    (schema,), components = msgspec.json.schema_components([kind])
    whole = components[schema["$ref"].rpartition("/")[2]]
    return f"```json\n{json.dumps(whole, indent=1)}\n```"


_HOW_TO: Final = """In Python, from arrays of numpy:

```python
from dataflows.messages.encode import encode_columns
from schema.ticks import TRADE, ticks_of

ticks = ticks_of(
    2, ts_event=[1381239000250000000, 1381239000260000000], symbol=[0, 1], kind=TRADE, price=[181.25, 24.1], size=100.0
)
value = encode_columns(ticks, ["IBM", "GE"])
```
"""
