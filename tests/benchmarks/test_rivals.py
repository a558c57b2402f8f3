"""Every rival still builds an index and answers; if not, its figures would be worth nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import corpus, rivals
from benchmarks.engines import needs
from benchmarks.queries import Query
from kchat_search.models.search import SearchRequest


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a rival is never closed: its process ends
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", rivals.PLACES)
def test_a_rival_finds_chats_with_the_word_of_the_query(tmp_path: Path, name: str) -> None:
    if name == "tantivy":
        pytest.importorskip("tantivy", reason="the extra `bench` is not installed")
    chats = list(corpus.chats(30))
    folder = tmp_path / name
    folder.mkdir()
    rivals.make(name, folder).build(iter(chats))
    rival = rivals.make(name, folder)
    rival.open()
    text = "订单号"
    request = SearchRequest(q=text)
    if rival.supports("common"):
        query = Query("common", request, words=(text,), facets=True)
    else:
        query = Query("quoted3", request, literal=text, facets=True)
    assert 0 < rival.search(query) <= sum(text in str(chat["messages"]) for chat in chats)


def test_a_missing_extra_is_named() -> None:
    with pytest.raises(SystemExit, match="bench"):
        needs("a_package_that_nobody_has")
