"""Real Chinese dialogues (CrossWOZ, KdConv, CRSA), if they lie beside the repository. All of them
arrive, everything that they contain is found, and nothing else is found."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import corpus
from benchmarks.corpus import DATA
from benchmarks.relevance import figures
from kchat_search.chats.visible_text import visible_text
from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.chat_file import load
from kchat_search.demo.server import DemoServer
from kchat_search.models.search import SearchRequest
from kchat_search.search.tree import quoted
from kchat_search.text.fold import fold
from kchat_search.text.joined import joined
from kchat_search.text.scripts import RunKind, runs
from kchat_search.text.variants import forms
from tests.world import World

CHATS = [DATA / f"{name}.jsonl.gz" for name in ("crosswoz", "kdconv", "crsa")]
JUDGED = [DATA / "relevance" / f"{name}-entity.jsonl.gz" for name in ("crosswoz", "kdconv")]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(file.exists() for file in CHATS), reason=f"there are no dialogues in {DATA}"
    ),
]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    loaded = [load(file) for file in CHATS]
    chats = [chat for found, _ in loaded for chat in found]
    agents = {str(agent["id"]): agent for _, found in loaded for agent in found}
    server = DemoServer(
        chats,
        list(agents.values()),
        email=DEMO_EMAIL,
        password=DEMO_PASSWORD,
        api_token=DEMO_API_TOKEN,
    )
    with server:
        folder = tmp_path_factory.mktemp("dialogues")
        world = World(server, folder, per_page=100)
        report = world.sync()
        assert (report.new, report.rejected, report.complete) == (len(chats), 0, True)
        yield world
        world.service.close()


@pytest.fixture(scope="module")
def texts(archive: World) -> dict[int, list[str]]:
    """For each chat, the folded text of each message."""
    return {
        chat_id: [
            fold(visible_text(message["msg"])) for message in each["messages"] if message["msg"]
        ]
        for chat_id, each in archive.archived().items()
    }


@pytest.fixture(scope="module")
def written(archive: World, texts: dict[int, list[str]]) -> dict[int, list[str]]:
    """For each chat, its texts and the stretches that people also write without separators."""
    joints = {
        chat_id: [
            fragment.text
            for message in each["messages"]
            if (seen := visible_text(message["msg"]))
            for fragment in joined(fold(seen), seen)
        ]
        for chat_id, each in archive.archived().items()
    }
    return {chat_id: [*texts[chat_id], *joints[chat_id]] for chat_id in texts}


def test_every_chat_arrives_as_it_was_sent(archive: World) -> None:
    archive.check_whole()


def test_1000_random_strings_are_found_everywhere_and_nowhere_else(archive: World) -> None:
    report = archive.service.verify(strings=1_000, seed=20160320)
    assert (report.strings, report.missed, report.wrong) == (1_000, (), ())
    assert report.clean, report


@settings(max_examples=300, deadline=None, print_blob=True)
@given(st.data())
def test_everything_that_was_said_is_found_with_recall_and_precision_1(
    archive: World, texts: dict[int, list[str]], written: dict[int, list[str]], data: st.DataObject
) -> None:
    """A part of a message in quotes; without quotes its digits and words, also without separators
    and in the other forms of a word; and its letters."""
    text = data.draw(st.sampled_from(texts[data.draw(st.sampled_from(sorted(texts)))]))
    start = data.draw(st.integers(0, len(text) - 1))
    piece = text[start : start + data.draw(st.integers(1, 15))]
    scan = {i for i, said in texts.items() if any(piece in each for each in said)}
    assert archive.found(quoted(piece)) == scan, piece
    for run in runs(piece):
        if run.kind is RunKind.DIGITS:
            assert archive.found(run.text) == having(written, run.text)
        if run.kind is RunKind.LETTERS:
            words = {i for i, said in texts.items() if any(has_word(s, run.text) for s in said)}
            assert archive.found(run.text) == words
        if run.kind is RunKind.HAN:
            parts = forms(run.text, archive.service.segmenter.segment_han)
            every = set.intersection(
                *(set().union(*(having(written, form) for form in part)) for part in parts)
            )
            assert archive.found(run.text) == every, run.text


def having(texts: dict[int, list[str]], literal: str) -> set[int]:
    return {i for i, said in texts.items() if any(literal in each for each in said)}


def has_word(text: str, word: str) -> bool:
    return any(run.kind is RunKind.LETTERS and run.text == word for run in runs(text))


def test_names_are_found_in_exactly_the_chats_that_have_them(
    archive: World, texts: dict[int, list[str]]
) -> None:
    for file in JUDGED:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                judged = json.loads(line)
                name = judged["query"]
                found = archive.found(quoted(name))
                assert found >= set(judged["literal"])  # the judgements ignore only case
                assert found == having(texts, fold(name))


BEST_OF_RIVALS = {
    "crosswoz": {"MRR@10": 0.964, "nDCG@10": 0.959, "recall@20": 0.987},
    "kdconv": {"MRR@10": 0.948, "nDCG@10": 0.945, "recall@20": 0.988},
}
"""The best figures of Whoosh's usual recipe and of FTS5, with all words or any, from
`python -m benchmarks.relevance`."""


@pytest.mark.parametrize("file", JUDGED, ids=["crosswoz", "kdconv"])
def test_chats_that_people_judged_relevant_come_first(archive: World, file: Path) -> None:
    """Better than the rivals in every figure, though the chats of all three sets are searched here.
    The chats of the other two sets were not judged, so they are left out."""
    name = file.name.partition("-")[0]
    mine = {int(line["id"]) for line in corpus.lines(DATA / f"{name}.jsonl.gz")}
    judged = [(line["query"], set(line["relevant"])) for line in corpus.lines(file)]

    def ask(q: str) -> list[int]:
        request = SearchRequest(q=q, per_page=100, snippets=0, facets=())
        ids = [hit.chat.id for hit in archive.service.search(request).hits]
        return [i for i in ids if i in mine][:20]

    found = figures(judged, ask)
    assert all(found[each] > bar for each, bar in BEST_OF_RIVALS[name].items()), found


def test_an_agents_chats_of_one_month_are_found(archive: World) -> None:
    name = next(iter(archive.service.agents().values()))
    ids = {key for key, value in archive.service.agents().items() if value == name}
    expected = {
        each["id"]
        for each in archive.archived().values()
        if str(each["agent_id"]) in ids and each["created_at"].startswith("2015-04")
    }
    assert archive.found(f"agent:{name} date:2015-04") == expected
    by_filter = archive.found("", agent_id=tuple(ids), start="2015-04-01", end="2015-04-30")
    assert by_filter == expected


UNITS: list[tuple[str, tuple[str, ...]]] = [
    # a query, and what some message must have, each in one piece
    ("5月1日", ("5月1日",)), ("10点", ("10点",)), ("3月15日", ("3月15日",)), ("20%", ("20%",)),
    ("第3次", ("第3次",)), ("C#", ("c#",)), ("C++", ("c++",)), (".NET", (".net",)),
    ("T恤", ("t恤",)), ("iPhone 6", ("iphone6",)), ("3.5折", ("3.5折",)), ("¥99", ("¥99",)),
    ("A4纸", ("a4纸",)), ("3D", ("3d",)), ("5G", ("5g",)), ("24小时", ("24小时",)),
    ("7天无理由", ("7天", "无", "理由")), ("3个手机", ("3个", "手机")),
    ("第2件半价", ("第2件", "半价")), ("100元", ("100元",)), ("50元", ("50元",)),
    ("３天", ("3天",)), ("2小时", ("2小时",)), ("30分钟", ("30分钟",)), ("1个小时", ("1个小时",)),
    ("5公里", ("5公里",)), ("500米", ("500米",)), ("2010年", ("2010年",)),
    ("1999年", ("1999年",)), ("1999年，电影", ("1999年", "电影")), ("2008年8月", ("2008年8月",)),
    ("10月1日", ("10月1日",)), ("90分钟", ("90分钟",)), ("4.5分", ("4.5分",)), ("5分", ("5分",)),
    ("18岁", ("18岁",)), ("K歌", ("k歌",)), ("1000元以下", ("1000元", "以下")),
    ("2万", ("2万",)), ("300万", ("300万",)), ("1937年", ("1937年",)), ("60平米", ("60平米",)),
    ("3部电影", ("3部", "电影")), ("2首歌", ("2首", "歌")), ("MP3", ("mp3",)),
    ("1-2小时", ("1-2小时",)), ("9:30", ("9:30",)), ("8:00-22:00", ("8:00-22:00",)),
    ("5分钟", ("5分钟",)), ("5分期", ("5", "分期")), ("6折", ("6折",)),
    ("1965年出生", ("1965年", "出生")), ("6月", ("6月",)),
    ("12月25日", ("12月25日",)), ("1日", ("1日",)), ("4500元", ("4500元",)),
    ("24小时营业", ("24小时", "营业")), ("酒店 100元", ("酒店", "100元")), ("-20度", ("-20度",)),
    ("门票50元。", ("门票", "50元")), ("1点", ("1点",)), ("3室1厅", ("3室1厅",)),
    ("第一名", ("第一名",)), ("100多元", ("100多元",)), ("10块钱", ("10块钱",)),
]  # fmt: skip
_BESIDE_A_UNIT = re.compile(
    r"(?<=[^\W\d_a-z]) (?=[\w%¥#])|(?<=[\w%¥#]) (?=[^\W\d_a-z])|(?<=\d) (?=[a-z%¥#])"
    r"|(?<=[a-z%¥#]) (?=\d)"
)
"""A blank at which people write a number and its unit apart, or not."""


@pytest.mark.parametrize(("query", "needles"), UNITS)
def test_a_number_stays_with_its_unit(
    archive: World, texts: dict[int, list[str]], query: str, needles: tuple[str, ...]
) -> None:
    written = {i: [_BESIDE_A_UNIT.sub("", text) for text in each] for i, each in texts.items()}
    expected = {
        chat_id
        for chat_id, each in written.items()
        if all(any(needle in text for text in each) for needle in needles)
    }
    assert archive.found(query) == expected
    if query == "5月1日":
        assert len(expected) == 9
