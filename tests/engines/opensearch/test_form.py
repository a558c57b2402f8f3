"""The form of an index: what settings decide, what others changed, what a cluster refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kchat_search.engines.opensearch.engine import OpenSearchEngine
from kchat_search.errors import IndexDamaged, IndexUnwritable
from kchat_search.models.plan import Contains
from tests.contracts.engine.conftest import build
from tests.engines.documents import make
from tests.engines.opensearch.cluster import Prefixes


def ask(engine: OpenSearchEngine, method: str, path: str, body: object = None) -> Any:
    return engine._connection.ask(method, path, body)


def index(engine: OpenSearchEngine) -> str:
    return str(engine.describe().generation)


def shards_and_copies(engine: OpenSearchEngine) -> tuple[str, str]:
    shown = ask(engine, "GET", f"/{index(engine)}/_settings")[index(engine)]["settings"]["index"]
    return shown["number_of_shards"], shown["number_of_replicas"]


@pytest.mark.slow
def test_shards_and_copies_are_those_of_the_settings_in_the_next_generation(
    prefixes: Prefixes, tmp_path: Path
) -> None:
    """A present one stays as it is until `reindex`, and whoever reads or writes takes it so."""
    before = prefixes.open(tmp_path, shards=2, replicas=0)
    build(before, [[make(1, "退款")]])
    after = prefixes.open(tmp_path, shards=3, replicas=1)
    after.write([make(2, "退款")])
    assert shards_and_copies(after) == ("2", "0")
    build(after, [[make(1, "退款"), make(2, "退款")]])
    assert shards_and_copies(after) == ("3", "1")
    assert before.count(Contains("退款")) == 2
    before.close()
    after.close()


def a_field_more(engine: OpenSearchEngine) -> None:
    ask(engine, "PUT", f"/{index(engine)}/_mapping", {"properties": {"extra": {"type": "long"}}})


def a_field_more_in_a_passage(engine: OpenSearchEngine) -> None:
    extra = {"type": "nested", "include_in_root": True, "properties": {"x": {"type": "long"}}}
    ask(engine, "PUT", f"/{index(engine)}/_mapping", {"properties": {"passages": extra}})


def no_longer_strict(engine: OpenSearchEngine) -> None:
    ask(engine, "PUT", f"/{index(engine)}/_mapping", {"dynamic": True})


def refreshed_by_itself(engine: OpenSearchEngine) -> None:
    body = {"index": {"refresh_interval": "1s"}}
    ask(engine, "PUT", f"/{index(engine)}/_settings", body)


def through_a_pipeline(engine: OpenSearchEngine) -> None:
    body = {"index": {"search.default_pipeline": "mine"}}
    ask(engine, "PUT", f"/{index(engine)}/_settings", body)


def another_analysis(engine: OpenSearchEngine) -> None:
    name = index(engine)
    ask(engine, "POST", f"/{name}/_close")
    body = {"analysis": {"tokenizer": {"pairs": {"type": "ngram", "min_gram": 1, "max_gram": 2}}}}
    ask(engine, "PUT", f"/{name}/_settings", body)
    ask(engine, "POST", f"/{name}/_open")


def closed(engine: OpenSearchEngine) -> None:
    ask(engine, "POST", f"/{index(engine)}/_close")


def two_under_the_alias(engine: OpenSearchEngine) -> None:
    alias = engine._generations.alias
    ask(engine, "PUT", f"/{alias}-other", {"aliases": {alias: {}}})


def made_by_a_write(engine: OpenSearchEngine) -> None:
    """All of ours was removed, and something else was written under the alias's name."""
    alias = engine._generations.alias
    ask(engine, "DELETE", f"/{index(engine)}")
    ask(engine, "PUT", f"/{alias}-0-0123456789ab/_doc/1", {"x": 1})
    body = {"actions": [{"add": {"index": f"{alias}-0-0123456789ab", "alias": alias}}]}
    ask(engine, "POST", "/_aliases", body)


CHANGES: dict[Callable[[OpenSearchEngine], None], str] = {
    a_field_more: "mapping of extra",
    a_field_more_in_a_passage: "mapping of passages.x",
    no_longer_strict: "mapping of dynamic",
    refreshed_by_itself: "setting index.refresh_interval",
    through_a_pipeline: "setting index.search.default_pipeline",
    another_analysis: "setting index.analysis.tokenizer.pairs.min_gram",
    closed: "index_closed",
    two_under_the_alias: "leads to several",
    made_by_a_write: "says nothing of itself|no index of ours",
}


@pytest.mark.slow
def test_what_somebody_else_changed_is_found_and_a_build_mends_it(
    prefixes: Prefixes, tmp_path: Path
) -> None:
    engine = prefixes.open(tmp_path)
    for change, words in CHANGES.items():
        build(engine, [[make(1, "退款")]])
        assert engine.count(Contains("退款")) == 1
        change(engine)
        with pytest.raises(IndexDamaged, match=words) as raised:
            engine.describe()  # as each tick does
        assert "kchat-search reindex" in str(raised.value), change
        opened = prefixes.open(tmp_path)
        with pytest.raises(IndexDamaged, match="reindex"):
            opened.count(Contains("退款"))
        opened.close()
    build(engine, [[make(1, "退款")]])
    assert engine.count(Contains("退款")) == 1
    engine.close()


def test_what_has_no_part_in_what_is_found_is_up_to_who_runs_the_servers(
    engine: OpenSearchEngine,
) -> None:
    body = {"number_of_replicas": 1, "priority": 7, "unassigned.node_left.delayed_timeout": "5m"}
    ask(engine, "PUT", f"/{index(engine)}/_settings", {"index": body})
    add = {"add": {"index": index(engine), "alias": f"{engine._generations.alias}-of-somebody"}}
    ask(engine, "POST", "/_aliases", {"actions": [add]})
    engine.write([make(1, "退款")])
    assert engine.describe().documents == 1


@pytest.fixture
def template(engine: OpenSearchEngine) -> Iterator[Callable[[object], None]]:
    """Makes an index template for all indexes of the prefix."""
    alias = engine._generations.alias

    def put(made: object) -> None:
        body = {"index_patterns": [f"{alias}-*"], "priority": 9_999, "template": made}
        ask(engine, "PUT", f"/_index_template/{alias}", body)

    yield put
    ask(engine, "DELETE", f"/_index_template/{alias}")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"mappings": {"properties": {"extra": {"type": "long"}}}}, "mapping of extra"),
        ({"settings": {"index.final_pipeline": "mine"}}, "index.final_pipeline"),
        ({"settings": {"index.query.default_field": "id"}}, "index.query.default_field"),
        ("aliases", "alias kchat-"),
    ],
)
def test_an_index_template_that_changes_ours_is_said_and_the_present_index_answers(
    engine: OpenSearchEngine,
    template: Callable[[object], None],
    made: object,
    words: str,
) -> None:
    engine.write([make(1, "退款")])
    before = index(engine)
    alias = engine._generations.alias
    template({"aliases": {alias: {}}} if made == "aliases" else made)
    with pytest.raises(IndexUnwritable, match="index template") as raised:
        build(engine, [[make(2, "退款")]])
    assert words in str(raised.value)
    assert (index(engine), dict(engine.id_revisions())) == (before, {1: 1})
    assert set(ask(engine, "GET", f"/{alias}-*")) == {before}


def test_what_a_cluster_does_not_allow_is_said(prefixes: Prefixes, tmp_path: Path) -> None:
    engine = prefixes.open(tmp_path, shards=1_024)
    with pytest.raises(IndexUnwritable, match="maximum"):
        build(engine, [])
    engine.close()


def test_an_index_in_the_place_of_the_alias_is_said(prefixes: Prefixes, tmp_path: Path) -> None:
    """Some program wrote to the name of the alias while there was none: the cluster made it."""
    engine = prefixes.open(tmp_path)
    alias = engine._generations.alias
    ask(engine, "PUT", f"/{alias}/_doc/1", {"x": 1})
    with pytest.raises(IndexDamaged, match="reindex"):
        engine.describe()
    with pytest.raises(IndexUnwritable, match="KCHAT_OPENSEARCH_PREFIX"):
        build(engine, [])
    ask(engine, "DELETE", f"/{alias}")
    assert build(engine, [[make(1, "退款")]]) == 1
    engine.close()
