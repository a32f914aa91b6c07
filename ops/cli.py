"""The command line `undertone`: declarations only. A command's body is a file in `ops/commands/`."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from ops.command_line import Chosen, Common, common
from ops.durations import parse_duration, parse_pace, parse_time

T = TypeVar("T")


class Engine(StrEnum):
    """What drives the stations."""

    IN_PROCESS = "in-process"
    BYTEWAX = "bytewax"


class ExportFormat(StrEnum):
    """What `export` writes."""

    TORCH = "torch"
    ONNX = "onnx"
    TRITON = "triton"


class TuneSampler(StrEnum):
    """How `tune` draws points."""

    TPE = "tpe"
    RANDOM = "random"
    GRID = "grid"


class TunePruner(StrEnum):
    """When `tune` gives a trial up."""

    MEDIAN = "median"
    HYPERBAND = "hyperband"
    NONE = "none"


class ExplainMethod(StrEnum):
    """How members are explained."""

    AUTO = "auto"
    SHAPLEY = "shapley"
    LIME = "lime"


class MessageFormat(StrEnum):
    """How ticks are written into Kafka (docs/messages.md)."""

    JSON = "json"
    MSGPACK = "msgpack"
    COLUMNS = "columns"


def _parser(read: Callable[[str], T]) -> Callable[[str], T]:
    def parse(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    parse.__name__ = read.__name__.removeprefix("parse_")
    return parse


Duration = Annotated[
    float | None,
    typer.Option("--for", metavar="60s", parser=_parser(parse_duration), help="How long; without it until Ctrl-C."),
]
Pace = Annotated[
    float,
    typer.Option(metavar="max|1x|50x", parser=_parser(parse_pace), show_default="max", help="Times the recorded pace."),
]
From = Annotated[int | None, typer.Option("--from", metavar="TIME", parser=_parser(parse_time), help="First (UTC).")]
To = Annotated[int | None, typer.Option("--to", metavar="TIME", parser=_parser(parse_time), help="End, excluded.")]
TickFiles = Annotated[list[Path], typer.Argument(metavar="FILE", help="Ticks in Parquet or CSV.")]
HistoryFiles = Annotated[
    list[str], typer.Argument(metavar="FILE", help="Ticks, or bars, in Parquet, CSV or TXT; a URL; a built history.")
]
Market = Annotated[str | None, typer.Option(metavar="us", help="Setting data.market.")]
Timeframe = Annotated[str | None, typer.Option(metavar="1s,1m,5m", help="Setting bars.timeframes.")]
Symbols = Annotated[str | None, typer.Option(metavar="A,B", help="Setting universe.symbols.")]

app = typer.Typer(
    name="undertone",
    help="A live stream of market ticks goes in, predictions come out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
models = typer.Typer(help="The model registry.", no_args_is_help=True)
features = typer.Typer(help="The catalogue of features.", no_args_is_help=True)
config = typer.Typer(help="The settings.", no_args_is_help=True)
data = typer.Typer(help="Files of ticks.", no_args_is_help=True)
recovery = typer.Typer(help="The checkpoints of a live run.", no_args_is_help=True)
token = typer.Typer(help="Who may use the service.", no_args_is_help=True)
jobs = typer.Typer(help="Training jobs.", no_args_is_help=True)
evaluate = typer.Typer(help="What models are worth, on history they never learned from.", no_args_is_help=True)
latency = typer.Typer(help="How long predictions take, stage by stage.", invoke_without_command=True)
for name, group in {
    "models": models, "features": features, "config": config, "data": data, "recovery": recovery, "latency": latency,
    "token": token, "jobs": jobs, "evaluate": evaluate,
}.items():  # fmt: skip
    app.add_typer(group, name=name)


@app.command()
@common
def demo(
    call: Common,
    duration: Duration = None,
    symbols: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    seed: Annotated[int, typer.Option(help="Seed of the market.")] = 7,
    port: Annotated[int | None, typer.Option(help="Setting api.port.")] = None,
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
) -> None:
    """Run the whole system on a synthetic market, with page and terminal view."""
    chosen = {"api.port": ("--port", port)}
    call.run("demo", chosen=chosen, drains=True, duration_s=duration, symbols=symbols, seed=seed, open_browser=browser)


@app.command()
@common
def run(
    call: Common,
    duration: Duration = None,
    source: Annotated[str | None, typer.Option(metavar="URL|FILES|synthetic:", help="Setting source.url.")] = None,
    topology: Annotated[
        str | None, typer.Option(metavar="fused|features|inference", help="Setting split.topology.")
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="NAME", help="Setting split.shard, of --topology features.")
    ] = None,
    engine: Annotated[Engine, typer.Option(help="What drives the stations.")] = Engine.BYTEWAX,
    supervise: Annotated[bool, typer.Option("--supervise", help="Start it again when it fails.")] = False,
    restarts: Annotated[int, typer.Option(hidden=True, help="How often it was started again.")] = 0,
) -> None:
    """Run the live dataflow; it continues where it was stopped or killed."""
    chosen = {
        "source.url": ("--source", source),
        "split.topology": ("--topology", topology),
        "split.shard": ("--shard", shard),
    }
    if supervise:
        call.run("supervise", chosen=chosen, drains=True)
    call.run("run", chosen=chosen, drains=True, duration_s=duration, engine=str(engine), restarts=restarts)


@app.command()
@common
def ingest(
    call: Common,
    venue: Annotated[str, typer.Argument(metavar="VENUE", help="binance or coinbase.")],
    duration: Duration = None,
    symbols: Annotated[str | None, typer.Option(metavar="A,B", help="Setting ingest.symbols.")] = None,
    target: Annotated[str | None, typer.Option("--to", metavar="URL", help="Setting ingest.target.")] = None,
) -> None:
    """Write an exchange's feed where the dataflow reads it: a process of its own."""
    chosen = {"ingest.symbols": ("--symbols", symbols), "ingest.target": ("--to", target)}
    call.run("ingest", chosen=chosen, drains=True, venue=venue, duration_s=duration)


@app.command()
@common
def replay(
    call: Common,
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE...", help="Ticks in Parquet or CSV.")] = None,
    from_kafka: Annotated[bool, typer.Option("--from-kafka", help="What the topic of source.url holds now.")] = False,
    from_store: Annotated[bool, typer.Option("--from-store", help="The run of store.namespace, as stored.")] = False,
    source: Annotated[str | None, typer.Option(metavar="URL", help="Setting source.url.")] = None,
    timeframe: Timeframe = None,
    start: From = None,
    end: To = None,
    symbols: Symbols = None,
    store: Annotated[str | None, typer.Option(metavar="URL", help="Setting store.url.")] = None,
    bus: Annotated[str | None, typer.Option(metavar="URL", help="Setting bus.url.")] = None,
    model: Annotated[str | None, typer.Option(metavar="VERSION|none", help="Setting inference.model.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Where rows go; its own by default.")] = None,
    lanes: Annotated[int | None, typer.Option(help="Setting order.lanes.")] = None,
    pace: Pace = "max",  # type: ignore[assignment]  # the parser reads it
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint.")] = False,
    checkpoint_dir: Annotated[Path | None, typer.Option(help="Setting checkpoint.directory.")] = None,
    decisions: Annotated[str | None, typer.Option(metavar="URL", help="Store whose decisions are obeyed.")] = None,
    engine: Annotated[Engine, typer.Option(help="What drives the stations.")] = Engine.IN_PROCESS,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Ticks a batch; changes no result.")] = None,
) -> None:
    """Run the dataflow over historical ticks at full speed."""
    chosen = {
        "source.url": ("--source", source),
        "bars.timeframes": ("--timeframe", timeframe),
        "universe.symbols": ("--symbols", symbols),
        "store.url": ("--store", store),
        "bus.url": ("--bus", bus),
        "inference.model": ("--model", model),
        "order.lanes": ("--lanes", lanes),
        "checkpoint.directory": ("--checkpoint-dir", checkpoint_dir),
    }
    call.run(
        "replay", chosen=chosen, drains=True, files=files or [], from_kafka=from_kafka, from_store=from_store,
        start=start, end=end, namespace=namespace, pace=pace, resume=resume, decisions=decisions, engine=str(engine),
        batch_size=batch_size,
    )  # fmt: skip


@app.command()
@common
def publish(
    call: Common,
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE...", help="Ticks in Parquet or CSV.")] = None,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="The built-in market, from now on.")] = False,
    topic: Annotated[str | None, typer.Option("--source", metavar="URL", help="Setting source.url.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, metavar="N", help="Ticks a second.")] = None,
    pace: Pace = "max",  # type: ignore[assignment]  # the parser reads it
    message_format: Annotated[
        MessageFormat, typer.Option("--format", help="What a message holds.")
    ] = MessageFormat.COLUMNS,
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="Most ticks in a columnar message.")] = 1000,
    partitions: Annotated[int | None, typer.Option(min=1, max=1024, help="Make the topic with so many.")] = None,
    start: From = None,
    end: To = None,
    duration: Duration = None,
) -> None:
    """Feed ticks into Kafka, at a rate, at a multiple of their own pace, or as fast as it takes them."""
    call.run(
        "publish", chosen={"source.url": ("--source", topic)}, drains=True, files=files or [], synthetic=synthetic,
        start=start, end=end, rate=rate, pace=pace, form=str(message_format), batch=batch, partitions=partitions,
        duration_s=duration,
    )  # fmt: skip


@app.command()
@common
def verify(
    call: Common,
    first: Annotated[str, typer.Argument(metavar="A", help="Certificate, checkpoint folder or store URL.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The same of another run.")],
) -> None:
    """Compare two runs: equal, or the first difference by symbol, bar time and column."""
    call.run("verify", first=first, second=second)


@app.command()
@common
def train(
    call: Common,
    files: HistoryFiles,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="NAME", help="An architecture, several joined by +, or ensemble; repeatable."),
    ] = None,
    timeframe: Annotated[str, typer.Option(metavar="1m", help="The one to predict on; 1d for daily bars.")] = "1m",
    horizon: Annotated[int | None, typer.Option(help="Setting train.horizon.")] = None,
    preset: Annotated[str | None, typer.Option(metavar="quick", help="Setting train.preset.")] = None,
    source: Annotated[str | None, typer.Option("--from", metavar="VERSION", help="Setting train.source.")] = None,
    device: Annotated[str | None, typer.Option(metavar="cuda", help="Setting train.device.")] = None,
    model_name: Annotated[str | None, typer.Option(help="First part of the version's name.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was killed.")] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Let a worker do it; print the job.")] = False,
    priority: Annotated[int, typer.Option(help="Of the job in the queue: higher first.")] = 0,
    market: Market = None,
) -> None:
    """Train models on replayed history, report them beside naive baselines, register them."""
    chosen = {
        "bars.timeframes": ("--timeframe", timeframe), "train.horizon": ("--horizon", horizon),
        "train.preset": ("--preset", preset), "train.source": ("--from", source), "train.device": ("--device", device),
        "data.market": ("--market", market),
    }  # fmt: skip
    call.run(
        "train", chosen=chosen, drains=True, files=files, models=model or [], model_name=model_name, resume=resume,
        queue=queue, priority=priority,
    )  # fmt: skip


@app.command()
@common
def worker(
    call: Common,
    most: Annotated[int | None, typer.Option("--jobs", metavar="N", help="Setting jobs.max_concurrent.")] = None,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="Leave when no job waits or runs.")] = False,
    job: Annotated[str, typer.Option(hidden=True, help="Do this one, in this process.")] = "",
    fence: Annotated[int, typer.Option(hidden=True, help="Its attempt.")] = 0,
    explain: Annotated[
        bool, typer.Option("--explain", hidden=True, help="Explain what waits, in this process.")
    ] = False,
) -> None:
    """Run training jobs, each in a process of its own, until stopped; what was running goes on later.

    It also explains the predictions that the service is asked about.
    """
    if explain:
        call.run("explain", "answer_waiting", drains=True)
    if job:
        call.run("job", identity=job, fence=fence)
    call.run("worker", chosen={"jobs.max_concurrent": ("--jobs", most)}, drains=True, until_idle=until_idle)


@jobs.command("list")
@common
def jobs_list(
    call: Common,
    status: Annotated[str | None, typer.Option(metavar="running", help="Only those of this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
) -> None:
    """List training jobs, the one submitted last first."""
    call.run("jobs", "list_jobs", status=status, limit=limit)


JobId = Annotated[str, typer.Argument(metavar="ID", help="From the list.")]


@jobs.command("show")
@common
def jobs_show(call: Common, identity: JobId) -> None:
    """Show a job: how far it is, what came of it, why it failed."""
    call.run("jobs", "show", identity=identity)


@jobs.command("cancel")
@common
def jobs_cancel(call: Common, identity: JobId) -> None:
    """Cancel a job, or all of a batch that haven't ended."""
    call.run("jobs", "cancel", identity=identity)


Evaluated = Annotated[str, typer.Argument(metavar="VERSION", help="As `undertone models list` names it.")]
OneTimeframe = Annotated[
    str, typer.Option("--timeframe", metavar="1m", help="The one predicted on; 1d for daily bars.")
]


@evaluate.command("version")
@common
def evaluate_version(call: Common, version: Evaluated, files: HistoryFiles, timeframe: OneTimeframe = "1m") -> None:
    """Judge a version behind what it learned from: directions, distributions, regimes, after costs."""
    chosen = {"bars.timeframes": ("--timeframe", timeframe)}
    call.run("evaluate", "version", chosen=chosen, drains=True, version=version, files=files)


@evaluate.command("walk")
@common
def evaluate_walk(
    call: Common,
    files: HistoryFiles,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="NAME", help="An architecture, several joined by +, or ensemble; repeatable."),
    ] = None,
    timeframe: OneTimeframe = "1m",
    horizon: Annotated[int | None, typer.Option(help="Setting train.horizon.")] = None,
    preset: Annotated[str | None, typer.Option(metavar="quick", help="Setting train.preset.")] = None,
) -> None:
    """Walk architectures forward through history and judge them; nothing is registered."""
    chosen = {
        "bars.timeframes": ("--timeframe", timeframe), "train.horizon": ("--horizon", horizon),
        "train.preset": ("--preset", preset),
    }  # fmt: skip
    call.run("evaluate", "walk", chosen=chosen, drains=True, files=files, models=model or [])


@evaluate.command("leaks")
@common
def evaluate_leaks(
    call: Common,
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME", help="As for train; repeatable; all without it.")
    ] = None,
    symbols: Annotated[int, typer.Option(min=2, max=1000, help="How many the markets have.")] = 8,
    bars: Annotated[int, typer.Option(min=300, help="Daily bars of each.")] = 1500,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the markets.")] = 1,
    preset: Annotated[str | None, typer.Option(metavar="quick", help="Setting train.preset.")] = "quick",
) -> None:
    """Look for the future in forecasts, on markets whose law is known; exit code 1 where there is some."""
    chosen = {"bars.timeframes": ("", "1d"), "train.preset": ("--preset", preset)}
    call.run("leaks", chosen=chosen, drains=True, models=model or [], symbols=symbols, bars=bars, seed=seed)


@app.command()
@common
def backtest(
    call: Common,
    version: Evaluated,
    files: HistoryFiles,
    timeframe: OneTimeframe = "1m",
    threshold: Annotated[float | None, typer.Option(help="Setting backtest.threshold.")] = None,
    fee: Annotated[float | None, typer.Option("--fee", metavar="BPS", help="Setting backtest.fee_bps.")] = None,
    latency: Annotated[float | None, typer.Option(metavar="MS", help="Setting backtest.latency_ms.")] = None,
) -> None:
    """Trade a version's signal behind what it learned from, after fees, spread and latency."""
    chosen = {
        "bars.timeframes": ("--timeframe", timeframe), "backtest.threshold": ("--threshold", threshold),
        "backtest.fee_bps": ("--fee", fee), "backtest.latency_ms": ("--latency", latency),
    }  # fmt: skip
    call.run("backtest", chosen=chosen, drains=True, version=version, files=files)


@app.command()
@common
def tune(
    call: Common,
    files: HistoryFiles,
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="An architecture, several joined by +.")],
    trials: Annotated[int, typer.Option(min=1, metavar="N", help="Of the study in all, by whichever process.")] = 50,
    timeframe: Annotated[str, typer.Option(metavar="1m", help="The one to predict on; 1d for daily bars.")] = "1m",
    study: Annotated[str | None, typer.Option(metavar="NAME", help="MODEL_TIMEFRAME by default.")] = None,
    sampler: Annotated[TuneSampler, typer.Option(help="How points are drawn.")] = TuneSampler.TPE,
    pruner: Annotated[TunePruner, typer.Option(help="When a trial is given up, fold by fold.")] = TunePruner.MEDIAN,
    only: Annotated[
        str | None, typer.Option(metavar="PATTERN,PATTERN", help="Dimensions: gru.*, train.learning_rate, family.*.")
    ] = None,
    hold_out: Annotated[
        float, typer.Option(min=0.0, max=0.5, help="Share of the history, the newest, that no trial sees.")
    ] = 0.2,
    preset: Annotated[str | None, typer.Option(metavar="quick", help="Setting train.preset.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the study, or join it.")] = False,
) -> None:
    """Search for the best options of a model, and write them as settings for `undertone train -c`."""
    chosen = {"bars.timeframes": ("--timeframe", timeframe), "train.preset": ("--preset", preset)}
    call.run(
        "tune", chosen=chosen, drains=True, files=files, model=model, trials=trials, study=study, sampler=str(sampler),
        pruner=str(pruner), only=only, hold_out=hold_out, resume=resume,
    )  # fmt: skip


@app.command()
@common
def explain(
    call: Common,
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="Whose prediction.")],
    at: Annotated[
        int | None, typer.Option(metavar="TIME", parser=_parser(parse_time), help="The newest up to it (UTC).")
    ] = None,
    timeframe: Annotated[str | None, typer.Option(metavar="1m", help="Of which; the newest of any by default.")] = None,
    method: Annotated[
        ExplainMethod,
        typer.Option(help="auto: TreeSHAP and integrated gradients; shapley: sampled values of nets; lime."),
    ] = ExplainMethod.AUTO,
    top: Annotated[int, typer.Option(min=1, help="Features that are shown.")] = 10,
    namespace: Annotated[str | None, typer.Option("--namespace", help="Setting store.namespace.")] = None,
    store: Annotated[str | None, typer.Option("--store", metavar="URL", help="Setting store.url.")] = None,
) -> None:
    """Say what each feature added to a stored prediction, and how the members voted."""
    chosen = {"store.namespace": ("--namespace", namespace), "store.url": ("--store", store)}
    call.run("explain", chosen=chosen, symbol=symbol, at=at, timeframe=timeframe, method=str(method), top=top)


@app.command()
@common
def export(
    call: Common,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As `undertone models list` names it.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    form: Annotated[ExportFormat, typer.Option("--format", help="torch.export, ONNX, or Triton's repository.")],
) -> None:
    """Write a version's nets for another runtime, checked against PyTorch on the same rows."""
    call.run("export", version=version, form=str(form), directory=directory)


@app.command()
@common
def bench(call: Common) -> None:
    """Measure rates, latencies and memory; print a card with machine and commit."""
    call.run("bench")


@app.command()
@common
def api(
    call: Common,
    host: Annotated[str | None, typer.Option(help="Setting api.host.")] = None,
    port: Annotated[int | None, typer.Option(help="Setting api.port.")] = None,
) -> None:
    """Serve predictions, features and metrics over HTTP."""
    call.run("api", chosen={"api.host": ("--host", host), "api.port": ("--port", port)})


@app.command()
@common
def doctor(call: Common) -> None:
    """Say what is installed, what can be reached, and which device is used."""
    call.run("doctor")


@token.command("create")
@common
def token_create(
    call: Common,
    name: Annotated[str, typer.Argument(help="Whose it is.")],
    scope: Annotated[str, typer.Option(help="read, train (and read) or admin (and both).")] = "read",
    days: Annotated[int | None, typer.Option(min=1, help="Days until it ends; without it it doesn't.")] = None,
) -> None:
    """Make a token and print it, this once."""
    call.run("token", "create", name=name, scope=scope, days=days)


@token.command("list")
@common
def token_list(call: Common) -> None:
    """List who has one."""
    call.run("token", "list_tokens")


@token.command("revoke")
@common
def token_revoke(call: Common, identity: Annotated[str, typer.Argument(metavar="ID", help="From the list.")]) -> None:
    """Take one away."""
    call.run("token", "revoke", identity=identity)


@models.command("architectures")
@common
def models_architectures(call: Common) -> None:
    """List what can be trained: kind, size, state or window, columns read by name."""
    call.run("architectures")


@models.command("list")
@common
def models_list(call: Common) -> None:
    """List the versions, the active one marked."""
    call.run("models", "list_versions")


@models.command("show")
@common
def models_show(call: Common, version: Annotated[str, typer.Argument(help="A version, or `active`.")]) -> None:
    """Show a version's metadata and scores."""
    call.run("models", "show", version=version)


@models.command("activate")
@common
def models_activate(call: Common, version: Annotated[str, typer.Argument(help="A version.")]) -> None:
    """Make a version the active one; running dataflows take it over."""
    call.run("models", "activate", version=version)


@models.command("challenge")
@common
def models_challenge(
    call: Common,
    version: Annotated[str, typer.Argument(help="A version.")],
    end: Annotated[bool, typer.Option("--end", help="End its challenge.")] = False,
) -> None:
    """Let running dataflows score a version beside the active one."""
    call.run("models", "withdraw" if end else "challenge", version=version)


@models.command("rollback")
@common
def models_rollback(call: Common, timeframe: Annotated[str, typer.Argument(help="A timeframe, such as 1m.")]) -> None:
    """Make the version active again that was so before; a second call goes further back."""
    call.run("models", "roll_back", timeframe=timeframe)


@models.command("mirror")
@common
def models_mirror(call: Common) -> None:
    """Let MLflow take over what the registry says (setting tracking.url)."""
    call.run("models", "mirror")


@models.command("prune")
@common
def models_prune(
    call: Common,
    keep: Annotated[int, typer.Option(min=1, help="How many stay of each timeframe.")] = 10,
    timeframe: Annotated[str | None, typer.Option(metavar="1m", help="Only this one's.")] = None,
) -> None:
    """Delete all but the best versions; active ones stay."""
    call.run("models", "prune", keep=keep, timeframe=timeframe)


Families = Annotated[str | None, typer.Option("--families", metavar="A,B", help="Setting features.families.")]


@features.command("list")
@common
def features_list(call: Common, families: Families = None) -> None:
    """List the columns of the catalogue."""
    call.run("features", "list_columns", chosen={"features.families": ("--families", families)})


@features.command("show")
@common
def features_show(call: Common, name: Annotated[str, typer.Argument(help="A column.")]) -> None:
    """Show one column: formula, source, warm-up, edges."""
    call.run("features", "show", name=name)


@features.command("compile")
@common
def features_compile(call: Common) -> None:
    """Compile all kernels ahead, a process a core: about two minutes on two cores, once a version."""
    call.run("feature_compile")


@features.command("diff")
@common
def features_diff(
    call: Common,
    store: Annotated[str, typer.Argument(metavar="sqlite:///path[#namespace]", help="What a run stored.")],
) -> None:
    """Compare stored feature rows, cell by cell, with a replay of the ticks that were stored beside them."""
    call.run("feature_diff", store=store)


@features.command("build")
@common
def features_build(
    call: Common,
    files: TickFiles,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the Parquet files.")],
    timeframe: Annotated[str, typer.Option(metavar="1m,5m", help="Setting bars.timeframes.")] = "1m",
    start: From = None,
    end: To = None,
    symbols: Symbols = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; as many as cores by default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a build that was stopped or killed.")] = False,
) -> None:
    """Write the history of all features to Parquet, for training."""
    chosen = {"bars.timeframes": ("--timeframe", timeframe), "universe.symbols": ("--symbols", symbols)}
    call.run(
        "feature_build", chosen=chosen, drains=True, files=files, out=out, start=start, end=end, workers=workers,
        resume=resume,
    )  # fmt: skip


@features.command("cost")
@common
def features_cost(
    call: Common,
    families: Families = None,
    symbols: Annotated[int, typer.Option(min=1, max=100_000, help="How many the built-in market has.")] = 1000,
    model: Annotated[str | None, typer.Option(metavar="VERSION", help="Whose importances; the active one's.")] = None,
    batches: Annotated[int, typer.Option(min=1, help="How many count, after 70 to warm up.")] = 24,
    write: Annotated[Path | None, typer.Option(metavar="FILE", help="A page of it in Markdown.")] = None,
) -> None:
    """Measure what each group of features costs a row, and say what a model makes of them."""
    chosen = {"features.families": ("--families", families)}
    call.run("feature_cost", chosen=chosen, drains=True, symbols=symbols, model=model, batches=batches, write=write)


Symbol = Annotated[str, typer.Argument(metavar="SYMBOL", help="Whose columns.")]
Out = Annotated[Path, typer.Option(metavar="FILE", help="The picture: .png, .svg or .pdf.")]


@features.command("plot")
@common
def features_plot(
    call: Common,
    symbol: Symbol,
    files: TickFiles,
    names: Annotated[str, typer.Option(metavar="A,B", help="The columns.")],
    out: Out,
    timeframe: Timeframe = None,
    start: From = None,
    end: To = None,
) -> None:
    """Draw columns of a symbol over time under its price; where they are undefined, the reason is shaded."""
    chosen = {"bars.timeframes": ("--timeframe", timeframe)}
    call.run(
        "feature_plot", "plot", chosen=chosen, drains=True, symbol=symbol, files=files, names=names, out=out,
        start=start, end=end,
    )  # fmt: skip


@features.command("spectrogram")
@common
def features_spectrogram(
    call: Common,
    symbol: Symbol,
    files: TickFiles,
    out: Out,
    window: Annotated[int, typer.Option(metavar="32|64|128|256", help="Log returns a periodogram.")] = 64,
    timeframe: Timeframe = None,
    start: From = None,
    end: To = None,
) -> None:
    """Draw a symbol's price above the periodogram of its log returns over time."""
    chosen = {"bars.timeframes": ("--timeframe", timeframe)}
    call.run(
        "feature_plot", "spectrogram", chosen=chosen, drains=True, symbol=symbol, files=files, window=window, out=out,
        start=start, end=end,
    )  # fmt: skip


@features.command("validity")
@common
def features_validity(
    call: Common,
    files: TickFiles,
    timeframe: Timeframe = None,
    symbols: Symbols = None,
    families: Families = None,
    start: From = None,
    end: To = None,
    write: Annotated[Path | None, typer.Option(metavar="FILE", help="A page of it in Markdown.")] = None,
) -> None:
    """Count how often each column is undefined over recorded ticks, and say why."""
    chosen = {
        "bars.timeframes": ("--timeframe", timeframe),
        "universe.symbols": ("--symbols", symbols),
        "features.families": ("--families", families),
    }
    call.run("feature_validity", chosen=chosen, drains=True, files=files, start=start, end=end, write=write)


@features.command("check")
@common
def features_check(
    call: Common,
    modules: Annotated[list[str] | None, typer.Argument(metavar="[MODULE]...", help="Your own: theirs alone.")] = None,
    only: Annotated[str | None, typer.Option(metavar="GROUP,GROUP", help="The laws of these groups alone.")] = None,
) -> None:
    """Check every row of the catalogue, and run the laws over it or a part of it."""
    call.run("feature_check", modules=modules or [], only=only or "")


@config.command("show")
@common
def config_show(call: Common) -> None:
    """Show every setting's value."""
    call.run("config", "show")


@config.command("check")
@common
def config_check(call: Common) -> None:
    """Check settings and what they point to."""
    call.run("config", "check")


@data.command("info")
@common
def data_info(call: Common, files: TickFiles) -> None:
    """Say what files hold: rows, symbols, kinds, first and last time."""
    call.run("data", "info", files=files)


@data.command("validate")
@common
def data_validate(
    call: Common,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Ticks, or bars, in Parquet or CSV.")],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Bars: folder of the report, .md and .json.")] = None,
    ticks: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Bars: raw ticks that they meet.")] = None,
    timeframe: Timeframe = None,
    market: Market = None,
) -> None:
    """Check every tick of files as the dataflow would, or bars as training would."""
    chosen = {"bars.timeframes": ("--timeframe", timeframe), "data.market": ("--market", market)}
    call.run("data", "validate", chosen=chosen, files=files, out=out, ticks=ticks or [])


@data.command("convert")
@common
def data_convert(
    call: Common,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Bars: a Parquet, CSV or TXT file, or a URL.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Parquet file to write.")],
    of: Annotated[str, typer.Option(metavar="1d", help="The files' timeframe: setting bars.timeframes.")] = "1d",
    timeframe: Annotated[str | None, typer.Option(metavar="1w", help="A coarser one to make of it.")] = None,
    market: Market = None,
) -> None:
    """Write bars as one Parquet file, of a coarser timeframe where one is asked for."""
    chosen = {"bars.timeframes": ("--of", of), "data.market": ("--market", market)}
    call.run("data_convert", chosen=chosen, files=files, out=out, timeframe=timeframe)


def _place(namespace: str | None, checkpoint_dir: Path | None, store: str | None) -> Chosen:
    return {
        "store.namespace": ("--namespace", namespace),
        "checkpoint.directory": ("--checkpoint-dir", checkpoint_dir),
        "store.url": ("--store", store),
    }


OfNamespace = Annotated[str | None, typer.Option("--namespace", help="Setting store.namespace.")]
OfFolder = Annotated[Path | None, typer.Option("--checkpoint-dir", help="Setting checkpoint.directory.")]
OfStore = Annotated[str | None, typer.Option("--store", metavar="URL", help="Setting store.url.")]


@recovery.command("inspect")
@common
def recovery_inspect(
    call: Common, namespace: OfNamespace = None, checkpoint_dir: OfFolder = None, store: OfStore = None
) -> None:
    """List the checkpoints against store and settings, and say which one the next start takes."""
    call.run("recovery", "inspect", chosen=_place(namespace, checkpoint_dir, store))


@recovery.command("reset")
@common
def recovery_reset(
    call: Common,
    namespace: OfNamespace = None,
    checkpoint_dir: OfFolder = None,
    store: OfStore = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Move checkpoints and rows aside, so that the next start begins anew; nothing is deleted."""
    call.run("recovery", "reset", chosen=_place(namespace, checkpoint_dir, store), yes=yes)


@recovery.command("fork")
@common
def recovery_fork(
    call: Common,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new namespace.")],
    namespace: OfNamespace = None,
    checkpoint_dir: OfFolder = None,
    store: OfStore = None,
    batch: Annotated[int | None, typer.Option(help="The checkpoint behind this batch; the newest by default.")] = None,
) -> None:
    """Copy a checkpoint into another namespace, for a what-if."""
    call.run("recovery", "fork", chosen=_place(namespace, checkpoint_dir, store), name=name, batch=batch)


@recovery.command("rescale")
@common
def recovery_rescale(
    call: Common,
    shards: Annotated[list[str], typer.Argument(metavar="NAME=PARTITIONS...", help="The new ones, like left=0-1,4.")],
    rows: Annotated[str, typer.Option(metavar="URL", help="Topic of the new ones' rows: kafka://host:port/topic.")],
    namespace: OfNamespace = None,
    checkpoint_dir: OfFolder = None,
    store: OfStore = None,
) -> None:
    """Deal the state of the feature processes of `split.shards` to others; all are stopped."""
    call.run("recovery", "rescale", chosen=_place(namespace, checkpoint_dir, store), shards=shards, rows=rows)


@latency.callback()
@common
def latency_show(
    call: Common,
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", help="Again every two seconds.")] = False,
    last: Annotated[int, typer.Option(min=1, help="How many stored predictions count.")] = 10_000,
    duration: Duration = None,
    namespace: OfNamespace = None,
    store: OfStore = None,
) -> None:
    """Show percentiles of every stage: of the newest stored predictions, and of the running dataflow."""
    if context.invoked_subcommand is None:
        chosen = _place(namespace, None, store)
        call.run("latency", chosen=chosen, drains=True, follow=follow, last=last, duration_s=duration)


@latency.command("explain")
@common
def latency_explain(
    call: Common,
    prediction_id: Annotated[str, typer.Argument(metavar="ID", help="As the API gives it.")],
    namespace: OfNamespace = None,
    store: OfStore = None,
) -> None:
    """Show one prediction's way through the stages."""
    call.run("latency", "explain", chosen=_place(namespace, None, store), prediction_id=prediction_id)


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; leaves by SystemExit."""
    return app(args=arguments, prog_name="undertone")
