"""The metrics, read by the parser of Prometheus."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parsed

from kchat_search.errors import ArchiveError, IndexDamaged, SettingsError
from kchat_search.gate import Gate
from kchat_search.models.reports import SyncReport
from kchat_search.web import create_app
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import FakeService
from tests.world import World

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
PREFIX = "kchat_search_"


def scrape(client: FlaskClient) -> Samples:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parsed(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((PREFIX + name, frozenset(labels.items())))


@pytest.fixture
def fresh(service: FakeService) -> FlaskClient:
    """A client of an application that has answered no request yet."""
    return make_app(service).test_client()


@pytest.fixture
def real(world: World) -> FlaskClient:
    """A client of the whole program, before its first sync."""
    return create_app(Gate(owners=world.service), clock=lambda: world.now).test_client()


def test_what_sync_did_is_told_by_another_process_than_did_it(
    real: FlaskClient, world: World
) -> None:
    before = scrape(real)
    assert (value(before, "chats"), value(before, "index_documents")) == (0, 0)
    assert (value(before, "index_current"), value(before, "coverage_complete")) == (0, 0)
    assert value(before, "last_sync_timestamp_seconds") is None
    assert value(before, "syncs_total", kind="backfill", outcome="complete") is None
    world.sync()
    world.kchat.delete(101)
    world.later(days=2).sync(reconcile=True)
    samples = scrape(real)
    expected = {
        "chats": 25,
        "chats_gone": 1,
        "changes_pending": 0,
        "rejects": 0,
        "versions": 25,
        "index_documents": 25,
        "index_current": 1,
        "coverage_complete": 1,
        "indexer_running": 0,
        "last_sync_timestamp_seconds": world.now.timestamp(),
        "last_success_timestamp_seconds": world.now.timestamp(),
        "last_sync_duration_seconds": 0,
    }
    assert {name: value(samples, name) for name in expected} == expected
    assert value(samples, "index_bytes") == world.service.engine.describe().size_bytes
    assert value(samples, "index_segments") == world.service.engine.describe().segments
    assert value(samples, "syncs_total", kind="backfill", outcome="complete") == 1
    assert value(samples, "syncs_total", kind="reconcile", outcome="complete") == 1
    assert value(samples, "sync_chats_total", kind="backfill", what="new") == 25
    assert value(samples, "sync_chats_total", kind="reconcile", what="vanished") == 1
    assert value(samples, "kchat_retries_total", kind="backfill") == 0
    with world.service.indexing("test"):
        assert value(scrape(real), "indexer_running") == 1


def test_a_sync_that_failed_counts_and_the_last_good_one_stays(
    real: FlaskClient, world: World
) -> None:
    world.sync()
    good = world.now.timestamp()
    began, ended = world.later(hours=1).now, world.later(seconds=90).now
    world.service.archive.save_report(SyncReport("tick", began, ended, error="Kchat is away"))
    samples = scrape(real)
    assert value(samples, "syncs_total", kind="tick", outcome="failed") == 1
    assert value(samples, "syncs_total", kind="tick", outcome="complete") == 0
    assert value(samples, "sync_seconds_total", kind="tick") == 90
    assert value(samples, "last_sync_duration_seconds") == 90
    assert value(samples, "last_sync_timestamp_seconds") == ended.timestamp()
    assert value(samples, "last_success_timestamp_seconds") == good


def test_an_index_that_can_not_be_read_is_said_and_the_archive_is_told_all_the_same(
    real: FlaskClient, world: World
) -> None:
    world.sync()
    assert value(scrape(real), "up", part="index") == 1
    (world.settings.index_dir / "CURRENT").write_text("{")
    samples = scrape(real)
    assert value(samples, "up", part="index") == 0
    assert value(samples, "up", part="coverage") == 0
    assert value(samples, "up", part="archive") == 1
    assert value(samples, "chats") == 25
    assert value(samples, "index_documents") is None
    assert value(samples, "coverage_complete") is None


@pytest.mark.parametrize("error", [ArchiveError("locked"), IndexDamaged("reindex")], ids=str)
def test_with_nothing_to_be_read_the_web_is_still_told(
    fresh: FlaskClient, service: FakeService, error: ArchiveError | IndexDamaged
) -> None:
    service.fails = error
    assert fresh.get("/readyz").status_code == 503
    samples = scrape(fresh)
    parts = ("archive", "index", "coverage")
    assert [value(samples, "up", part=part) for part in parts] == [0, 0, 0]
    assert value(samples, "indexer_running") == 1
    asked = {"method": "GET", "endpoint": "api.readyz", "status": "503"}
    assert value(samples, "http_requests_total", **asked) == 1


def test_a_bug_is_no_answer(fresh: FlaskClient, service: FakeService) -> None:
    service.bug = ZeroDivisionError
    assert fresh.get("/metrics").status_code == 500


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("GET", "/healthz", ("GET", "api.healthz", "200")),
        ("HEAD", "/healthz", ("HEAD", "api.healthz", "200")),
        ("GET", "/?q=私语", ("GET", "pages.search", "200")),
        ("GET", "/?q=", ("GET", "pages.search", "200")),
        ("GET", "/api/v1/search?q=私语&page=x", ("GET", "api.search", "400")),
        ("GET", "/chats/290?q=私语", ("GET", "chat.chat", "200")),
        ("GET", "/chats/7", ("GET", "chat.chat", "404")),
        ("GET", "/static/nope-私语", ("GET", "static", "404")),
        ("GET", "/私语", ("GET", "unknown", "404")),
        ("GET", "/api/私语", ("GET", "unknown", "404")),
        ("POST", "/healthz", ("POST", "unknown", "405")),
        ("私语", "/healthz", ("other", "unknown", "405")),
        ("SECRET", "/healthz", ("other", "unknown", "405")),
    ],
)
def test_a_request_is_counted_once_under_nobodys_words(
    fresh: FlaskClient, method: str, path: str, labels: tuple[str, str, str]
) -> None:
    fresh.open(path, method=method)
    samples = scrape(fresh)
    names = ("method", "endpoint", "status")
    counted = {key: n for key, n in samples.items() if key[0] == PREFIX + "http_requests_total"}
    label = frozenset(zip(names, labels, strict=True))
    assert counted == {(PREFIX + "http_requests_total", label): 1}
    assert value(samples, "http_request_duration_seconds_count", endpoint=labels[1]) == 1
    assert not [1 for _, known in samples for _, text in known if "私" in text or "SECRET" in text]


def test_what_is_refused_and_what_fails_is_counted(
    fresh: FlaskClient, service: FakeService
) -> None:
    assert fresh.get("/healthz", headers={"Host": "evil.example"}).status_code == 403
    service.bug = ZeroDivisionError
    assert fresh.get("/?q=a").status_code == 500
    service.bug = None
    samples = scrape(fresh)
    refused = {"method": "GET", "endpoint": "api.healthz", "status": "403"}
    failed = {"method": "GET", "endpoint": "pages.search", "status": "500"}
    assert value(samples, "http_requests_total", **refused) == 1
    assert value(samples, "http_requests_total", **failed) == 1


def test_each_application_counts_for_itself(service: FakeService) -> None:
    one, other = make_app(service).test_client(), make_app(service).test_client()
    asked = {"method": "GET", "endpoint": "api.healthz", "status": "200"}
    for _ in range(3):
        one.get("/healthz")
    assert value(scrape(one), "http_requests_total", **asked) == 3
    assert value(scrape(other), "http_requests_total", **asked) is None


def test_every_name_is_as_the_conventions_want_it(fresh: FlaskClient) -> None:
    fresh.get("/healthz")
    for family in parsed(fresh.get("/metrics").text):
        assert family.name.startswith(PREFIX), family.name
        assert family.documentation.endswith("."), family.name
        if family.type == "counter":
            assert all(s.name.endswith(("_total", "_created")) for s in family.samples)
        else:
            assert not family.name.endswith(("_total", "_count", "_sum")), family.name


def test_one_who_asks_for_openmetrics_gets_it(fresh: FlaskClient) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = fresh.get("/metrics", headers=accept)
    assert answer.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert PREFIX + "chats" in {family.name for family in openmetrics(answer.text)}  # type: ignore[no-untyped-call]


def test_it_is_behind_the_guard_and_takes_no_parameters(fresh: FlaskClient) -> None:
    assert fresh.get("/metrics", headers={"Host": "evil.example"}).status_code == 403
    assert fresh.get("/metrics", headers={"X-Forwarded-For": "10.0.0.7"}).status_code == 403
    refused = fresh.get("/metrics?x=1")
    assert (refused.status_code, refused.content_type) == (400, "application/problem+json")
    assert fresh.get("/metrics").headers["Cache-Control"] == "private, no-store"


_WORKER = """
import sys
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import FakeService
client = make_app(FakeService([], make_presentation())).test_client()
for _ in range(int(sys.argv[1])):
    client.get("/healthz")
print(client.get("/metrics").text)
"""


def worker(folder: Path, requests: int) -> str:
    """The metrics of one of several worker processes, after so many requests to it."""
    return subprocess.run(
        [sys.executable, "-c", _WORKER, str(requests)],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


@pytest.mark.slow
def test_several_worker_processes_are_summed(tmp_path: Path) -> None:
    worker(tmp_path, 3)
    samples = {
        (sample.name, sample.labels.get("endpoint"), sample.labels.get("le")): sample.value
        for family in parsed(worker(tmp_path, 2))
        for sample in family.samples
    }
    assert samples[PREFIX + "http_requests_total", "api.healthz", None] == 5
    assert samples[PREFIX + "http_request_duration_seconds_bucket", "api.healthz", "+Inf"] == 5
    assert samples[PREFIX + "up", None, None] == 1


def test_a_folder_for_several_processes_must_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "absent"))
    with pytest.raises(SettingsError, match="PROMETHEUS_MULTIPROC_DIR"):
        make_app(FakeService([], make_presentation()))
