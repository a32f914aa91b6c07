"""Files in S3-compatible storage, read by range: a Parquet file's columns are fetched as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa

from dataflows.loaders import loader
from dataflows.loaders.files import batches
from dataflows.sources.errors import BadFile


@loader("s3")
def read(url: str) -> Iterator[pa.RecordBatch]:
    """Read `s3://bucket/key`; keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or from AWS's own files."""
    from pyarrow.fs import S3FileSystem

    parts = urlsplit(url)
    options = {key: values[0] for key, values in parse_qs(parts.query).items()}
    if unknown := options.keys() - {"endpoint", "region"}:
        raise BadFile(url, f"the options {sorted(unknown)}", "endpoint and region", "mend the URL")
    endpoint = urlsplit(options.get("endpoint", ""))
    where = {"endpoint_override": endpoint.netloc, "scheme": endpoint.scheme} if endpoint.netloc else {}
    storage = S3FileSystem(
        region=options.get("region", "us-east-1"), request_timeout=30, connect_timeout=5, **where
    )  # fmt: skip
    key = parts.netloc + unquote(parts.path)
    try:
        with storage.open_input_file(key) as file:
            yield from batches(file, key)
    except OSError as error:
        raise BadFile(url, f"no answer that can be read ({error})", "a file that these keys may read",
                      "check endpoint, bucket, key and AWS_*") from error  # fmt: skip
