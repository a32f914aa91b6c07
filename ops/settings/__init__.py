"""Settings: what can be set, where it is read from, and which place wins. Imports `schema` and `ops.errors` only.

`load()` reads them: command line > environment > files > defaults.
"""

from ops.settings.loading import load
from ops.settings.sections import Settings

__all__ = ["Settings", "load"]
