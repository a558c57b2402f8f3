from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient

from kchat_search.models.chats import RejectedChat, StoredReject
from kchat_search.models.reports import Coverage
from kchat_search.models.search import FacetValue, FilterCut, SearchRequest, Suggestion
from kchat_search.web.pages import histogram
from tests.web import chats
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import NOW, FakeService, chat, message
from tests.web.markup import Page


def look(client: FlaskClient, path: str, status: int = 200) -> Page:
    response = client.get(path)
    assert response.status_code == status, response.text
    page = Page(response.text)
    assert page.faults == []
    return page


PATHS = ["/", "/?q=退款", "/?q=没有", "/?q=&page=3", "/?q=包裹&page=99", "/chats/290?q=退款"]
PATHS += ["/chats/291", "/chats/290/versions", "/status", "/docs", "/nope"]


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_well_formed_in_both_languages(client: FlaskClient, path: str) -> None:
    chinese = Page(client.get(path).text)
    switch = "&lang=en" if "?" in path else "?lang=en"
    english = Page(client.get(path + switch).text)
    assert (chinese.faults, english.faults) == ([], [])
    assert "English" in chinese.text
    assert "中文" in english.text
    for page in (chinese, english):
        tags = [tag for tag, _ in page.tags]
        for landmark in ("header", "nav", "main", "footer"):
            assert landmark in tags
        assert tags.count("h1") == 1
        assert page.links[0]["class"] == "skip"


def test_the_first_page_tells_how_to_search_and_how_much_there_is(client: FlaskClient) -> None:
    page = look(client, "/")
    assert "已归档对话 63" in page.text
    assert "上次同步 2016-05-20 12:00" in page.text
    queries = [parse_qsl(urlsplit(link["href"]).query) for link in page.links]
    assert [("q", "“退款流程”")] in queries


def test_results_show_count_speakers_marks_and_lead_to_the_message(client: FlaskClient) -> None:
    page = look(client, "/?q=退款")
    assert "3 个对话" in page.text
    assert "3.2 毫秒" in page.text
    assert page.marks == ["退款"] * 5
    link = page.link("open")
    assert link == "/chats/290?q=%E9%80%80%E6%AC%BE#m290001"
    target = look(client, link.partition("#")[0])
    assert "m290001" in target.ids
    assert len(target.marks) == 3


def test_a_facet_asks_for_what_it_counts(client: FlaskClient, service: FakeService) -> None:
    page = look(client, "/?q=包裹")
    url = next(x["href"] for x in page.links if "agent_id=2193" in x["href"])
    assert "韩梅梅 20" in page.text
    narrowed = look(client, url)
    assert "20 个对话" in narrowed.text
    assert service.asked[-1] == SearchRequest(q="包裹", filters={"agent_id": ("2193",)})
    # the chip takes it away again
    assert urlsplit(narrowed.link("chip")).query == "q=%E5%8C%85%E8%A3%B9"


def test_filters_of_one_field_add_up_and_of_several_narrow(
    client: FlaskClient, service: FakeService
) -> None:
    page = look(client, "/?q=包裹&agent_id=2192&rating=1&has_upload=false")
    both = next(x["href"] for x in page.links if "agent_id=2193" in x["href"])
    look(client, both)
    assert service.asked[-1].filters == {
        "agent_id": ("2192", "2193"),
        "rating": ("1",),
        "has_upload": ("false",),
    }
    chips = [link for link in page.links if link.get("class") == "chip"]
    assert len(chips) == 3


def test_a_rating_given_as_text_is_the_same_choice_as_its_code(client: FlaskClient) -> None:
    page = look(client, "/?q=包裹&rating=满意")
    active = [x for x in page.links if x.get("class") == "active" and x.get("aria-current")]
    assert len(active) == 1
    assert "rating" not in active[0]["href"]


def test_a_chosen_filter_without_hits_stays_to_be_taken_away(client: FlaskClient) -> None:
    page = look(client, "/?q=退款&agent_id=9999")
    assert "没有找到对话" in page.text
    assert "去掉筛选条件，有 3 个对话。" in page.text
    assert any(x.get("class") == "active" and "agent_id" not in x["href"] for x in page.links)


def test_nothing_found_says_what_each_part_has_alone(client: FlaskClient) -> None:
    page = look(client, "/?q=退款 火箭&match=all")
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
    page = look(client, f"/?q={q}&agent_id=2192&agent_id=7&start=2016-01-01&status=close&match=all")
    ways = [x["href"] for x in page.links if "match=all" in x["href"]]
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


def test_chats_with_some_of_the_words_follow_behind_a_line(client: FlaskClient) -> None:
    page = look(client, "/?q=退款 订单号")
    assert "1 个对话包含全部词" in page.text
    assert page.text.index("#290") < page.text.index("以下只包含部分词") < page.text.index("#291")
    assert any("match=all" in link["href"] for link in page.links)


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
    assert hidden == [
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


def test_presets_are_days_counted_from_today(client: FlaskClient, service: FakeService) -> None:
    page = look(client, "/?q=退款")
    spans = {
        tuple(v for k, v in parse_qsl(urlsplit(x["href"]).query) if k in ("start", "end"))
        for x in page.links
    }
    assert {("2016-05-14",), ("2016-04-21",), ("2016-05-01",)} < spans
    assert ("2015-01-01", "2015-12-31") in spans


def test_an_unknown_parameter_of_a_page_is_a_page_that_says_so(client: FlaskClient) -> None:
    assert "没有名为 agent 的参数。" in look(client, "/?q=a&agent=1", 400).text
    assert "There is no parameter agent." in look(client, "/?q=a&agent=1&lang=en", 400).text


def test_the_page_says_when_it_does_not_know_everything(
    client: FlaskClient, service: FakeService
) -> None:
    assert "结果可能不全" not in look(client, "/?q=退款").text
    service.coverage = Coverage(False, 63, 12, 3, None)
    text = look(client, "/?q=退款").text
    assert "12 个对话等待编入索引" in text
    assert "3 个对话无法识别" in text
    service.coverage = Coverage(False, 63, 0, 0, None, backfilled=False)
    assert "历史对话仍在导入" in look(client, "/?q=退款").text
    assert "一个不漏" not in look(client, "/").text


def test_a_few_chats_between_archive_and_index_are_no_alarm(
    client: FlaskClient, service: FakeService
) -> None:
    service.coverage = Coverage(False, 63, 2, 0, None)
    text = look(client, "/?q=退款").text
    assert "2 个对话等待编入索引" in text
    assert "结果可能不全" not in text


def test_made_up_conversations_are_called_so(client: FlaskClient) -> None:
    demo = make_app(FakeService(chats.ordinary(), make_presentation(demo=True))).test_client()
    assert "演示数据" in look(demo, "/").text
    text = look(client, "/").text
    assert "演示数据" not in text
    assert "尚无登录" in text


def test_a_chat_reads_as_it_was(client: FlaskClient) -> None:
    page = look(client, "/chats/290?q=退款")
    said = [
        known["class"].split()[1]
        for tag, known in page.tags
        if tag == "li" and "said" in known.get("class", "").split()
    ]
    assert said == ["visitor", "agent", "visitor", "visitor", "agent", "visitor", "visitor"]
    assert "2015年4月25日星期六" in page.text
    assert "已撤回" in page.text
    assert "发票.pdf 470.8 KB" in page.text
    assert "1 小时 2 分" in page.text
    assert any(x["href"] == "https://acme.kf5.com/apiv2/chats/290.json" for x in page.links)
    assert any(x["href"] == "/chats/292" for x in page.links), "this visitor's other chats"
    assert page.link("back") == "/?q=%E9%80%80%E6%AC%BE"
    assert page.link("next") == "#m290002"
    for message_id in range(290000, 290008):
        assert any(x["href"] == f"#m{message_id}" for x in page.links), "a link to itself"


def test_a_robot_is_told_from_an_agent_and_days_are_set_apart(
    client: FlaskClient, service: FakeService
) -> None:
    first = service.chats[1]
    later = first.messages[-1]._replace(created_at=datetime(2016, 5, 19, 16, 0, tzinfo=UTC))
    service.chats[1] = replace(first, messages=(*first.messages[:-1], later))
    page = look(client, "/chats/291?lang=en")
    assert "小智 Robot" in page.text
    assert "Thursday, May 19, 2016" in page.text
    assert "Friday, May 20, 2016" in page.text, "a day begins at midnight in the configured zone"


def test_a_chat_that_is_gone_from_kchat_is_said_to_be(
    client: FlaskClient, service: FakeService
) -> None:
    service.gone[290] = NOW
    assert "Kchat 上已不存在" in look(client, "/chats/290").text
    assert "Kchat 上已不存在" in look(client, "/?q=耳机").text


def test_five_thousand_messages_are_one_page(client: FlaskClient, service: FakeService) -> None:
    service.chats.append(chat(7, [message(f"第 {n} 句") for n in range(5000)]))
    page = look(client, "/chats/7?q=4999")
    assert {f"m{number}" for number in range(7000, 12_000)} < set(page.ids)
    assert page.marks == ["4999"]


def test_the_status_page_shows_rejects_with_their_reasons(
    client: FlaskClient, service: FakeService
) -> None:
    assert "没有。" in look(client, "/status").text
    service.stored_rejects = tuple(
        StoredReject(RejectedChat(f"chat:{n}", n, "{}", f"no id in {n}"), NOW, NOW, 2)
        for n in range(120)
    )
    first = look(client, "/status")
    assert "no id in 49" in first.text
    assert "no id in 50" not in first.text
    last = look(client, "/status?offset=100")
    assert "no id in 119" in last.text
    assert not [x for x in last.links if x.get("rel") == "next"]
    assert client.get("/status?offset=-1").status_code == 400


MONTHS = {
    "created_month": [FacetValue("2015-11", None, 4), FacetValue("2016-02", None, 400)],
}


def test_the_histogram_has_no_gap_and_every_bar_its_days(client: FlaskClient) -> None:
    with client.application.test_request_context("/"):
        found = histogram.of_facets(SearchRequest(q="a"), MONTHS)
    assert [bar.name for bar in found.bars] == ["2015-11", "2015-12", "2016-01", "2016-02"]
    assert found.bars[0].url == "/?q=a&start=2015-11-01&end=2015-11-30"
    assert found.bars[3].url == "/?q=a&start=2016-02-01&end=2016-02-29"
    assert found.bars[1].url is None
    assert found.bars[0].height >= 2, "a few among many are still seen"


def test_an_active_bar_takes_its_days_away(client: FlaskClient) -> None:
    request = SearchRequest(q="a", start="2016-02-01", end="2016-02-29", page=3)
    with client.application.test_request_context("/"):
        found = histogram.of_facets(request, MONTHS)
    assert (found.bars[3].active, found.bars[3].url) == (True, "/?q=a")


def test_many_years_are_shown_by_year_and_one_year_by_month(client: FlaskClient) -> None:
    months = [FacetValue(f"{y}-{m:02d}", None, m) for y in range(2010, 2017) for m in (1, 12)]
    year = SearchRequest(q="a", start="2012-01-01", end="2012-12-31")
    with client.application.test_request_context("/"):
        years = histogram.of_facets(SearchRequest(q="a"), {"created_month": months})
        one = histogram.of_facets(year, {"created_month": months})
    assert [bar.name for bar in years.bars] == [str(y) for y in range(2010, 2017)]
    assert years.bars[2].count == 13
    assert years.bars[2].url == "/?q=a&start=2012-01-01&end=2012-12-31"
    assert [bar.name for bar in one.bars] == [f"2012-{m:02d}" for m in range(1, 13)]


DAYS = {
    "created_month": [FacetValue("2016-02", None, 5)],
    "created_day": [FacetValue("2016-02-27", None, 4), FacetValue("2016-03-01", None, 1)],
}


@pytest.mark.parametrize(
    ("start", "end", "first", "bars"),
    [
        (None, None, "2016-02-27", 4),
        ("2016-02-01", "2016-03-31", "2016-02-01", 60),
        ("2016-02-01", None, "2016-02-27", 4),
        ("2016-02-01", "2017-03-31", "2016-02-27", 4),
        ("2016-02-01T00:00:00Z", "2016-03-31", "2016-02-27", 4),
    ],
)
def test_days_are_shown_where_the_hits_lie_near_together(
    client: FlaskClient, start: str | None, end: str | None, first: str, bars: int
) -> None:
    """Over all the days that were asked for, if those are not too many."""
    with client.application.test_request_context("/"):
        found = histogram.of_facets(SearchRequest(q="a", start=start, end=end), DAYS)
    assert (found.bars[0].name, len(found.bars)) == (first, bars)
    (leap,) = (bar for bar in found.bars if bar.name == "2016-02-29")
    assert (leap.count, leap.url) == (0, None)
    (busy,) = (bar for bar in found.bars if bar.name == "2016-02-27")
    assert busy.url == "/?q=a&start=2016-02-27&end=2016-02-27"


def test_one_wrong_date_does_not_press_the_others_together(client: FlaskClient) -> None:
    months = [*MONTHS["created_month"], FacetValue("9999-12", None, 1), FacetValue("x", None, 1)]
    with client.application.test_request_context("/"):
        found = histogram.of_facets(SearchRequest(q="a"), {"created_month": months})
    assert [bar.name for bar in found.bars] == ["2015", "2016", "9999"]


def test_messages_said_in_one_breath_show_the_name_once(
    client: FlaskClient, service: FakeService
) -> None:
    said = [message("一"), message("二"), message("三", created_at=NOW)]
    service.chats.append(chat(8, said, created_at=NOW - timedelta(hours=1)))
    page = look(client, "/chats/8")
    classes = [known["class"] for tag, known in page.tags if "said" in known.get("class", "")]
    assert classes == ["said visitor", "said visitor follows", "said visitor"]


def test_a_search_of_one_part_that_finds_nothing_does_not_list_it_again(
    client: FlaskClient,
) -> None:
    assert "分开搜索各部分" not in look(client, "/?q=天文望远镜").text


def test_a_chat_that_waits_for_the_index_leaves_the_archive_complete(
    client: FlaskClient, service: FakeService
) -> None:
    service.coverage = Coverage(False, 63, 1, 0, NOW)
    waiting = look(client, "/").text
    assert "归档 完整" in waiting
    assert "1 个对话等待编入索引" in waiting
    service.coverage = Coverage(False, 63, 0, 1, NOW)
    assert "归档 不完整" in look(client, "/").text
