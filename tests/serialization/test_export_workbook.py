"""What stands in a workbook of an export: every chat, cell by cell, and what it says of itself."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kchat_search.kchat.parse import ChatParser
from kchat_search.models.chats import FetchedChat, Upload
from kchat_search.models.damage import DamagedRow
from kchat_search.models.reports import Coverage
from kchat_search.models.search import SearchRequest
from kchat_search.search.export_walk import AbsentChat, Exported
from kchat_search.serialization.export_formats import pieces
from kchat_search.serialization.export_table import CHAT_COLUMNS, MESSAGE_COLUMNS, NAMES
from kchat_search.serialization.sheet_cells import readable
from tests.serialization.export_files import about, rows, sheet_rows, sheets, unguarded
from tests.text.difficult_texts import texts
from tests.web import chats
from tests.web.builders import chat, message
from tests.web.conftest import make_presentation
from tests.web.fake_service import NOW, FakeService

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime.fromisoformat("2016-05-20T12:00:00")
CASE = Path(__file__).parents[3] / "shared" / "cases" / "csv-long-digits.json"


@pytest.fixture
def service() -> FakeService:
    return FakeService(chats.ordinary(), make_presentation())


def written(*items: Exported, **values: Any) -> bytes:
    return b"".join(pieces(items, "xlsx", about(**values)))


def as_text(cell: Any) -> str:
    """A cell as CSV writes it."""
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=SHANGHAI).isoformat()
    assert isinstance(cell, str)
    return cell


def test_it_has_the_cells_of_the_csv_but_with_dates(service: FakeService) -> None:
    service.gone[290] = NOW
    items = [service.chat(one.id) for one in service.chats]
    found = sheet_rows(written(*items))
    table = rows(b"".join(pieces(items, "csv", about())))
    assert len(found) == len(table) > 100
    for row, expected in zip(found, table, strict=True):
        assert {name: as_text(cell) for name, cell in row.items()} == {
            name: readable(unguarded(cell)) for name, cell in expected.items()
        }
    assert isinstance(found[0]["created_at"], datetime)
    assert {type(row["gone_at"]) for row in found} == {str, datetime}


@pytest.mark.skipif(not CASE.exists(), reason="the cases are beside a clone of the project")
def test_the_case_of_long_digits() -> None:
    case = json.loads(CASE.read_text(encoding="utf-8"))
    parser = ChatParser(SHANGHAI)
    service = FakeService([], make_presentation())
    for sent in case["chats"]:
        fetched = parser.parse_chat(sent)
        assert isinstance(fetched, FetchedChat)
        service.chats.append(fetched.chat)
    found = sheet_rows(written(*(service.chat(one.id) for one in service.chats)))
    (column,) = case["columns"]
    assert [row[column] for row in found] == case["expected"]


@given(st.lists(texts(), min_size=1, max_size=4))
def test_any_text_survives_in_every_column(said: list[str]) -> None:
    url = f"https://f.example/{said[-1]}"
    messages = [message(text, text, upload=Upload("1", text, 1, "x", url)) for text in said]
    one = chat(1, messages, status=said[0], agent_id=said[0], type=said[-1])
    found = sheet_rows(written(FakeService([one], make_presentation()).chat(1)))
    assert [row["text"] for row in found] == list(map(readable, said))
    assert [row["name"] for row in found] == list(map(readable, said))
    assert [row["upload_name"] for row in found] == list(map(readable, said))
    assert {(row["status"], row["chat_type"]) for row in found} == {
        (readable(said[0]), readable(said[-1]))
    }


def test_an_address_is_a_text_as_it_is_and_only_addresses_of_the_web_are_there() -> None:
    urls = ["https://f.example/a;=1,-2|'3?x=-4&y", "javascript:alert(1)", None, "http://ok/"]
    one = chat(1, [message("", upload=Upload("1", "f", 1, "x", url)) for url in urls])
    found = sheet_rows(written(FakeService([one], make_presentation()).chat(1)))
    assert [row["upload_url"] for row in found] == [urls[0], "", "", "http://ok/"]


def test_hostile_chats_can_be_exported(service: FakeService) -> None:
    service.chats = [chats.hostile()]
    found = sheet_rows(written(service.chat(666)))
    last_hour = datetime.fromisoformat("9999-12-31T23:00:00")
    assert {row["created_at"] for row in found} == {last_hour}
    assert "\x00" not in str(found)


def test_no_chat_is_lost_be_it_without_messages_absent_or_damaged(service: FakeService) -> None:
    service.chats = [chat(1, []), chat(2, [message("x")])]
    damaged = DamagedRow("chats", "its raw JSON is not what was stored", "fetch", 8)
    data = written(service.chat(1), AbsentChat(7), damaged, service.chat(2), total=4)
    found = sheet_rows(data)
    assert [(row["chat_id"], row["absent"], row["damaged"], row["text"]) for row in found] == [
        ("1", "", "", ""), ("7", "true", "", ""), ("8", "", str(damaged), ""), ("2", "", "", "x"),
    ]  # fmt: skip
    told = sheets(data)["About"]
    for line in (
        ["Chats that match", "4"],
        ["Chats in this file", "4"],
        ["Messages in this file", "1"],
        ["Chats damaged in the archive, without content", "1"],
        ["Chats damaged in the archive, without content", "#8"],
        ["Chats erased from the archive meanwhile", "#7"],
    ):
        assert line in told


def test_a_long_message_goes_on_and_the_file_says_so(service: FakeService) -> None:
    service.chats = [chat(1, [message("x"), message("长" * 100_000), message("z")])]
    data = written(service.chat(1))
    found = sheet_rows(data)
    assert [row["position"] for row in found] == ["0", "1", "1", "1", "1", "2"]
    assert "".join(row["text"] for row in found if row["position"] == "1") == "长" * 100_000
    told = sheets(data)["About"]
    assert ["Messages in this file", "3"] in told
    assert ["Messages with a text that is too long for a cell", "1"] in told


# -- what it says of itself --------------------------------------------------------------------

ASKED = SearchRequest(
    q='退款 "没到账"',
    filters={"agent_id": ("2192", "none"), "rating": ("1",), "has_upload": ("true",)},
    start="2016-01-01", end="2016-02-01", sort="newest",
)  # fmt: skip


def told(**values: Any) -> list[list[Any]]:
    """The sheet about an export of nothing, without its header."""
    *_, cells = sheets(written(**values)).values()
    return cells[1:]


def test_it_says_what_was_asked_in_english() -> None:
    lines = told(request=ASKED, agents={"2192": "李雷"}, total=0)
    for line in (
        ["Made at; the search is as of then", NOON],
        ["Time zone of all times", "Asia/Shanghai"],
        ["Query", '退款 "没到账"'],
        ["Agent in charge", "李雷 (2192)"],
        ["Agent in charge", "No agent"],
        ["Rating", "Satisfied (1)"],
        ["Files", "With files (true)"],
        ["Chats begun from", "2016-01-01"],
        ["Chats begun until", "2016-02-01"],
        ["Order", "Newest first"],
        ["Complete?", "Yes: the archive and the index had every chat of Kchat's"],
        ["Last sync with Kchat", NOON],
        ["Column chat_id", "The chat's number"],
    ):
        assert line in lines
    (address,) = [value for label, value in lines if label == "The same search again"]
    assert address.startswith("http://localhost/?q=%E9%80%80%E6%AC%BE+%22")
    assert "agent_id=2192&agent_id=none" in address


def test_it_says_so_in_chinese() -> None:
    data = written(request=ASKED, language="zh", agents={"2192": "李雷"})
    assert list(sheets(data)) == ["消息", "说明"]
    lines = sheets(data)["说明"]
    for line in (
        ["项目", "内容"],
        ["查询", '退款 "没到账"'],
        ["负责客服", "李雷 (2192)"],
        ["顺序", "最新的在前"],
    ):
        assert line in lines
    ascii_labels = [label for label, _ in lines if label.isascii()]
    assert ascii_labels == [], "each label is in the one language"


def test_without_a_query_it_says_that_it_is_of_every_chat() -> None:
    assert ["Query", "(empty: every chat)"] in told(request=SearchRequest(sort="oldest"))


def test_it_says_what_may_be_missing() -> None:
    half = Coverage(False, 63, pending=2, rejected=3, synced_at=None, backfilled=False)
    lines = told(coverage=half)
    assert [value for label, value in lines if label == "Complete?"] == [
        "No: older chats were still being fetched",
        "No: 2 chats waited for the index",
        "No: 3 chats could not be understood",
    ]
    assert ["Last sync with Kchat", "never"] in lines
    (line,) = [
        v
        for k, v in told(coverage=replace(half, pending=0, rejected=0, backfilled=True))
        if k == "Complete?"
    ]
    assert line.startswith("No")


def test_each_column_is_explained() -> None:
    explained = [
        label.removeprefix("Column ") for label, _ in told() if label.startswith("Column ")
    ]
    assert explained == list(NAMES)
    assert len(NAMES) == len(set(NAMES)) == len(CHAT_COLUMNS) + len(MESSAGE_COLUMNS)


def test_many_damaged_chats_are_named_up_to_a_number(service: FakeService) -> None:
    damaged = [DamagedRow("chats", "x", "fetch", number) for number in range(1, 1_200)]
    *_, lines = sheets(written(*damaged)).values()
    named = [value for label, value in lines if label.startswith("Chats damaged")]
    assert named[0] == "1199"
    assert named[1].startswith("#1, #2, ")
    assert named[-1] == "and 199 more: see the table"


def test_what_an_export_does_not_ask_is_not_said() -> None:
    labels = [label for label, _ in told(request=SearchRequest(per_page=7, snippets=0, page=2))]
    assert not {"per_page", "snippets", "page"} & set(labels)
