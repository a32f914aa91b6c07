"""The servers' jars: fetched once by Maven into a cache, checked against `jars.sha256`.

They lie in `~/.cache/undertone/servers-HASH` (XDG_CACHE_HOME is obeyed), HASH being that of `pom.xml` and
`jars.sha256`: all checkouts of one version share them, and removing a data folder doesn't remove them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from ops.errors import ConfigurationError, DependencyAway
from ops.local.programs import find, find_java
from ops.log import logger

_POM: Final = Path(__file__).with_name("pom.xml")
_HASHES: Final = Path(__file__).with_name("jars.sha256")
_TIMEOUT_S: Final = 900


def folder() -> Path:
    """Return where this version's jars are, or will be once they are fetched."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    version = hashlib.sha256(_POM.read_bytes() + _HASHES.read_bytes()).hexdigest()[:12]
    return cache / "undertone" / f"servers-{version}"


def need() -> None:
    """Raise ConfigurationError where Java is missing or too old, or the jars aren't there and Maven isn't either."""
    find_java()
    if not folder().is_dir():
        find("mvn")


def fetch() -> Path:
    """Return the folder of the jars, fetched first where they aren't there yet.

    Raises ConfigurationError where Maven is missing or a jar isn't the one that is known, DependencyAway where they
    can't be had.
    """
    place = folder()
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(place.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():  # another process may have fetched them meanwhile
            partial = place.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            _copy(partial)
            _verify(partial)
            partial.rename(place)
    return place


def _copy(into: Path) -> None:
    logger("local").info("fetching the servers' jars, about 72 MB", into=str(folder()))
    command = [
        find("mvn"), "--quiet", "--batch-mode", "--strict-checksums", "--file", str(_POM),
        "dependency:copy-dependencies", f"-DoutputDirectory={into}", "-DincludeScope=runtime",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise DependencyAway(f"Maven did not fetch the servers' jars in {_TIMEOUT_S} s; try again later") from None
    if done.returncode:
        said = next((line for line in done.stdout.splitlines() if "ERROR" in line), done.stderr.strip())
        raise DependencyAway(
            f"Maven can't fetch the servers' jars: {said[:500]}; it needs Maven Central or a mirror (see Maven's "
            "settings.xml), try again when that answers"
        )


def _verify(place: Path) -> None:
    lines = [line.split() for line in _HASHES.read_text(encoding="utf-8").splitlines()]
    known = {name: digest for digest, name in lines}
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in place.glob("*.jar")}
    wrong = sorted(name for name in known.keys() | found.keys() if known.get(name) != found.get(name))
    if wrong:
        raise ConfigurationError(
            f"{place}: {', '.join(wrong[:5])}: other than ops/local/jars.sha256 says (of {len(wrong)} jars); "
            "remove the folder and fetch again, or follow the note in ops/local/pom.xml after a change of versions"
        )
