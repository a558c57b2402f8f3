"""What the client requests, and what it makes of whole answers."""

from __future__ import annotations

import base64
import threading
from datetime import date
from typing import Any

import pytest

from kchat_search import __version__
from kchat_search.errors import KchatBadAnswer, KchatNotFound, KchatRefused
from kchat_search.kchat.client import KchatClient
from kchat_search.models.chats import FetchedChat, RejectedChat
from kchat_search.ports import ChatSource

from .conftest import SECRET, USER, Answer, MakeClient, ScriptedKchat


def chats(*ids: object, **more: object) -> Answer:
    return Answer.of({"chats": [{"id": i, "messages": []} for i in ids], **more})


def test_the_client_is_a_chat_source(client: KchatClient) -> None:
    source: ChatSource = client
    assert source.retries() == 0


def test_a_page_is_requested_as_documented(kchat: ScriptedKchat, client: KchatClient) -> None:
    client.page(3, date(2016, 1, 1), date(2016, 2, 29))
    request = kchat.requests[0]
    assert request.path == "/apiv2/chats.json"
    assert request.params == {
        "page": "3",
        "per_page": "100",
        "start": "2016-01-01",
        "end": "2016-02-29",
    }
    assert request.headers["user-agent"] == f"kchat-search/{__version__}"
    kind, sent = request.headers["authorization"].split()
    assert kind == "Basic"
    assert base64.b64decode(sent).decode() == f"{USER}:{SECRET}"


def test_the_other_documented_path_serves_lists_and_chats(
    kchat: ScriptedKchat, make: MakeClient
) -> None:
    client = make(chats_path="/apiv2/kchat/history.json", per_page=7)
    client.page(1)
    kchat.say(Answer.of({"chat": {"id": 290}}))
    client.chat(290)
    assert [r.path for r in kchat.requests] == [
        "/apiv2/kchat/history.json",
        "/apiv2/kchat/history/290.json",
    ]
    assert kchat.requests[0].params == {"page": "1", "per_page": "7"}


def test_a_netrc_file_does_not_replace_the_credentials(
    kchat: ScriptedKchat, make: MakeClient, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    make().page(1)
    sent = base64.b64decode(kchat.requests[0].headers["authorization"].split()[1]).decode()
    assert sent == f"{USER}:{SECRET}"


def test_a_proxy_of_the_environment_is_not_used_for_this_machine_itself(
    kchat: ScriptedKchat, client: KchatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client.page(1)
    assert len(kchat.requests) == 1


@pytest.mark.parametrize(
    ("answer", "last"),
    [
        (chats(), True),
        (chats(1), False),
        (chats(1, next_page=None), True),
        (chats(1, next_page=""), True),
        (chats(1, next_page=None, count=1000), False),
        (chats(1, next_page=None, count="201"), True),
        (chats(1, next_page="https://elsewhere.example/apiv2/chats.json?page=4"), False),
        (chats(1, next_page="https://elsewhere.example/apiv2/chats.json?page=3"), True),
        (chats(1, next_page="/apiv2/chats.json?per_page=100&page=2"), True),
        (chats(1, next_page=4), False),
        (chats(1, next_page=3), True),
        (chats(1, next_page="/apiv2/chats.json?cursor=abc"), False),
        (chats(1, next_page="http://["), False),
        (chats(1, next_page={"page": 1}), False),
    ],
)
def test_a_page_says_whether_it_is_the_last(
    kchat: ScriptedKchat, client: KchatClient, answer: Answer, *, last: bool
) -> None:
    kchat.say(answer)
    assert client.page(3).last is last
    assert len(kchat.requests) == 1


@pytest.mark.parametrize(
    ("sent", "count"),
    [(12, 12), ("12", 12), (0, 0), (-1, None), ("many", None), (True, None), (None, None)],
)
def test_count_is_a_number_or_none(
    kchat: ScriptedKchat, client: KchatClient, sent: object, count: int | None
) -> None:
    kchat.say(chats(1, count=sent))
    assert client.page(1).count == count


def test_a_chat_that_cannot_be_read_does_not_hide_the_others(
    kchat: ScriptedKchat, client: KchatClient
) -> None:
    kchat.say(Answer.of({"chats": [{"id": 1}, None, {"id": 2, "messages": {"id": 1}}, {"id": 3}]}))
    page = client.page(1)
    assert [c.chat.id for c in page.chats] == [1, 3]
    assert [r.chat_id for r in page.rejects] == [None, 2]
    assert page.size == 4


def test_a_byte_that_is_not_utf_8_does_not_hide_the_page(
    kchat: ScriptedKchat, client: KchatClient
) -> None:
    kchat.say(Answer(body=b'\xef\xbb\xbf{"chats": [{"id": 1, "messages": [{"msg": "a\xffb"}]}]}'))
    assert client.page(1).chats[0].chat.messages[0].text == "a\udcffb"


@pytest.mark.parametrize("answer", [{"chat": {"id": 290}}, {"id": "290", "status": "close"}])
def test_a_single_chat_is_understood_wrapped_or_bare(
    kchat: ScriptedKchat, client: KchatClient, answer: object
) -> None:
    kchat.say(Answer.of(answer))
    chat = client.chat(290)
    assert isinstance(chat, FetchedChat)
    assert chat.chat.id == 290
    assert kchat.requests[0].path == "/apiv2/chats/290.json"


@pytest.mark.parametrize("answer", [{"chat": {"id": 291}}, {"chat": None}, {}, [], 5])
def test_another_chat_than_the_requested_one_is_a_bad_answer(
    kchat: ScriptedKchat, client: KchatClient, answer: object
) -> None:
    kchat.say(Answer.of(answer))
    with pytest.raises(KchatBadAnswer):
        client.chat(290)


def test_a_requested_chat_that_came_without_an_id_is_rejected_under_the_requested_id(
    kchat: ScriptedKchat, client: KchatClient
) -> None:
    kchat.say(Answer.of({"chat": {"id": None, "status": "open"}}))
    chat = client.chat(290)
    assert isinstance(chat, RejectedChat)
    assert (chat.key, chat.chat_id) == ("chat:290", 290)


@pytest.mark.parametrize("status", [404, 410])
def test_a_chat_that_is_gone_is_not_found(
    kchat: ScriptedKchat, client: KchatClient, status: int
) -> None:
    kchat.say(Answer.of({"error": "RecordNotFound"}, status))
    with pytest.raises(KchatNotFound, match="RecordNotFound"):
        client.chat(290)
    assert len(kchat.requests) == 1


def test_agents_have_their_display_name_or_else_their_name(
    kchat: ScriptedKchat, client: KchatClient
) -> None:
    first = [
        {"id": 2192, "name": "li.lei", "agent_display_name": " 李雷 "},
        {"id": "7", "name": "韩梅梅", "agent_display_name": None},
        {"id": 8, "name": ""},
        {"name": "nobody"},
        "odd",
        None,
    ]
    kchat.say(Answer.of({"users": first}), Answer.of({"users": [{"id": 9, "name": "王"}]}))
    assert client.agents() == {"2192": "李雷", "7": "韩梅梅", "9": "王"}
    assert kchat.requests[0].path == "/apiv2/users.json"
    assert kchat.requests[0].params["role"] == "admin,agent"
    assert [r.params["page"] for r in kchat.requests] == ["1", "2", "3"]


def test_the_list_of_agents_ends_at_a_null_next_page(
    kchat: ScriptedKchat, client: KchatClient
) -> None:
    kchat.say(Answer.of({"users": [{"id": 9, "name": "王"}], "next_page": None}))
    assert client.agents() == {"9": "王"}
    assert len(kchat.requests) == 1


@pytest.mark.parametrize("status", [403, 404])
def test_there_are_no_agents_where_kchat_does_not_show_them(
    kchat: ScriptedKchat, client: KchatClient, status: int
) -> None:
    kchat.say(Answer.of({"error": "no"}, status))
    assert client.agents() == {}


def test_wrong_credentials_are_an_error_when_agents_are_requested(
    kchat: ScriptedKchat, client: KchatClient
) -> None:
    kchat.say(Answer.of({"error": "no"}, 401))
    with pytest.raises(KchatRefused):
        client.agents()


def test_several_threads_share_a_client_but_never_a_session(
    kchat: ScriptedKchat, client: KchatClient
) -> None:
    together = threading.Barrier(4)
    sizes: list[int] = []

    def ask() -> None:
        together.wait(60)
        sizes.extend(client.page(number).size for number in range(1, 6))

    kchat.say(chats(1, 2))
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sizes == [2] * 20
    assert 1 <= len(client._transport._idle) <= 4
