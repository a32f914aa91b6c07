"""A Hugging Face data set that lies on this disk, read without their library.

Two layouts: shards of Parquet as the Hub keeps them (`data/train-00000-of-00002.parquet`, or a folder a split), and
`state.json` with Arrow shards as `save_to_disk` leaves them. Nothing is downloaded: fetch it with
`huggingface-cli download --repo-type dataset`. Loading scripts and compressed CSV or JSON are not supported.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from dataflows.loaders import loader
from dataflows.sources.errors import BadFile


@loader("hf")
def read(url: str) -> Iterator[pa.RecordBatch]:
    """Read one split, `train` where none is named: `hf:///folder?split=train`."""
    parts = urlsplit(url)
    folder, split = Path(unquote(parts.netloc + parts.path)), parse_qs(parts.query).get("split", ["train"])[0]
    shards = _saved(folder, split) or _parquet(folder, split)
    if not shards:
        raise BadFile(
            folder, f"no shard of split {split!r}", f"{split}-*.parquet, {split}/*.parquet or {split}/state.json",
            "download the data set to this folder, or name one of its splits with ?split=",
        )  # fmt: skip
    for shard in shards:
        try:
            if shard.suffix == ".parquet":
                yield from pq.ParquetFile(shard).iter_batches(use_threads=False)
            else:
                with pa.memory_map(str(shard)) as file:
                    yield from pa.ipc.open_stream(file)
        except (pa.ArrowInvalid, OSError) as error:
            raise BadFile(shard, f"data that can't be read ({error})", "a whole shard", "download it again") from error


def _parquet(folder: Path, split: str) -> list[Path]:
    """Return the split's shards in the order of their names: of the first place that has any."""
    for where in (folder / "data", folder):
        for pattern in (f"{split}-*.parquet", f"{split}/*.parquet", f"{split}.parquet"):
            if found := sorted(where.glob(pattern)):
                return found
    return []


def _saved(folder: Path, split: str) -> list[Path]:
    """Return the shards that `save_to_disk` wrote, of a split or of a data set without splits."""
    for where in (folder / split, folder):
        if (where / "state.json").is_file():
            state = json.loads((where / "state.json").read_text())
            return [where / part["filename"] for part in state["_data_files"]]
    return []
