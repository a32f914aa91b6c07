"""A job from the request to the served model: the service, a worker with real training, the registry, the client."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from api.app import create_app
from api.client import Client, Refused
from api.main import open_reader
from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.interfaces import EndOfInput
from dataflows.sources.files import FileSource
from models.jobs.drifting import Drifting
from models.jobs.jobs import Jobs
from models.jobs.leases import Leases
from models.jobs.opening import open_records
from models.registry.register import Versions
from ops.commands import job
from ops.settings import load
from tests.api.test_live import serving
from tests.ops.commands import clean_environment, undertone

QUICK = {
    "preset": "quick", "folds": 1, "columns": 4, "train_bars": 150, "validation_bars": 60, "step_bars": 40,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with 700 daily bars of two symbols."""
    folder = tmp_path_factory.mktemp("jobs")
    random = np.random.default_rng(3)
    days = pd.date_range("2021-01-01", periods=700)
    parts = []
    for symbol in ("AAA", "BBB"):
        close = 100 * np.exp(np.cumsum(0.01 * random.standard_normal(len(days))))
        open_ = np.append(100.0, close[:-1])
        parts.append(
            pd.DataFrame(
                {"date": days, "symbol": symbol, "open": open_, "high": np.maximum(open_, close) * 1.002,
                 "low": np.minimum(open_, close) * 0.998, "close": close,
                 "volume": random.integers(1000, 9000, len(days)).astype(float)}
            )
        )  # fmt: skip
    pd.concat(parts).sort_values(["date", "symbol"]).to_csv(folder / "bars.csv", index=False)
    (folder / "undertone.toml").write_text(
        '[jobs]\nfiles = ["1d=bars.csv"]\n[features]\nfamilies = ["statistical"]\n[tracking]\nurl = "json:"\n'
    )
    return folder


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[Client]:
    jobs = Jobs(open_records(f"sqlite:///{folder}/var/jobs.db"))
    app = create_app(
        open_reader("sqlite:///nowhere.db"), jobs=jobs, versions=Versions(folder / "var" / "models")
    )  # fmt: skip
    with serving(app) as address, Client(f"http://{address}") as client:
        yield client
    jobs.records.close()


def work(folder: Path) -> None:
    """Let a worker do all that waits."""
    command = [sys.executable, "-c", "from ops.cli import main; main()", "worker", "--until-idle"]
    ended = subprocess.run(command, cwd=folder, env=clean_environment(OMP_NUM_THREADS="1"), timeout=280, check=False)
    assert ended.returncode == 0


def daily_flow(folder: Path) -> Flow:
    """A dataflow over trades at the same opens and closes, which serves whatever is active."""
    bars = pd.read_csv(folder / "bars.csv", parse_dates=["date"])
    no_quote = dict.fromkeys(("bid", "bid_size", "ask", "ask_size"))
    trades = [
        pd.DataFrame({"ts_event": bars["date"] + pd.Timedelta(hours=hour), "symbol": bars["symbol"], "kind": "trade",
                      "price": bars[of], "size": 100.0, **no_quote})
        for hour, of in ((9, "open"), (15, "close"))
    ]  # fmt: skip
    path = folder / "trades.csv"
    pd.concat(trades).sort_values(["ts_event", "symbol"]).to_csv(path, index=False)
    sets = [
        "bars.timeframes=1d", "features.families=statistical", "store.url=memory:", "bus.url=null:",
        f"registry.root={folder}/var/models",
    ]  # fmt: skip
    return assemble(load([], sets, {}, {}), FileSource([path], batch_size=10))


def served(flow: Flow, batches: int = 10_000) -> set[str]:
    """Let so many batches pass, or all there are; return the versions that predicted."""
    versions = set[str]()
    for _ in range(batches):
        try:
            batch = flow.pipeline.advance()
        except EndOfInput:
            break
        assert batch is not None
        versions |= {predictions.model_version for predictions in batch.predictions}
    return versions


@pytest.mark.timeout(400)
def test_a_request_becomes_a_model_that_a_second_call_activates(folder: Path, client: Client) -> None:
    made = client.train(key="once", models=["lightgbm"], timeframes=["1d"], horizon=2, end="2022-10-01", config=QUICK)
    assert client.train(
        key="once", models=["lightgbm"], timeframes=["1d"], horizon=2, end="2022-10-01", config=QUICK
    ).job_id == made.job_id  # fmt: skip
    nowhere = client.train(models=["lightgbm"], timeframes=["1h"], config=QUICK)
    versions = Versions(folder / "var" / "models")
    work(folder)
    done = client.wait(made.job_id)
    assert (done.status, done.progress, done.error, done.attempts) == ("succeeded", 1.0, None, 1)
    assert done.model_version is not None and done.model_version.startswith("lightgbm_")
    assert done.resources.max_rss_mb and done.resources.cpu_seconds
    metadata = versions.show(done.model_version)
    assert (metadata.timeframe, metadata.primary) == ("1d", 2)
    assert metadata.data.last < pd.Timestamp("2022-10-01").value
    assert versions.activations() == {}, "nothing is active unless somebody says so"
    failed = client.wait(nowhere.job_id)
    assert (failed.status, failed.attempts, failed.model_version) == ("failed", 1, None)
    assert failed.error is not None and failed.error.startswith("setting jobs.files is '1d=bars.csv': no file of it is")
    assert "Traceback" not in failed.error
    assert not list((folder / "var" / "models" / ".runs").iterdir())
    flow = daily_flow(folder)
    assert served(flow, 130) == set(), "there is no model yet"
    changed = client.activate(done.model_version)
    assert (changed.version, versions.active("1d")) == (done.model_version, done.model_version)
    assert served(flow) == {done.model_version}, "the flow that runs takes it over"
    flow.close()
    with pytest.raises(Refused, match="409 Conflict"):
        client.cancel(made.job_id)


@pytest.mark.timeout(400)
def test_the_active_version_is_trained_on(folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs the test before: a version that is active and ends before the history does. In this process."""
    versions = Versions(folder / "var" / "models")
    before = versions.active("1d")
    assert before is not None
    made = client.retrain(config=QUICK)
    assert (made.kind, made.model, made.prediction_horizon) == ("incremental", "lightgbm", 2)
    records = open_records(f"sqlite:///{folder}/var/jobs.db")
    assert Leases(records).take("this") is not None
    records.close()
    given = [f"jobs.url=sqlite:///{folder}/var/jobs.db", f"jobs.files=1d={folder}/bars.csv",
             f"registry.root={folder}/var/models", "features.families=statistical"]  # fmt: skip
    assert job.run(load([], given, {}, {}), json=True, identity=made.job_id, fence=1) == 0
    done = client.wait(made.job_id)
    assert (done.status, done.error) == ("succeeded", None)
    assert done.model_version is not None
    onward, source = versions.show(done.model_version), versions.show(before)
    assert (onward.columns, onward.config["source"], onward.config["replay"]) == (source.columns, before, 0.3)
    assert onward.data.slices["stop"][0] >= source.data.slices["test"][0]
    assert versions.active("1d") == before
    records = open_records(f"sqlite:///{folder}/var/jobs.db")
    asked = Drifting(Jobs(records), versions, 3600.0).submit(before)
    assert Leases(records).take("this") is not None
    records.close()
    monkeypatch.setattr(job, "train_task", lambda *given: done.model_version)  # it would be trained once more
    assert job.run(load([], given, {}, {}), json=True, identity=asked, fence=1) == 0
    assert [found.version for found in versions.standing().challengers["1d"]] == [done.model_version]
    assert versions.active("1d") == before, "what drift asked for is scored, and never takes over at once"


def test_the_command_line_has_the_same_jobs(folder: Path, client: Client) -> None:
    queued = undertone("train", "bars.csv", "--timeframe", "1d", "--model", "gru", "--model", "lstm", "--queue",
                       "--priority", "3", "--set", "train.epochs=2", "--json", folder=folder)  # fmt: skip
    assert queued.returncode == 0, queued.stderr
    batch = next(one for one in client.jobs() if one.kind == "batch")
    assert (batch.job_id in queued.stdout, len(batch.job_ids), batch.priority) == (True, 2, 3)
    jobs = Jobs(open_records(f"sqlite:///{folder}/var/jobs.db"))
    task = jobs.get(batch.job_ids[0]).task
    jobs.records.close()
    assert task is not None
    assert task.settings == {"train.epochs": 2, "features.families": ["statistical"]}
    assert task.files == (str(folder / "bars.csv"),)
    cancelled = undertone("jobs", "cancel", batch.job_id, folder=folder)
    assert cancelled.returncode == 0 and client.job(batch.job_id).status == "cancelled"
