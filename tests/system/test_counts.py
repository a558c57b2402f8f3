"""Every number beside a link is what the link finds: on the search page, and on all others.

Those of saved searches are followed in tests/web/test_saved_page.py, those of hot questions in
tests/search/test_hot.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.server import DemoServer
from kchat_search.gate import Gate
from kchat_search.web import create_app
from tests.world import World, agents, chat, message

pytestmark = pytest.mark.slow

SAID = (
    ("退款还没到账", "您好，退款三天内到账"),
    ("物流到哪里了", "退款之后物流会停"),
    ("发票抬头写错了", "请提供发票号码"),
    ("申请退款", "请稍等"),
    ("没到账", "请再等等"),
    ("订单 138 1111 2222 的物流", "已经发出"),
)
RATINGS = (None, 1, 0, "3", "满意")
PAGES = [
    "q=",
    "q=退款没到账",
    "q=退款+物流",
    "q=退款&agent_id=2192",
    "q=退款&agent_id=2192&agent_id=2193",
    "q=退款&rating=1&rating=none",
    "q=退款&status=close&has_upload=true",
    "q=FILE+OR+退款+物流",
    "q=from:visitor+退款+OR+agent:2193",
    "q=OR",
    "q=发票&participant=2193",
    "q=&start=2016-03-03&end=2016-04-10",
    "q=退款&start=2016-03-05T08:00:00Z&end=2016-04-02T00:00:00%2B08:00",
    "q=物流&said_start=2016-03-02&said_end=2016-03-20",
    "q=退款&spoke=agent",
    "q=退款+OR+发票&sort=newest",
    "q=-退款&sort=oldest",
    "q=退款+火箭",
    "q=退款+status:open",
    "q=退款+date:2016-03",
    "q=物流+date:2016-03-01",
    "q=物流&start=2016-03-01&end=2016-03-02",
    "q=FILE+NOT+FOUND",
    "q=机密&history=true",
    "q=机密",
    "q=退宽&agent_id=2193",
    "q=退款&agent_id=9999",
    "q=退款&rating=0&status=queue",
    "q=agent:李",
    "q=105",
]


def chats() -> Iterator[dict[str, object]]:
    """Sixty chats over three months, each with something to choose."""
    for number in range(1, 61):
        said = SAID[number % len(SAID)]
        day = f"2016-0{3 + number // 25}-{1 + number % 25:02}"
        made = chat(100 + number, *said)
        made |= {
            "created_at": f"{day} 23:50:00" if number % 4 == 0 else f"{day} 10:00:00",
            "rating": RATINGS[number % len(RATINGS)],
            "status": "open" if number % 7 == 0 else "close",
            "agent_id": None if number % 11 == 0 else made["agent_id"],
        }
        if number % 9 == 0:
            upload = {"id": number, "name": f"发票{number}.pdf", "type": "pdf", "url": "https://f"}
            made["messages"].append(
                message(3, 100 + number, "访客", "", type="chat.upload", upload=upload)
            )
        yield made


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """The pages over the chats, one of which said something else before."""
    before, vanishes = chat(200, "机密的退款", "好的"), chat(201, "再见")
    with DemoServer(
        [*chats(), before, vanishes],
        agents(),
        email=DEMO_EMAIL,
        password=DEMO_PASSWORD,
        api_token=DEMO_API_TOKEN,
    ) as kchat:
        world = World(kchat, Path(tmp_path_factory.mktemp("counts")))
        world.sync()
        kchat.put(chat(200, "已撤回", "好的"))
        kchat.delete(201)
        world.later(minutes=5).sync(reconcile=True)
        yield create_app(Gate(owners=world.service)).test_client()
        world.service.close()


class Links(HTMLParser):
    """The links of a page: (address, what it promises to find or None, its text); and the count:
    of what a search found, of a visitor's chats, or of versions."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, int | None, str]] = []
        self.total = -1
        self._text: list[str] | None = None
        self._count: list[str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "a":
            finds = known.get("data-finds")
            label = known.get("aria-label") or ""
            self.found.append((known["href"] or "", None if finds is None else int(finds), label))
            self._text = []
        is_count = tag == "b" and self.total < 0
        if (tag == "p" and known.get("class") == "count") or (
            is_count and known.get("class") == "n"
        ):
            self._count = []

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._text is not None:
            address, finds, label = self.found[-1]
            self.found[-1] = (address, finds, f"{label} {''.join(self._text)}")
            self._text = None
        if tag == "b" and self._count is not None:
            self.total = int("".join(self._count).partition(" ")[0].replace(",", ""))
            self._count = None

    def handle_data(self, data: str) -> None:
        for collected in (self._text, self._count):
            if collected is not None:
                collected.append(data)


def shown(client: FlaskClient, address: str) -> Links:
    answer = client.get(address, headers={"Accept-Language": "zh"})
    assert answer.status_code == 200, (address, answer.text[:500])
    return Links(answer.text)


@pytest.mark.parametrize("query", PAGES)
def test_a_link_finds_what_stands_beside_it(client: FlaskClient, query: str) -> None:
    page = shown(client, f"/?{query}")
    counted = [(address, finds, text) for address, finds, text in page.found if finds is not None]
    for address, finds, text in counted:
        assert shown(client, address).total == finds, (query, address, text)
        assert f"{finds:,}" in text, (address, text)
    if page.total:
        assert counted


@pytest.mark.parametrize("query", PAGES)
def test_no_link_has_a_number_that_it_does_not_promise(client: FlaskClient, query: str) -> None:
    for address, finds, text in shown(client, f"/?{query}").found:
        if re.search(r"\d 个对话|共 \d", text):
            assert finds is not None, (address, text)


OTHER_PAGES = ["/", "/status", "/chats/106?q=退款", "/chats/106/visitor", "/chats/106/similar"]
OTHER_PAGES += ["/chats/200", "/chats/200/versions", "/chats/200/visitor?q=退款", "/chats/160"]


@pytest.mark.parametrize("path", OTHER_PAGES)
def test_a_link_of_any_other_page_leads_to_so_many(client: FlaskClient, path: str) -> None:
    found = shown(client, path).found
    for address, finds, text in found:
        if finds is not None:
            assert shown(client, address).total == finds, (address, text)
            assert f"{finds:,}" in text, (address, text)
        else:
            assert not re.search(r"\d 个(对话|版本)|共 \d", text), (address, text)
    counted = [address for address, finds, _ in found if finds is not None]
    assert bool(counted) == (path not in ("/", "/chats/106/similar", "/chats/200/versions"))


def test_a_filter_only_narrows(client: FlaskClient) -> None:
    for query in PAGES:
        total = shown(client, f"/?{query}").total
        for narrower in ("&status=close", "&has_upload=true", "&participant=2192"):
            name = narrower.partition("=")[0]
            if name not in query:
                assert shown(client, f"/?{query}{narrower}").total <= total, (query, narrower)


def test_a_search_by_creation_offers_the_one_by_what_was_said(client: FlaskClient) -> None:
    for query in ("q=物流+date:2016-03-01", "q=物流&start=2016-03-01&end=2016-03-01"):
        texts = [text for _, _, text in shown(client, f"/?{query}").found]
        assert any("按消息的时间查找" in text for text in texts), query
