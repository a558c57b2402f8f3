"""Chats for the tests of the web, ordinary and hostile ones, and their versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from kchat_search.models.chats import Chat, Message, Upload
from tests.web.builders import chat, message

AGENT = "李雷"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
PASSWORD = "我的银行卡密码是 123456,方便您操作"
"""What the visitor of chat 290 wrote and recalled."""
OVERRIDE = "\u202egpj.exe"


def ordinary() -> list[Chat]:
    """63 chats from two years. Three have a story, the others have words of their own."""
    refund = chat(
        290,
        [
            message("访客5 加入了对话", type="chat.memberjoin"),
            message("你好,在吗?上周买的耳机左边没声音,想问一下退款怎么走"),
            message("您好!请提供一下订单号,我帮您查一下退款进度。", AGENT),
            message("订单号 DD20150425678,电话尾号 5678"),
            message(
                "",
                type="chat.upload",
                upload=Upload("9", "发票.pdf", 482_113, "pdf", "https://files.example.com/9"),
            ),
            message("收到。退款申请已提交,1–3 个工作日原路退回 😊", AGENT),
            message("刚才打错了", recalled=True),
            message("好的,谢谢!"),
        ],
    )
    robot = chat(
        291,
        [
            message("运费险怎么用", "王芳"),
            message("您好,我是小智,请问是想了解运费险吗?", "小智", role="robot"),
            message("转人工", "王芳"),
            message("韩梅梅 接入了对话", "韩梅梅", type="chat.system"),
            message("您好,運費險在退款後 72 小時內到賬", "韩梅梅"),
        ],
        agent_id="2193",
        visitor_id="548",
        user_id=None,
        rating=None,
        status="open",
        end_at=None,
        created_at=datetime(2016, 5, 19, 2, 0, tzinfo=UTC),
    )
    nobody = chat(
        292,
        [message("有人吗?想退款"), message("还在吗")],
        agent_id=None,
        rating="非常满意",
        started_by="agent",
        created_at=datetime(2015, 11, 2, 1, 0, tzinfo=UTC),
    )
    many = [
        chat(
            1000 + n,
            [
                message(f"包裹 {n} 号什么时候到?单号 SF{n:06d}", f"访客{n}"),
                message("在路上了,预计明天送达", AGENT if n % 3 else "韩梅梅"),
            ],
            agent_id="2192" if n % 3 else "2193",
            visitor_id=str(600 + n % 20),
            rating=["1", "0", None, "3", "4"][n % 5],
            created_at=datetime(2014, 6, 1, 3, 0, tzinfo=UTC) + timedelta(days=11 * n),
        )
        for n in range(60)
    ]
    return [refund, robot, nobody, *many]


def refund_versions() -> list[dict[str, Any]]:
    """The three versions of chat 290 in Kchat's form; the last is the chat of `ordinary`.

    The second has a message that was edited, and new ones. In the third, one of those is recalled,
    and the chat is closed and rated.
    """

    def sent(position: int, msg: str, name: str = "访客5", **fields: Any) -> dict[str, Any]:
        at = f"2015-04-25 08:{4 + position:02}:12"
        known = {"id": 290_000 + position, "type": "chat.msg", "name": name, "is_read": 1}
        return known | {"msg": msg, "created_at": at} | fields

    joined = sent(0, "访客5 加入了对话", type="chat.memberjoin")
    asked = sent(1, "你好,在吗?上周买的耳机左边没声音,想问一下退款怎么走", is_read=0)
    answer = sent(2, "您好!请提供一下订单号,我帮您查一下换货进度。", AGENT, role="agent")
    order = sent(3, "订单号 DD20150425678,电话尾号 5678")
    file = sent(
        4,
        "",
        type="chat.upload",
        upload={"id": 9, "name": "发票.pdf", "size": 482_113, "token": "s3cr3t"},
    )
    accepted = sent(5, "收到。退款申请已提交,1–3 个工作日原路退回 😊", AGENT, role="agent")
    slip = sent(6, PASSWORD)
    thanks = sent(7, "好的,谢谢!")
    facts = {"id": 290, "status": "open", "agent_id": 2192, "rating": None, "end_at": None}
    closed = {"status": "close", "rating": 1, "end_at": "2015-04-25 09:06:12"}
    read = asked | {"is_read": 1}
    edited = answer | {"msg": answer["msg"].replace("换货", "退款")}
    recalled = slip | {"msg": "", "recalled": True}
    return [
        facts | {"messages": [joined, asked, answer]},
        facts | {"messages": [joined, read, edited, order, file, accepted, slip]},
        facts
        | closed
        | {"messages": [joined, read, edited, order, file, accepted, recalled, thanks]},
    ]


def hostile_versions() -> list[dict[str, Any]]:
    """Two versions of chat 666. Every field is an attack, and every field changes."""

    def sent(number: int, text: str) -> dict[str, Any]:
        file = {"id": number, "name": text, "url": "javascript:alert(3)", "token": text}
        return {"id": number, "type": text, "name": text, "msg": text, "upload": file}

    def version(mark: str) -> dict[str, Any]:
        text = HOSTILE + mark + "\ud83d\x00\x1b" + OVERRIDE
        gone = sent(20, text) if mark == "1" else sent(30, text)
        recalled = sent(4, text) if mark == "1" else sent(4, "") | {"recalled": True}
        touched = sent(5, HOSTILE) | {HOSTILE: mark}
        messages = [sent(1, text), sent(1, text), gone, recalled, touched]
        facts: dict[str, Any] = dict.fromkeys(("status", "agent_id", "rating", HOSTILE), text)
        return facts | {"id": 666, "messages": messages}

    return [version("1"), version("2")]


def hostile() -> Chat:
    """Chat 666. Each of its texts is an attack, and each of its fields has an odd value."""
    attacks = [
        HOSTILE,
        "{{ 7 * 7 }} {% raw %} ${7*7}",
        "NUL\x00 bell\x07 escape\x1b[31m c1\x9b del\x7f",
        "lone \ud83d surrogate \udc00",
        f"photo {OVERRIDE}",
        "\u2028line\u2029 ]]> --> <!-- <![CDATA[",
        "a" * 5000,
        "",
    ]
    said = [message(text, HOSTILE) for text in attacks]
    files = [
        Upload("1", HOSTILE, -5, HOSTILE, "javascript:alert(3)"),
        Upload("2", OVERRIDE, None, "", "data:text/html,<script>alert(4)</script>"),
        Upload("3", "\x00.pdf", 10**18, "\ud800", "https://h\x00st/"),
        Upload("4", "", 0, "x", "//evil.example/x"),
        Upload("5", "fine.txt", 12, "txt", 'https://ok.example/"onmouseover="alert(5)'),
    ]
    said += [message("", HOSTILE, type="chat.upload", upload=file) for file in files]
    said += [
        Message(7, 0, HOSTILE, HOSTILE, HOSTILE, HOSTILE, datetime(1, 1, 1, tzinfo=UTC)),
        Message(7, 0, "chat.system", "", "", None, datetime(9999, 12, 31, 23, tzinfo=UTC)),
        Message(None, 0, "", "", "?", None, None),
    ]
    return chat(
        666,
        said,
        type=HOSTILE,
        started_by=HOSTILE,
        status=HOSTILE + "\ud800\x00",
        agent_id=HOSTILE,
        rating=HOSTILE + "\udfff",
        visitor_id="\ud800" + HOSTILE,
        user_id=HOSTILE,
        created_at=datetime(9999, 12, 31, 20, tzinfo=UTC) - timedelta(hours=5),
        assigned_at=datetime(1, 1, 1, tzinfo=UTC),
        end_at=datetime(1900, 1, 1, tzinfo=UTC),
    )


def grown(count: int) -> list[dict[str, Any]]:
    """The versions of a chat that gets one more message in each of them."""
    said = [{"id": n, "msg": f"第 {n} 句"} for n in range(1, count + 1)]
    return [{"id": 290, "messages": said[:n]} for n in range(1, count + 1)]
