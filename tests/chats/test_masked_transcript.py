"""A chat, a page and the JSON of a chat for whoever does not see private numbers."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kchat_search.chats.masked_sent import masked_sent
from kchat_search.chats.masked_transcript import (
    CoveredTranscript,
    MaskedTranscript,
    as_body,
    masked_names,
)
from kchat_search.chats.masking import whole_form
from kchat_search.chats.private_texts import find
from kchat_search.chats.reader import ChatReader, Transcript
from kchat_search.chats.visible_text import visible_text
from kchat_search.kchat.json_codec import encode
from kchat_search.kchat.parse import ChatParser
from kchat_search.models.plan import HIDDEN_DIGIT, Contains, HasWord, Near
from kchat_search.search.marks import Needle, highlights
from kchat_search.search.snippets import snippets
from kchat_search.text.fold import fold
from kchat_search.text.joined import joined_query

READER = ChatReader(ChatParser(ZoneInfo("Asia/Shanghai")).parse_archived)
Json = dict[str, Any]


def message(number: int, msg: object, **fields: Any) -> Json:
    sent = {"id": number, "type": "chat.msg", "name": "访客5", "role": "visitor", "msg": msg}
    return sent | {"created_at": "2019-07-02 00:05:00"} | fields


def chat(*messages: Json, **fields: Any) -> Json:
    return {"id": 290, "agent_id": 2192, "messages": list(messages)} | fields


def read(sent: Json, agents: dict[str, str] | None = None) -> Transcript:
    return READER.read(encode(sent), agents or {})


def planted(number: str, address: str) -> Json:
    """A chat that has a number and an address wherever one can be."""
    escaped = "".join(f"\\u{ord(character):04x}" for character in number)
    return chat(
        message(1, f"电话{number}，邮箱{address}", name=f"张先生{number}"),
        message(2, f"<p>电话<b>{number[:5]}</b>{number[5:]}</p><a href='tel:{number}'>打</a>"),
        message(3, f"<p title='{number}'>好&amp;的 <img alt='{number}'></p>"),
        message(4, json.dumps({"title": "卡片", "url": f"https://a.b/?tel={number}", "x": number})),
        message(5, f'{{"title": "{escaped}", "t2": "{json.dumps({"phone": number})[1:-1]}"}}'),
        message(6, json.dumps({"card": json.dumps({"text": f"打{number}"})})),
        message(7, f"&#x31;{number[1:]} {address.replace('@', '&#64;')}"),
        message(8, "", upload={"id": 9, "name": f"{number}.png", "url": f"https://a.b/{number}"}),
        message(9, "", upload=[{"name": f"a{address}.png", "url": f"https://a.b/?m={address}"}]),
        message(10, f"撤回的{number}", recalled=True, upload={"name": f"撤回{number}.doc"}),
        message(11, "撤回的话", recalled=1, extra={"was": "撤回的话"}),
        message(12, f"1️⃣{number[1:]}，{number.translate({48 + n: 0xFF10 + n for n in range(10)})}"),
        message(13, "{{转人工}} " + number + " <b>粗</b> {{x}} [1] &lt;p&gt;"),
        message(14, f"{number[:3]} {number[3:7]}-{number[7:]} \n +86 {number}", role="agent",
                name=f"客服{number}"),
        message(15, f"https://a.b/u/{number}?m={address.replace('@', '%40')}"),
        rating=f"满意{number}",
        page_url=f"https://a.b/?phone={number}",
        **{f"extra{number}": {"phone": int(number), number: [number, None, 1.5, True]}},
    )  # fmt: skip


NEEDLES: tuple[Needle, ...] = (
    Contains("8845"), Contains("138"), Contains("13800"), Contains("0013"), Contains("8"),
    Contains("电话"), Contains("1380013", joined=True), Contains("88", joined=True),
    HasWord("zhang"), HasWord("z", prefix=True), HasWord("x"), Contains("x.com"),
    Near(("电话", "8845"), 9), Near(("138", "8845"), 5), Contains(f"138{HIDDEN_DIGIT * 4}8845"),
)  # fmt: skip
ONE, OTHER = ("13800138845", "zhang.san@x.com"), ("13899998845", "zl@x.com")


def everything(transcript: Transcript) -> list[Any]:
    """All that can be read of a transcript. (Senders are keys, which nobody is shown.)"""
    return [
        transcript.chat,
        transcript.agent_name,
        transcript.participants,
        transcript.visitor_name,
        transcript.visitor_names,
        transcript.speakers,
        transcript.visible,
        transcript.texts,
        transcript.texts_with_map,
        [transcript.fragments(index) for index in range(len(transcript.chat.messages))],
        highlights(transcript, NEEDLES),
        [highlights(transcript, [needle]) for needle in NEEDLES],
        [snippets(transcript, [needle], phrases=("电话",), limit=3) for needle in NEEDLES],
    ]


@pytest.mark.parametrize("kind", [MaskedTranscript, CoveredTranscript])
def test_nothing_that_is_hidden_is_in_what_is_read(kind: type[MaskedTranscript]) -> None:
    transcript = kind.of(read(planted(*ONE), {"2192": "客服李雷" + ONE[0]}))
    shown = repr(
        [
            transcript.chat, transcript.agent_name, transcript.participants, transcript.visible,
            transcript.visitor_name, transcript.visitor_names,
            [snippets(transcript, [needle], phrases=(), limit=5) for needle in NEEDLES],
        ]
    )  # fmt: skip
    for text in (shown, fold(shown), visible_text(shown), joined_query(fold(shown))):
        for secret in ("0013", "１３８００", "hang.san", "\\u0030"):
            assert secret not in text, secret
    assert ("撤回的" in shown) == (kind is CoveredTranscript)
    assert "138****8845" in shown
    assert "z***@x.com" in shown


def test_texts_that_differ_in_hidden_digits_are_read_alike() -> None:
    one, other = (
        everything(MaskedTranscript.of(read(planted(*each), {"2192": "客服李雷" + each[0]})))
        for each in (ONE, OTHER)
    )
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        assert left == right


def test_what_kchat_sent_is_masked_alike() -> None:
    one, other = (
        json.dumps(masked_sent(planted(*each)), ensure_ascii=False) for each in (ONE, OTHER)
    )
    assert one == other
    for secret in ("0013", "hang.san", "撤回的", "\\u0030", "&#x31;"):
        assert secret not in one, secret
    assert '"id": 290' in one
    assert '"agent_id": 2192' in one
    assert "转人工" in one
    clear = json.dumps(masked_sent(planted(*ONE), recalled=True), ensure_ascii=False)
    assert "撤回的138****8845" in clear
    assert "0013" not in clear


def test_a_recalled_file_looks_like_any_other_recalled_message() -> None:
    file = {"type": "chat.upload", "upload": {"name": "a.png"}, "upload_id": 7}
    one, other = (
        chat(message(1, "" if extra else "说了", recalled=True, **extra)) for extra in (file, {})
    )
    assert masked_sent(one) == masked_sent(other)
    assert MaskedTranscript.of(read(one)).chat == MaskedTranscript.of(read(other)).chat


def test_what_has_nothing_private_is_sent_as_it_is() -> None:
    sent = chat(
        message(1, "<p>好</p>"), message(2, '{"a":"b"}', upload={"id": 5, "name": "a"}), x=1.5
    )
    assert masked_sent(sent) == sent
    transcript = read(sent)
    masked = MaskedTranscript.of(transcript)
    assert masked.chat == transcript.chat
    assert masked.visible == transcript.visible
    assert masked.texts_with_map == transcript.texts_with_map
    assert highlights(masked, NEEDLES) == highlights(transcript, NEEDLES)


@pytest.mark.parametrize(
    "visible",
    ["138****8845", "a < b & c > d", "&lt;p&gt;", "<p>138****8845</p>", '{"a": 1}', "[1, 2]", '"q"',
     "第一行\n第二行  x", " 138****8845 ", "&amp;amp;", "{a} [b] 'c'", "z***@x.com"],
)  # fmt: skip
def test_a_body_is_made_of_which_people_see_the_text(visible: str) -> None:
    assert visible_text(as_body(visible)) == visible


# -- marks -----------------------------------------------------------------------------------------


def marks(
    text: str, *needles: Needle, kind: type[MaskedTranscript] = MaskedTranscript
) -> list[str]:
    transcript = kind.of(read(chat(message(1, text))))
    found = highlights(transcript, needles)
    return [transcript.visible[0][start:end] for start, end in found.get(0, ())]


def whole(text: str) -> Contains:
    folded = fold(text)
    return Contains(whole_form(folded, find(folded)))


@pytest.mark.parametrize(
    ("text", "needle", "expected"),
    [
        ("电话13800138845。", Contains("8845"), ["8845"]),
        ("电话13800138845。", Contains("1380013"), []),
        ("电话13800138845。", Contains("0"), []),
        ("电话13800138845。", whole("13800138845"), ["138****8845"]),
        ("电话13800138845。", whole("电话13800138845"), ["电话138****8845"]),
        ("电话+86 138-0013 8845。", whole("13800138845"), ["+86 138-**** 8845"]),
        ("电话13800138846。", whole("13800138845"), []),
        ("写到Zhang@x.com", whole("zhang@x.com"), ["Z***@x.com"]),
        ("写到zhang@x.com", HasWord("zhang"), []),
        ("１３８００１３８８４５ 退款", Contains("退款"), ["退款"]),
        ("138-0013-8845", Contains(f"138{HIDDEN_DIGIT * 4}8845", joined=True), ["138-****-8845"]),
        ("卡6222021380013884569好", whole("6222021380013884569"), ["***************4569"]),
        ("%20zhang%40x.com的 退款", Contains("退款"), ["退款"]),
        ("z@x.com 退款 13800138845 退款", Contains("退款"), ["退款", "退款"]),
    ],
)  # fmt: skip
def test_marks_lie_on_the_masked_text(text: str, needle: Needle, expected: list[str]) -> None:
    assert marks(text, needle) == expected


@pytest.mark.parametrize(
    ("text", "needle", "expected"),
    [
        ("电话13800138845。", Contains("0013"), ["138****8845"]),
        ("电话13800138845。", Contains("话138"), ["话138****8845"]),
        ("电话13800138845。", Contains("8845"), ["138****8845"]),
        ("电话138-0013-8845。", Contains("13800138845", joined=True), ["138-****-8845"]),
        ("写到zhang@x.com吧", HasWord("zhang"), ["z***@x.com"]),
        ("退款13800138845退款", Contains("退款"), ["退款", "退款"]),
        ("电话13800138845", Near(("电话", "0013"), 9), ["电话138****8845"]),
    ],
)  # fmt: skip
def test_on_a_page_a_match_inside_a_number_marks_all_of_it(
    text: str, needle: Needle, expected: list[str]
) -> None:
    assert marks(text, needle, kind=CoveredTranscript) == expected


def test_names_are_masked() -> None:
    assert masked_names({"1": "李雷13800138845", "2": "韩梅梅"}) == {
        "1": "李雷138****8845",
        "2": "韩梅梅",
    }
