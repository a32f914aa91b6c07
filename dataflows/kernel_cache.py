"""Compiled kernels that no longer fit their source are forgotten.

Numba keeps a compiled kernel beside its module and compiles again when that *file* changes. A kernel that inlines
functions of another module would go on with the old ones after a `git pull`: other bits than a fresh clone, and no
word of it. So the sources of a package and of those below it have one digest, and when it changes
all compiled kernels of that package go.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import dataflows
import features
import models
import schema

# A kernel may inline from its own package and from those below it.
_LAYERS = tuple(Path(str(package.__file__)).parent for package in (schema, features, models, dataflows))


def forget_stale(layers: tuple[Path, ...] = _LAYERS) -> list[str]:
    """Remove the compiled kernels of each layer whose sources, or a lower layer's, changed since the last call.

    `layers` are package folders, the lowest first. Returns the names of those whose kernels went. Where a folder
    can't be written nothing is kept there either, and nothing happens.
    """
    digest, stale = hashlib.sha256(), []
    for folder in layers:
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
        stamp = folder / "__pycache__" / "kernels.digest"
        if not stamp.is_file() or stamp.read_text() != digest.hexdigest():
            stale.append(folder.name)
            _forget(folder)
            with suppress(OSError):
                stamp.parent.mkdir(exist_ok=True)
                stamp.write_text(digest.hexdigest())
    return stale


def _forget(folder: Path) -> None:
    for path in [*folder.rglob("*.nbi"), *folder.rglob("*.nbc")]:
        with suppress(OSError):
            path.unlink()
