"""The form in which Kchat has what was said: the API's field `msg`.

An agent's editor sends HTML, a card and a document are JSON, and a robot's answer is JSON with HTML
in it. The forms are those that the vendor's apps read: `CardConstant.java` and
`CustomTextView.java` of its library for Android, `KFContentLabelHelp.m` of the one for iOS.

Invariant: no chance is used, only the number of the message, so the conversations stay the same.
"""

from __future__ import annotations

import json
import re
from html import escape

_ADDRESS = re.compile(r"https://[A-Za-z0-9./_-]+")
_PHONE = re.compile(r"(?<![0-9A-Za-z])(1[3-9][0-9])([0-9]{4})([0-9]{4})(?![0-9])")
_EDITED = 4
"""One of so many messages of agents was written in the editor."""
_GROUPED = 4
"""In one of so many messages, visitors write their telephone number in groups."""


def msg_form(kind: str, role: str, text: str, number: int) -> str:
    """The `msg` of a message. `kind`: msg, card, document, answer or another; `role`: of who said
    `text`; `number`: the id of the message."""
    if kind == "card":
        return _json(
            img_url=f"https://files.example.com/goods/{number}.jpg",
            title=text,
            price=f"¥{number % 400 + 19}.00",
            link_title="查看订单",
            link_url=f"https://shop.example.com/orders/{number}",
        )
    if kind == "document":
        title, _, url = text.partition(" https://")
        documents = [{"post_id": number, "title": title, "url": f"https://{url}"}]
        return _json(type="document", content="", documents=documents)
    if kind == "answer":
        return _json(type="question", content=f"<p>{escape(text)}</p>", questions=[])
    if kind == "msg" and role == "agent" and not number % _EDITED:
        return _html(text, number)
    if kind == "msg" and role == "visitor" and not number % _GROUPED:
        return _PHONE.sub(r"\1 \2 \3", text)
    return text


def _html(text: str, number: int) -> str:
    """What the editor makes of a text: paragraphs, links, and now and then bold words."""
    content = _ADDRESS.sub(r'<a href="\g<0>" target="_blank">\g<0></a>', escape(text, quote=False))
    first, mark, rest = content.partition("，")
    if mark and not number % 3:
        content = f"<strong>{first}</strong>{mark}{rest}"
    elif mark and not number % 5:
        content = f"{first}{mark}<br>{rest}"
    return f"<p>{content}</p>"


def _json(**fields: object) -> str:
    """As PHP writes it: every character that is not ASCII is escaped."""
    return json.dumps(fields)
