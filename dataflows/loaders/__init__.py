"""History from where it lies: a loader turns a URL into Arrow batches of bars (or ticks), in the place's own order.

    bars.parquet, bars.csv, aapl.us.txt      files; TXT as Stooq writes it
    sqlite:///path, questdb://host:9000      bars that the project stored: ?timeframe=1m, #namespace
    hf:///folder?split=train                 a data set in the Hub's layout or as `save_to_disk` left it, on this disk
    s3://bucket/key.parquet                  S3-compatible: ?endpoint=http://host:9000, ?region=, keys from AWS_*

A scheme of one's own is one function with one decorator:

    @loader("mine")
    def read(url: str) -> Iterator[pa.RecordBatch]: ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from urllib.parse import urlsplit

import pyarrow as pa

from dataflows.sources.errors import BadFile

Loader = Callable[[str], Iterator[pa.RecordBatch]]

_OURS = {
    "": "files", "file": "files", "sqlite": "stored", "questdb": "stored", "hf": "hub", "s3": "s3",
}  # fmt: skip
_LOADERS: dict[str, Loader] = {}


def loader(scheme: str) -> Callable[[Loader], Loader]:
    """Register a function for URLs of a scheme. Raises ValueError where there is one already."""

    def register(function: Loader) -> Loader:
        if scheme in _LOADERS:
            raise ValueError(f"loader {scheme!r} is registered twice; choose another scheme")
        _LOADERS[scheme] = function
        return function

    return register


def load(url: str) -> Iterator[pa.RecordBatch]:
    """Return the batches behind a URL; nothing is read before the first is asked for.

    Raises BadFile, then or later, where there is nothing that can be read: it names place, row and column, what was
    found and what to do.
    """
    scheme = scheme_of(url)
    if scheme in _OURS:
        import_module(f"{__name__}.{_OURS[scheme]}")  # imported when needed: S3 costs a second
    if scheme not in _LOADERS:
        known = sorted({*_OURS, *_LOADERS} - {""})
        raise BadFile(url, f"the scheme {scheme!r}", f"a path or one of {', '.join(known)}", "mend the URL")
    return _LOADERS[scheme](url)


def scheme_of(url: str) -> str:
    """Return the scheme of a URL, empty for a path."""
    return urlsplit(url).scheme if "://" in url else ""
