"""Compiled kernels that no longer fit their source are forgotten.

Numba keeps a compiled kernel beside its module and compiles again when that *file* changes. A kernel that inlines
functions of another module would go on with the old ones after a `git pull`: other bits than a fresh clone, and no
word of it. So all sources together have one digest, and when it changes every compiled kernel goes.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import dataflows
import features
import models

_FOLDERS = tuple(Path(str(package.__file__)).parent for package in (features, models, dataflows))


def forget_stale(folders: tuple[Path, ...] = _FOLDERS) -> bool:
    """Remove the compiled kernels under `folders` if their sources changed since this was last called.

    Returns whether it did. Where the folders can't be written nothing is kept there either, and nothing happens.
    """
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    stamp = folders[0] / "__pycache__" / "kernels.digest"
    if stamp.is_file() and stamp.read_text() == digest.hexdigest():
        return False
    for folder in folders:
        for path in [*folder.rglob("*.nbi"), *folder.rglob("*.nbc")]:
            with suppress(OSError):
                path.unlink()
    with suppress(OSError):
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(digest.hexdigest())
    return True
