"""The pages' words for roles and for what they may see and do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from flask_babel import gettext as _
from flask_babel import ngettext

from kchat_search.access.passwords import LEAST_CHARACTERS
from kchat_search.access.policy import AgentsSee, lacks_agent_id, permissions
from kchat_search.models.people import ROLES, Principal, Role

SPANS: Mapping[str, int | None] = {"7": 7, "30": 30, "90": 90, "365": 365, "never": None}
"""How long a token may last, in days; None: it has no end."""


def role_word(role: Role) -> str:
    """The word for a role."""
    words: dict[Role, str] = {
        "agent": _("客服"),
        "compliance": _("合规"),
        "admin": _("管理员"),
        "auditor": _("审计员"),
        "metrics": _("监控"),
    }
    return words[role]


def role_words(roles: Iterable[Role]) -> str:
    """The words for roles, in the order of `ROLES`; «none» for none."""
    held = set(roles)
    return str(_("、")).join(role_word(role) for role in ROLES if role in held) or str(
        _("没有角色")
    )


def role_choices(roles: Iterable[Role], agents_see: AgentsSee) -> list[tuple[Role, str, str]]:
    """(role, its word, what it may do in one line), for a form."""
    meanings: dict[Role, str] = {
        "agent": _("搜索和阅读自己参与的对话；号码部分隐藏。")
        if agents_see == "own"
        else _("搜索和阅读所有对话；号码部分隐藏。"),
        "compliance": _(
            "阅读所有对话、以前的版本和撤回的内容，导出；可以显示号码，每次都记入审计。"
        ),
        "admin": _("管理人员和令牌，查看状态；不能阅读对话。"),
        "auditor": _("阅读审计记录；不能阅读对话。"),
        "metrics": _("只读取 /metrics；仅用于令牌。"),
    }
    held = set(roles)
    return [(role, role_word(role), meanings[role]) for role in ROLES if role in held]


def may_see(principal: Principal, agents_see: AgentsSee) -> list[str]:
    """What the principal may see and do, a sentence for each thing."""
    allowed = permissions(principal)
    lines = []
    if lacks_agent_id(principal, agents_see):
        lines.append(
            _("搜索对话：但还没有人说明您是 Kchat 的哪位客服，所以什么都看不到。请管理员设置。")
        )
    elif "search" in allowed and "compliance" not in principal.roles and agents_see == "own":
        lines.append(_("搜索和阅读您参与的对话。"))
    elif "search" in allowed:
        lines.append(_("搜索和阅读所有对话。"))
    if "numbers" in allowed:
        lines.append(
            _("电话、证件、银行卡号和邮箱在页面上部分隐藏；可以逐个对话显示，每次都记入审计。")
        )
    elif "search" in allowed:
        lines.append(_("电话、证件、银行卡号和邮箱部分隐藏。"))
    rest = {
        "versions": _("阅读以前的版本和撤回的内容。"),
        "export": _("导出搜索结果。"),
        "status": _("查看程序的状态。"),
        "people": _("管理人员和所有令牌。"),
        "audit": _("阅读所有审计记录。"),
    }
    lines += [words for permission, words in rest.items() if permission in allowed]
    if "own_audit" in allowed and "audit" not in allowed:
        lines.append(_("阅读自己的审计记录。"))
    return lines


def span_words() -> list[tuple[str, str]]:
    """(key, words) of `SPANS`, for a form."""
    return [
        (key, _("不过期") if days is None else ngettext("%(num)s 天", "%(num)s 天", days))
        for key, days in SPANS.items()
    ]


def span(key: str) -> timedelta | None:
    """How long a token lasts. Raises `KeyError` for a key that is not in `SPANS`."""
    days = SPANS[key]
    return None if days is None else timedelta(days=days)


def agent_words(agent_id: str, agents: Mapping[str, str]) -> str:
    """A Kchat agent: «李雷 #2192»."""
    return f"{agents.get(agent_id, '')} #{agent_id}".strip()


def agent_hint(agents_see: AgentsSee) -> str:
    """What the field for the Kchat agent is for."""
    if agents_see == "own":
        return str(_("此人在 Kchat 的客服编号：客服只看到自己参与的对话，没有编号就什么都看不到。"))
    return str(_("此人在 Kchat 的客服编号，可以不填。"))


def password_hint() -> str:
    """What a password must be."""
    return str(_("至少 %(num)s 个字符；几个不相干的词比符号好记。", num=LEAST_CHARACTERS))


_BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("MicroMessenger", "WeChat"), ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"), ("Chrome/", "Chrome"), ("CriOS", "Chrome"), ("Safari/", "Safari"),
    ("curl/", "curl"), ("python-requests", "Python"),
)  # fmt: skip
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
    ("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip
"""(a part of `User-Agent`, its name): the first that is there counts, since most browsers also
name those that they are like."""


def browser(user_agent: str) -> str:
    """A browser in words, as far as it says what it is: «Chrome · Windows»."""
    found = [
        next((name for part, name in table if part in user_agent), "")
        for table in (_BROWSERS, _SYSTEMS)
    ]
    return " · ".join(filter(None, found)) or _("未知的浏览器")
