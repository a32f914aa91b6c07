"""A changed source takes the compiled kernels of its package, and of those above it, along."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataflows.kernel_cache import forget_stale


@pytest.fixture
def layers(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("low", "high"):
        (tmp_path / name / "inner" / "__pycache__").mkdir(parents=True)
        (tmp_path / name / "inner" / "kernel.py").write_text("a = 1\n")
        (tmp_path / name / "helper.py").write_text("b = 1\n")
    compile_again((tmp_path / "low", tmp_path / "high"))
    return tmp_path / "low", tmp_path / "high"


def compile_again(layers: tuple[Path, Path]) -> None:
    for folder in layers:
        for ending in ("nbi", "1.nbc"):
            (folder / "inner" / "__pycache__" / f"kernel.update-1.py311.{ending}").write_bytes(b"code")


def compiled(folder: Path) -> int:
    return len([*folder.rglob("*.nbi"), *folder.rglob("*.nbc")])


def test_unchanged_sources_keep_their_kernels(layers: tuple[Path, Path]) -> None:
    assert forget_stale(layers) == ["low", "high"]
    compile_again(layers)
    assert forget_stale(layers) == []
    assert [compiled(folder) for folder in layers] == [2, 2]


def test_a_change_below_reaches_up_and_none_reaches_down(layers: tuple[Path, Path]) -> None:
    forget_stale(layers)
    compile_again(layers)
    (layers[1] / "helper.py").write_text("b = 2\n")
    assert forget_stale(layers) == ["high"]
    assert [compiled(folder) for folder in layers] == [2, 0]
    compile_again(layers)
    (layers[0] / "helper.py").unlink()
    assert forget_stale(layers) == ["low", "high"]
    assert [compiled(folder) for folder in layers] == [0, 0]
