"""What many chats need: the arithmetic by hand, the inputs, and the tables of docs/scale.md."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks import costs
from benchmarks.needs import INPUTS, Inputs, Limit, breaks_at, figures, read
from benchmarks.simulate import SIZES, markdown, take_engines, with_tables
from benchmarks.tables import number, size, span
from kchat_search.config import SettingsWithAccount
from tests.docs import documents

CONTENT: dict[str, dict[str, dict[str, Any]]] = json.loads(INPUTS.read_text("utf-8"))
ONLY_TOLD = {"text_bytes"}
"""What is measured to be compared with, and nothing is calculated from."""


def ones(**others: float) -> Inputs:
    """Every input is 1 but these."""
    return Inputs(CONTENT, **{name: 1.0 for kind in CONTENT.values() for name in kind} | others)


SYNC = {
    # 73,000 chats in 2 years are 100 a day; 2 pages of 50 a day, each 200 ms, 4 at once
    "years": 2, "per_page": 50, "page_ms": 200, "in_flight": 4, "recheck_per_tick": 10,
    "parse_ms": 0.5, "postgres_seen_ms": 0.5, "overlap_days": 2, "interval_seconds": 864,
    "reconcile_pages_per_tick": 3, "reconcile_days": 30, "marks_a_day": 24, "sync_ms": 2,
    "postgres_wal_bytes": 1000, "postgres_seen_wal_bytes": 10,
}  # fmt: skip
CLUSTER = {
    "messages": 10, "messages_a_chat": 20, "versions_a_chat": 0.5, "standbys": 1, "backups": 3,
    "postgres_bytes": 1000, "opensearch_bytes": 5000, "opensearch_message_bytes": 500,
    "opensearch_documents": 11, "replicas": 1, "full_share": 0.8, "cache_share": 0.25,
    "shard_bytes": 30e9, "node_disk_bytes": 1e12, "node_memory_bytes": 64e9, "heap_bytes": 16e9,
    "system_bytes": 8e9, "node_processors": 16, "busy_share": 0.5, "searches_a_second": 10,
    "opensearch_search_ms": 200, "opensearch_build_ms": 0.5, "indexer_processors": 10,
    "opensearch_build_server_ms": 0.25, "postgres_check_ms": 0.1, "opensearch_check_ms": 0.1,
    "scrub_days": 10, "scrub_percent": 10, "copy_ms": 0.3, "opensearch_write_ms": 1,
    "writes_a_chat": 3, "years": 1, "opensearch_revisions_ms": 0.01, "postgres_revisions_ms": 0.01,
    "opensearch_revisions_bytes": 16, "postgres_revisions_bytes": 16,
}  # fmt: skip


@pytest.mark.parametrize(
    ("chats", "others", "figure", "expected"),
    [
        # -- the pages: 0.2 s / 4 at once = 0.05 s each
        (73_000, SYNC, "arrivals", 100),
        (73_000, SYNC, "backfill", 2 * 1_460 * 0.05),  # Kchat is slower: ours takes 146 s
        (73_000, SYNC | {"sync_ms": 3}, "backfill", 219),  # ours is slower
        (73_000, SYNC, "tick", 4 * 0.05 + 10 * 0.05),  # 200 chats on 4 pages, ten by themselves
        (73_000, SYNC, "rechecks", 10 * 100 / 100),  # 100 ticks a day
        (73_000, SYNC, "sweep", 86_400 * 73_000 / (3 * 50 * 100)),
        (73_000, SYNC, "reconcile", 60 * 0.05),
        (73_000, SYNC, "wal", 100 * 1000 + 10 * (3 * 50 * 100 + 10 * 100 + 2 * 100 * 24)),
        # -- a tick that takes longer than the interval: 200 s a page make 40 + 100 of 50 s
        (73_000, SYNC | {"page_ms": 200_000}, "tick", 14 * 50),
        (73_000, SYNC | {"page_ms": 400_000}, "rechecks", 10 * (86_400 / 1_400) / 100),
        # -- a chat of 20 messages in place of 10
        (10_000_000, CLUSTER, "archive", 10e6 * 1000 * 2 * 1.5),
        (10_000_000, CLUSTER, "archive_disk", 60e9),
        (10_000_000, CLUSTER, "backups", 90e9),
        (10_000_000, CLUSTER, "index", 10e6 * 10_000),
        (10_000_000, CLUSTER, "index_copies", 200e9),
        (10_000_000, CLUSTER, "index_disk", 400e9 / 0.8),
        (10_000_000, CLUSTER | {"replicas": 0}, "index_disk", 300e9 / 0.8),
        (10_000_000, CLUSTER, "documents", 210e6),
        (10_000_000, CLUSTER, "shards", 4),
        (10_000_000, CLUSTER | {"shard_bytes": 1e15}, "shards", 1),
        (1_000_000_000, CLUSTER | {"shard_bytes": 1e15}, "shards", 10),  # 21 of 2.147 billion
        (10_000_000, CLUSTER, "cache", 50e9),
        (10_000_000, CLUSTER, "bits", 210e6 * 2 / 8),
        (10_000_000, CLUSTER, "nodes", 3),
        (100_000_000, CLUSTER, "nodes", 13),  # for the memory: 500 of 40 GB
        (100_000_000, CLUSTER | {"node_disk_bytes": 1e11}, "nodes", 50),
        (10_000_000, CLUSTER | {"searches_a_second": 400}, "nodes", 10),  # 80 of 8 processors
        (10_000_000, CLUSTER, "search", 0.05),
        (10_000_000, CLUSTER, "reindex", 1000),  # ours: 10,000 s / 10; servers: 5,000 s / 48
        (10_000_000, CLUSTER | {"opensearch_build_server_ms": 5}, "reindex", 100_000 / 48),
        (10_000_000, CLUSTER, "scrub_percent", 100 * 4_000 / 864_000),
        (10_000_000, CLUSTER, "copy", 6_000),
        (36_500_000, CLUSTER, "indexing", 100_000 * 3 * 2 / 1000),
        (10_000_000, CLUSTER, "begin", 200),
        (10_000_000, CLUSTER, "begin_memory", 320e6),
        (10_000_000, CLUSTER, "ids", 80e6),
        # -- one machine
        (1_000, {"sqlite_bytes": 4_000, "versions_a_chat": 0.1}, "one_archive", 4.4e6),
        (1_000, {"sqlite_bytes": 4_000, "backups": 2, "versions_a_chat": 0.0,
                 "whoosh_bytes": 1_500}, "one_disk", 12e6 + 2 * 1.5e6),
        (1_000, {"whoosh_build_ms": 8, "one_processors": 4}, "one_reindex", 2),
        (1_000, {"whoosh_revisions_bytes": 16, "sqlite_revisions_bytes": 17},
         "one_begin_memory", 33_000),
    ],
)  # fmt: skip
def test_each_figure_is_what_one_gets_by_hand(
    chats: int, others: dict[str, float], figure: str, expected: float
) -> None:
    assert figures(ones(**others), chats)[figure] == pytest.approx(expected)


def test_a_line_goes_through_both_points() -> None:
    content = {"measured": {"it": {"points": [[100, 5.0], [300, 6.0]]}}, "assumed": {}}
    given = Inputs(content)
    assert [given.line("it", n) for n in (100, 200, 300, 1_100)] == [5.0, 5.5, 6.0, 10.0]
    assert Inputs(content, it=7.0).line("it", 1_000_000) == 7.0


def test_a_limit_is_where_the_figure_is_reached() -> None:
    limit = Limit("ids", "ids", 8e6, "")
    assert breaks_at(ones(), limit) == pytest.approx(1_000_000, rel=0.002)
    assert breaks_at(ones(), limit._replace(most=8e30)) is None


def test_figures_only_grow_with_the_chats() -> None:
    """Else no single number of chats were where they break. How often a chat is looked at again
    falls, and so does a search where shards are more; that is no limit."""
    found = [figures(read(), chats) for chats in SIZES.values()]
    for name in found[0].keys() - {"rechecks", "search", "chats_a_shard", "reindex"}:
        values = [one[name] for one in found]
        assert values == sorted(values), name


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (size(990), "990 B"), (size(1_740), "1.7 KB"), (size(21.4e9), "21 GB"),
        (size(1.234e15), "1,200 TB"), (span(0.0021), "2.1 ms"), (span(59), "59 s"),
        (span(90), "1.5 min"), (span(86_400 * 1.5), "36 h"), (span(86_400 * 12), "12 days"),
        (number(913.2), "910"), (number(0.079), "0.079"), (number(1.05e10), "10 billion"),
    ],
)  # fmt: skip
def test_figures_are_written_in_two_digits(written: str, expected: str) -> None:
    assert written == expected


class _Noting(Inputs):
    """Notes what is asked for."""

    def __init__(self, content: dict[str, dict[str, dict[str, Any]]]) -> None:
        super().__init__(content)
        self.asked: set[str] = set()

    def __getattr__(self, name: str) -> float:
        value = super().__getattr__(name)
        self.__dict__["asked"].add(name)
        return value

    def line(self, name: str, chats: float) -> float:
        self.asked.add(name)
        return super().line(name, chats)


def test_every_input_counts() -> None:
    given = _Noting(CONTENT)
    markdown(given)
    assert given.asked == {name for kind in CONTENT.values() for name in kind} - ONLY_TOLD


def test_what_is_assumed_of_the_settings_are_their_defaults() -> None:
    named = {
        name: (one["value"], found[1].lower())
        for name, one in CONTENT["assumed"].items()
        if (found := re.fullmatch(r"`KCHAT_(\w+)`", one["why"]))
    }
    fields = SettingsWithAccount.model_fields
    assert len(named) > 5
    assert {name: value for name, (value, _) in named.items()} == {
        name: fields[setting].default for name, (_, setting) in named.items()
    }


def test_every_measured_figure_names_a_command_that_is_there() -> None:
    for one in CONTENT["measured"].values():
        module = re.match(r"python -m (benchmarks\.\w+) ", one["command"])
        assert module, one
        assert find_spec(module[1])


def test_the_tables_of_the_document_are_what_the_command_prints() -> None:
    document = documents.text("docs/scale.md")
    assert with_tables(document, markdown(read())) == document, (
        "python -m benchmarks.simulate --write docs/scale.md"
    )


def test_figures_of_the_engines_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "inputs.json"
    file.write_text(INPUTS.read_text("utf-8"), "utf-8")
    build = {"bytes": 300e6, "peak": {"pss": 1e9}}
    ask = {"memory": {"pss": 4e8}, "warm": {"service": {"the whole set": {"p95": 0.00712}}}}
    kinds = {"rare": {"p50": 0.004}, "common": {"p50": 0.02}, "the whole set": {"p50": 0.005}}
    ours = {"build": build, "ask": ask}
    cluster = {"build": {"bytes": 1e9}, "ask": {"warm": {"opensearch-1": kinds}}}
    take_engines(file, {"chats": 200_000, "engines": {"ours": ours, "opensearch-1": cluster}})
    found = json.loads(file.read_text("utf-8"))["measured"]
    assert found["whoosh_bytes"]["value"] == 1_500
    assert found["whoosh_search_ms"] == CONTENT["measured"]["whoosh_search_ms"] | {
        "points": [[200_000, 7.12], CONTENT["measured"]["whoosh_search_ms"]["points"][1]],
        "command": "python -m benchmarks.engines --chats 200000, and --chats 1000000",
    }
    assert found["whoosh_building_bytes"]["points"][0] == [200_000, 1e9]
    assert found["whoosh_serving_bytes"]["points"][0] == [200_000, 4e8]
    assert found["opensearch_bytes"]["value"] == 5_000
    assert found["opensearch_search_ms"]["points"] == [[0, 0], [200_000, 12]]


def test_new_figures_are_put_among_the_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "inputs.json"
    file.write_text(INPUTS.read_text("utf-8"), "utf-8")
    arguments = ["costs", "--chats", "100", "--inputs", str(file), "--postgres"]
    monkeypatch.setattr("sys.argv", arguments)
    costs.keep(file, {"copy_ms": 0.123456, "of_no_use": 1.0})
    found = json.loads(file.read_text("utf-8"))
    command = "python -m benchmarks.costs --chats 100 --postgres"
    assert found["measured"]["copy_ms"] == CONTENT["measured"]["copy_ms"] | {
        "value": 0.1235,
        "command": command,
    }
    assert found["measured"].keys() == CONTENT["measured"].keys()
