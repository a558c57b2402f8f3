"""The document of a chat: what everybody may search stands apart from what not everybody sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kchat_search.chats.masking import whole
from kchat_search.chats.reader import ChatReader
from kchat_search.fields import ONLY_RECALLED
from kchat_search.kchat.json_codec import encode
from kchat_search.kchat.parse import ChatParser
from kchat_search.models.plan import HIDDEN_DIGIT, HIDDEN_LETTER, Hidden, IndexDocument, Passage
from kchat_search.sync.document import document
from kchat_search.text.segmentation import Segmenter
from tests.chats.test_masked_transcript import ONE, OTHER, chat, message, planted

ZONE = ZoneInfo("Asia/Shanghai")
READER = ChatReader(ChatParser(ZONE).parse_archived)
SEGMENTER = Segmenter()
DIGITS, LETTERS = HIDDEN_DIGIT * 4, HIDDEN_LETTER * 3


def made(sent: dict[str, Any]) -> IndexDocument:
    return document(READER.read(encode(sent), {}), 2, ZONE, SEGMENTER.tokens)


def public(made_of: IndexDocument) -> IndexDocument:
    """What somebody who sees masked may look into, but for whole numbers. A sender and the name of
    a visitor are compared as wholes alone."""
    return replace(
        made_of,
        passages=tuple(each._replace(hidden=None, sender="") for each in made_of.passages),
        fields={name: value for name, value in made_of.fields.items() if name != "visitor_name"},
        hidden_files=(),
        hidden_words=(),
        whole_files=(),
    )


def test_documents_that_differ_in_hidden_digits_only_are_equal_but_for_what_is_hidden() -> None:
    one, other = (made(planted(*each)) for each in (ONE, OTHER))
    assert one != other
    assert public(one) == public(other)
    assert len(one.passages) == len(other.passages)
    written = repr(public(one))
    for secret in ("0013", "hang.san", "撤回的"):
        assert secret not in written
        assert secret in repr(one)


@pytest.mark.parametrize(
    ("sent", "passages"),
    [
        (
            message(1, "电话13800138845"),
            [(f"电话138{DIGITS}8845", (), Hidden("电话13800138845", (), f"电话{whole(ONE[0])}"))],
        ),
        (
            message(1, "138-0013-8845"),
            [
                (
                    f"138-{DIGITS}-8845",
                    (f"138{DIGITS}8845",),
                    Hidden("138-0013-8845", ("13800138845",), whole(ONE[0])),
                )
            ],
        ),
        (
            message(1, "zhang@x.com 退 款"),
            [
                (
                    f"z{LETTERS}@x.com 退 款",
                    (f"z{LETTERS}@x.com退款",),
                    Hidden(
                        "zhang@x.com 退 款",
                        ("zhang@x.com退款",),
                        f"{whole('zhang@x.com')} 退 款",
                    ),
                )
            ],
        ),
        (message(1, "撤回的话", recalled=True), [("", (), Hidden("撤回的话"))]),
        (message(1, "退 款", recalled="1"), [("", (), Hidden("退 款", ("退款",)))]),
        (
            message(1, "", recalled=True, upload={"name": "a.png"}),
            [("", (), Hidden("a.png"))],
        ),
        (message(1, "", recalled=True), [("", (), None)]),
        (message(1, "订单2019042512345678"), [("订单2019042512345678", (), None)]),
    ],
)
def test_what_is_hidden_of_a_message_stands_beside_it(
    sent: dict[str, Any], passages: list[tuple[str, tuple[str, ...], Hidden | None]]
) -> None:
    found = made(chat(sent)).passages
    assert [(each.text, each.joined, each.hidden) for each in found] == passages


def test_names_of_files_and_people_are_masked() -> None:
    sent = chat(
        message(1, "", name="张13800138845", upload={"name": "13800138845.png"}),
        message(2, "", name="张13800138846", upload={"name": "b.png"}, recalled=True),
        message(3, "", name="张13899998845", upload={"name": "c.png"}),
        message(4, "我来", name="客服13800138845", role="agent"),
        rating="满意13800138845",
    )
    found = made(sent)
    assert found.files == (f"138{DIGITS}8845.png", "c.png")
    assert found.hidden_files == ("13800138845.png", "b.png")
    assert found.whole_files == (f"{whole('13800138845')}.png",)
    assert found.fields["participant"] == ("2192", "客服138****8845")
    assert found.fields["rating"] == ("满意138****8845",)
    assert found.fields["visitor_name"] == (
        "张138****8845", "张138****8846", "张13800138845", "张13800138846", "张13899998845",
    )  # fmt: skip
    names = [each for each in found.passages if each.speaker is None]
    assert names == [
        Passage(
            f"张138{DIGITS}8845", None, hidden=Hidden("张13800138845", (), f"张{whole(ONE[0])}")
        ),
        Passage(
            f"张138{DIGITS}8846", None,
            hidden=Hidden("张13800138846", (), f"张{whole('13800138846')}"),
        ),
        # two names that look alike are one to whoever sees them masked
        Passage("", None, hidden=Hidden("张13899998845", (), f"张{whole('13899998845')}")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("recalled", "value"),
    [((), "false"), ((False,), "true"), ((True,), ONLY_RECALLED), ((True, False), "true")],
)
def test_whether_a_file_was_sent_tells_of_recalled_ones(
    recalled: tuple[bool, ...], value: str
) -> None:
    files = [
        message(n, "", recalled=gone, upload={"name": "a.png"}) for n, gone in enumerate(recalled)
    ]
    assert made(chat(message(9, "好"), *files)).fields["has_upload"] == (value,)


def test_hidden_words_are_the_words_of_what_is_hidden() -> None:
    sent = chat(message(1, "call zhang@x.com"), message(2, "Secret word", recalled=True))
    found = made(sent)
    assert set(found.hidden_words) == {"call", "zhang", "x", "com", "secret", "word"}
    assert not {"zhang", "secret"} & set(found.words)
    assert {"call", "x", "com"} <= set(found.words)


def test_a_chat_without_anything_private_hides_nothing() -> None:
    found = made(chat(message(1, "我要退款 iPhone 6"), message(2, "订单2019042512345678")))
    assert (found.hidden_files, found.hidden_words, found.whole_files) == ((), (), ())
    assert all(each.hidden is None for each in found.passages)


def test_openings_are_what_the_visitor_asked_first_as_everybody_sees_it() -> None:
    sent = chat(
        message(1, "欢迎光临", name="机器人", role="robot"),
        message(2, "你好，在吗"),
        message(3, "退款几天到账", recalled=True),
        message(4, "", upload={"name": "发票抬头.pdf"}),
        message(5, "发票抬头写错了，电话13800138845"),
        message(6, "请稍等", name="李雷", role="agent"),
        message(7, "！？"),
        message(8, "能重开吗"),
        message(9, "急用"),
        message(10, "还要寄到公司"),
    )
    found = made(sent)
    assert [found.passages[place].text for place in found.openings] == [
        f"发票抬头写错了,电话138{DIGITS}8845",
        "能重开吗",
        "急用",
    ]
