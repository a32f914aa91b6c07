"""Calls over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel

from api.answers.analysis import Analysis, AnalysisBatch, AnalysisResult, Signal
from api.answers.health import Health
from api.answers.jobs import JobAnswer, JobList, JobsHealth
from api.answers.models import Changed
from api.answers.predictions import AgedPrediction, LatestPredictions, Prediction, PredictionPage
from api.answers.series import Bar, BarList, FeatureRow, Series, SeriesList, SpectrumAnswer
from api.client.errors import Refused

A = TypeVar("A", bound=BaseModel)


class Client:
    """One service. Calls wait at most `timeout` seconds and raise Refused, or httpx.TransportError where it is away."""

    def __init__(self, url: str = "http://127.0.0.1:8001", token: str | None = None, timeout: float = 10.0) -> None:
        """Connect when asked."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout)

    def health(self) -> Health:
        """Return how the service and what it depends on are doing."""
        return self._get("/health", Health)

    def symbols(self) -> list[Series]:
        """Return what has been seen."""
        return self._get("/symbols", SeriesList).symbols

    def analyze(self, symbol: str, **wanted: Any) -> Analysis:
        """Return a symbol's newest prediction and its surroundings; `wanted` as in api.requests.AnalyzeRequest."""
        return self._post("/analyze", Analysis, {"symbol": symbol, **wanted})

    def analyze_all(self, symbols: Sequence[str], **wanted: Any) -> list[AnalysisResult]:
        """Return a result or an error for each of up to 50 symbols."""
        return self._post("/batch_analyze", AnalysisBatch, {"symbols": list(symbols), **wanted}).results

    def signal(self, symbol: str, **wanted: Any) -> Signal:
        """Return a symbol's newest prediction in one word."""
        return self._post("/api/ai/predict", Signal, {"symbol": symbol, **wanted})

    def latest(self, symbols: Sequence[str] = (), timeframe: str | None = None) -> list[AgedPrediction]:
        """Return the newest prediction of each series, of all symbols where none is named."""
        wanted = {"symbols": ",".join(symbols) or None, "timeframe": timeframe}
        return self._get("/predictions/latest", LatestPredictions, **wanted).predictions

    def history(self, symbol: str, *, page: int = 1000, **wanted: Any) -> Iterator[Prediction]:
        """Yield a symbol's past predictions, newest first; `wanted` are timeframe, start and end (ISO-8601)."""
        before = None
        while True:
            found = self._get(
                f"/predictions/{symbol}", PredictionPage, limit=page, before=before, **wanted
            )  # fmt: skip
            yield from found.predictions
            if (before := found.next) is None:
                return

    def bars(self, symbol: str, timeframe: str | None = None, limit: int = 200) -> list[Bar]:
        """Return a symbol's newest bars, oldest first."""
        return self._get(f"/bars/{symbol}", BarList, timeframe=timeframe, limit=limit).bars

    def features(self, symbol: str, timeframe: str | None = None) -> FeatureRow:
        """Return a symbol's newest feature row."""
        return self._get(f"/features/{symbol}", FeatureRow, timeframe=timeframe)

    def spectrum(self, symbol: str, days: int = 252, timeframe: str | None = None) -> SpectrumAnswer:
        """Return the power of a symbol's log returns by frequency."""
        return self._get(f"/spectrum/{symbol}", SpectrumAnswer, days=days, timeframe=timeframe)

    def train(self, *, key: str | None = None, **wanted: Any) -> JobAnswer:
        """Queue training; `wanted` as in api.job_requests.TrainRequest. The same call with the same key is one job."""
        return self._post("/api/ai/train", JobAnswer, wanted, key)

    def retrain(self, *, key: str | None = None, **wanted: Any) -> JobAnswer:
        """Queue incremental training; `wanted` as in api.job_requests.RetrainRequest."""
        return self._post("/api/ai/retrain-incremental", JobAnswer, wanted, key)

    def jobs(self, **wanted: Any) -> list[JobAnswer]:
        """Return training jobs, the one submitted last first; `wanted` are status, parent and limit."""
        return self._get("/api/ai/jobs", JobList, **wanted).jobs

    def job(self, job_id: str) -> JobAnswer:
        """Return a training job."""
        return self._get(f"/api/ai/jobs/{job_id}", JobAnswer)

    def cancel(self, job_id: str) -> JobAnswer:
        """Cancel a training job; a running one ends a moment later."""
        return _read(self._http.delete(f"/api/ai/jobs/{job_id}"), JobAnswer)

    def wait(self, job_id: str, every_s: float = 1.0) -> JobAnswer:
        """Return a training job once it has ended, however it did."""
        while (job := self.job(job_id)).status in ("queued", "running"):
            time.sleep(every_s)
        return job

    def training_health(self) -> JobsHealth:
        """Return how training is doing."""
        return self._get("/api/ai/health", JobsHealth)

    def activate(self, version: str) -> Changed:
        """Make a version its timeframe's champion; running dataflows take it over."""
        return self._post(f"/api/ai/models/{version}/activate", Changed, {})

    def close(self) -> None:
        """Release the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the connection."""
        self.close()

    def _get(self, path: str, answer: type[A], **parameters: Any) -> A:
        given = {name: value for name, value in parameters.items() if value is not None}
        return _read(self._http.get(path, params=given), answer)

    def _post(self, path: str, answer: type[A], body: dict[str, Any], key: str | None = None) -> A:
        headers = {"idempotency-key": key} if key else {}
        return _read(self._http.post(path, json=body, headers=headers), answer)


def _read(response: httpx.Response, answer: type[A]) -> A:
    if response.is_success:
        return answer.model_validate_json(response.content)
    try:
        said = response.json()
    except ValueError:
        said = {"title": response.reason_phrase, "detail": response.text[:500]}
    after = response.headers.get("retry-after")
    raise Refused(response.status_code, said["title"], said["detail"], float(after) if after else None)
