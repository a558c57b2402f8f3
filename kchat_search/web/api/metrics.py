"""`GET /metrics`, for Prometheus: the state of the archive and the index, and how this web answers.

Invariant: no label contains words of a person. An endpoint is labelled with its name in Flask. All
unknown paths share one label, and so do all methods that HTTP does not define.

The numbers have two sources:

- Another process does the syncs, so their numbers are read from the archive at each scrape. Gauges
  show the present. Counters are kept in the archive for all time; they restart only with a new
  archive. If a part can't be read, its metrics are missing, and the answer says so:
  `kchat_search_up{part="archive"} 0`.
- Requests to this web are counted in this process, from its start.

Under gunicorn with several workers, each worker counts only its own requests. A scrape meets any of
them, so the `http_` series would jump. Set PROMETHEUS_MULTIPROC_DIR to a folder that is used for
nothing else and is empty when the server starts. Then the workers count in files there, and each
worker answers with the sum of all. All other metrics are the same, whichever worker answers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import get_args

from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from kchat_search import private_files
from kchat_search.errors import KchatSearchError, SettingsError
from kchat_search.models.reports import AlertCode, SyncReport, SyncTotals
from kchat_search.web.http.current import program
from kchat_search.web.http.parameters import only
from kchat_search.web.http.permissions import needs

_PREFIX = "kchat_search_"
_SEVERAL_PROCESSES = "PROMETHEUS_MULTIPROC_DIR"
"""The setting of the library. The library reads it when it is imported, so the name is fixed."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Seconds. The target for a search is 15 ms, and 60 ms with a million chats."""
_OUTCOMES = ("complete", "incomplete", "failed")
_WHAT = ("seen", "new", "changed", "vanished", "rejected", "indexed")


def install(app: Flask) -> None:
    """Count every request to `app` from now on, and answer `/metrics`.

    Call this before the guard is installed, so that requests that the guard refuses are counted
    too. Each app has its own registry. Raises `SettingsError` if PROMETHEUS_MULTIPROC_DIR is not a
    folder.
    """
    registry = CollectorRegistry()
    registry.register(_Program())
    if _SEVERAL_PROCESSES in os.environ:
        _sum_of_all_processes(registry)
        _count_requests(app, None)
    else:
        _count_requests(app, registry)

    @app.get("/metrics")
    @needs("metrics")
    def metrics() -> Response:
        only(request.args)
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return current_app.response_class(encode(registry), content_type=content_type)


def _sum_of_all_processes(registry: CollectorRegistry) -> None:
    folder = Path(os.environ[_SEVERAL_PROCESSES])
    private_files.narrow_folder(folder, lambda name: name.endswith(".db"))
    try:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types here
    except ValueError as error:
        raise SettingsError(
            f"{_SEVERAL_PROCESSES} must be a folder that this process can write to, empty when the "
            "server starts."
        ) from error


def _count_requests(app: Flask, registry: CollectorRegistry | None) -> None:
    requests = Counter(
        _PREFIX + "http_requests",
        "Requests that were answered.",
        ("method", "endpoint", "status"),
        registry=registry,
    )
    seconds = Histogram(
        _PREFIX + "http_request_duration_seconds",
        "From a request to the first byte of its answer.",
        ("endpoint",),
        registry=registry,
        buckets=_BUCKETS,
    )

    @app.before_request
    def begin() -> None:
        g.began = perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        endpoint = request.endpoint or "unknown"
        method = request.method if request.method in _METHODS else "other"
        requests.labels(method, endpoint, str(response.status_code)).inc()
        seconds.labels(endpoint).observe(perf_counter() - g.began)
        return response


class _Program(Collector):
    """The archive, the index and the indexer at the moment of the scrape."""

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily(_PREFIX + "up", "Whether this part can be read.", labels=("part",))
        metrics: list[Metric] = [up]
        for part, read in (
            ("archive", self._archive),
            ("index", self._index),
            ("coverage", self._coverage),  # needs archive and index
        ):
            try:
                metrics += read()
            except KchatSearchError:
                up.add_metric((part,), 0)
            else:
                up.add_metric((part,), 1)
        running = program().holder() is not None
        metrics.append(_gauge("indexer_running", "Whether some process is the indexer.", running))
        metrics.append(self._alerts())
        yield from metrics

    def _alerts(self) -> Metric:
        metric = GaugeMetricFamily(
            _PREFIX + "alerts",
            "How often in a row this went wrong; 0: it is well.",
            labels=("code",),
        )
        times = {alert.code: alert.times for alert in program().alerts()}
        for code in get_args(AlertCode):
            metric.add_metric((code,), times.get(code, 0))
        return metric

    def _archive(self) -> list[Metric]:
        counts = program().counts()
        reports = program().reports(1)
        gauges = [
            _gauge("chats", "Chats in the archive, gone ones included.", counts.chats),
            _gauge("chats_gone", "Chats that Kchat has no more.", counts.gone),
            _gauge("changes_pending", "Chats that wait for the index.", counts.pending),
            _gauge("rejects", "Chats that could not be understood.", counts.rejected),
            _gauge("versions", "Versions of all chats, present ones included.", counts.versions),
        ]
        last = _last_sync(reports[0]) if reports else []
        return [*gauges, *last, *_totals(program().totals())]

    def _index(self) -> list[Metric]:
        engine, current = program().index_state()
        return [
            _gauge("index_documents", "Chats in the index.", engine.documents),
            _gauge("index_bytes", "Size of the index.", engine.size_bytes),
            _gauge("index_segments", "Segments of the index.", engine.segments),
            _gauge("index_current", "Whether it was built with the present settings.", current),
        ]

    def _coverage(self) -> list[Metric]:
        coverage = program().coverage_now()
        metrics = [
            _gauge(
                "coverage_complete",
                "Whether every chat of Kchat's is archived and can be searched.",
                coverage.complete,
            )
        ]
        if coverage.synced_at is not None:
            metrics.append(
                _gauge(
                    "last_success_timestamp_seconds",
                    "When the last sync without an error ended.",
                    coverage.synced_at.timestamp(),
                )
            )
        return metrics


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(_PREFIX + name, documentation, value=float(value))


def _last_sync(report: SyncReport) -> list[Metric]:
    ended = report.finished_at.timestamp()
    return [
        _gauge("last_sync_timestamp_seconds", "When the last sync ended, however.", ended),
        _gauge("last_sync_duration_seconds", "How long the last sync took.", report.seconds),
    ]


def _totals(totals: Mapping[str, SyncTotals]) -> list[Metric]:
    syncs = _counter("syncs", "Syncs that ended.", "kind", "outcome")
    seconds = _counter("sync_seconds", "Seconds that syncs took.", "kind")
    chats = _counter("sync_chats", "Chats that syncs dealt with.", "kind", "what")
    retries = _counter("kchat_retries", "Requests to Kchat that were repeated.", "kind")
    for kind, total in sorted(totals.items()):
        for outcome in _OUTCOMES:
            syncs.add_metric((kind, outcome), getattr(total, outcome))
        for what in _WHAT:
            chats.add_metric((kind, what), getattr(total, what))
        seconds.add_metric((kind,), total.seconds)
        retries.add_metric((kind,), total.retries)
    return [syncs, seconds, chats, retries]


def _counter(name: str, documentation: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(_PREFIX + name, documentation, labels=labels)
