"""The Chinese of the errors that are raised below the web.

The rooms below the web write their errors in English, for programs and for the command line. Where
the answer is Chinese, the error's type, parameter and limit say which Chinese text has the same
facts.

Some errors have no text here: the text of an `ArchiveError` or an `IndexDamaged` says which file is
wrong, why, and which command helps. That can't be known from its type, so it stays as it is.
"""

from __future__ import annotations

from kchat_search.errors import (
    BadRequest,
    ChatDamaged,
    KchatSearchError,
    LimitExceeded,
    NotFound,
    RequestTooExpensive,
    SignInRefused,
    TooManyRequests,
)
from kchat_search.models.damage import REPAIR
from kchat_search.models.search import MAX_CLAUSES, MAX_QUERY_CHARACTERS

_QUERY_LIMITS = {
    MAX_QUERY_CHARACTERS: f"搜索内容超过 {MAX_QUERY_CHARACTERS:,} 个字符。",
    MAX_CLAUSES: f"搜索条件超过 {MAX_CLAUSES} 个。",
}
_TOO_MANY_GROUPS = "from: 和 said: 用得太多：两者的组合超过 {limit} 种。"
_LIMITS = {
    "full": (
        "这一页的各版本加起来超过 {limit:,} 个字符，一次回答放不下：请用 per_page 减少每页的版本，"
        "用 version=1、version=2 等逐个查看，或用 full=false 只看变化。"
    ),
    "version": (
        "变化超过 {limit:,} 处，一次回答放不下：请用 per_page 减少每页的版本，"
        "或用 version=1、version=2 等逐个查看。"
    ),
}
_CURSOR = "cursor 不是这个搜索给出的：请去掉它，从头开始。"
_HOT = "没有这个热点问题，或者它已过期（只保留 7 天）：现在的热点问题在 /hot。"
_TOO_EXPENSIVE = (
    "回答它需要的处理器时间超过一次请求的上限（{seconds:g} 秒）。请用更少或更长的词、不用星号、"
    "缩短日期范围、增加筛选条件，或减少每页的结果数。对话很长时，请一次只看一页或一个版本。"
)


_TOO_MANY = "一分钟内的请求太多：请等 {seconds} 秒再继续。"
_SIGN_IN = {
    "attempt": "这个回答不属于本浏览器中开始的登录，或者那次登录开始得太久了：请重新登录。",
    "provider": "登录服务拒绝了这次登录：请重试，或联系管理员。",
    "answer": "登录服务的回答不能证明您是谁，所以没有登录：请重试。若仍如此，请管理员看日志。",
    "no_role": "您在登录服务中有账号，但其中没有任何组给您这里的角色：请联系管理员。",
    "disabled": "您在这里的账号已停用：请联系管理员。",
    "ended": "登录服务不再确认您是谁：请重新登录。",
    "unreachable": "无法向登录服务询问您是谁：请过一分钟再试。",
    "busy": "此刻登录的人很多：请过几秒再试。",
}
"""By the reason of a `SignInRefused`."""


def in_chinese(error: KchatSearchError, chat_id: str, version: str) -> str | None:
    """The text of an error in Chinese; None if its type, parameter and limit do not say enough.

    `chat_id` and `version` are those of the request, "" where it has none.
    """
    if isinstance(error, LimitExceeded):
        if error.parameter == "q":
            return _QUERY_LIMITS.get(error.limit, _TOO_MANY_GROUPS.format(limit=error.limit))
        text = _LIMITS.get(error.parameter)
        return text and text.format(limit=error.limit)
    if isinstance(error, BadRequest):
        return {"cursor": _CURSOR, "hot": _HOT}.get(error.parameter)
    if isinstance(error, ChatDamaged):
        return f"对话 {error.chat_id} 在归档中已损坏，无法显示。从 Kchat 重新取回它：{REPAIR}"
    if isinstance(error, RequestTooExpensive):
        return _TOO_EXPENSIVE.format(seconds=error.seconds)
    if isinstance(error, NotFound) and chat_id:
        return f"归档中没有对话 {chat_id}" + (f" 的版本 {version}。" if version else "。")
    return _about_access(error)


def _about_access(error: KchatSearchError) -> str | None:
    if isinstance(error, TooManyRequests):
        return _TOO_MANY.format(seconds=error.retry_after)
    if isinstance(error, SignInRefused):
        return _SIGN_IN[error.reason] + (f"（{error.detail}）" if error.detail else "")
    return None
