"""The page `docs/features.md`, generated from the catalogue.

`python -m features.documentation > docs/features.md` writes it, `python -m features.documentation --check <
docs/features.md` says whether it is fresh.
"""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from features import families
from features.catalogue import Column, Group, column_fingerprint, documentation, fingerprint, registered

COMMAND = "python -m features.documentation > docs/features.md"
HEAD = """# Features

Generated from the catalogue by `{command}`; do not edit.
{columns} columns in {groups} groups, for every configured timeframe; catalogue fingerprint `{fingerprint}`.
[features-guide.md](features-guide.md) says how to read a row and how to add columns of your own.

| family | groups | columns |
| --- | ---: | ---: |
{families}

What the words of a row mean:

| word | meaning |
| --- | --- |
| driver | what advances the column: a bar, trade, quote, second or session; the unit of window and warm-up |
| window | how many inputs of the driver it looks back on; "recursive" for those that never quite forget |
| warm-up | the first valid value comes with this input of the driver |
| degree | the value scales with price and size to this power |
| sessions | whether it spans a session's start, resets at it, or is masked there |
| actions | at a split or dividend: rescaled, as if all earlier prices and sizes had been in the new units |
| ties | where it branches on equality |
| oracle | what the tests compare it with |

Undefined values are NaN, with validity bits that say why: warming up (1), gap (2), stale (4), no feed (8), no quotes
(16), no trades (32), undefined at an edge (64). Bit 128 marks a number that still depends on the first tick ever seen.
"""


def page(groups: Sequence[Group]) -> str:
    """Return the whole page as Markdown."""
    chosen = list(dict.fromkeys(group.family for group in groups))
    by_family = {family: [group for group in groups if group.family is family] for family in chosen}
    rows = [
        f"| [{family}](#{family.replace('_', '-')}) | {len(own)} | {sum(len(group.columns) for group in own)} |"
        for family, own in sorted(by_family.items())
    ]
    head = HEAD.format(
        command=COMMAND,
        columns=sum(len(group.columns) for group in groups),
        groups=len(groups),
        fingerprint=fingerprint(groups),
        families="\n".join(rows),
    )
    return head + "".join(_family(family, own) for family, own in sorted(by_family.items()))


def _family(family: str, groups: Sequence[Group]) -> str:
    about = (importlib.import_module(f"features.{family}").__doc__ or "").strip()
    return f"\n## {family.replace('_', '-')}\n\n{about}\n" + "".join(_group(group) for group in groups)


def _group(group: Group) -> str:
    """Return a group: what its kernel says, what its columns share, and a table of what differs."""
    cells = {column.name: _cells(group, column) for column in group.columns}
    words = list(next(iter(cells.values())))
    shared = [word for word in words if len({row[word] for row in cells.values()}) == 1 and word != "fingerprint"]
    varying = [word for word in words if word not in shared]
    first = next(iter(cells.values()))
    facts = "".join(f"- {word}: {first[word]}\n" for word in shared)
    table = [["column", *varying], ["---"] * (1 + len(varying))]
    table += [[f"`{name}`", *(row[word] for word in varying)] for name, row in cells.items()]
    lines = "\n".join("| " + " | ".join(row) + " |" for row in table)
    about = f"### {group.name}\n\n```text\n{documentation(group)}\n```"
    return f"\n{about}\n\n- stage: {group.stage}, kernel version {group.version}\n{facts}\n{lines}\n"


def _cells(group: Group, column: Column) -> dict[str, str]:
    """Return every field of a row as text, by the word a reader looks for."""
    written: dict[str, Any] = {field.name: getattr(column, field.name) for field in fields(Column)}
    written["inputs"] = ", ".join(column.inputs)
    written["window"] = column.window or "recursive"
    written["range"] = _interval(*column.range)
    written["params"] = ", ".join(f"{name} = {value:g}" for name, value in column.params.items()) or "none"
    written["degree"] = f"price {written.pop('degree_price')}, size {written.pop('degree_size')}"
    written["fingerprint"] = f"`{column_fingerprint(group, column)}`"
    del written["name"]
    return {word.replace("_", "-"): str(value).replace("|", "\\|") for word, value in written.items()}


def _interval(low: float, high: float) -> str:
    left = "(-∞" if math.isinf(low) else f"[{low:g}"
    return f"{left}, " + ("∞)" if math.isinf(high) else f"{high:g}]")


def main(arguments: Sequence[str]) -> int:
    """Print the page, or with --check compare it with the one on standard input."""
    families.load()
    fresh = page(registered())
    if list(arguments) != ["--check"]:
        sys.stdout.write(fresh)
        return 0
    if sys.stdin.read() == fresh:
        return 0
    sys.stderr.write(f"docs/features.md is not what the catalogue says; run: {COMMAND}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
