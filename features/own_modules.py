"""Import a module of the user's, and say what is wrong with it in words that lead to the setting that names it."""

from __future__ import annotations

import importlib
import traceback


def import_own(name: str, kind: str, error_class: type[ValueError]) -> None:
    """Import a module that setting `KINDs.modules` names, `kind` being "feature" or "model".

    Raises `error_class` where it is not there or fails.
    """
    setting = f"{kind}s.modules"
    try:
        importlib.import_module(name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise error_class(
                f"{kind} module {name!r} is not there: no module {error.name!r} is found; correct {setting}, "
                "install its package into this environment, or put the folder that holds it on PYTHONPATH"
            ) from None
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise error_class(
            f"{kind} module {name!r} fails when it is imported: {type(error).__name__}: {error} "
            f"({last.filename}, line {last.lineno}); correct it, or take it out of {setting}"
        ) from error
