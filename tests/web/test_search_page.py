"""The page of a search: hits, filters, ways out of nothing, exports."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient

from kchat_search.models.reports import Coverage
from kchat_search.models.search import FilterCut, SearchRequest, Snippet, Suggestion
from kchat_search.web.pages.search_page import in_line
from tests.web.fake_service import FakeService
from tests.web.markup import Page, look


def test_results_show_count_speakers_marks_and_lead_to_the_message(client: FlaskClient) -> None:
    page = look(client, "/?q=退款")
    assert "3 个对话" in page.text
    assert "3.2 毫秒" in page.text
    assert page.marks == ["退款"] * 5
    link = page.link("open")
    assert link == "/chats/290?within=q%3D%25E9%2580%2580%25E6%25AC%25BE&at=1#m290001"
    target = look(client, link.partition("#")[0])
    assert "m290001" in target.ids
    conversation = client.get(link).text.partition('class="transcript"')[2].partition("</ol>")[0]
    assert conversation.count("<mark>") == 3


def test_the_paper_says_which_of_the_hits_it_has(client: FlaskClient) -> None:
    assert "60 个对话 这里是第 21–40 个" in look(client, "/?q=包裹&page=2").text
    assert "这里是第" not in look(client, "/?q=退款").text


def test_the_names_of_a_hit_lead_to_the_chats_of_whoever_it_is(
    client: FlaskClient, service: FakeService
) -> None:
    def ways() -> set[str]:
        return {link["href"] for link in look(client, "/?q=耳机").links}

    names = {"/?visitor_id=547&sort=newest", "/?agent_id=2192&sort=newest"}
    assert names <= ways()
    service.chats[0] = replace(service.chats[0], visitor_id=None, agent_id=None)
    assert not names & ways()


def ticked(page: Page, name: str) -> dict[str, bool]:
    """The values that a filter offers in the form, and whether each is chosen."""
    boxes = [x for x in page.fields if x.get("name") == name and x.get("type") != "hidden"]
    return {box["value"]: "checked" in box for box in boxes}


def test_a_box_asks_for_what_it_counts(client: FlaskClient, service: FakeService) -> None:
    page = look(client, "/?q=包裹")
    assert ticked(page, "agent_id") == {"2193": False, "2192": False}
    assert "韩梅梅 20" in page.text
    as_sent = "/?q=包裹&agent_id=2193&started_by=&type=&has_upload=&start=&end="
    narrowed = look(client, client.get(as_sent).headers["Location"])
    assert "20 个对话" in narrowed.text
    assert service.asked[-1] == SearchRequest(q="包裹", filters={"agent_id": ("2193",)})
    assert ticked(narrowed, "agent_id") == {"2193": True, "2192": False}
    # The chip leads back to the search without the filter.
    assert urlsplit(narrowed.link("chip")).query == "q=%E5%8C%85%E8%A3%B9"


def test_boxes_of_one_filter_add_up_and_say_how_many_they_add(client: FlaskClient) -> None:
    page = look(client, "/?q=包裹&agent_id=2193")
    total = int(re.search(r"(\d+) 个对话", page.text)[1])  # type: ignore[index]
    added = int(re.search(r"李雷 \+(\d+)", page.text)[1])  # type: ignore[index]
    both = look(client, "/?q=包裹&agent_id=2193&agent_id=2192")
    assert f"{total + added} 个对话" in both.text
    assert len([link for link in both.links if link.get("class") == "chip"]) == 2
    # Whoever took part may be several, so nobody knows how many a second one adds.
    assert "+" not in look(client, "/?q=包裹&participant=2193").text


def test_the_form_of_the_filters_is_the_whole_search(client: FlaskClient) -> None:
    path = "/?q=包裹&agent_id=2192&visitor_id=5&has_upload=false&sort=newest&page=2"
    page = look(client, f"{path}&said_end=2016-05-20")
    search, filters = [known for tag, known in page.tags if tag == "form"][:2]
    assert (search["id"], filters["id"]) == ("search-form", "filter-form")
    hidden = [x for x in page.fields if x.get("type") == "hidden"]
    sent = [(x["name"], x["value"]) for x in hidden][-3:]
    assert sent == [("q", "包裹"), ("visitor_id", "5"), ("sort", "newest")]
    assert ticked(page, "has_upload") == {"": False, "false": True}
    free = ticked(look(client, "/?q=包裹"), "started_by")
    assert free[""], "one that takes a single value can be given up"
    assert ("said_end", "2016-05-20") in [(x.get("name"), x.get("value")) for x in page.fields]


def test_a_rating_given_as_text_is_the_same_choice_as_its_code(client: FlaskClient) -> None:
    page = look(client, "/?q=包裹&rating=满意")
    chosen = [value for value, is_ticked in ticked(page, "rating").items() if is_ticked]
    assert chosen == ["满意"]


def test_a_chosen_filter_without_hits_stays_to_be_taken_away(client: FlaskClient) -> None:
    page = look(client, "/?q=退款&agent_id=9999")
    assert "没有找到对话" in page.text
    assert "去掉筛选条件，有 3 个对话" in page.text
    assert next(iter(ticked(page, "agent_id").items())) == ("9999", True)


def test_nothing_found_says_what_each_part_has_alone(client: FlaskClient) -> None:
    page = look(client, "/?q=退款 火箭")
    assert "退款 3 个对话" in page.text
    assert "火箭 0 个对话" in page.text


def test_nothing_found_says_which_filter_cut_it_away_and_leads_out(
    client: FlaskClient, service: FakeService
) -> None:
    q = "退款 -包裹 天文"
    service.cuts = (
        FilterCut("agent_id", None, q, 4),
        FilterCut("created", None, q, 5),
        FilterCut("status", None, q, 0),
        FilterCut("q", "-包裹", "退款 天文", 6),
    )
    page = look(client, f"/?q={q}&agent_id=2192&agent_id=7&start=2016-01-01&status=close")
    ways = [x["href"] for x in page.links]
    left = {dict(parse_qsl(way.partition("?")[2])).get("q"): way for way in ways}
    assert "客服：李雷、7 4 个对话" in page.text
    assert "2016-01-01 至 … 5 个对话" in page.text
    assert "-包裹 6 个对话" in page.text
    assert "状态：已结束 0 个对话" not in page.text, "a way that leads nowhere is none"
    assert "agent_id=2192&agent_id=7&status=close&start=2016-01-01" in left["退款 天文"]
    without_agents = [way for way in ways if "agent_id" not in way and "start=2016" in way]
    assert len(without_agents) == 1


def test_what_may_have_been_meant_keeps_the_filters(
    client: FlaskClient, service: FakeService
) -> None:
    service.suggestions = (Suggestion("天文 <望远镜>", 1234),)
    page = look(client, "/?q=天文望远竟&status=close")
    assert "您要找的是不是" in page.text
    assert "天文 <望远镜> 1,234" in page.text
    (near,) = (x["href"] for x in page.links if "%3C" in x["href"])
    assert parse_qsl(near.partition("?")[2]) == [("q", "天文 <望远镜>"), ("status", "close")]


def test_chats_with_some_of_the_words_are_a_list_apart(client: FlaskClient) -> None:
    page = look(client, "/?q=退款 订单号")
    assert page.text.index("#290") < page.text.index("个对话含其中一部分") < page.text.index("#291")
    assert "个对话含其中一部分" not in look(client, "/?q=退款 订单号&related=0").text


def test_a_saved_address_is_the_whole_search(client: FlaskClient, service: FakeService) -> None:
    look(client, "/?q=包裹&status=close&sort=newest&start=2015-01-01&end=2015-12-31&page=2")
    assert service.asked[-1] == SearchRequest(
        q="包裹",
        filters={"status": ("close",)},
        sort="newest",
        start="2015-01-01",
        end="2015-12-31",
        page=2,
    )


def test_the_form_carries_the_filters_into_the_next_search(client: FlaskClient) -> None:
    page = look(client, "/?q=包裹&status=close&agent_id=2192&agent_id=2193&sort=newest&page=2")
    hidden = [(x["name"], x["value"]) for x in page.fields if x.get("type") == "hidden"]
    assert hidden[:4] == [
        ("agent_id", "2192"),
        ("agent_id", "2193"),
        ("status", "close"),
        ("sort", "newest"),
    ]


def test_empty_fields_of_the_form_are_no_conditions(client: FlaskClient) -> None:
    response = client.get("/?q=包裹&start=&end=2015-12-31")
    assert response.status_code == 302
    assert parse_qsl(urlsplit(response.headers["Location"]).query) == [
        ("q", "包裹"),
        ("end", "2015-12-31"),
    ]
    assert client.get("/?q=&start=&end=").headers["Location"] == "/?q="


def spans(page: Page, *names: str) -> set[tuple[str, ...]]:
    """The days that links ask for, by these parameters."""
    queries = [parse_qsl(urlsplit(x["href"]).query) for x in page.links]
    return {tuple(v for k, v in query if k in names) for query in queries}


PRESETS = {
    *[("2016-05-20", "2016-05-20"), ("2016-05-19", "2016-05-19"), ("2016-05-14",)],
    *[("2016-04-21",), ("2016-05-01",), ("2016-04-01", "2016-04-30"), ("2016-01-01",)],
    ("2015-01-01", "2015-12-31"),
}
"""On NOW's day: 今天 昨天 近 7 天 近 30 天 本月 上月 今年 去年."""


def test_presets_are_days_counted_from_today(client: FlaskClient) -> None:
    assert spans(look(client, "/?q=退款"), "start", "end") >= PRESETS
    by_said = look(client, "/?q=退款&by=said")
    assert spans(by_said, "said_start", "said_end") >= PRESETS
    assert spans(by_said, "start", "end") == {()}
    fields = {x.get("id"): x.get("name") for x in by_said.fields}
    assert (fields["from"], fields["to"]) == ("said_start", "said_end")


def test_the_chosen_days_go_along_to_the_other_time(client: FlaskClient) -> None:
    page = look(client, "/?q=退款&start=2015-01-01&end=2016-05-20")
    (other,) = (x["href"] for x in page.links if "said_start=2015" in x["href"])
    assert (
        urlsplit(other).query
        == urlsplit("/?q=%E9%80%80%E6%AC%BE&said_start=2015-01-01&said_end=2016-05-20").query
    )
    back = look(client, other)
    assert "/?q=%E9%80%80%E6%AC%BE&start=2015-01-01&end=2016-05-20" in {
        x["href"] for x in back.links
    }
    assert "by 只能是 created, said。" in look(client, "/?q=a&by=moon", 400).text


def test_a_value_can_be_left_out_and_taken_back(client: FlaskClient) -> None:
    page = look(client, "/?q=包裹")
    (url,) = (x for x in page.links if "-assigned%3A2193" in x["href"])
    total = int(re.search(r"(\d+) 个对话", page.text)[1])  # type: ignore[index]
    assert int(url["data-finds"]) == total - 20
    assert "排除 韩梅梅" in url["aria-label"]
    left = look(client, url["href"])
    assert "排除 负责客服：韩梅梅" in left.text
    assert urlsplit(left.link("chip")).query == "q=%E5%8C%85%E8%A3%B9"


def test_where_values_are_chosen_none_is_left_out(client: FlaskClient) -> None:
    page = look(client, "/?q=包裹&agent_id=2193")
    assert not any("-assigned%3A" in x["href"] for x in page.links)
    assert any("-rating%3A" in x["href"] for x in page.links)


def test_a_match_far_behind_is_brought_to_the_front(client: FlaskClient) -> None:
    snippet = Snippet(1, 0, "a", "visitor", None, "一二三四五六七八九十一二三退款四五", ((13, 15),))
    far, text, ranges = in_line(snippet)
    assert (far + text, far, ranges) == (snippet.text, "一二三四五六七", ((6, 8),))
    near = replace(snippet, text="一二退款", highlights=((2, 4),))
    assert in_line(near) == ("", "一二退款", ((2, 4),))
    assert in_line(replace(snippet, highlights=()))[0] == ""


@pytest.mark.parametrize(("per_page", "is_open"), [(4, True), (5, False)])
def test_related_chats_are_folded_where_hits_are_enough(
    client: FlaskClient, service: FakeService, per_page: int, is_open: bool
) -> None:
    service.meant = {290}
    page = look(client, f"/?q=包裹 SF00000&per_page={per_page}")
    related = [known for tag, known in page.tags if known.get("class") == "related"]
    assert related
    assert all(("open" in known) is is_open for known in related)


def test_an_unknown_parameter_of_a_page_is_a_page_that_says_so(client: FlaskClient) -> None:
    assert "没有名为 agent 的参数。" in look(client, "/?q=a&agent=1", 400).text
    assert "There is no parameter agent." in look(client, "/?q=a&agent=1&lang=en", 400).text


def test_the_page_says_when_it_does_not_know_everything(
    client: FlaskClient, service: FakeService
) -> None:
    assert "结果可能不全" not in look(client, "/?q=退款").text
    service.covers = Coverage(False, 63, 12, 3, None)
    text = look(client, "/?q=退款").text
    assert "12 个对话等待编入索引" in text
    assert "3 个对话无法识别" in text
    service.covers = Coverage(False, 63, 0, 0, None, backfilled=False)
    assert "历史对话仍在导入" in look(client, "/?q=退款").text
    assert "一个不漏" not in look(client, "/").text


def test_a_few_chats_between_archive_and_index_are_no_alarm(
    client: FlaskClient, service: FakeService
) -> None:
    service.covers = Coverage(False, 63, 2, 0, None)
    text = look(client, "/?q=退款").text
    assert "2 个对话等待编入索引" in text
    assert "结果可能不全" not in text


def test_a_search_of_one_part_that_finds_nothing_does_not_list_it_again(
    client: FlaskClient,
) -> None:
    assert "分开搜索各部分" not in look(client, "/?q=天文望远镜").text


def exports_of(client: FlaskClient, path: str) -> dict[str, str]:
    page = Page(client.get(path).text)
    assert page.faults == []
    urls = [link["href"] for link in page.links if "/api/v1/export" in link.get("href", "")]
    return {dict(parse_qsl(urlsplit(url).query))["format"]: url for url in urls}


@pytest.mark.parametrize(
    "path",
    [
        "/?q=",
        "/?q=包裹&sort=newest&page=2",
        "/?q=包裹&sort=oldest",
        "/?q=包裹&agent_id=2193&rating=1&rating=none",
        "/?q=&has_upload=true",
        "/?q=包裹&start=2015-01-01&end=2015-12-31",
        "/?q=包裹 SF000003",  # one chat has both words, others follow
    ],
)
def test_the_page_leads_to_the_export_of_what_it_counts(client: FlaskClient, path: str) -> None:
    urls = exports_of(client, path)
    assert set(urls) == {"xlsx", "csv", "jsonl"}
    answer = client.get("/api/v1/search" + path[1:]).get_json()
    for url in urls.values():
        response = client.get(url, buffered=True)
        assert response.status_code == 200
        assert int(response.headers["X-Total-Count"]) == answer["total"]
    text = Page(client.get(path).text).text
    assert re.search(rf"导出(全部)? {answer['total']} 个", text)
    english = Page(client.get(path + "&lang=en").text).text
    assert re.search(rf"Export .*{answer['total']} chat", english)


def test_where_nothing_has_all_the_words_there_is_no_export(client: FlaskClient) -> None:
    assert exports_of(client, "/?q=nowhere") == {}
