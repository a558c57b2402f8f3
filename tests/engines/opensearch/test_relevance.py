"""What comes first on the servers, for queries that people judged, if the dialogues (KdConv) lie
beside the repository."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import corpus, ours
from benchmarks.relevance import judgements, pages_of, parts, unlike
from kchat_search.composition import make_service
from kchat_search.config import only
from tests.engines.opensearch.cluster import Prefixes

_SET = "kdconv"
_MOST = 0.005
_MOST_UNLIKE = 0.02
"""A score of the server is a float32, so two chats may change places."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not corpus.DATA.exists(), reason=f"there are no dialogues in {corpus.DATA}"),
]


def test_the_figures_of_relevance_are_those_of_whoosh(prefixes: Prefixes, tmp_path: Path) -> None:
    """For each part of the answer, over a quarter of the queries. And nearly all of their answers
    are the same, chat by chat."""
    judged = judgements(_SET)[::4]
    queries = [q for q, _ in judged]
    with ours.opened(tmp_path) as service:
        for _ in ours.saving(service, corpus.lines(corpus.DATA / f"{_SET}.jsonl.gz")):
            pass
        ours.build(service)
        expected = pages_of(service, queries)
    cluster = prefixes.cluster(tmp_path)
    settings = only(
        archive_url=ours.settings(tmp_path).archive_url,
        engine="opensearch",
        opensearch_hosts=",".join(cluster.hosts),
        opensearch_prefix=cluster.prefix,
        opensearch_shards=cluster.shards,
        opensearch_replicas=0,
    )
    with closing(make_service(settings)) as service:
        ours.build(service)
        found = pages_of(service, queries)
    figures = parts(judged, found)
    for part, its in parts(judged, expected).items():
        assert figures[part] == pytest.approx(its, abs=_MOST), part
    assert unlike(queries, expected, found) <= _MOST_UNLIKE
