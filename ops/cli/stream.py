"""The live dataflow and what feeds it: demo, run, ingest, replay, publish; verify compares two runs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.options import Duration, From, MaybeTickFiles, Pace, Symbols, Timeframe, To
from ops.command_line import Common


class Engine(StrEnum):
    """What drives the stations."""

    IN_PROCESS = "in-process"
    BYTEWAX = "bytewax"


class MessageFormat(StrEnum):
    """How ticks are written into Kafka (docs/messages.md)."""

    JSON = "json"
    MSGPACK = "msgpack"
    COLUMNS = "columns"


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


def replay(
    call: Common,
    files: MaybeTickFiles = None,
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


def publish(
    call: Common,
    files: MaybeTickFiles = None,
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


def verify(
    call: Common,
    first: Annotated[str, typer.Argument(metavar="A", help="Certificate, checkpoint folder or store URL.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The same of another run.")],
) -> None:
    """Compare two runs: equal, or the first difference by symbol, bar time and column."""
    call.run("verify", first=first, second=second)
