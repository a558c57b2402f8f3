"""Reading the chats of a list: the way on and back, what is found in a chat, its parts."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from kchat_search.models.search import SearchRequest
from kchat_search.serialization.links import pairs, within
from kchat_search.web.http.parameters import read_search
from kchat_search.web.pages.transcript import marks
from tests.web.builders import chat, message
from tests.web.fake_service import FakeService
from tests.web.markup import Page, look


def follow(client: FlaskClient, page: Page, of: str) -> str:
    """The address of the link with this `rel` or `id`."""
    return next(x["href"] for x in page.links if of in (x.get("rel"), x.get("id")))


def test_one_goes_through_the_chats_of_a_list_and_back_to_the_place_in_it(
    client: FlaskClient,
) -> None:
    listed = look(client, "/?q=退款&sort=oldest&per_page=2&page=2")
    path = listed.link("open")
    page = look(client, path)
    assert "第 3 / 3 个结果" in page.text
    chat_id = path.split("?")[0].rsplit("/", 1)[1]
    back = follow(client, page, "back")
    assert back == f"/?q=%E9%80%80%E6%AC%BE&sort=oldest&page=2&per_page=2#hit-{chat_id}"
    assert f"hit-{chat_id}" in look(client, back.partition("#")[0]).ids
    assert not any(x.get("rel") == "next" for x in page.links)
    before = look(client, follow(client, page, "prev").partition("#")[0])
    assert "第 2 / 3 个结果" in before.text
    assert "&page=2" not in follow(client, before, "back"), "it is on another page of the list"
    assert follow(client, before, "next").split("?")[0] == f"/chats/{chat_id}"


def test_the_words_of_the_list_are_marked_and_stay_in_the_box(client: FlaskClient) -> None:
    page = look(client, "/chats/290?within=q%3D%25E9%2580%2580%25E6%25AC%25BE&at=1")
    assert "退款" in page.marks
    assert 'value="退款"' in client.get("/chats/290?within=q%3D退款&at=1").text


def test_a_list_that_has_moved_says_so_and_leads_back(client: FlaskClient) -> None:
    page = look(client, "/chats/290?within=q%3D%25E5%258C%2585%25E8%25A3%25B9&at=2")
    assert "结果已有变化" in page.text
    assert follow(client, page, "back").startswith("/?q=")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("within=sort%3Dbest", "within"),
        ("within=x%3D1", "within"),
        ("within=q%3D1&at=x", "at"),
        ("all=yes", "all"),
        ("find=a&find=b", "find"),
    ],
)
def test_an_address_that_asks_for_nothing_names_its_parameter(
    client: FlaskClient, query: str, parameter: str
) -> None:
    answer = client.get(f"/chats/290?{query}")
    assert answer.status_code == 400
    assert parameter in Page(answer.text).text


@pytest.mark.parametrize(
    "asked",
    [
        SearchRequest(),
        SearchRequest(q="a&b=c %+#", sort="newest", per_page=7),
        SearchRequest(filters={"agent_id": ("1", "2")}, start="2016-01-01", hot="1-7d-1"),
    ],
    ids=["all", "signs", "filters"],
)
def test_within_is_the_list_whichever_page_of_it_is_shown(asked: SearchRequest) -> None:
    page = SearchRequest(**{name: getattr(asked, name) for name in asked.__slots__} | {"page": 3})
    assert within(page) == within(asked)
    read = read_search(MultiDict(parse_qsl(within(asked), keep_blank_values=True)))
    assert pairs(read) == pairs(asked)


def test_what_is_looked_for_in_a_chat_is_marked_apart_and_listed(client: FlaskClient) -> None:
    text = client.get("/chats/290?q=退款&find=订单号").text
    page = Page(text)
    assert page.faults == []
    assert "<mark>退款</mark>" in text
    assert '<mark class="found">订单号</mark>' in text
    assert 'value="订单号"' in text
    matches = [x["href"] for x in page.links if (x["href"] or "").startswith("#m")]
    assert len(matches) > len(set(matches)), "in the list and at the message"
    assert "find=" not in next(x["href"] for x in page.links if "q=" in x["href"])


def test_matches_of_all_parts_are_listed_and_lead_to_their_part(
    client: FlaskClient, service: FakeService
) -> None:
    said = [message(f"第{n}句{' 火箭' * (n % 150 == 0)}") for n in range(450)]
    service.chats.append(chat(7, said))
    page = look(client, "/chats/7?find=火箭&offset=200")
    found = [x["href"] for x in page.links if x["href"].endswith(("#m7000", "#m7150", "#m7300"))]
    assert "#m7300" in found
    assert "/chats/7?find=%E7%81%AB%E7%AE%AD#m7000" in found
    assert "3 处匹配" in page.text
    last = look(client, "/chats/7?find=火箭").link("next")
    assert last == "#m7150"
    assert look(client, "/chats/7?find=火箭&offset=0").text.count("第300句") == 1, "in the list"


def test_of_very_many_matches_those_near_the_part_are_listed(
    client: FlaskClient, service: FakeService
) -> None:
    service.chats.append(chat(7, [message(f"第{n}句") for n in range(450)]))
    text = client.get("/chats/7?find=句&offset=200").text
    assert text.count('<li value="') == 100
    assert '<li value="201">' in text
    assert "450 处匹配" in text
    assert "#m7199" in text.partition("match-list")[2].partition("</ol>")[0]


def test_an_address_with_only_a_message_leads_to_its_part(
    client: FlaskClient, service: FakeService
) -> None:
    service.chats.append(chat(7, [message("一句") for _ in range(450)]))
    answer = client.get("/chats/7/at/m7410?q=句")
    assert (answer.status_code, answer.location) == (302, "/chats/7?q=%E5%8F%A5&offset=400#m7410")
    assert client.get("/chats/7/at/m7000").location == "/chats/7#m7000"
    assert client.get("/chats/7/at/m9999").status_code == 404


def test_a_part_begins_with_its_day_and_a_name(client: FlaskClient, service: FakeService) -> None:
    service.chats.append(chat(7, [message("一句") for _ in range(201)]))
    text = client.get("/chats/7?offset=200").text
    assert '<li class="day">' in text
    assert "follows" not in text


@pytest.mark.parametrize(
    ("highlights", "found", "expected"),
    [
        ([(0, 2)], [], [(0, 2, "")]),
        ([], [(1, 3)], [(1, 3, "found")]),
        ([(0, 4)], [(2, 6)], [(0, 2, ""), (2, 4, "found both"), (4, 6, "found")]),
        ([(0, 9)], [(3, 4)], [(0, 3, ""), (3, 4, "found both"), (4, 9, "")]),
        ([(0, 1), (5, 6)], [(2, 3)], [(0, 1, ""), (2, 3, "found"), (5, 6, "")]),
        ([(1, 2)], [(1, 2)], [(1, 2, "found both")]),
    ],
)
def test_two_kinds_of_marks_do_not_overlap(
    highlights: list[tuple[int, int]],
    found: list[tuple[int, int]],
    expected: list[tuple[int, int, str]],
) -> None:
    assert list(marks(highlights, found)) == expected
