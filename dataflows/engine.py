"""The flow in Bytewax: one item is one batch, one step a station, state kept by the stations themselves.

Bytewax runs a batch through all steps before it polls the source again (with one worker), so `Pipeline.pull` is
called when every station has seen the same batches, and cuts our checkpoints there. Bytewax's own recovery isn't
used; `docs/adr/0001-checkpoints.md` says why.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NoReturn

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

from dataflows.batch import Batch
from dataflows.interfaces import EndOfInput, Station
from dataflows.pipeline import Pipeline
from ops.log import logger


class Failure:
    """What a step raised, kept out of Bytewax: it would panic, print a backtrace of Rust and raise another class."""

    def __init__(self) -> None:
        """Nothing failed yet."""
        self.error: BaseException | None = None

    def step(self, pipeline: Pipeline, station: Station, batch: Batch) -> Batch:
        """Step a station; once one has failed nothing is stepped any more."""
        if self.error is None:
            try:
                return pipeline.step(station, batch)
            except BaseException as error:
                self.error = error
        return batch


class _Unkept:
    """What the partition has to keep: nothing. Bytewax pickles it only when it was started with -r."""

    def __reduce__(self) -> NoReturn:
        raise ValueError(
            "the flow was started with -r (Bytewax's recovery), expected without: it cuts checkpoints of its own "
            "(docs/adr/0001-checkpoints.md); leave -r away"
        )


class _Partition(StatefulSourcePartition[Batch, _Unkept]):
    """The one partition: polls the pipeline, which reads all lanes itself."""

    def __init__(self, pipeline: Pipeline, on_end: Callable[[], None], failure: Failure | None) -> None:
        self.pipeline = pipeline
        self.on_end = on_end
        self.failure = failure

    def next_batch(self) -> list[Batch]:
        if self.failure is None:
            return self._pulled()
        if self.failure.error is None:
            try:
                return self._pulled()
            except StopIteration:
                raise
            except BaseException as error:
                self.failure.error = error
        raise StopIteration

    def _pulled(self) -> list[Batch]:
        try:
            batch = self.pipeline.pull()
        except EndOfInput:
            self.on_end()  # here and not in close(), where an error would abort the process
            raise StopIteration from None
        return [] if batch is None else [batch]

    def snapshot(self) -> _Unkept:
        """Return nothing to keep: our checkpoints hold the position."""
        return _Unkept()


class PipelineSource(FixedPartitionedSource[Batch, _Unkept]):
    """A source of exactly one partition, so that a second worker would have nothing to read."""

    def __init__(self, pipeline: Pipeline, on_end: Callable[[], None], failure: Failure | None = None) -> None:
        """Poll `pipeline`; call `on_end` when its last batch has gone through. End early behind a `failure`."""
        self.pipeline = pipeline
        self.on_end = on_end
        self.failure = failure

    def list_parts(self) -> list[str]:
        """Return the one partition."""
        return ["all"]

    def build_part(self, step_id: str, for_part: str, resume_state: _Unkept | None) -> _Partition:
        """Open it."""
        return _Partition(self.pipeline, self.on_end, self.failure)


class _Done(StatelessSinkPartition[Batch]):
    def __init__(self, on_batch: Callable[[Batch], None], failure: Failure | None) -> None:
        self.on_batch = on_batch
        self.failure = failure

    def write_batch(self, items: list[Batch]) -> None:
        try:
            if self.failure is None or self.failure.error is None:
                for batch in items:
                    self.on_batch(batch)
        except BaseException as error:
            if self.failure is None:
                raise
            self.failure.error = error


class DoneSink(DynamicSink[Batch]):
    """The end of a pass: every station, the sinks included, has seen the batch."""

    def __init__(self, on_batch: Callable[[Batch], None], failure: Failure | None = None) -> None:
        """Call `on_batch` for each."""
        self.on_batch = on_batch
        self.failure = failure

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Done:
        """Open it.

        Raises ValueError with more than one worker: the stations' state lives in this process, once.
        """
        if worker_count != 1:
            message = (
                f"the flow was started with {worker_count} workers, expected 1: run one worker a process and scale "
                "by processes on disjoint partitions (leave -w, -i and -a away)"
            )
            logger("engine").error(message)  # with several processes Bytewax shows its own panic instead of this
            raise ValueError(message)
        return _Done(self.on_batch, self.failure)


def dataflow(
    pipeline: Pipeline, on_end: Callable[[], None], name: str = "undertone", failure: Failure | None = None
) -> Dataflow:
    """Return the Bytewax dataflow that drives a pipeline; `on_end` is called once, behind the last batch.

    Without a `failure` to keep errors in, they reach Bytewax, as `python -m bytewax.run` needs it.
    """
    flow = Dataflow(name)
    stream: Stream[Batch] = op.input("source", flow, PipelineSource(pipeline, on_end, failure))
    for station in pipeline.stations:
        step = partial(pipeline.step if failure is None else partial(failure.step, pipeline), station)
        stream = op.map(station.name, stream, step)
    op.output("done", stream, DoneSink(pipeline.on_batch, failure))
    return flow


def run(pipeline: Pipeline, on_end: Callable[[], None]) -> None:
    """Drive a pipeline to its end under Bytewax in this thread.

    Raises what a station, the source, `on_end` or the pipeline's `on_batch` raised, itself.
    """
    failure = Failure()
    run_main(dataflow(pipeline, on_end, failure=failure))
    if failure.error is not None:
        raise failure.error
