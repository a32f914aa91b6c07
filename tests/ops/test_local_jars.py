"""The servers' jars: known by their hashes, fetched once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ops.errors import ConfigurationError, DependencyAway
from ops.local import jars

NAME = "questdb-9.3.4.jar"


def fake_maven(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Put an mvn in the path that runs `script`, where $INTO is where jars are wanted; return the cache's folder."""
    program = folder / "bin" / "mvn"
    program.parent.mkdir()
    find_into = 'for a in "$@"; do case $a in -DoutputDirectory=*) INTO=${a#*=};; esac; done'
    program.write_text(f"#!/bin/bash\n{find_into}\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    return folder / "cache" / "undertone"


def test_jars_with_other_contents_are_refused_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_maven(tmp_path, monkeypatch, f'mkdir -p "$INTO"; echo other > "$INTO/{NAME}"')
    with pytest.raises(ConfigurationError, match=r"other than ops/local/jars\.sha256 says"):
        jars.fetch()
    assert not jars.folder().exists()


def test_what_maven_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_maven(tmp_path, monkeypatch, 'echo "[ERROR] no route to host"; exit 1')
    with pytest.raises(DependencyAway, match="no route to host"):
        jars.fetch()


def test_jars_are_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = tmp_path / "jars.sha256"
    hashes.write_text(f"{hashlib.sha256(b'jar' + bytes([10])).hexdigest()}  one.jar\n")
    monkeypatch.setattr(jars, "_HASHES", hashes)
    script = f'echo once >> {tmp_path}/calls; mkdir -p "$INTO"; echo jar > "$INTO/one.jar"'
    cache = fake_maven(tmp_path, monkeypatch, script)
    assert jars.fetch() == jars.fetch() == jars.folder()
    assert jars.folder().parent == cache
    assert (tmp_path / "calls").read_text() == "once\n"


def test_another_version_lies_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = jars.folder()
    hashes = tmp_path / "jars.sha256"
    hashes.write_text("")
    monkeypatch.setattr(jars, "_HASHES", hashes)
    assert jars.folder() != before
