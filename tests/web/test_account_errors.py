"""Every error about names, passwords and tokens has its Chinese, and says the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from kchat_search.access import sign_ins
from kchat_search.errors import Forbidden, KchatSearchError, NotFound
from kchat_search.models.people import Principal
from kchat_search.search.not_seen import not_seen
from kchat_search.web.http.chinese_account_errors import in_chinese
from tests.web.doors import WORDS, Doors
from tests.web.fake_service import NOW

TOKEN = Principal("token", "token:1", "x", frozenset({"agent"}))
LILEI = Principal("person", "person:1", "lilei", frozenset({"agent"}))


def adds(name: str = "mei", password: str = WORDS, **more: Any) -> Callable[[Doors], Any]:
    return lambda doors: doors.access.people.add(
        name, more.pop("roles", ["agent"]), password=password, **more
    )


def makes(name: str = "x", roles: Any = ("compliance",), **more: Any) -> Callable[[Doors], Any]:
    return lambda doors: doors.access.tokens.add(name, roles, **more)


def saves(*names: str, query: str = "q=a") -> Callable[[Doors], Any]:
    def save(doors: Doors) -> None:
        for name in names:
            doors.access.saved_searches.add(LILEI, name, query, [])

    return save


def fails(doors: Doors) -> None:
    for _ in range(9):
        doors.access.sign_ins.with_password("lilei", "wrong", address="127.0.0.1")


CASES: list[tuple[Callable[[Doors], Any], str]] = [
    (adds(""), "用户名不能为空"),
    (adds(" "), "用户名不能为空"),
    (adds("a" * 65), "最多 64 个字符"),
    (adds("-a"), "开头"),
    (adds("a b"), "U+0020"),
    (adds("a\u200bb"), "U+200B"),
    (adds("аbc"), "几种文字"),
    (adds("LILEI"), "已有用户名「lilei」"),
    (adds("1ilei"), "像已有的用户名「lilei」"),
    (adds(password=""), "密码不能为空"),
    (adds(password="short"), "至少要有 8 个字符"),
    (adds(password="x" * 1001), "超过 1,000 个字节"),
    (adds(password="password123"), "最先会被猜到"),
    (adds(password="correct \x00 horse"), "无法输入"),
    (adds(roles=["metrics"]), "只用于令牌"),
    (adds(roles=["king"]), "没有这个角色"),
    (adds(agent_id="x" * 300), "不是客服的编号"),
    (makes(""), "名称"),
    (makes("x" * 65), "最多 64 个字符"),
    (makes(roles=()), "至少选择一个角色"),
    (makes(roles=("admin",), owner="lilei"), "「lilei」没有这个角色"),
    (makes(roles=("agent",), owner="lilei", agent_id="2"), "只能用其自己的客服编号"),
    (makes(owner="nobody"), "没有这个人"),
    (makes(expires_at=NOW - timedelta(days=1)), "有效期已过"),
    (lambda doors: doors.access.tokens.revoke(99), "没有这个令牌"),
    (lambda doors: doors.access.sessions.end(99), "没有这个登录"),
    (saves(""), "取一个名称"),
    (saves("x" * 81), "最多 80 个字符"),
    (saves("\u202ex"), "显示不出来"),
    (saves("x", query="x" * 16_001), "这个搜索太长"),
    (saves("x", "X"), "已有名为「x」"),
    (saves(*map(str, range(101))), "已保存 100 个搜索"),
    (lambda doors: doors.access.saved_searches.one(LILEI, 99), "没有这个已保存的搜索"),
    (lambda doors: doors.access.saved_searches.of(TOKEN), "只有登录的人"),
    (lambda _: not_seen(None, 99), "没有这个已保存的搜索"),
    (lambda _: not_seen(lambda _: None, 99), "没有记下哪些是看过的"),
    (fails, "秒再试"),
]


@pytest.mark.parametrize(("do", "words"), CASES, ids=range(len(CASES)))
def test_what_is_wrong_is_said_in_chinese(
    doors: Doors, do: Callable[[Doors], Any], words: str
) -> None:
    with pytest.raises(KchatSearchError) as wrong:
        do(doors)
    chinese = in_chinese(str(wrong.value))
    assert chinese is not None, wrong.value
    assert words in chinese
    assert "{" not in chinese


def test_the_other_errors_of_accounts_have_their_chinese_too() -> None:
    for error in (
        Forbidden("people"),
        sign_ins.too_early(timedelta(seconds=3)),
        "Too many people are logging in at this moment: try again in a second.",
        "The old password is wrong.",
        "The new password is the old one.",
        "«lilei» has 100 tokens: revoke some first.",
        "Agents see their own chats only (KCHAT_AGENTS_SEE=own): say which agent this token is for",
    ):
        assert in_chinese(str(error)), error
    assert in_chinese(str(NotFound("There is no chat 7 in the archive."))) is None
