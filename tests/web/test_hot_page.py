"""The page and the API of the hot questions, over made-up ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import TypeAdapter

from kchat_search.models.hot import Days, HotId, HotPage, HotQuestion, TypicalMessage
from kchat_search.models.search import Snippet
from kchat_search.serialization.hot_schemas import HotJson
from tests.web.fake_service import NOW, FakeService
from tests.web.markup import Page

DAYS = Days.of("7d", date(2016, 5, 20))


def typical(chat_id: int, text: str, position: int = 1) -> TypicalMessage:
    snippet = Snippet(chat_id * 10, position, "访客", "visitor", NOW, text, ())
    return TypicalMessage(chat_id, snippet)


def question(place: int, total: int, before: int, *words: str, text: str = "退款") -> HotQuestion:
    return HotQuestion(HotId(12, "7d", place), total, before, words, (typical(place, text),))


def found(*questions: HotQuestion, total: int = 40) -> HotPage:
    covered = sum(each.total for each in questions)
    return HotPage("ready", "7d", DAYS, NOW, total, covered, questions)


FULL = found(
    question(1, 20, 10, "退款", "到账", text="<b>退款</b>几天到账"),
    question(2, 8, 16, "发票"),
    question(3, 5, 5),
    question(4, 1, 0, "改地址"),
)


def shown(client: FlaskClient, path: str = "/hot?period=7d", language: str = "zh") -> Page:
    answer = client.get(f"{path}&lang={language}")
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def test_each_question_has_its_number_and_the_search_that_finds_it(
    client: FlaskClient, service: FakeService
) -> None:
    service.hot_found = FULL
    text = client.get("/hot?period=7d").text
    link = "/?start=2016-05-14&amp;end=2016-05-20&amp;hot=12-7d-1&amp;sort=newest"
    assert f'<a href="{link}" data-finds="20"><bdi>退款、到账</bdi></a>' in text
    before = "/?start=2016-05-07&amp;end=2016-05-13&amp;hot=12-7d-1&amp;sort=newest"
    assert f'<a href="{before}" data-finds="10">' in text
    assert "&lt;b&gt;退款&lt;/b&gt;几天到账" in text
    assert 'href="/chats/1#m10"' in text
    assert "85%" in text  # 34 of 40
    assert '<rect class="bar" width="100"' in text
    assert '<rect class="bar" width="40"' in text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ["↑ 增加 10（+100%）", "↓ 减少 8（−50%）", "持平", "新出现", "问题 3"]),
        ("en", ["↑ 10 more (+100%)", "↓ 8 fewer (−50%)", "no change", "new", "Question 3"]),
    ],
)
def test_a_change_is_said_in_words(
    client: FlaskClient, service: FakeService, language: str, words: list[str]
) -> None:
    service.hot_found = FULL
    text = shown(client, language=language).text
    assert [word for word in words if word not in text] == []


def drawn(page: Page, tag: str, kind: str = "") -> list[dict[str, str]]:
    """The pictures or bars of a page, without those of its key."""
    found = [known for name, known in page.tags if name == tag]
    if tag == "svg":
        return [known for known in found if known.get("role") == "img"]
    return [known for known in found if known.get("class") == kind and "x" in known]


def test_a_chart_shows_each_day_beside_that_of_the_period_before(
    client: FlaskClient, service: FakeService
) -> None:
    now, before = (0, 1, 4, 0, 0, 2, 1), (2, 0, 0, 0, 0, 0, 0)
    each = replace(question(1, 8, 2), by_day=now, before_by_day=before)
    service.hot_found = found(each)
    page = shown(client)
    (chart,) = drawn(page, "svg")
    assert chart["aria-label"] == ("每天的对话数：最多一天 4 个（2016-05-16）；上一时段最多 2 个")
    heights = [float(bar["height"]) for bar in drawn(page, "rect", "now")]
    assert heights == [10, 40, 20, 10]
    assert [float(bar["height"]) for bar in drawn(page, "rect", "before")] == [20]
    assert "2016-05-16 · 4 个，上一时段 0 个" in page.text


def test_over_months_a_bar_is_a_week_that_ends_with_the_period(
    client: FlaskClient, service: FakeService
) -> None:
    days = Days.of("90d", date(2016, 5, 20))
    by_day = (5, *[0] * 81, 1, *[0] * 6, 3)  # the last week has 4
    each = HotQuestion(HotId(1, "90d", 1), 9, 0, (), (), by_day, (0,) * 90)
    service.hot_found = HotPage("ready", "90d", days, NOW, 9, 9, (each,))
    page = shown(client, "/hot?period=90d", "en")
    (chart,) = drawn(page, "svg")
    assert "Feb 21, 2016 to Feb 26, 2016" in chart["aria-label"], "the first week has six days"
    assert len(drawn(page, "rect", "ground")) == 13
    assert "May 14, 2016 – May 20, 2016 · 3 here" in page.text


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (HotPage("off", "7d", DAYS), "热点问题没有开启"),
        (HotPage("waiting", "7d", DAYS), "还没有算出来"),
        (found(total=3), "这一时段没有热点"),
    ],
    ids=["off", "waiting", "few"],
)
def test_where_there_are_none_the_page_says_why(
    client: FlaskClient, service: FakeService, page: HotPage, says: str
) -> None:
    service.hot_found = page
    assert says in shown(client).text


def test_the_api_says_the_same(client: FlaskClient, service: FakeService) -> None:
    service.hot_found = FULL
    answer: Any = client.get("/api/v1/hot?period=7d").json
    assert TypeAdapter(HotJson).validate_python(answer) == answer
    assert (answer["state"], answer["total"], answer["covered"]) == ("ready", 40, 34)
    assert [one["change"] for one in answer["questions"]] == [10, -8, 0, 1]
    first = answer["questions"][0]
    assert first["id"] == "12-7d-1"
    assert first["links"]["self"].endswith(
        "/api/v1/search?start=2016-05-14&end=2016-05-20&hot=12-7d-1&sort=newest"
    )
    assert first["messages"][0]["html"].endswith("/chats/1#m10")
    assert client.get(first["links"]["self"]).status_code == 200


@pytest.mark.parametrize("path", ["/hot", "/api/v1/hot"])
@pytest.mark.parametrize(
    ("query", "parameter"), [("period=31d", "period"), ("q=x", "q"), ("period=", "period")]
)
def test_other_parameters_are_refused(
    client: FlaskClient, path: str, query: str, parameter: str
) -> None:
    answer = client.get(f"{path}?{query}")
    assert answer.status_code == 400
    assert parameter in answer.text


def test_the_navigation_leads_to_it_and_a_search_shows_it_as_a_filter(
    client: FlaskClient, service: FakeService
) -> None:
    service.hot_found = FULL
    assert 'href="/hot" aria-current="page"' in client.get("/hot").text
    text = client.get("/?q=退款&hot=12-7d-1").text
    assert '<a class="chip" href="/?q=%E9%80%80%E6%AC%BE"><bdi>热点问题</bdi>' in text
    assert '<input type="hidden" name="hot" value="12-7d-1">' in text
    assert service.asked[-1].hot == "12-7d-1"
    assert "hot=12-7d-1&amp;format=csv" in text
