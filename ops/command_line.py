"""What every command has in common: four options, the settings, the exit code.

Nothing heavy is imported before a command runs, so that `--help` is quick.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ops.errors import CommandError

if TYPE_CHECKING:
    from ops.settings import Settings

Chosen = Mapping[str, tuple[str, Any]]  # settings that a command's own options give: key -> (option, value)

_COMMON: Final = {
    "config": (
        Annotated[
            list[Path] | None,
            typer.Option("-c", "--config", metavar="FILE", help="Settings in TOML; repeatable, the later wins."),
        ],
        None,
    ),
    "assignments": (
        Annotated[
            list[str] | None,
            typer.Option("--set", metavar="SECTION.KEY=VALUE", help="One setting; wins over environment and files."),
        ],
        None,
    ),
    "json": (Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")], False),
    "verbose": (Annotated[bool, typer.Option("-v", "--verbose", help="Log details.")], False),
}

_EXIT_CODES: Final = {  # by name, since importing them would slow every start
    "dataflows.assembly.parts.NamespaceInUse": 78,
    "dataflows.assembly.assemble.NothingToResume": 78,
    "dataflows.checkpoints.folder_lock.AlreadyRunning": 75,
    "dataflows.inspection.feature_diff.NotComparable": 78,
    "dataflows.inspection.feature_series.NotFound": 1,
    "dataflows.checkpoints.file.DamagedCheckpoint": 78,
    "dataflows.feature_history.manifest.BuildFailed": 1,
    "dataflows.feature_history.manifest.BuildMismatch": 78,
    "dataflows.pipeline.CheckpointMismatch": 78,
    "dataflows.checkpoints.state_versions.StateVersionMismatch": 78,
    "dataflows.sources.errors.BadFile": 1,
    "dataflows.sources.errors.OtherLog": 78,
    "features.families.FeaturesNotLoaded": 78,
    "features.ordering.BufferOverflow": 1,
    "models.data.dataset.TrainingRefused": 1,
    "models.explain.prediction.NotExplained": 1,
    "models.export.version.ExportFailed": 1,
    "models.extensions.ArchitecturesNotLoaded": 78,
    "models.jobs.jobs.HasEnded": 1,
    "models.jobs.jobs.NoSuchJob": 1,
    "models.jobs.records.RecordsAway": 75,
    "models.registry.standing.RegistryError": 78,
}

_MAY_PASS: Final = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
)  # a full or failing disk: trying again later may work


def common(function: Callable[..., None]) -> Callable[..., None]:
    """Add the common options to a command; the function gets a `Common` as first argument."""
    signature = inspect.signature(function, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _COMMON.items()
    ]
    parameters = [*list(signature.parameters.values())[1:], *added]

    def command(**values: Any) -> None:
        function(Common(**{name: values.pop(name) for name in _COMMON}), **values)

    command.__name__, command.__doc__ = function.__name__, function.__doc__
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


class Common:
    """The common options of one call, and how the command's body is run with them."""

    def __init__(self, config: list[Path] | None, assignments: list[str] | None, json: bool, verbose: bool) -> None:
        """Take the values of the common options."""
        self.config, self.assignments, self.json, self.verbose = config or [], assignments or [], json, verbose

    def run(
        self, module: str, body: str = "run", *, chosen: Chosen | None = None, drains: bool = False, **own: Any
    ) -> None:
        """Call `ops.commands.<module>.<body>(settings, json=…, **own)` and leave with the code it returns.

        A command that drains gets `drain=`, whose `asked` it looks at between two batches.
        """
        with one_line_errors():
            settings = self.settings(chosen or {})
            function = getattr(importlib.import_module(f"ops.commands.{module}"), body)
            with contextlib.ExitStack() as stack:
                if drains:
                    from ops.drain import draining

                    own["drain"] = stack.enter_context(draining())
                code = function(settings, json=self.json, **own)
        raise typer.Exit(code)

    def settings(self, chosen: Chosen) -> Settings:
        """Read the settings and set the log up by them."""
        from ops import log
        from ops.settings import load

        settings = load(self.config, self.assignments, chosen)
        log.configure("debug" if self.verbose else settings.log.level, settings.log.json_lines)
        return settings


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn an expected error into one line on stderr and its exit code."""
    try:
        yield
    except CommandError as error:
        raise _leave(str(error), error.exit_code) from None
    except KeyboardInterrupt:
        raise _leave("stopped", 1) from None
    except BrokenPipeError:  # whoever read our output, head for example, has gone
        raise typer.Exit(1) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        if error.errno in _MAY_PASS:
            raise _leave(
                f"{where}{error.strerror or error}; make room or mend the disk, then start again", 75
            ) from None
        raise _leave(f"{where}{error.strerror or error}", 1) from None
    except Exception as error:
        code = exit_code_of(error)
        if code is None:
            raise
        raise _leave(str(error), code) from None


def exit_code_of(error: Exception) -> int | None:
    """Return the exit code of an error that a part below raises for the user to act on, None for a defect."""
    for kind in type(error).__mro__:
        if code := _EXIT_CODES.get(f"{kind.__module__}.{kind.__qualname__}"):
            return code
    code = getattr(error, "exit_code", None)
    return code if isinstance(code, int) else None


def _leave(line: str, code: int) -> typer.Exit:
    print(f"undertone: {line}", file=sys.stderr)
    return typer.Exit(code)
