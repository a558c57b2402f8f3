"""The whole program for tests: a service over a real Kchat server, and what must be true of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from kchat_search.composition import make_service
from kchat_search.config import Settings, only
from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL
from kchat_search.demo.server import DemoServer
from kchat_search.fields import PARAMETERS
from kchat_search.kchat.client import KchatClient
from kchat_search.kchat.parse import ChatParser
from kchat_search.kchat.same_content import SameContent
from kchat_search.models.chats import FetchedChat
from kchat_search.models.reports import SyncReport
from kchat_search.models.search import SearchPage, SearchRequest
from kchat_search.service import Service
from tests.contracts.archive.chats import all_stored

BEGIN = datetime(2016, 3, 20, 4, tzinfo=UTC)

_SAID = (
    "你好,我想申请退款",
    "请问订单号是多少?",
    "订单号是 20160301{n:04},手机尾号5678",
    "版本 3.6.0 登录不了,iPhone6",
    "好的,马上为您處理",
    "謝謝😀",
    "发票寄到 user{n}@example.com",
)


def agents() -> list[dict[str, Any]]:
    """The agents of the tests' server, as in `users.json`."""
    return [
        {"id": 2192, "name": "lilei", "agent_display_name": "李雷", "role": "agent"},
        {"id": 2193, "name": "韩梅梅", "role": "admin"},
    ]


def message(number: int, chat_id: int, name: str, msg: object, **fields: Any) -> dict[str, Any]:
    """A message in the API's form. Numbers begin at 1."""
    return {
        "id": chat_id * 1000 + number,
        "chat_id": chat_id,
        "type": "chat.msg",
        "name": name,
        "msg": msg,
        "is_read": 1,
        "created_at": f"2016-03-01 10:{number:02}:00",
        "upload_id": None,
        "upload": None,
    } | fields


def chat(chat_id: int, *said: object, **fields: Any) -> dict[str, Any]:
    """A chat in the API's form. Without `said`, its texts depend on the id."""
    day = f"2016-03-{1 + chat_id % 20:02}"
    texts: list[object] = list(said) or [
        _SAID[(chat_id + i) % len(_SAID)].format(n=chat_id) for i in range(3)
    ]
    agent = 2192 + chat_id % 2
    names = (f"访客{chat_id}", "李雷" if agent == 2192 else "韩梅梅")
    return {
        "id": chat_id,
        "type": "chat",
        "started_by": "visitor",
        "status": "close",
        "agent_id": agent,
        "rating": None,
        "visitor_id": chat_id % 7,
        "user_id": None,
        "created_at": f"{day} 10:00:00",
        "assigned_at": f"{day} 10:00:10",
        "end_at": f"{day} 10:30:00",
        "messages": [
            message(number, chat_id, names[(number - 1) % 2], text)
            for number, text in enumerate(texts, start=1)
        ],
    } | fields


def asked(q: str = "", **given: Any) -> SearchRequest:
    """A search for all of the words; what is `given` by the name of a filter is one."""
    filters: dict[str, tuple[str, ...]] = {}
    for name in PARAMETERS:
        value = given.pop(name, None)
        if isinstance(value, bool):
            value = str(value).lower()
        if value:
            filters[name] = (value,) if isinstance(value, str) else value
    return SearchRequest(**({"q": q, "filters": filters} | given))


def says_the_same(stored: object, shown: object) -> bool:
    """Is all that is shown in what is stored, and do both have the same texts, people and times?
    What is stored may have more: a field that Kchat no longer sends is kept."""
    parser = ChatParser(ZoneInfo("Asia/Shanghai"))
    old, new = (parser.parse_chat(one) for one in (stored, shown))
    return (
        isinstance(old, FetchedChat)
        and isinstance(new, FetchedChat)
        and old.chat == new.chat
        and SameContent(parser)(new, old.raw)
    )


class World:
    """A service over the server, and a clock that moves only when a test moves it."""

    def __init__(self, kchat: DemoServer, folder: Path, **settings: object) -> None:
        self.kchat = kchat
        self.now = BEGIN
        index = folder / "index"
        index.mkdir(exist_ok=True)
        self.settings: Settings = only(
            **{
                "base_url": kchat.url,
                "email": DEMO_EMAIL,
                "api_token": DEMO_API_TOKEN,
                "archive_url": f"sqlite:///{folder}/archive.sqlite3",
                "index_dir": index,
                "request_retries": 0,
                "per_page": 10,
            }
            | settings
        )
        service = make_service(self.settings, clock=lambda: self.now)
        # Waiting takes no time here. The tests of the client are about how long it waits.
        self.service: Service = replace(
            service, syncer=replace(service.syncer, source=cache(self._client))
        )

    def _client(self) -> KchatClient:
        waited = [0.0]

        def sleep(seconds: float) -> None:
            waited[0] += seconds

        address, user, secret = self.settings.credentials()
        return KchatClient(
            base_url=address,
            user=user,
            secret=secret,
            parser=ChatParser(self.settings.zone),
            chats_path=self.settings.chats_path,
            per_page=self.settings.per_page,
            retries=self.settings.request_retries,
            sleep=sleep,
            clock=lambda: waited[0],
        )

    def later(self, **by: float) -> World:
        self.now += timedelta(**by)
        return self

    def sync(self, *, reconcile: bool = False) -> SyncReport:
        with self.service.indexing("test"):
            self.service.prepare()
            return self.service.sync(reconcile=reconcile)

    def search(self, q: str = "", **request: Any) -> SearchPage:
        return self.service.search(asked(q, **request))

    def found(self, q: str = "", **request: Any) -> set[int]:
        """The ids of all hits."""
        return self.service.searcher.all_ids(asked(q, **request))

    def archived(self) -> dict[int, Any]:
        """The chats of the archive as JSON, by id, with those that vanished from Kchat."""
        return {stored.id: json.loads(stored.raw) for stored in all_stored(self.service.archive)}

    def check_whole(self) -> None:
        """The archive says what the server shows, and the index equals the archive. Chats that
        vanished from the server are marked as gone."""
        shown = {int(each["id"]): each for each in self.kchat.shown()}
        archived = self.archived()
        gone = self.found("is:gone")
        there = {i: chat for i, chat in archived.items() if i not in gone}
        assert there.keys() == shown.keys()
        assert [
            i for i in there if there[i] != shown[i] and not says_the_same(there[i], shown[i])
        ] == []
        assert not gone & shown.keys()
        self.check_index()

    def check_index(self) -> None:
        """The index equals a scan of the archive."""
        report = self.service.verify(strings=25, seed=7)
        assert report.clean, report
        assert dict(self.service.engine.id_revisions()) == dict(self.service.archive.id_revisions())
        assert self.service.archive.counts().pending == 0
