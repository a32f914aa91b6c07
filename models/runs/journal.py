"""What a run has fitted so far, beside the versions of a registry: a killed run goes on from there.

    root/.runs/NAME/run.json                      which run this is: configuration, data, commit of the code
                   /version.json                  the version that it publishes, or has published
                   /fold-0003-gru.safetensors     a net in its last epoch or finished: models.training.checkpoints
                   /fold-0003-lightgbm.json       finished trees

It is no version, and none of the registry's readers looks into it. A finished run removes it.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from models.config import TrainingConfig
from models.data.dataset import Dataset
from models.mapped import chunks
from models.registry.register import Versions
from models.training.checkpoints import BadCheckpoint

_VERSION = "version.json"


def open_run(folder: Path, dataset: Dataset, config: TrainingConfig, resume: bool) -> None:
    """Make the folder of a run ready; without `resume` it is empty.

    Raises BadCheckpoint where what is to be resumed is another run, naming what differs.
    """
    mark = folder / "run.json"
    ours = {"config": _digest(msgspec.json.encode(asdict(replace(config, memory=0)))), "data": _data_digest(dataset)}
    if resume and mark.is_file():
        try:
            theirs = msgspec.json.decode(mark.read_bytes(), type=dict[str, str])
        except msgspec.DecodeError as error:
            raise BadCheckpoint(f"checkpoint {mark}: {error}; train again without --resume") from error
        if differs := [name for name in ours if ours[name] != theirs.get(name)]:
            raise BadCheckpoint(
                f"checkpoint {folder}: it is of a run with other {' and other '.join(differs)}; resume with the same "
                "files and settings, or train without --resume, which begins anew"
            )
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mark.write_bytes(msgspec.json.encode(ours))


def note_version(folder: Path, version: str) -> None:
    """Note which version a run is about to publish: it is there in whole as soon as its directory is."""
    (folder / _VERSION).write_bytes(msgspec.json.encode(version))


def published(registry: Versions, folder: Path) -> str:
    """Return the version that a run published before it was killed, "" where there is none."""
    note = folder / _VERSION
    version = msgspec.json.decode(note.read_bytes(), type=str) if note.is_file() else ""
    return version if version and registry.path(version).is_dir() else ""


def digest_of(dataset: Dataset, *about: Any) -> str:
    """Return 16 hex digits of a data set and of what else is said (configurations are dataclasses, mappings plain)."""
    said = [asdict(one) if is_dataclass(one) and not isinstance(one, type) else one for one in about]
    return _digest(msgspec.json.encode([_data_digest(dataset), said]))[:16]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _data_digest(dataset: Dataset) -> str:
    digest = hashlib.sha256(repr((dataset.timeframe.name, dataset.columns, dataset.fingerprints)).encode())
    for name in ("time", "symbol", "values", "returns", "sigma"):
        array = getattr(dataset, name)
        for part in chunks(len(array), array.strides[0]):
            digest.update(np.ascontiguousarray(array[part]).view(np.uint8).data)
    return digest.hexdigest()
