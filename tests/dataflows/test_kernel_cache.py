"""A changed source takes every compiled kernel with it."""

from __future__ import annotations

from pathlib import Path

from dataflows.kernel_cache import forget_stale


def test_compiled_kernels_go_when_any_source_changes(tmp_path: Path) -> None:
    package = tmp_path / "package"
    cache = package / "inner" / "__pycache__"
    cache.mkdir(parents=True)
    source, helper = package / "inner" / "kernel.py", package / "helper.py"
    source.write_text("a = 1\n")
    helper.write_text("b = 1\n")
    compiled = [cache / "kernel.update-1.py311.nbi", cache / "kernel.update-1.py311.1.nbc"]

    def compile_again() -> None:
        for path in compiled:
            path.write_bytes(b"code")

    compile_again()
    assert forget_stale((package,))
    assert not any(path.exists() for path in compiled)
    compile_again()
    assert not forget_stale((package,))
    assert all(path.exists() for path in compiled)
    helper.write_text("b = 2\n")
    assert forget_stale((package,))
    assert not any(path.exists() for path in compiled)
    compile_again()
    helper.unlink()
    assert forget_stale((package,))
