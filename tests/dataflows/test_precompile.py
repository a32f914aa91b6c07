"""After compiling ahead no kernel is compiled any more."""

from __future__ import annotations

from pathlib import Path

import numba
import pytest

import features
from dataflows.precompile import compile_all, compile_share


def cached() -> set[str]:
    return {path.name for path in Path(features.__file__).parent.rglob("*.nbc")}


def test_compiling_twice_compiles_once() -> None:
    if numba.config.DISABLE_JIT:
        pytest.skip("numba's compiler is switched off: there is nothing to compile")
    compile_all()
    assert compile_all() is False
    before = cached()
    compile_share(0, 8)
    assert cached() == before
