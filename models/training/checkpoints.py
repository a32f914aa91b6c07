"""Checkpoints of a fit: tensors and what is known about them in one safetensors file, never pickled.

The file is replaced by one rename, so a killed process leaves the one before; a hash over the tensors tells damage.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from models.data.dataset import TrainingRefused
from ops.durable import put_in_place


class BadCheckpoint(TrainingRefused):
    """A checkpoint that is damaged, or of another run."""


def save_checkpoint(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write tensors and JSON-able facts durably."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header = {"about": msgspec.json.encode(about).decode(), "sha256": _digest(whole)}
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    save_file(whole, beside, metadata=header)
    put_in_place(beside, path)


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_checkpoint` wrote. Raises BadCheckpoint where the file is damaged or something else."""
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
    except (SafetensorError, OSError) as error:
        raise BadCheckpoint(_damaged(path, f"no safetensors file ({error})")) from error
    if "about" not in header or "sha256" not in header:
        raise BadCheckpoint(_damaged(path, "a safetensors file that no training wrote"))
    if (found := _digest(tensors)) != header["sha256"]:
        raise BadCheckpoint(_damaged(path, f"tensors with sha256 {found}, expected {header['sha256']}"))
    about: dict[str, Any] = msgspec.json.decode(header["about"])
    return tensors, about


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(-1).numpy().tobytes())
    return digest.hexdigest()


def _damaged(path: Path, found: str) -> str:
    return f"checkpoint {path}: {found}; train again without --resume, which begins anew"
