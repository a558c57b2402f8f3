"""Our own program in the benchmarks."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from benchmarks import cluster, ours
from benchmarks.engines import ENGINES, names_among
from benchmarks.queries import Query
from kchat_search.models.search import SearchRequest


def test_of_a_search_the_engines_part_is_known(tmp_path: Path) -> None:
    with ours.opened(tmp_path) as service:
        ours.fill(service, 20)
        ours.build(service)
        service.warm()
        _, seconds = ours.Asking(service).ask(Query("common", SearchRequest(q="的")))
    assert 0 < seconds["engine"] < seconds["service"]


def test_a_name_says_over_how_many_servers() -> None:
    read = names_among(*ENGINES)
    assert read("ours,opensearch,opensearch-3") == ("ours", "opensearch", "opensearch-3")
    assert cluster.label("opensearch-3") == "ours on OpenSearch, 3 servers"
    for name in ("opensearch-", "opensearch-0", "opensearch-33"):
        with pytest.raises(ArgumentTypeError, match=name):
            read(name)
