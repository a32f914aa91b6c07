"""Compiled kernels that no longer fit their source are forgotten.

Numba keeps a compiled kernel beside its module and compiles again when that *file* changes. A kernel that inlines
functions of another module would go on with the old ones after a `git pull`: other bits than a fresh clone, and no
word of it. So each module's kernels go when its own source changes, or that of any module it imports, however far.
The same holds for users' modules of features, which inline functions of ours.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import dataflows
import features
import models
import schema

_PACKAGES = tuple(Path(str(package.__file__)).parent for package in (schema, features, models, dataflows))


def forget_stale(packages: tuple[Path, ...] = _PACKAGES, beside: tuple[Path, ...] = ()) -> list[str]:
    """Remove the compiled kernels of each module whose source, or that of a module it imports, changed.

    `packages` are the folders of packages, or single modules, that lie side by side; `beside` are packages elsewhere
    that they may import. Returns the names of the modules whose kernels went or were never there. Where a folder
    can't be written nothing is kept there either, and nothing happens.
    """
    roots = tuple(dict.fromkeys(package.parent for package in (*packages, *beside)))
    own = _sources(packages)
    sources = {**own, **_sources(beside)}
    everything = _digest_of(sources, roots)
    stamp = _stamp(packages)
    if stamp.is_file() and stamp.read_text() == everything:
        return []
    imports = _imports(sources, roots)
    gone = [
        ".".join(_below(path, roots).with_suffix("").parts)
        for path, text in own.items()
        if b"njit" in text and _forget(path, _digest_of(_reached(path, imports, sources), roots))
    ]
    _write(stamp, everything)
    return gone


def forget_stale_of(modules: Iterable[str]) -> list[str]:
    """Do the same for users' imported modules, with all of their top packages."""
    gone = []
    for name in dict.fromkeys(module.partition(".")[0] for module in modules):
        top = sys.modules[name]
        place = Path(next(iter(top.__path__)) if hasattr(top, "__path__") else str(top.__file__))
        if place not in _PACKAGES:
            gone += forget_stale((place,), _PACKAGES)
    return gone


def sources_of_modules(packages: tuple[Path, ...] = _PACKAGES) -> dict[str, set[Path]]:
    """Return of each module the sources that its kernels are made of: its own and what it imports, however far."""
    roots, sources = tuple(dict.fromkeys(package.parent for package in packages)), _sources(packages)
    imports = _imports(sources, roots)
    return {
        ".".join(_below(path, roots).with_suffix("").parts): set(_reached(path, imports, sources)) for path in sources
    }


def is_complete(packages: tuple[Path, ...] = _PACKAGES) -> bool:
    """Whether `set_complete` was called for the sources as `forget_stale` last found them."""
    digest, done = _stamp(packages), _stamp(packages).with_suffix(".complete")
    return digest.is_file() and done.is_file() and done.read_text() == digest.read_text()


def set_complete(packages: tuple[Path, ...] = _PACKAGES) -> None:
    """Remember that every kernel is compiled, of the sources as `forget_stale` last found them."""
    _write(_stamp(packages).with_suffix(".complete"), _stamp(packages).read_text())


def _stamp(packages: tuple[Path, ...]) -> Path:
    first = packages[0]
    if first.suffix == ".py":
        return first.parent / "__pycache__" / f"{first.stem}.digest"
    return first / "__pycache__" / "kernels.digest"


def _sources(packages: tuple[Path, ...]) -> dict[Path, bytes]:
    paths = [[package] if package.suffix == ".py" else sorted(package.rglob("*.py")) for package in packages]
    return {path: path.read_bytes() for found in paths for path in found}


def _below(path: Path, roots: tuple[Path, ...]) -> Path:
    return next(path.relative_to(root) for root in roots if path.is_relative_to(root))


def _imports(sources: dict[Path, bytes], roots: tuple[Path, ...]) -> dict[Path, list[Path]]:
    return {
        path: [known for known in _imported(path, text, roots) if known in sources] for path, text in sources.items()
    }


def _imported(path: Path, text: bytes, roots: tuple[Path, ...]) -> Iterator[Path]:
    """Yield where the modules that a source imports would lie: `from a.b import c` may mean a/b.py or a/b/c.py."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            for root in (path.parents[node.level - 1],) if node.level else roots:
                folder = root.joinpath(*(node.module or "").split("."))
                yield folder.with_suffix(".py") if node.module else folder / "__init__.py"
                yield from (folder / f"{alias.name}.py" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (
                root.joinpath(*alias.name.split(".")).with_suffix(".py") for root in roots for alias in node.names
            )


def _reached(path: Path, imports: dict[Path, list[Path]], sources: dict[Path, bytes]) -> dict[Path, bytes]:
    """Return a source with all that it imports, directly or not."""
    reached, open_ends = {path}, [path]
    while open_ends:
        fresh = set(imports[open_ends.pop()]) - reached
        reached |= fresh
        open_ends += fresh
    return {known: sources[known] for known in sorted(reached)}


def _digest_of(sources: dict[Path, bytes], roots: tuple[Path, ...]) -> str:
    """Digest sources and where they lie below their root: a copy of the whole, elsewhere, has the same digest."""
    parts = (str(_below(path, roots)).encode() + text for path, text in sources.items())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _forget(source: Path, digest: str) -> bool:
    """Remove a module's kernels unless they were compiled from sources of this digest."""
    stamp = source.parent / "__pycache__" / f"{source.stem}.kernels"
    if stamp.is_file() and stamp.read_text() == digest:
        return False
    for path in stamp.parent.glob(f"{source.stem}.*.nb[ic]"):
        with suppress(OSError):
            path.unlink()
    _write(stamp, digest)
    return True


def _write(path: Path, text: str) -> None:
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
