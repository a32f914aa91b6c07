"""Every setting: its name, type, bounds, default and description. `docs/settings.md` is made from this file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ops.settings.fields import (
    Buckets,
    BusUrl,
    Calendar,
    IngestTarget,
    JobsUrl,
    KafkaUrl,
    Leaders,
    Level,
    Names,
    Namespace,
    Options,
    OptionTables,
    Partitions,
    Retention,
    Shards,
    SourceUrl,
    Start,
    StoreUrl,
    Symbols,
    Timeframes,
    TimeOfDay,
    TimeOrNone,
    TopicUrl,
    WebSocketUrl,
    WeeklyTime,
)


class Section(BaseModel):
    """A part of the settings. Frozen: what alters results does not change while a process runs."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Source(Section):
    """Where a running dataflow reads."""

    url: SourceUrl = Field(
        "synthetic:",
        description="`kafka://host:port/topic`, files of ticks separated by commas, `segments:///folder` for what "
        "ingesters write (`?lanes=a,b` behind it for some of it), or `synthetic:` for the built-in market.",
    )
    partitions: Partitions = Field(
        "all", description="Partitions of the topic that this process reads: `all`, or like `0-3,5`."
    )
    start: Start = Field(
        "earliest",
        description="Where in the topic a run without a checkpoint begins: `earliest`, `latest`, a UTC time (what was "
        "appended then or later), or `snapshot`: it doesn't, a checkpoint must be there.",
    )
    group: str = Field("undertone", min_length=1, description="Consumer group that checkpoints' offsets are shown in.")
    max_message_bytes: int = Field(8 << 20, ge=1, description="A message larger than this is a dead letter (bytes).")
    symbols: int = Field(50, ge=1, le=100_000, description="How many symbols the built-in market has.")
    seed: int = Field(7, ge=0, description="Seed of the built-in market.")


class Ingest(Section):
    """An exchange's feed, and where `undertone ingest` writes it."""

    symbols: Names = Field((), description="Symbols as the exchange writes them, e.g. `BTCUSDT,ETHUSDT` or `BTC-USD`.")
    target: IngestTarget = Field(
        "segments:///var/ticks",
        description="Where it appends: `segments:///folder`, a lane of its own a venue, or `kafka://host:port/topic`.",
    )
    url: WebSocketUrl = Field("", description="The exchange's address; empty for its public one.")
    batch_ms: int = Field(20, ge=1, le=10_000, description="Longest wait before what came is written (ms).")
    connect_s: float = Field(10.0, gt=0, description="Longest wait for a connection (s).")
    stall_s: float = Field(
        0.0, ge=0, description="A feed that is silent for so long is taken for dead (s); 0: as the venue says."
    )
    ping_s: float = Field(20.0, gt=0, description="Seconds between pings, and the longest wait for their answer.")
    backoff_s: float = Field(0.5, gt=0, description="Wait before the second try to connect, doubled each time (s).")
    backoff_most_s: float = Field(60.0, gt=0, description="Longest wait between tries (s).")
    steady_s: float = Field(30.0, ge=0, description="A connection this old makes waits short again (s).")
    reorder_ms: int = Field(500, ge=0, description="How long a missing number may still come before a gap is marked.")
    outage_ms: int = Field(5000, ge=100, description="A lasting outage is marked in pieces of this length (ms).")
    most_message_kb: int = Field(4096, ge=1, description="A larger message ends the connection (KiB).")
    seed: int | None = Field(None, ge=0, description="Seed of the waits' jitter; none for another one each time.")
    sync_ms: int = Field(
        1000,
        ge=-1,
        description="Segment log: longest time until a tick survives a power loss (ms); 0 at once, -1 never.",
    )
    segment_mb: float = Field(64.0, gt=0, description="Segment log: size of a file (MiB).")
    keep_mb: float = Field(
        0.0, ge=0, description="Segment log: the oldest files go beyond this size (MiB); 0 for none."
    )
    keep_hours: float = Field(0.0, ge=0, description="Segment log: files older than this go (h); 0 for none.")
    metrics_port: int = Field(8003, ge=0, le=65_535, description="Port for Prometheus, at `metrics.host`; 0 for none.")


class Kafka(Section):
    """How brokers are reached, and what a dataflow appends to topics beside its store."""

    wait_s: float = Field(10.0, gt=0, description="How long a start waits for a broker's answer (s).")
    options: Options = Field(
        (), description="Options of the client (librdkafka), e.g. `security.protocol=ssl,ssl.ca.location=ca.pem`."
    )
    predictions: TopicUrl = Field(
        "", description="Topic that predictions go to, e.g. `kafka://host:port/predictions.v1`; empty for none."
    )
    features: TopicUrl = Field(
        "",
        description="Topic that the stored feature rows go to, e.g. `kafka://host:port/features.v1`; empty for none.",
    )
    partitions: int = Field(4, ge=1, le=1024, description="Partitions of a topic of rows that isn't there yet.")


class Split(Section):
    """The split topology: feature processes, each on partitions of its own, and one that joins their rows."""

    topology: Literal["fused", "features", "inference"] = Field(
        "fused", description="What this process does: everything, the features of its partitions, or the rest."
    )
    shards: Shards = Field((), description="The names of all feature processes, the same list everywhere.")
    shard: str = Field("", description="Which of them this feature process is.")
    url: KafkaUrl = Field(
        "kafka://127.0.0.1:9092/features.v1", description="The topic between them; it is made if it isn't there."
    )
    deadline_ms: int = Field(
        0, ge=0, description="How long the inference process waits for a shard that is behind (ms); 0: for ever."
    )


class Universe(Section):
    """Which symbols the process follows."""

    symbols: Symbols = Field("auto", description="Symbols, or `auto` to admit each unknown one up to `cap`.")
    cap: int = Field(1000, ge=1, le=100_000, description="Most symbols that `auto` admits; the rest are dead letters.")
    leaders: Leaders = Field(
        (), description="Up to two symbols that cross-section features compare the others with, beside the market."
    )

    @property
    def listed(self) -> list[str] | None:
        """The symbols that are named, None where unknown ones are admitted."""
        return None if self.symbols == "auto" else list(self.symbols)


class Gate(Section):
    """Checks of single ticks, without state."""

    future_bound_ms: int = Field(
        5000, ge=0, description="A tick whose `ts_event` is later than `ts_recv` by more than this is dead (ms)."
    )


class Order(Section):
    """The reorder buffer and the verdicts that need order."""

    bound_ms: int = Field(1000, ge=0, description="How late against its lane a tick may come and still be used (ms).")
    capacity: int = Field(1_000_000, ge=1, description="Most ticks the buffer holds before leading lanes are paused.")
    lanes: int = Field(
        1, ge=1, le=1024, description="Lanes that a replay of files emulates; symbols are dealt to them."
    )
    outlier_bound: float = Field(
        0.25,
        ge=0,
        description="A log price further from the last is an outlier until three in a row agree; 0 for none.",
    )
    max_spread: float = Field(0.1, gt=0, description="A quote whose spread is a larger share of its mid is not used.")


class Bars(Section):
    """Which bars are made, and by which clock."""

    timeframes: Timeframes = Field(
        ("1s", "1m", "5m"),
        description="Timeframes made in one pass: seconds, minutes, hours (`1s`, `5m`, `4h`), `1d`, `1w`, `1M`, "
        "`tick:N`, `volume:N`, `dollar:N`.",
    )
    calendar: Calendar = Field("UTC", description="`UTC` (around the clock) or an exchange's code such as `XNYS`.")
    extended_open: TimeOfDay = Field(
        "", description="Start of pre-market in the exchange's time, like `04:00`; empty for none."
    )
    extended_close: TimeOfDay = Field(
        "", description="End of after-hours trading in the exchange's time, like `20:00`; empty for none."
    )

    @model_validator(mode="after")
    def _extended_hours_need_an_exchange(self) -> Bars:
        if self.calendar == "UTC" and (self.extended_open or self.extended_close):
            raise ValueError("an exchange's code in bars.calendar when extended hours are given")
        return self


class Features(Section):
    """Which features are computed."""

    families: Names = Field(
        (), description="Families of features, e.g. `technical,spectral`; empty for all in the catalogue."
    )
    modules: Names = Field(
        (),
        description="Modules of your own features, e.g. `undertone_extra.strength`, computed beside the families: "
        "see features-guide.md.",
    )


class Sentiment(Section):
    """Scored news and social items."""

    items: Names = Field(
        (),
        description="Files of items (Parquet or CSV: `ts_event`, `symbol`, `kind` news or social, `score` -1 to 1), "
        "separated by commas; empty for no feed: the columns then say so.",
    )


class Inference(Section):
    """The model and how it is run."""

    model: str = Field("active", min_length=1, description="`active`, a version of the registry, or `none`.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="`auto` takes a GPU where there is one.")
    executor: Literal["torch", "onnx", "auto"] = Field(
        "torch",
        description="Who runs nets on a CPU; `auto`: ONNX Runtime where it wins (docs/executors.md).",
    )
    max_batch_size: int = Field(1024, ge=2, description="Most rows in one forward pass.")
    buckets: Buckets = Field(
        (16, 32, 64, 128, 256, 512, 1024),
        description="Rising batch shapes, each at least 2; those above `max_batch_size` are unused.",
    )
    probe_s: float = Field(
        30.0, gt=0, description="How often a tier that failed is tried again (s); a lesser one answers till then."
    )
    threshold: float = Field(0.5, ge=0, le=1, description="Below this confidence the direction is neutral.")
    challengers: int = Field(3, ge=0, description="Most versions that are scored beside the champion of a timeframe.")
    challenger_share: float = Field(
        0.0, ge=0, le=1, description="Share of the symbols that each challenger speaks for; 0: it is only scored."
    )
    scores_every_s: float = Field(60.0, gt=0, description="How often scores are written (s of event time).")
    promotes: bool = Field(
        False, description="A challenger that has shown to be better takes over by itself (docs/champion.md)."
    )
    promotion_level: float = Field(
        0.05, gt=0, lt=1, description="Probability with which one that isn't better may do so, over all challengers."
    )

    @model_validator(mode="after")
    def _some_bucket_fits(self) -> Inference:
        if min(self.buckets) > self.max_batch_size:
            raise ValueError(f"a bucket in inference.buckets of at most max_batch_size, which is {self.max_batch_size}")
        return self


class Alerts(Section):
    """Anomalies of the market, and drift of what the champion sees and says (docs/alerts.md)."""

    on: bool = Field(True, description="Watch for them; what they say doesn't alter any prediction or certificate.")
    bound: float = Field(
        8.0,
        gt=1,
        description="A return so many deviations from its series' usual is an anomaly; log volume, spread: 5/8.",
    )
    most_per_minute: int = Field(
        60, ge=0, description="Most anomalies that are raised in a minute of event time and a timeframe."
    )
    drift_margin: float = Field(
        1.2, gt=0, description="Drift: a window's stability index is at least so many times what was ordinary."
    )
    drift_windows: int = Field(2, ge=1, description="So many windows in a row raise or clear an alert of drift.")
    persists_after: int = Field(6, ge=1, description="Windows for which drift is up before it persists.")
    retrains: bool = Field(
        False, description="Drift that persists queues a training of the champion on newer data, as a challenger."
    )
    retrain_every_h: float = Field(24.0, gt=0, description="Least time between two of these a timeframe (h).")


class Store(Section):
    """Where rows are written."""

    url: StoreUrl = Field(
        "sqlite:///var/undertone.db",
        description="`sqlite:///path`, `memory:`, `null:` (rows are dropped), or `questdb://host:9000` (`?pg=8812`).",
    )
    namespace: Namespace = Field("live", description="Prefix of every table, key and channel; none in `live`.")
    features_from_s: int = Field(
        60, ge=0, description="Feature rows of timeframes shorter than this aren't stored (s)."
    )
    paths_from_s: int = Field(
        60,
        ge=0,
        description="Predictions of timeframes shorter than this are stored at the primary horizon alone (s).",
    )
    ticks: bool = Field(False, description="Store every tick with its verdict.")
    retention_days: Retention = Field(
        "",
        description="Days that QuestDB keeps rows, of all tables (`90`) or of some (`ticks=7,features=90`); empty for "
        "ever. It drops whole partitions: days of ticks, features and predictions, months of bars.",
    )
    spool_directory: Path = Field(
        Path("var/spool"), description="Folder of the rows that wait for QuestDB, and of its writers' locks."
    )
    spool_bytes: int = Field(
        1 << 30,
        ge=1 << 20,
        description="Most bytes that wait there while QuestDB is away; then the flow waits. Nothing is lost.",
    )


class Bus(Section):
    """Where the newest predictions are published."""

    url: BusUrl = Field("memory:", description="`memory:`, `null:`, or `redis://host:port/db`.")


class Checkpoint(Section):
    """Checkpoints that a killed process resumes from."""

    directory: Path = Field(Path("var/checkpoints"), description="Folder of the checkpoint files.")
    every_s: float = Field(5.0, gt=0, description="Seconds between checkpoints.")
    keep: int = Field(5, ge=1, description="How many are kept, so that one not newer than the store is among them.")
    archive_days: int = Field(
        30, ge=0, description="Of how many UTC days the first checkpoint is archived, for replays that begin there."
    )


class Supervise(Section):
    """`undertone run --supervise`: the dataflow is started again when it fails."""

    back_off_s: float = Field(1.0, gt=0, description="Wait before the first restart (s); it doubles each time.")
    longest_back_off_s: float = Field(60.0, gt=0, description="Longest wait between two lives (s).")
    failures: int = Field(
        5, ge=1, description="It gives up at so many failures in the window; exit code 75 (a dependency away) is none."
    )
    window_s: float = Field(300.0, gt=0, description="The window (s). A longer life begins the waits anew.")


class Api(Section):
    """The HTTP service."""

    host: str = Field("127.0.0.1", min_length=1, description="Address it listens on.")
    port: int = Field(8001, ge=0, le=65_535, description="Port it listens on; 0 takes a free one.")
    cors_origins: Names = Field((), description="Origins that browsers may call from; empty for none.")
    cache_ttl: int = Field(300, ge=0, description="Longest time an answer is cached (s).")
    auth: bool = Field(False, description="Ask for tokens, and limit requests; must be on beyond the loopback.")
    trusted: bool = Field(
        False, description="Nobody else reaches api.host: a container whose port is published on the loopback alone."
    )
    tokens: Path = Field(Path("var/tokens.json"), description="File of `undertone token`.")
    rate: int = Field(100, ge=1, description="Requests a client and minute.")
    burst: int = Field(20, ge=1, description="Requests a client and second.")
    largest_body: int = Field(1 << 20, ge=1024, description="Most bytes of a request.")
    traces: str = Field(
        "", description="OpenTelemetry collector that requests are told as spans (OTLP over HTTP), "
        "`http://127.0.0.1:4318`; empty for none. Its packages are no dependency: see api.md."
    )  # fmt: skip
    access_log: Level = Field(
        "debug", description="Level that requests are logged at, one line each, never with a token; see `log.level`."
    )
    dataflow_url: str = Field(
        "http://127.0.0.1:8002/metrics",
        description="Metrics of the dataflow: `/health` asks there how it is while its reports don't reach the store; "
        "empty for nowhere.",
    )


class Registry(Section):
    """The model registry."""

    root: Path = Field(Path("var/models"), description="Folder of the model versions.")
    cached: int = Field(4, ge=1, description="Versions that evaluation and explanation keep loaded.")
    cache_ttl_s: float = Field(600.0, gt=0, description="Seconds after which such a version is loaded again.")


class Explain(Section):
    """Explanations of predictions."""

    directory: Path = Field(Path("var/explanations"), description="Folder in which they are kept by prediction.")
    keep: int = Field(1_000, ge=1, description="How many, the newest.")


class Tracking(Section):
    """What was tried, beside the registry."""

    url: str = Field(
        "mlflow:sqlite:///var/mlflow.db",
        pattern="^(json:|mlflow:.+)$",
        description="`mlflow:URI` of its database (extra `train`), which mirrors the registry too, or `json:` for "
        "plain files alone.",
    )
    directory: Path = Field(
        Path("var/tracking"), description="Folder of the plain files; they hold a run where MLflow fails."
    )


class Models(Section):
    """Architectures."""

    modules: Names = Field(
        (),
        description="Modules of your own architectures, e.g. `undertone_extra.tide`, beside the built-in ones: see "
        "models.md. A version of one is served where its module is named.",
    )


class Train(Section):
    """Offline training."""

    horizon: int = Field(5, ge=1, le=30, description="Bars ahead that are served.")
    start: TimeOrNone = Field(
        "",
        description="Rows of bars that close then or later (UTC) are trained on; what came before warms features up.",
    )
    end: TimeOrNone = Field("", description="Rows of bars that close before then (UTC).")
    preset: Literal["default", "quick"] = Field(
        "default",
        description="What the settings below that nobody gave are taken from; `quick` ends in under a minute a model "
        "on a small history: small nets, few epochs, three folds, 48 columns, no graphs.",
    )
    scheme: Literal["walk_forward", "single"] = Field(
        "walk_forward", description="Fold after fold through time, or one split of the history."
    )
    train_bars: int = Field(500, ge=20, description="Bar times of a fold's first fit slice, pooled over symbols.")
    validation_bars: int = Field(100, ge=4, description="Bar times behind it: half to stop by, half to calibrate on.")
    step_bars: int = Field(50, ge=1, description="Bar times tested a fold, and how far the next one lies from it.")
    embargo_bars: int = Field(5, ge=0, description="Bar times left out behind each boundary, beside purged labels.")
    growing: bool = Field(True, description="The fit slice begins where the history does; else it keeps its length.")
    refit_every: int = Field(10, ge=1, description="Folds between two fits of a net; trees are fitted in each.")
    folds: int = Field(0, ge=0, description="Only so many folds, the newest; 0 for all.")
    columns: int = Field(0, ge=0, description="Most optional columns, chosen on each fold's fit slice; 0 for all.")
    epochs: int = Field(40, ge=1, description="Most passes of a net over the fit slice.")
    patience: int = Field(15, ge=1, description="Epochs without a better loss on the stop slice before it ends.")
    divergence: float = Field(
        0.1, gt=0, description="Overfitting: the gap of stop to fit loss grows by this share of the fit loss, thrice."
    )
    learning_rate: float = Field(1e-3, gt=0, le=1, description="Highest rate of the schedule.")
    schedule: Literal["cosine", "one_cycle", "constant"] = Field("cosine", description="How the rate falls.")
    clip: float = Field(1.0, gt=0, description="Longest gradient; a longer one is shortened to it.")
    accumulate: int = Field(1, ge=1, description="Mini-batches whose gradients make one step.")
    batch: int = Field(256, ge=1, description="Windows of a mini-batch, of nets over windows.")
    streams: int = Field(64, ge=1, description="Pieces of series of a mini-batch, of nets with a step form.")
    augment: float = Field(
        0.1, ge=0, le=1, description="Share of a mini-batch's sequences that are disturbed a little."
    )
    vote: Literal["weighted", "stacking", "dynamic", "performance"] = Field(
        "weighted",
        description="How members vote: by given weights, by weights fitted on rows that nobody was fitted on, the best "
        "of late in the present regime of volatility alone, or by weights that follow performance.",
    )
    class_weights: bool = Field(False, description="Labels of a rare class weigh more while a net learns.")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Of a net's arithmetic while it learns; weights and sums stay float32."
    )
    device: Literal["cpu", "cuda"] = Field("cpu", description="Where nets are fitted.")
    source: str = Field("", description="A version whose nets are trained on with its columns; empty to begin anew.")
    replay: float = Field(
        0.0, ge=0, lt=1, description="With a source: share of rows drawn from what it knows, beside newer ones; 0: all."
    )
    options: OptionTables = Field(
        {},
        description="Options of architectures, and parameters of trees, by architecture: `[train.options.gru]` with "
        "`hidden = 32` in a file, or as JSON. Those of others than the trained ones are passed over.",
    )
    families: Names = Field((), description="Families of features that models may read; empty for all.")
    graphs: bool = Field(
        True, description="Write the nets' graphs for ONNX Runtime into the version (docs/executors.md)."
    )
    threads: int = Field(1, ge=1, description="Threads of the trees and of the net.")
    memory_mb: int = Field(
        1024, ge=16, description="Of the training set's files, at most so much stays in memory; the rest is read again."
    )
    seed: int = Field(1, ge=0, description="Seed of weights and of every draw.")


class Jobs(Section):
    """Training jobs: what `undertone worker` runs, and the service and `undertone train --queue` submit."""

    url: JobsUrl = Field(
        "sqlite:///var/jobs.db",
        description="Where jobs are kept: `sqlite:///path`, or `redis://host:port/db` for workers on several machines.",
    )
    files: Names = Field(
        (),
        description="History that jobs train on, files of ticks or bars, `*` understood: `/data/*.parquet`. One with a "
        "timeframe before it is for that one alone: `1d=/data/daily.parquet`.",
    )
    max_concurrent: int = Field(1, ge=1, le=256, description="Jobs that a worker runs at once.")
    attempts: int = Field(3, ge=1, description="How often a job is tried whose process is killed or lacks a server.")
    back_off_s: float = Field(10.0, ge=0, description="Wait before the second attempt (s); it doubles each time.")
    lease_s: float = Field(
        30.0, gt=0, description="A process that hasn't been heard of for so long has lost its job (s)."
    )
    grace_s: float = Field(10.0, gt=0, description="Longest wait for a cancelled process's end (s); then it is killed.")
    longest_s: float = Field(
        0.0, ge=0, description="Longest time of an attempt (s), after which it is ended like one that hangs; 0: any."
    )
    logs: Path = Field(Path("var/jobs"), description="Folder of what jobs print, a file each.")
    weekly: WeeklyTime = Field(
        "", description="When to retrain each week (UTC), like `sun 02:00`; a time missed is made up for once."
    )
    weekly_models: Names = Field(
        (),
        description="What is trained then on each of `bars.timeframes`; empty: all active versions are trained on.",
    )


class Tune(Section):
    """Search: `undertone tune`."""

    storage: str = Field(
        "sqlite:///var/tune.db", min_length=1, description="Database of the studies, as sqlalchemy names it."
    )
    directory: Path = Field(Path("var/tune"), description="Folder of the best settings, a file a study.")


class Backtest(Section):
    """How a signal is traded when it is judged after costs."""

    threshold: float = Field(0.5, ge=0, le=1, description="Below this confidence no position is taken.")
    fee_bps: float = Field(0.5, ge=0, description="Fee of what is bought or sold (bps).")
    half_spread_bps: float = Field(
        2.0, ge=0, description="Half the spread paid at the next bar's open, where there are no quotes (bps)."
    )
    latency_ms: float = Field(
        50.0, ge=0, description="From a bar's close until the order meets quotes: the first one behind it fills (ms)."
    )
    days_a_year: int = Field(252, ge=1, le=366, description="Trading days that a Sharpe ratio is annualised by.")


class Log(Section):
    """Logs, on stderr."""

    level: Level = Field("info", description="Least level that is written.")
    json_lines: bool = Field(False, alias="json", description="One JSON object a line instead of text.")


class Metrics(Section):
    """Metrics of a dataflow process; the service has its own at `GET /metrics`."""

    host: str = Field("127.0.0.1", min_length=1, description="Address that Prometheus asks a live dataflow at.")
    port: int = Field(8002, ge=0, le=65_535, description="Its port; 0 for none.")


class Data(Section):
    """Where market data for replay and tests lies."""

    folder: Path | None = Field(None, description="Folder of recorded ticks; commands and tests look there.")
    market: str = Field("", description="A market's preset (`us`, `crypto`, `wig80`, `nse`, `bse`): symbols, calendar.")
    cache: Path = Field(Path("var/data"), description="Folder of the copies of what lies elsewhere.")
    cache_mb: int = Field(10_240, ge=1, description="Most the copies may take; the longest unused go first (MB).")
    offline: bool = Field(False, description="Ask nothing of another place: the copies serve.")


class Local(Section):
    """Servers on this machine without Docker: `make up`, `python -m ops.local`. They listen on loopback alone."""

    folder: Path = Field(Path("var/local"), description="Folder of what they store, a folder each.")
    kafka_port: int = Field(9092, ge=1, le=65_535, description="Kafka: clients.")
    kafka_controller_port: int = Field(9093, ge=1, le=65_535, description="Kafka: its controller.")
    questdb_http_port: int = Field(9000, ge=1, le=65_535, description="QuestDB: ingestion, queries and console.")
    questdb_pg_port: int = Field(8812, ge=1, le=65_535, description="QuestDB: queries in PostgreSQL's protocol.")
    questdb_ilp_port: int = Field(9009, ge=1, le=65_535, description="QuestDB: ingestion over TCP; we use HTTP.")
    redis_port: int = Field(6379, ge=1, le=65_535, description="Redis.")


class Settings(BaseSettings):
    """All settings of a process. Made by `ops.settings.load`, or from defaults by `Settings()`."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    universe: Universe = Universe()
    source: Source = Source()
    ingest: Ingest = Ingest()
    kafka: Kafka = Kafka()
    split: Split = Split()
    gate: Gate = Gate()
    order: Order = Order()
    bars: Bars = Bars()
    features: Features = Features()
    sentiment: Sentiment = Sentiment()
    inference: Inference = Inference()
    alerts: Alerts = Alerts()
    store: Store = Store()
    bus: Bus = Bus()
    checkpoint: Checkpoint = Checkpoint()
    supervise: Supervise = Supervise()
    api: Api = Api()
    registry: Registry = Registry()
    models: Models = Models()
    explain: Explain = Explain()
    tracking: Tracking = Tracking()
    train: Train = Train()
    tune: Tune = Tune()
    jobs: Jobs = Jobs()
    backtest: Backtest = Backtest()
    log: Log = Log()
    metrics: Metrics = Metrics()
    data: Data = Data()
    local: Local = Local()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from `ops.settings.loading` only: it remembers where each came from, for the error texts."""
        return (init_settings,)
