"""The made-up conversations: their form, their variety, their content, and the timeline."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from kchat_search.chats.ratings import LABELS
from kchat_search.chats.visible_text import visible_text
from kchat_search.demo.conversations import Timeline, agents, conversations
from kchat_search.demo.conversations.chat_planner import situations
from kchat_search.demo.conversations.msg_form import msg_form
from tests.demo.conftest import NOW, Chats

KINDS = ("msg", "card", "document", "answer")
CARD = {"img_url", "title", "price", "link_title", "link_url"}
STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
CHAT_FIELDS = {
    "id": int, "type": str, "started_by": str, "status": str, "agent_id": int | None,
    "rating": int | str | None, "visitor_id": int, "user_id": int | None, "created_at": str,
    "assigned_at": str | None, "end_at": str | None, "messages": list,
}  # fmt: skip
MESSAGE_FIELDS = {
    "id": int, "chat_id": int, "type": str, "name": str, "msg": str, "is_read": int,
    "created_at": str, "upload_id": int | None, "upload": dict | None,
}  # fmt: skip
UPLOAD_FIELDS = {
    "id": int, "name": str, "size": int, "type": str, "url": str, "created": str,
    "width": int | None, "height": int | None, "token": str, "oss_token": str,
}  # fmt: skip


def said(chat: dict[str, Any]) -> list[str]:
    return [m["msg"] for m in chat["messages"] if m["type"] == "chat.msg" and m["msg"]]


def messages(chats: Chats) -> Chats:
    return [message for chat in chats for message in chat["messages"]]


# Reproducibility


def test_the_same_arguments_give_the_same_chats() -> None:
    once, again = conversations(5, NOW, 60), conversations(5, NOW, 60)
    assert json.dumps(once) == json.dumps(again)


def test_another_seed_gives_other_chats() -> None:
    assert said(conversations(5, NOW, 60)[0]) != said(conversations(6, NOW, 60)[0])


def test_the_time_zone_of_now_does_not_matter() -> None:
    local = NOW.astimezone()
    assert conversations(5, NOW, 20) == conversations(5, local, 20)


@pytest.mark.parametrize("count", [0, 1, 3, 8, 9])
def test_there_are_as_many_chats_as_requested(count: int) -> None:
    assert len(conversations(1, NOW, count)) == count


def test_a_now_without_a_zone_and_a_negative_count_are_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        conversations(1, datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="count"):
        conversations(1, NOW, -1)


# Form


def check(record: dict[str, Any], fields: dict[str, Any]) -> None:
    for name, kind in fields.items():
        assert isinstance(record[name], kind), (name, record[name])


def test_every_chat_has_the_documented_fields(made: Chats) -> None:
    for chat in made:
        check(chat, CHAT_FIELDS)
        assert chat["type"] == "chat"
        assert chat["rating"] in (None, 0, 1, 2, 3, 4, *LABELS.values())
        for message in chat["messages"]:
            check(message, MESSAGE_FIELDS)
            assert message["chat_id"] == chat["id"]
            assert message["type"].startswith("chat.")
            assert STAMP.fullmatch(message["created_at"])
            assert (message["upload"] is None) == (message["upload_id"] is None)
            if message["upload"]:
                check(message["upload"], UPLOAD_FIELDS)
                assert message["upload"]["id"] == message["upload_id"]
                assert message["upload"]["name"].lower().endswith("." + message["upload"]["type"])


def test_ids_and_times_ascend(made: Chats) -> None:
    for earlier, later in pairwise(made):
        assert earlier["id"] < later["id"]
        assert earlier["created_at"] <= later["created_at"]
    for earlier, later in pairwise(messages(made)):
        assert earlier["id"] < later["id"]
    uploads = [m["upload_id"] for m in messages(made) if m["upload_id"]]
    assert uploads == sorted(set(uploads))


def test_the_times_of_a_chat_lie_between_its_beginning_and_its_end(made: Chats) -> None:
    now = NOW.astimezone(UTC) + timedelta(hours=8)
    for chat in made:
        times = [message["created_at"] for message in chat["messages"]]
        assert times == sorted(times)
        assert chat["created_at"] <= times[0]
        assert times[-1] <= (chat["end_at"] or f"{now:%Y-%m-%d %H:%M:%S}")
        assert (chat["end_at"] is None) == (chat["status"] != "close")
        assert (chat["assigned_at"] is None) == (chat["agent_id"] is None)


def test_the_chats_lie_in_the_two_years_before_now(made: Chats) -> None:
    assert made[0]["created_at"] >= "2024-03-18"
    assert made[0]["created_at"] < "2024-05"
    assert made[-1]["created_at"] <= "2026-03-18 14:30:00"
    assert made[-1]["created_at"] >= "2026-03-18 14:18:00"


def test_everybody_who_speaks_has_joined(made: Chats) -> None:
    for chat in made:
        joined: set[str] = set()
        for message in chat["messages"]:
            if message["type"] == "chat.memberjoin":
                joined.add(message["name"])
            elif message["name"] not in ("智能助手小K", "系统"):
                assert message["name"] in joined


def test_the_agent_of_a_chat_is_the_last_agent_who_joined(made: Chats) -> None:
    names = {agent["id"]: agent["name"] for agent in agents()}
    for chat in made:
        joined = [m["name"] for m in chat["messages"] if m["type"] == "chat.memberjoin"]
        ours = [name for name in joined if name in names.values()]
        assert (names.get(chat["agent_id"]) if ours else None) == (ours[-1] if ours else None)


# Variety


def test_sentences_vary(made: Chats) -> None:
    """Some fifty situations of eight turns for each side, each a template with other nouns, would
    give some 400 distinct sentences for each side. This test requires many times that number.

    Different numbers do not make a sentence distinct, so all digits count as equal. Texts that are
    no sentences (numbers alone, «好的») do not count. About half of the sentences are distinct.
    Real agents repeat themselves, too.
    """
    names = {agent["name"] for agent in agents()}
    said_by: dict[bool, list[str]] = {True: [], False: []}
    for message in messages(made):
        if message["type"] == "chat.msg" and len(re.findall("[一-鿿]", message["msg"])) >= 5:
            said_by[message["name"] in names].append(re.sub("[0-9]", "0", message["msg"]))
    for texts, least in ((said_by[False], 2_500), (said_by[True], 5_000)):
        assert len(set(texts)) > least
        assert len(set(texts)) / len(texts) > 0.44


def test_only_short_courtesies_occur_in_more_than_2_percent_of_chats(made: Chats) -> None:
    seen = Counter(text for chat in made for text in set(said(chat)))
    frequent = [text for text, times in seen.items() if times > len(made) * 0.02]
    assert all(len(text) <= 6 for text in frequent), frequent


def test_chats_begin_in_hundreds_of_ways(made: Chats) -> None:
    openings = {tuple(said(chat)[:4]) for chat in made}
    assert len(openings) > len(made) * 0.97


# Content


@pytest.mark.parametrize(
    ("needle", "at_least"),
    [
        ("退款", 60), ("5678", 5), ("发票", 60), ("3.6.0", 20), ("iPhone", 5),
        ("Wi-Fi", 5), ("@example.c", 40), ("https://", 8), ("VIP", 3), ("App", 20),
        ("SF", 20), ("YT", 20), ("1380013", 60), ("稍等", 100), ("上次", 10),
        ("上个月", 5), ("請", 5), ("嗎", 5), ("😂", 3), ("咋", 3),
        ("转人工", 20), ("改签", 20), ("宽带", 60), ("签证", 20), ("API", 5),
    ],
)  # fmt: skip
def test_what_people_will_search_for_occurs(made: Chats, needle: str, at_least: int) -> None:
    assert sum(any(needle in text for text in said(chat)) for chat in made) >= at_least


def test_every_kind_of_message_status_and_rating_occurs(made: Chats) -> None:
    kinds = Counter(message["type"] for message in messages(made))
    for kind in ("memberjoin", "msg", "upload", "system", "card", "document", "answer"):
        assert kinds[f"chat.{kind}"] >= 20, kind
    assert {chat["status"] for chat in made} >= {"close", "open"}
    assert {chat["started_by"] for chat in made} == {"visitor", "agent"}
    ratings = Counter(chat["rating"] for chat in made)
    assert {None, 0, 1, 2, 3, 4} <= set(ratings)
    assert ratings[None] > len(made) / 2
    assert any(isinstance(rating, str) for rating in ratings)
    kinds_of_file = {m["upload"]["type"] for m in messages(made) if m["upload"]}
    assert {"jpg", "png", "pdf", "xlsx"} <= kinds_of_file
    assert sum(bool(m.get("recalled")) for m in messages(made)) >= 5
    assert {m.get("role") for m in messages(made)} == {None, "visitor", "agent", "robot"}
    assert re.search("[０-９]", "".join(text for chat in made for text in said(chat)))


def test_messages_have_the_forms_that_kchat_sends(made: Chats) -> None:
    modern = [m for m in messages(made) if "role" in m and m["msg"]]
    sent = {kind: [m["msg"] for m in modern if m["type"] == f"chat.{kind}"] for kind in KINDS}
    assert all(set(json.loads(card)) == CARD for card in sent["card"])
    assert all(json.loads(document)["documents"] for document in sent["document"])
    assert all("<p>" in json.loads(answer)["content"] for answer in sent["answer"])
    for form, at_least in (("<p>", 800), ("<strong>", 50), ("<br>", 10), ("<a href=", 1)):
        assert sum(form in msg for msg in sent["msg"]) >= at_least, form
    grouped = [msg for msg in sent["msg"] if re.search("1[3-9][0-9] [0-9]{4} [0-9]{4}", msg)]
    assert len(grouped) >= 5
    plain = [m["msg"] for m in messages(made) if "role" not in m]
    assert plain
    assert not [msg for msg in plain if "<p>" in msg or msg.startswith("{")]


def test_the_forms_hide_nothing_that_was_said() -> None:
    for number in range(60):
        for kind in KINDS:
            said = "您好，R&D 部请看 https://help.example.com/start"
            seen = visible_text(msg_form(kind, "agent", said, number))
            for part in re.split("[， ]", said):
                assert part in seen, (kind, number)


def test_some_chats_last_over_midnight_and_some_are_handed_over(made: Chats) -> None:
    days = [{m["created_at"][:10] for m in chat["messages"]} for chat in made]
    assert sum(len(each) > 1 for each in days) >= 1
    spoke = [{m.get("user_id") for m in c["messages"] if m.get("role") == "agent"} for c in made]
    assert sum(len(agent_ids) > 1 for agent_ids in spoke) >= 10


def test_some_chats_are_answered_by_two_agents_and_some_by_none(made: Chats) -> None:
    names = {agent["name"] for agent in agents()}
    counts = Counter(
        len({m["name"] for m in chat["messages"] if m["name"] in names}) for chat in made
    )
    assert counts[0] >= 30
    assert counts[2] >= 30


def test_visitors_come_back_as_the_same_people(made: Chats) -> None:
    by_visitor: dict[int, Chats] = {}
    for chat in made:
        by_visitor.setdefault(chat["visitor_id"], []).append(chat)
    again = [chats for chats in by_visitor.values() if len(chats) > 1]
    assert len(again) > 200
    assert all(len({chat["user_id"] for chat in chats}) == 1 for chats in again)
    assert any(a["created_at"][:7] != b["created_at"][:7] for a, b in (c[:2] for c in again))


def test_every_agent_has_chats_in_most_months(made: Chats) -> None:
    months = {chat["created_at"][:7] for chat in made}
    for agent in agents():
        own = {chat["created_at"][:7] for chat in made if chat["agent_id"] == agent["id"]}
        assert len(own) >= 0.8 * len(months), agent["name"]


def test_there_are_more_chats_in_office_hours_and_more_lately(made: Chats) -> None:
    hours = Counter(int(chat["created_at"][11:13]) for chat in made)
    assert sum(hours[h] for h in range(9, 18)) > 0.55 * len(made)
    assert sum(hours[h] for h in range(7)) < 0.05 * len(made)
    first = [chat for chat in made if chat["created_at"] < "2025-03-18"]
    assert 0.3 < len(first) / len(made) < 0.46


def test_phone_numbers_are_clearly_made_up(made: Chats) -> None:
    for chat in made:
        for text in said(chat):
            for number in re.findall(r"(?<![0-9A-Za-z])1[3-9][0-9]{9}(?![0-9])", text):
                assert number.startswith(("1380013", "17000"))
            for host in re.findall(r"https://([A-Za-z0-9.*-]+)|@([A-Za-z0-9.-]+)", text):
                assert re.search(r"example\.(com|cn)$", host[0] or host[1]), text


# Timeline


def minutes(count: float) -> datetime:
    return NOW + timedelta(minutes=count)


@pytest.mark.slow
def test_the_timeline_begins_with_the_conversations_of_the_same_seed(made: Chats) -> None:
    timeline = Timeline(7, NOW)
    timeline.advance(minutes(30))
    assert timeline.chats() == made


def test_the_timeline_knows_what_each_chat_is_about() -> None:
    timeline = Timeline(7, NOW, 200)
    about = timeline.situations()
    by_agent = {
        code
        for known in situations().values()
        for code, situation in known.items()
        if situation.options.get("started") == "agent"
    }
    started = {chat["id"]: chat["started_by"] for chat in timeline.chats()}
    assert {i: ("agent" if code in by_agent else "visitor") for i, code in about.items()} == started


def test_chats_begin_every_15_to_30_seconds() -> None:
    timeline = Timeline(2, NOW, 40)
    known = {chat["id"] for chat in timeline.chats()}
    new = [chat for chat in timeline.advance(minutes(20)) if chat["id"] not in known]
    starts = [datetime.fromisoformat(chat["created_at"]) for chat in new]
    assert all(15 <= (b - a).total_seconds() <= 30 for a, b in pairwise(starts))
    assert 40 <= len(new) <= 80
    assert min(chat["id"] for chat in new) > max(known)


def test_what_is_shown_does_not_depend_on_how_often_it_was_asked_for() -> None:
    often, once = Timeline(2, NOW, 40), Timeline(2, NOW, 40)
    seen = {}
    for step in range(1, 200):
        seen.update({chat["id"]: chat for chat in often.advance(NOW + timedelta(seconds=7 * step))})
    assert seen == {chat["id"]: chat for chat in once.advance(NOW + timedelta(seconds=7 * 199))}


def test_each_change_is_reported_once_and_nothing_else() -> None:
    timeline = Timeline(2, NOW, 40)
    state = {chat["id"]: chat for chat in timeline.chats()}
    for step in range(1, 150):
        for chat in timeline.advance(NOW + timedelta(seconds=5 * step)):
            assert state.get(chat["id"]) != chat
            state[chat["id"]] = chat
    assert timeline.advance(NOW + timedelta(seconds=5 * 149)) == []
    assert timeline.advance(NOW) == []


def test_chats_grow_are_closed_rated_and_lose_recalled_messages() -> None:
    timeline = Timeline(11, NOW, 40)
    versions: dict[int, Chats] = {}
    for step in range(1, 240):
        for chat in timeline.advance(NOW + timedelta(seconds=20 * step)):
            versions.setdefault(chat["id"], []).append(chat)
    pairs = [pair for chats in versions.values() for pair in pairwise(chats)]
    assert any(len(a["messages"]) < len(b["messages"]) for a, b in pairs)
    assert any((a["status"], b["status"]) == ("open", "close") for a, b in pairs)
    assert any((a["status"], b["status"]) == ("wait", "open") for a, b in pairs)
    rated = [(a, b) for a, b in pairs if a["rating"] is None and b["rating"] is not None]
    assert any(a["status"] == "close" for a, _ in rated)
    recalled = [
        (old, new)
        for a, b in pairs
        for old, new in zip(a["messages"], b["messages"], strict=False)
        if new.get("recalled") and not old.get("recalled")
    ]
    assert recalled
    assert all(old["msg"] and not new["msg"] for old, new in recalled)


def test_after_a_long_pause_the_timeline_makes_up_for_only_one_hour() -> None:
    timeline = Timeline(2, NOW, 40)
    known = {chat["id"] for chat in timeline.chats()}
    new = [chat for chat in timeline.advance(NOW + timedelta(days=9)) if chat["id"] not in known]
    assert 110 <= len(new) <= 250


def test_the_timeline_forgets_chats_that_are_over() -> None:
    timeline = Timeline(2, NOW, 40)
    for half in range(1, 12):
        timeline.advance(NOW + timedelta(minutes=30 * half))
    assert len(timeline._running) < 200
