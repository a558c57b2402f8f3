"""The page of the audit: who did what, when and from where. An auditor reads all rows, and sees who
may be trying out numbers; everybody else reads their own."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args
from urllib.parse import urlencode

from flask import Blueprint, redirect, request
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.models.audit import Action
from kchat_search.models.reports import Presentation
from kchat_search.ports import Clock
from kchat_search.web.api.routes import audit_reading
from kchat_search.web.http import current
from kchat_search.web.http.audit_parameters import read_audit
from kchat_search.web.http.language import without_choice
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import page

LOOKUPS_DAYS = 7
TOO_MANY = 20
"""So many whole numbers in these days are more than daily work needs."""
LOOKUPS_SHOWN = 10


def blueprint(presentation: Presentation, clock: Clock) -> Blueprint:
    """The route. `clock` tells which look-ups of numbers are recent."""
    pages = Blueprint("audit", __name__)

    @pages.get("/audit")
    @needs("audit", "own_audit")
    def audit() -> BaseResponse:
        args = without_choice(request.args)
        # Without JavaScript the form also sends its empty fields.
        filled = [(name, value) for name, value in args.items(multi=True) if value]
        asked = read_audit(MultiDict(filled), presentation.zone)
        if len(filled) < len(list(args.items(multi=True))):
            return redirect(_address("/audit", filled))
        reading = audit_reading()
        sees_all = current.may("audit")
        since = clock() - timedelta(days=LOOKUPS_DAYS)
        lookups = reading.number_lookups(since)[:LOOKUPS_SHOWN] if sees_all else ()
        found = reading.page(asked.wanted, before=asked.before, limit=asked.per_page)
        filters = [(name, value) for name, value in filled if name != "cursor"]
        every = [(name, value) for name, value in filters if name not in ("per_page", "format")]
        return page(
            "audit.html",
            rows=found.rows,
            total=found.total,
            sees_all=sees_all,
            typed=dict(filters),
            action_words=action_words(),
            lookups=lookups,
            lookups_days=LOOKUPS_DAYS,
            too_many=TOO_MANY,
            newest=_address("/audit", filters) if asked.before else None,
            older=found.before and _address("/audit", [*filters, ("cursor", str(found.before))]),
            files=[
                (form, _address("/api/v1/audit", [*every, ("format", form)]))
                for form in ("csv", "jsonl")
            ],
        )

    return pages


def action_words() -> dict[Action, str]:
    """What was done, in words."""
    words: dict[Action, str] = {
        "search": _("搜索"),
        "related": _("查看相关对话"),
        "hot": _("查看热点问题"),
        "saved": _("查看已保存的搜索"),
        "search_saved": _("保存搜索"),
        "search_removed": _("删除已保存的搜索"),
        "similar": _("查看相似对话"),
        "view": _("查看对话"),
        "versions": _("查看历史版本"),
        "reveal": _("显示号码"),
        "export": _("导出"),
        "rejects": _("查看无法识别的对话"),
        "status": _("查看状态"),
        "suggest": _("补全访客"),
        "agents": _("查看客服名单"),
        "audit": _("查看审计记录"),
        "log_in": _("登录"),
        "log_in_failed": _("登录失败"),
        "log_out": _("退出登录"),
        "refused": _("被拒绝"),
        "person_added": _("添加人员"),
        "person_changed": _("更改人员"),
        "person_removed": _("删除人员"),
        "password_changed": _("更改密码"),
        "session_ended": _("结束会话"),
        "token_added": _("新建令牌"),
        "token_revoked": _("吊销令牌"),
        "settings": _("更改设置"),
        "operate": _("运行维护"),
        "text_erased": _("删除文字"),
    }
    assert words.keys() == set(get_args(Action))
    return words


def _address(path: str, parameters: list[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(parameters)}" if parameters else path
