"""Chats of several agents, an archive of them, and the gate before it: what tests of who may see
what ask.

`conversations` makes the chats, always the same from the same seed. `opened` builds archive and
index of some of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from kchat_search.archive import SqlArchive
from kchat_search.composition import make_gate
from kchat_search.config import only
from kchat_search.gate import Gate
from kchat_search.kchat.parse import ChatParser
from kchat_search.models.chats import FetchedChat, RejectedChat
from kchat_search.models.search import SimilarPage, VisitorChat
from kchat_search.serialization.links import Links
from kchat_search.serialization.search import similar_json
from tests.world import BEGIN, message

AGENTS = {
    "2192": "李雷",
    "2193": "韩梅梅",
    "2194": "林涛",
    "2195": "林小红",
    "7": "Lucy",
    "8": "Lucy",
}
"""Two share a name; of two, names have a part in common."""
TEAMS = (
    ("2192",), ("2193",), ("8",), ("2195",), ("2192", "2193"), ("2192", "2194"), ("8", "7"),
    ("2193", "2194"), ("2195", "2194"),
)  # fmt: skip
"""Who has chats together. Nobody but 2194 should ever hear of 2195."""
WORDS = """
    退款 退货 物流 发票 订单 客服 快递 尾号 账号 帐號 登录 手机 充值 到账 优惠券 谢谢 你好 请问
    怎么 申请 处理 流程 已经 没有 收到 地址 修改 密码 会员 访客 李雷 iPhone iPad kuaidi tuikuan Lucy
    5678 3.6.0 20%
    """.split()  # noqa: SIM905  # one a word, to be read
RARE = """
    琥珀 榫卯 砚台 瓷器 茶具 毛笔 宣纸 印章 古琴 箜篌 zebra quokka narwhal okapi 麒麟 饕餮
    """.split()  # noqa: SIM905
"""Words of one agent's chats, or of few: whoever hears of them has seen those chats."""
FILES = ("发票.pdf", "收据.png", "contract.docx", "截图1.jpg")


def conversations(seed: int, count: int, first: int = 101) -> list[list[dict[str, Any]]]:
    """Chats in the API's form, each with its versions, oldest first."""
    rnd = random.Random(seed)
    return [_versions(rnd, first + number) for number in range(count)]


def _versions(rnd: random.Random, chat_id: int) -> list[dict[str, Any]]:
    present = _chat(rnd, chat_id)
    versions = [present]
    while rnd.random() < 0.35:
        earlier = {**versions[0], "messages": [dict(m) for m in versions[0]["messages"]]}
        victim = rnd.choice(earlier["messages"])
        victim["msg"] = _text(rnd, rnd.choice(RARE))
        versions.insert(0, earlier)
    return versions


def _chat(rnd: random.Random, chat_id: int) -> dict[str, Any]:
    agents = rnd.choice(TEAMS)
    month, day, later = rnd.randrange(1, 7), rnd.randrange(1, 29), rnd.choice((0, 0, 1))
    said = []
    for number in range(1, rnd.randrange(3, 7)):
        by_agent = rnd.random() < 0.5
        agent = rnd.choice(agents)
        name = AGENTS[agent] if by_agent else f"访客{chat_id % 9}"
        rare = rnd.choice(RARE) if rnd.random() < 0.2 else ""
        fields: dict[str, Any] = {
            "created_at": f"2016-{month + later:02}-{day:02} 10:{number:02}:00"
        }
        if by_agent and rnd.random() < 0.5:
            fields |= {"user_id": int(agent), "role": "agent"}
        if rnd.random() < 0.1:
            file = {"id": number, "name": rnd.choice(FILES), "size": 9, "type": "pdf", "url": "x"}
            fields |= {"type": "chat.upload", "upload_id": number, "upload": file}
        said.append(message(number, chat_id, name, _text(rnd, rare), **fields))
    return {
        "id": chat_id,
        "type": "chat",
        "started_by": rnd.choice(("visitor", "agent")),
        "status": rnd.choice(("close", "close", "open")),
        "agent_id": int(agents[0]) if rnd.random() < 0.9 else None,
        "rating": rnd.choice((None, 0, 1, 2)),
        "visitor_id": chat_id % 9,
        "user_id": rnd.choice((None, 45190 + chat_id % 3)),
        "created_at": f"2016-{month:02}-{day:02} 10:00:00",
        "assigned_at": None,
        "end_at": f"2016-{month:02}-{day:02} 10:30:00",
        "messages": said,
    }


def _text(rnd: random.Random, rare: str) -> str:
    words = [*rnd.choices(WORDS, k=rnd.randrange(2, 7)), rare]
    rnd.shuffle(words)
    return rnd.choice(("", "", " ", "，")).join(words) if rnd.random() < 0.8 else "".join(words)


def opened(
    folder: Path,
    chats: Iterable[Sequence[Mapping[str, Any]]],
    *,
    agents: Mapping[str, str] = AGENTS,
    gone: Callable[[int], bool] = lambda chat_id: chat_id % 13 == 0,
    rejects: int = 0,
    in_pieces: bool = False,
    **settings: object,
) -> Gate:
    """The gate before an archive of these chats, each given with its versions. `in_pieces`: the
    index is written chat by chat, as ticks do it, so that it has several segments."""
    folder.mkdir()
    index = folder / "index"
    index.mkdir()
    gate = make_gate(
        only(archive_url=f"sqlite:///{folder}/archive.sqlite3", index_dir=index, **settings),
        clock=lambda: BEGIN + timedelta(days=100),
    )
    service = gate.owners
    assert isinstance(service.archive, SqlArchive)
    archive, parser = service.archive, ChatParser(service.presentation.zone)
    archive.save_agents(agents, now=BEGIN)
    with service.indexing("test"):
        service.reindex()
        all_versions = list(chats)
        for number in range(max(map(len, all_versions), default=0)):
            now = BEGIN + timedelta(hours=number)
            for versions in all_versions:
                if number < len(versions):
                    archive.save([_parsed(parser, versions[number])], now=now)
            if in_pieces:
                service.indexer.index_pending()
        ids = [versions[0]["id"] for versions in all_versions]
        archive.mark_gone([i for i in ids if gone(i)], now=BEGIN)
        for number in range(rejects):
            archive.save(
                [], [RejectedChat(f"chat:{number}", number, '{"id":1}', "no time")], now=BEGIN
            )
        archive.set_cursor("synced", {"at": BEGIN.isoformat()}, now=BEGIN)
        archive.set_cursor("backfill", {"proven": True}, now=BEGIN)
        if in_pieces:
            service.indexer.index_pending()
        else:
            service.reindex()
    return gate


def _parsed(parser: ChatParser, sent: object) -> FetchedChat:
    fetched = parser.parse_chat(sent)
    assert isinstance(fetched, FetchedChat)
    return fetched


def took_part(versions: Sequence[Mapping[str, Any]], agent_id: str) -> bool:
    """Did this agent take part in the chat as it is now? Read from what Kchat sent alone: the agent
    in charge, or who said something under their id, or under a name that only they have."""
    chat = versions[-1]
    name = AGENTS[agent_id]
    only_theirs = list(AGENTS.values()).count(name) == 1
    return str(chat["agent_id"]) == agent_id or any(
        str(m.get("user_id")) == agent_id
        if m.get("user_id")
        else (only_theirs and m["name"] == name)
        for m in chat["messages"]
    )


def lines_json(chats: Sequence[VisitorChat], zone: ZoneInfo) -> Any:
    """All that is said of these chats of a visitor."""
    read = SimilarPage(tuple(one.hit for one in chats if one.hit))
    which = [(one.id, one.matches) for one in chats]
    return [which, similar_json(1, read, zone, Links("http://localhost/"))]
