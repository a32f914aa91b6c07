"""The command line `undertone`: the table of its commands.

A command is declared in the file of its group here: options, and which settings they give. Its body is a file in
`ops/commands/`, imported when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import typer

from ops.cli import (
    data,
    evaluation,
    features,
    installation,
    jobs,
    latency,
    models,
    recovery,
    service,
    stream,
    training,
)  # fmt: skip
from ops.command_line import common

Commands = Mapping[str, Callable[..., None]]

COMMANDS: Final[Commands] = {
    "demo": stream.demo,
    "run": stream.run,
    "ingest": stream.ingest,
    "replay": stream.replay,
    "publish": stream.publish,
    "verify": stream.verify,
    "train": training.train,
    "worker": jobs.worker,
    "backtest": evaluation.backtest,
    "tune": training.tune,
    "explain": evaluation.explain,
    "export": training.export,
    "bench": installation.bench,
    "api": service.api,
    "doctor": installation.doctor,
}

GROUPS: Final[Mapping[str, tuple[str, Commands]]] = {
    "models": ("The model registry.", {
        "architectures": models.architectures,
        "list": models.list_versions,
        "show": models.show,
        "graphs": models.graphs,
        "activate": models.activate,
        "challenge": models.challenge,
        "rollback": models.roll_back,
        "mirror": models.mirror,
        "prune": models.prune,
    }),
    "features": ("The catalogue of features.", {
        "list": features.list_columns,
        "show": features.show,
        "compile": features.compile_kernels,
        "diff": features.diff,
        "build": features.build,
        "cost": features.cost,
        "plot": features.plot,
        "spectrogram": features.spectrogram,
        "validity": features.validity,
        "check": features.check,
    }),
    "config": ("The settings.", {
        "show": installation.show_settings,
        "check": installation.check_settings,
    }),
    "data": ("Files of ticks.", {
        "info": data.info,
        "validate": data.validate,
        "convert": data.convert,
    }),
    "recovery": ("The checkpoints of a live run.", {
        "inspect": recovery.inspect,
        "reset": recovery.reset,
        "fork": recovery.fork,
        "rescale": recovery.rescale,
    }),
    "latency": ("How long predictions take, stage by stage.", {
        "": latency.show,  # the group's own name is a command
        "explain": latency.explain,
    }),
    "token": ("Who may use the service.", {
        "create": service.create_token,
        "list": service.list_tokens,
        "revoke": service.revoke_token,
    }),
    "jobs": ("Training jobs.", {
        "list": jobs.list_jobs,
        "show": jobs.show,
        "cancel": jobs.cancel,
    }),
    "evaluate": ("What models are worth, on history they never learned from.", {
        "version": evaluation.version,
        "walk": evaluation.walk,
        "leaks": evaluation.leaks,
    }),
}  # fmt: skip


def _program() -> typer.Typer:
    program = typer.Typer(
        name="undertone",
        help="A live stream of market ticks goes in, predictions come out.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    _add(program, COMMANDS)
    for name, (about, commands) in GROUPS.items():
        itself = "" in commands
        group = typer.Typer(help=about, no_args_is_help=not itself, invoke_without_command=itself)
        _add(group, commands)
        program.add_typer(group, name=name)
    return program


def _add(group: typer.Typer, commands: Commands) -> None:
    for name, function in commands.items():
        declared = group.command(name) if name else group.callback()
        declared(common(function))


app: Final = _program()


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; leaves by SystemExit."""
    return app(args=arguments, prog_name="undertone")
