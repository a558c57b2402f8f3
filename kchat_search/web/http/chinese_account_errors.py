"""The Chinese of what is wrong with a user name, a password, a token, a permission, or a saved
search.

The room `access` says it in English. Each text there has a line here, by which it is known: a test
makes every one of them.
"""

from __future__ import annotations

import re

_TEXTS = tuple(
    (re.compile(f"^{english}"), chinese)
    for english, chinese in (
        (
            r"Your account may not do this: it lacks the permission '(\w+)'",
            "您的账号没有「{0}」这项权限。",
        ),
        # names
        (r"The user name is empty", "用户名不能为空，例如 li.lei。"),
        (r"«[^»]*» can't be a user name: it has more than (\d+)", "用户名最多 {0} 个字符。"),
        (r"«[^»]*» can't be a user name: it must begin", "用户名须以字母或数字开头。"),
        (
            r"«[^»]*» can't be a user name: it has U\+([0-9A-F]+)",
            "用户名里不能有 U+{0} 这个字符：只能有字母、汉字、数字和 . _ - @ + ' ·。",
        ),
        (
            r"«[^»]*» can't be a user name: it has letters of several",
            "用户名混用了几种文字，其中有看起来一样的字母：请只用一种。",
        ),
        (r"There is a user name «([^»]*)» already", "已有用户名「{0}」：请换一个。"),
        (
            r"«[^»]*» looks like the user name «([^»]*)»",
            "它看起来像已有的用户名「{0}」：请换一个，免得认错人。",
        ),
        # passwords
        (r"The old password is wrong", "现在的密码不对。"),
        (r"The new password is the old one", "新密码和现在的一样。"),
        (r"The password has more than ([\d,]+) bytes", "密码超过 {0} 个字节：请换一个短些的。"),
        (r"The password is empty", "密码不能为空。"),
        (
            r"The password has fewer than (\d+) characters",
            "密码至少要有 {0} 个字符：请换一个长些的，例如四个词。",
        ),
        (
            r"«([^»]*)» signs in by OpenID Connect, and has no password",
            "「{0}」经由 OpenID Connect 登录，在这里没有密码。",
        ),
        (r"The password has characters that nobody can type", "密码里有无法输入的字符。"),
        (
            r"The password is one of the first that anybody tries",
            "这是最先会被猜到的密码之一：请换一个，例如四个词。",
        ),
        # log-ins
        (
            r"Too many log-ins failed for this name from this address: wait (\d+) s",
            "从这里用这个名字登录，失败的次数太多。请等 {0} 秒再试。",
        ),
        (r"Too many people are logging in at this moment", "此刻登录的人太多：请过一秒再试。"),
        # roles, agents, tokens
        (r"A token needs a role", "请至少选择一个角色。"),
        (r"The token would have ended already", "有效期已过：请选一个更晚的。"),
        (r"«([^»]*)» has (\d+) tokens", "「{0}」已有 {1} 个令牌：请先吊销几个。"),
        (
            r"Agents see their own chats only",
            "客服只看到自己参与的对话：请填这个令牌属于哪位客服的编号。",
        ),
        (r"«([^»]*)» does not have the role", "「{0}」没有这个角色，其令牌也不能有。"),
        (
            r"A token of «([^»]*)» is for the agent",
            "「{0}」的令牌只能用其自己的客服编号：这一栏请留空。",
        ),
        (r"The token has no name", "请给令牌一个名称。"),
        (
            r"A token's name has at most (\d+) characters",
            "令牌名称最多 {0} 个字符，而且都要能显示。",
        ),
        (r"There is no role", "没有这个角色。"),
        (r"The role metrics is for tokens alone", "「监控」角色只用于令牌。"),
        (r"This is no agent's id", "这不是客服的编号。"),
        # saved searches
        (
            r"You have no saved search",
            "您没有这个已保存的搜索，它可能已被删除，或属于别人：您保存的搜索在 /saved。",
        ),
        (
            r"Saved search \d+ finds too many chats",
            "这个搜索找到的对话太多，没有记下哪些是看过的。",
        ),
        (r"Only people have saved searches", "只有登录的人才能保存搜索：请登录。"),
        (
            r"You have (\d+) saved searches",
            "您已保存 {0} 个搜索：请先删除一个。",
        ),
        (
            r"You have a saved search «(.*)» already",
            "您已有名为「{0}」的已保存的搜索：请换一个名称。",
        ),
        (r"A saved search needs a name", "请给这个搜索取一个名称。"),
        (r"The name is too long: at most (\d+)", "名称最多 {0} 个字符。"),
        (r"The name has characters that can't be shown", "名称里有显示不出来的字符。"),
        (
            r"The search is too long to be saved",
            "这个搜索太长，不能保存：请改用它的网址，例如存为浏览器书签。",
        ),
        (r"There is no person", "没有这个人。"),
        (r"There is no token", "没有这个令牌。"),
        (r"There is no session", "没有这个登录：它已结束。"),
    )
)


def in_chinese(english: str) -> str | None:
    """The text in Chinese; None for one that is not of this kind."""
    for pattern, chinese in _TEXTS:
        found = pattern.search(english)
        if found is not None:
            return chinese.format(*found.groups())
    return None
