"""What the box shows: examples with values that the reader's own chats have, and the operators."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from flask import Flask
from flask_babel import gettext as _

from kchat_search.fields import BY_NAME, OPERATOR_TITLES
from kchat_search.models.search import InUse
from kchat_search.search.tree import FieldCondition
from kchat_search.web.http import current, language


@dataclass(frozen=True, slots=True)
class SearchHelp:
    """How to write a query."""

    examples: list[tuple[str, str]]
    """(query, what it finds)."""
    operators: list[tuple[str, str]]
    """(name, what it asks)."""


def install(app: Flask) -> None:
    """Give templates what the box needs."""
    app.jinja_env.globals.update(search_help=search_help, whose_box=whose_box)


def whose_box() -> str:
    """Tells readers apart in one browser, and says nothing of who they are: what one has searched
    for is not shown to another."""
    return sha256(current.known().principal.key.encode()).hexdigest()[:16]


def search_help(own: bool = True) -> SearchHelp:  # noqa: FBT001  # a template calls it
    """`own`: with values of the reader's own chats. The page of an error asks for none: what failed
    may fail again."""
    written = language.current()
    operators = [
        (name, title.in_language(written))
        for name, title in OPERATOR_TITLES.items()
        if name != "in" or current.may("versions")
    ]
    return SearchHelp(_examples(current.program().in_use() if own else InUse()), operators)


def _examples(used: InUse) -> list[tuple[str, str]]:
    """The query language by example."""
    examples = [
        ("退款流程", _("按词查找：每个词都出现，顺序不限")),
        ("“退款流程”", _("原文查找：一字不差")),
        ("5678", _("数字按原文查找：电话、订单号的一部分也行")),
        ("退款 OR 退货", _("两者之一；另有 AND、NOT、括号")),
        ("退款 -发票", _("排除某个词")),
        ("iph*", _("以此开头的英文单词")),
        ("from:visitor 谢谢", _("只看访客说的话；也可 from:agent、from:robot")),
        (_written("rating", used.rating or "1"), _("按评价；rating:none 为未评价")),
        ("has:upload", _("发过附件的对话")),
        ("file:发票.pdf", _("按附件的文件名")),
        ("is:gone", _("Kchat 上已不存在的对话")),
        (f"date:{used.month or '7d'}", _("按创建时间；也可 date:7d、after:、before:")),
    ]
    if used.agent:
        words = _("某位客服；也可 visitor:547、user:45190、id:290")
        examples.append((str(FieldCondition("agent", used.agent)), words))
    return examples


def _written(name: str, value: str) -> str:
    """A condition in the words of the page."""
    return str(FieldCondition(name, BY_NAME[name].label(value, language.current()) or value))
