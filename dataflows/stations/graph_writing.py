"""Graphs of versions that came without any, written beside the stream: an export takes seconds of the CPU."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Final

from models.registry.bundle import Bundle
from models.registry.registry import Registry
from models.serving.onnx_nets import NotExecutable, lacks_graphs
from ops.log import logger

_COMMAND: Final = (sys.executable, "-m", "models.export.stored")
_LONGEST_S: Final = 600.0  # an export that takes longer has failed


class GraphWriting:
    """Adds graphs to versions of a registry, one process each; `modules` are those of setting `models.modules`."""

    def __init__(self, registry: Registry, modules: Sequence[str] = ()) -> None:
        self._registry, self._modules = registry, modules
        self._ended: dict[str, str | None] = {}  # by version: None while it is written, then why it failed, "" for not

    def ready(self, bundle: Bundle) -> bool:
        """Return whether a version has its graphs; begin to write them where not. Returns at once.

        To be asked again, with the version loaded anew, until it has. Raises NotExecutable where they can't be written.
        """
        version = bundle.metadata.version
        if not lacks_graphs(bundle):
            return True
        if version not in self._ended:
            self._ended[version] = None
            logger("inference").info("graphs are being written", version=version)
            threading.Thread(target=self._write, args=(version,), daemon=True).start()
        if failure := self._ended[version]:
            del self._ended[version]  # so that another activation tries again
            raise NotExecutable(f"model {version}: inference.executor onnx: {failure}; or set it to torch")
        return False

    def _write(self, version: str) -> None:
        command = [*_COMMAND, str(self._registry.root), version, *self._modules]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S)
            lines = done.stderr.strip().splitlines() or [f"the process ended with code {done.returncode}"]
            self._ended[version] = lines[-1] if done.returncode else ""
        except (OSError, subprocess.TimeoutExpired) as error:
            self._ended[version] = str(error)
