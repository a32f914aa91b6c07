"""Programs that the servers need and that a distribution brings: java, mvn, redis-server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import Final

from ops.errors import ConfigurationError

JAVA_AT_LEAST: Final = 17  # Kafka 4 brokers ask for it
_PACKAGES: Final = {  # program -> (Debian, Homebrew)
    "java": ("openjdk-17-jre-headless", "openjdk@17"),
    "mvn": ("maven", "maven"),
    "redis-server": ("redis-server", "redis"),
}


def find(program: str) -> str:
    """Return where a program is.

    Raises ConfigurationError that says how to install it.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which(program, path=f"{home}/bin") if program == "java" and home else None
    found = found or shutil.which(program)
    if found is None:
        debian, homebrew = _PACKAGES[program]
        raise ConfigurationError(
            f"{program} is not installed, and the local servers need it; "
            f"install it: apt-get install {debian} (Debian, Ubuntu) or brew install {homebrew} (macOS)"
        )
    return found


def find_java() -> str:
    """Return where a Java that is new enough is.

    Raises ConfigurationError where there is none, or an older one.
    """
    java = find("java")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < JAVA_AT_LEAST:
        first = said.splitlines()[0] if said else "nothing"
        raise ConfigurationError(
            f"{java} -version says {first!r}, expected Java {JAVA_AT_LEAST} or newer; install "
            f"{_PACKAGES['java'][0]}, or set JAVA_HOME to a newer one"
        )
    return java
