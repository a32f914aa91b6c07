"""A changed source takes along the compiled kernels of its module and of all that import it, and no others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dataflows.kernel_cache import forget_stale

KERNEL = "from numba import njit\n"
SOURCES = {
    "low/constants.py": "a = 1\n",
    "low/alone.py": KERNEL,
    "high/shared.py": "from low import constants\n",
    "high/deep/kernel.py": KERNEL + "from high.shared import (\n    x,\n    y,\n)\n",
    "high/deep/other.py": KERNEL + "import low.alone\n",
}
KERNELS = {"low.alone", "high.deep.kernel", "high.deep.other"}


@pytest.fixture
def packages(tmp_path: Path) -> tuple[Path, Path]:
    for name, text in SOURCES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "low", tmp_path / "high"


def compile_again(root: Path) -> None:
    for name in KERNELS:
        *folder, module = name.split(".")
        cache = root.joinpath(*folder, "__pycache__")
        cache.mkdir(exist_ok=True)
        for ending in ("py311.nbi", "py311.1.nbc"):
            (cache / f"{module}.update-1.{ending}").write_bytes(b"code")


def compiled(root: Path) -> set[str]:
    return {".".join([*p.parent.parent.relative_to(root).parts, p.name.split(".")[0]]) for p in root.rglob("*.nb[ic]")}


def test_unchanged_sources_keep_their_kernels(packages: tuple[Path, Path], tmp_path: Path) -> None:
    compile_again(tmp_path)
    assert set(forget_stale(packages)) == KERNELS
    assert not compiled(tmp_path)
    compile_again(tmp_path)
    assert forget_stale(packages) == []
    assert compiled(tmp_path) == KERNELS


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ("low/constants.py", {"high.deep.kernel"}),
        ("high/shared.py", {"high.deep.kernel"}),
        ("low/alone.py", {"low.alone", "high.deep.other"}),
        ("high/deep/kernel.py", {"high.deep.kernel"}),
    ],
)
def test_a_change_reaches_what_imports_it(
    packages: tuple[Path, Path], tmp_path: Path, changed: str, stale: set[str]
) -> None:
    forget_stale(packages)
    compile_again(tmp_path)
    (tmp_path / changed).write_text(SOURCES[changed] + "changed = True\n")
    assert set(forget_stale(packages)) == stale
    assert compiled(tmp_path) == KERNELS - stale


def test_a_removed_module_is_a_change(packages: tuple[Path, Path], tmp_path: Path) -> None:
    forget_stale(packages)
    compile_again(tmp_path)
    (tmp_path / "low/constants.py").unlink()
    assert forget_stale(packages) == ["high.deep.kernel"]


def test_a_new_module_that_an_import_meant_is_a_change(packages: tuple[Path, Path], tmp_path: Path) -> None:
    forget_stale(packages)
    compile_again(tmp_path)
    (tmp_path / "high/shared").mkdir()
    (tmp_path / "high/shared/x.py").write_text("b = 2\n")
    assert forget_stale(packages) == ["high.deep.kernel"]


def test_a_copy_of_the_whole_keeps_its_kernels(packages: tuple[Path, Path], tmp_path: Path) -> None:
    forget_stale(packages)
    compile_again(tmp_path)
    copies = tuple(tmp_path / "elsewhere" / package.name for package in packages)
    for package, copy in zip(packages, copies):
        shutil.copytree(package, copy)
    assert forget_stale(copies) == []


def test_users_kernels_go_with_what_they_import_from_us(packages: tuple[Path, Path], tmp_path: Path) -> None:
    theirs = tmp_path / "elsewhere" / "extra"
    theirs.mkdir(parents=True)
    (theirs / "kernel.py").write_text(KERNEL + "from high.shared import x\nfrom .windows import WINDOW\n")
    (theirs / "windows.py").write_text("WINDOW = 3\n")
    assert forget_stale((theirs,), packages) == ["extra.kernel"]
    assert forget_stale((theirs,), packages) == []
    (theirs / "windows.py").write_text("WINDOW = 4\n")
    assert forget_stale((theirs,), packages) == ["extra.kernel"]
    (tmp_path / "low/constants.py").write_text("a = 2\n")
    assert forget_stale((theirs,), packages) == ["extra.kernel"]
    (tmp_path / "low/alone.py").write_text(KERNEL + "b = 2\n")
    assert forget_stale((theirs,), packages) == []


def test_a_single_module_of_a_user_is_looked_after(packages: tuple[Path, Path], tmp_path: Path) -> None:
    theirs = tmp_path / "elsewhere" / "alone.py"
    theirs.parent.mkdir()
    theirs.write_text(KERNEL)
    assert forget_stale((theirs,), packages) == ["alone"]
    assert forget_stale((theirs,), packages) == []
