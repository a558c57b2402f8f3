"""Sync over real HTTP. Whatever Kchat does, the archive equals the server, and the index equals the
archive."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kchat_search.demo.faults import with_next_page, without, without_messages
from kchat_search.demo.server import DemoServer
from kchat_search.errors import KchatBadAnswer, KchatBusy, KchatRefused
from tests.contracts.archive.chats import stored, stored_versions
from tests.world import World, chat, message

LIST = "/apiv2/chats.json"


def test_a_first_sync_brings_everything(world: World) -> None:
    report = world.sync()
    assert (report.kind, report.seen, report.new, report.complete) == ("backfill", 25, 25, True)
    world.check_whole()
    assert world.service.status().coverage.complete


def test_a_second_sync_asks_little_and_changes_nothing(world: World) -> None:
    world.sync()
    world.kchat.forget_requests()
    before = world.service.engine.describe()
    report = world.later(minutes=1).sync()
    assert (report.kind, report.new, report.changed, report.indexed) == ("tick", 0, 0, 0)
    lists = [target for target in world.kchat.requests if LIST in target]
    assert len([target for target in lists if "start=2016-03-19" in target]) == 1
    assert len(lists) == 2  # what was created lately, and the end of the plain list
    assert world.service.engine.describe() == before


def test_a_chat_that_every_tick_lists_is_written_once_an_hour(world: World) -> None:
    world.kchat.put(chat(126, "你好", created_at="2016-03-20 11:59:00"))
    world.sync()
    seen = stored(world.service.archive, 126).seen_at
    for minutes, is_marked in ((1, False), (58, False), (3, True)):
        world.later(minutes=minutes).sync()
        marked = stored(world.service.archive, 126).seen_at
        assert marked == (world.now if is_marked else seen), minutes


def test_an_empty_account_is_complete(world: World) -> None:
    for sent in world.kchat.chats():
        world.kchat.delete(sent["id"])
    assert world.sync().complete
    assert world.search().total == 0
    world.check_whole()


def test_what_is_new_grows_or_changes_is_found_as_it_is_now(world: World) -> None:
    world.kchat.put(chat(125, "还没结束", status="open", end_at=None))
    world.sync()
    world.kchat.put(chat(126, "新的会话 发票", created_at="2016-03-20 11:59:00"))
    world.kchat.put(chat(125, "还没结束", "现在结束了 保修", rating=1))
    report = world.later(minutes=1).sync()
    assert (report.new, report.changed) == (1, 1)
    assert world.found('"新的会话"') == {126}
    assert world.found("保修") == {125}
    assert world.found("rating:满意") == {125}
    assert len(world.service.versions(125)) == 2
    world.check_whole()


def test_a_recalled_message_stays_in_an_earlier_version(world: World) -> None:
    for text in ("先说这个", "撤回了", ""):
        world.kchat.put(chat(120, text, end_at="2016-03-20 11:00:00"))
        world.later(minutes=1).sync()
    assert world.found("撤回") == set()
    assert [('"\\u64a4\\u56de' in v.raw) for v in stored_versions(world.service.archive, 120)] == [
        False, True, False,
    ]  # fmt: skip
    world.check_whole()


def test_a_late_rating_is_seen_within_days(world: World) -> None:
    old = chat(103, end_at="2016-03-04 10:30:00")
    world.sync()
    world.kchat.put(old | {"rating": 0})
    assert world.later(minutes=1).sync().changed == 0  # closed over two weeks ago
    assert world.later(minutes=1).sync(reconcile=True).changed == 1
    assert world.found("rating:不满意") == {103}
    world.check_whole()


def test_a_stop_resumes_where_it_was(world: World) -> None:
    world.kchat.fail_next(500, match=lambda target: "page=3" in target)
    with pytest.raises(KchatBusy):
        world.sync()
    assert len(world.archived()) == 20
    world.kchat.forget_requests()
    world.sync()
    lists = [target for target in world.kchat.requests if LIST in target]
    assert "page=2&" in lists[0] + "&"
    world.check_whole()


def test_a_deletion_between_two_pages_hides_nothing(world: World) -> None:
    def delete(target: str) -> bool:
        if LIST in target and "page=2&" in target + "&" and 102 in world.archived():
            return False
        if LIST in target and "page=2&" in target + "&":
            world.kchat.delete(103)  # every later chat moves up, and one of them onto page 1
        return False

    world.kchat.fail_next(418, match=delete)
    first = World.sync(world)
    assert first.complete
    assert set(world.archived()) == set(range(101, 126))
    world.kchat.clear_faults()
    world.later(days=1).sync(reconcile=True)
    gone = stored(world.service.archive, 103).gone_at
    assert gone == world.now
    world.check_index()
    assert 103 in world.found()  # marked, never dropped


def test_a_vanished_open_chat_is_marked_by_the_tick(world: World) -> None:
    world.kchat.put(chat(110, "开着", status="open", end_at=None))
    world.sync()
    world.kchat.delete(110)
    assert world.later(minutes=1).sync().vanished == 1
    assert world.service.chat(110).gone_at == world.now
    world.kchat.put(chat(110, "开着", status="open", end_at=None))
    world.later(days=1).sync(reconcile=True)
    assert world.service.chat(110).gone_at is None
    world.check_whole()


def test_a_server_that_shows_no_single_chats_makes_none_vanish(world: World) -> None:
    world.kchat.put(chat(110, "开着", status="open", end_at=None))
    world.sync()
    world.kchat.fail_next(404, times=99, match=lambda target: "/chats/" in target)
    assert world.later(minutes=1).sync().vanished == 0
    assert world.later(days=1).sync(reconcile=True).vanished == 0


MALFORMED = [
    ("no id", {"id": None}),
    ("odd id", {"id": "abc"}),
    ("messages as text", {"messages": "none"}),
    ("a message that is no object", {"messages": ["你好"]}),
    ("no readable time", {"created_at": "yesterday"}),
    ("a list for an agent", {"agent_id": [1]}),
]


@pytest.mark.parametrize(("why", "fields"), MALFORMED, ids=[why for why, _ in MALFORMED])
def test_a_chat_that_cant_be_understood_is_kept_and_the_others_go_on(
    world: World, why: str, fields: dict[str, object]
) -> None:
    del why

    def spoil(answer: dict[str, object]) -> dict[str, object]:
        chats = answer["chats"]
        assert isinstance(chats, list)
        return answer | {"chats": [c | fields if c["id"] == 105 else c for c in chats]}

    world.kchat.fail_next(edit=spoil, times=99, match=lambda target: LIST in target)
    report = world.sync()
    assert len(world.archived()) == 24
    assert report.rejected >= 1
    (reject,) = world.service.rejects()
    assert reject.reject.reason
    assert not world.service.status().coverage.complete
    world.check_index()
    world.kchat.clear_faults()
    world.later(days=1).sync(reconcile=True)
    if fields.get("id", 0) == 0:  # its id was known, so it is a chat now and no reject
        assert world.service.rejects() == ()
        world.check_whole()
    assert len(world.archived()) == 25


def test_lists_without_messages_are_completed_one_by_one(world: World) -> None:
    world.kchat.fail_next(edit=without_messages, times=99, match=lambda target: LIST in target)
    world.sync()
    world.check_whole()


@pytest.mark.parametrize(
    "edit",
    [
        without("count", "next_page", "previous_page"),
        with_next_page("https://elsewhere.example.com/steal?page=2"),
        with_next_page("javascript:alert(1)"),
    ],
    ids=["nothing but chats", "foreign next_page", "odd next_page"],
)
def test_paging_needs_no_help_and_follows_no_stranger(
    world: World, edit: Callable[[dict[str, object]], dict[str, object]]
) -> None:
    world.kchat.fail_next(edit=edit, times=99, match=lambda target: LIST in target)
    assert world.sync().complete
    world.check_whole()


def test_a_server_that_shows_its_last_page_for_ever_ends_the_pass(world: World) -> None:
    last = [sent for sent in world.kchat.chats() if sent["id"] > 120]

    def clamp(answer: dict[str, object]) -> dict[str, object]:
        return {"chats": answer["chats"] or last}

    world.kchat.fail_next(edit=clamp, times=99, match=lambda target: LIST in target)
    assert world.sync().complete
    world.check_whole()


def test_a_server_that_ignores_the_page_is_never_called_complete(world: World) -> None:
    first = world.kchat.chats()[:10]
    world.kchat.fail_next(
        edit=lambda _: {"chats": first}, times=99, match=lambda target: LIST in target
    )
    report = world.sync()
    assert not report.complete
    assert report.notes
    assert not world.service.status().coverage.complete
    world.kchat.clear_faults()
    assert world.later(minutes=1).sync().complete
    world.check_whole()


def test_a_count_that_never_fits_keeps_no_new_chat_waiting(world: World) -> None:
    def boast(answer: dict[str, object]) -> dict[str, object]:
        return answer | {"count": 1_000}

    world.kchat.fail_next(edit=boast, times=999, match=lambda target: LIST in target)
    first = world.sync()
    assert (first.complete, first.new) == (False, 25)
    world.kchat.put(chat(126, "新来的 保修", created_at="2016-03-20 11:00:00"))
    assert world.later(minutes=1).sync().kind == "tick"
    assert world.found("保修") == {126}
    assert not world.service.status().coverage.complete  # and every status says so
    world.kchat.clear_faults()
    with world.later(days=1).service.indexing("test"):
        report = world.service.tick()  # the daily reconcile
    assert (report.kind, report.complete) == ("reconcile", True)
    assert world.service.status().coverage.complete
    world.check_whole()


def test_a_smaller_page_than_asked_for_is_not_the_end(make_world: Callable[..., World]) -> None:
    world = make_world(per_page=100)
    world.kchat.max_per_page = 3
    world.kchat.omit = frozenset({"next_page", "count"})
    assert world.sync().complete
    world.check_whole()


ODD = {
    "lone surrogates": "坏\ud83d表情",
    "NUL": "空\0字",
    "a line break": "退\n款",
    "a number": 5,
    "null": None,
    "an object": {"title": "卡片", "text": "发票"},
    "a very long message": "很长" * 50_000,
    "one word of a megabyte": "a" * 1_000_000,
    "no text at all": "   ",
    "markup": "<p>不要<b>紧</b></p><script>alert(1)</script>",
}


@pytest.mark.slow
def test_odd_texts_are_kept_and_found(world: World) -> None:
    for number, text in enumerate(ODD.values(), start=201):
        world.kchat.put(chat(number, text))
    world.kchat.put(chat(300, *(f"第{n}条" for n in range(5_000))))
    world.sync()
    assert world.archived() == {sent["id"]: sent for sent in world.kchat.chats()}
    assert world.found('"卡片"') == {206}
    assert world.found('"空\0字"') == {202}
    assert world.found('"退款"') & {203} == set()
    assert world.found('"不要紧"') == {210}
    assert world.found("长很") == {207}
    assert world.found("第4999条") == {300}
    assert len(world.service.chat(300).chat.messages) == 5_000


def test_uploads_and_unknown_kinds_are_searchable_and_tokens_stay_inside(world: World) -> None:
    upload = {"id": 7, "name": "发票.PDF", "size": 10, "type": "pdf", "url": "https://example.com/f",
              "token": "SECRET-1", "oss_token": "SECRET-2"}  # fmt: skip
    odd = message(1, 201, "访客9", "", type="chat.upload", upload_id=7, upload=upload)
    card = message(2, 201, "robot", "自动回复 保修", type="chat.answer", role="robot", extra=[1])
    world.kchat.put(chat(201, messages=[odd, card], mood="fine"))
    world.sync()
    assert world.found("file:发票.pdf") == {201}
    assert world.found("has:upload") == {201}
    assert world.found("from:robot 保修") == {201}
    assert "SECRET" not in str(world.service.chat(201))
    before = world.service.chat(201).version
    upload["token"] = "SECRET-3"
    world.kchat.put(chat(201, messages=[odd, card], mood="fine"))
    world.later(days=1).sync(reconcile=True)
    assert world.service.chat(201).version == before  # a new token is no new version


def test_a_token_that_is_refused_is_said_and_harms_nothing(
    world: World, make_world: Callable[..., World]
) -> None:
    world.sync()
    stranger = make_world(api_token="wrong")
    with pytest.raises(KchatRefused, match="KCHAT_API_TOKEN") as caught:
        stranger.sync()
    assert "wrong" not in str(caught.value)
    world.check_whole()


def test_pages_that_are_no_json_stop_the_sync_and_lose_nothing(world: World) -> None:
    world.kchat.fail_next(
        200, body="<html>login</html>", times=99, match=lambda t: LIST in t and "?page=1&" not in t
    )
    with pytest.raises(KchatBadAnswer):
        world.sync()
    assert len(world.archived()) == 10
    world.kchat.clear_faults()
    world.sync()
    world.check_whole()


def test_an_agents_new_name_tells_who_spoke(world: World) -> None:
    world.kchat.set_agents([])
    world.kchat.put(chat(130, messages=[message(1, 130, "小王", "您好 保修")], agent_id=9))
    world.sync()
    assert world.found("from:agent 保修") == set()
    world.kchat.set_agents([{"id": 9, "name": "小王", "role": "agent"}])
    world.later(hours=2).sync()
    assert world.found("from:agent 保修") == {130}
    assert world.found("agent:小王") == {130}
    world.check_whole()


@pytest.mark.slow
def test_another_dictionary_rebuilds_the_index(
    world: World, make_world: Callable[..., World], tmp_path: object
) -> None:
    world.sync()
    words = world.settings.index_dir.parent / "words.txt"
    words.write_text("申请退款 100 n\n", encoding="utf-8")
    other = make_world(user_dict=words)
    assert not other.service.index_state()[1]
    other.sync()
    assert other.service.index_state()[1]
    assert other.search("申请退款").query.understood == "申请退款"
    other.check_whole()


def test_an_index_that_lost_chats_is_healed_from_the_archive(world: World) -> None:
    world.sync()
    world.service.engine.write([], [101, 102])
    assert not world.service.verify(5).clean
    with world.service.indexing("test"):
        world.service.prepare()
        world.service.indexer.index_pending()
    world.check_whole()


def test_a_damaged_index_is_built_anew_by_the_next_sync(world: World) -> None:
    world.sync()
    (world.settings.index_dir / "CURRENT").write_text("?")
    world.sync()
    world.check_whole()


def test_kchats_second_path_has_the_same_form(
    kchat: DemoServer, make_world: Callable[..., World]
) -> None:
    world = make_world(chats_path="/apiv2/kchat/history.json")
    world.sync()
    assert any("history.json" in target for target in kchat.requests)
    world.check_whole()
