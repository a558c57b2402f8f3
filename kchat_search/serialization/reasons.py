"""Why something failed and what to do about it, in Chinese and in English, by the error's kind.

The rooms below name the kind (`KchatSearchError.kind`): the words come here, at the edge, in one
language. The error's own text, which is English and has the details, is shown apart.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from kchat_search.serialization.notes import Language


class ReasonWords(NamedTuple):
    """One reason, in one language."""

    what: str
    """What happened."""
    todo: str
    """What can be done about it."""


_ZH: dict[str, tuple[str, str]] = {
    "NoAccount": ("", "请在 .env 或环境变量中填写 Kchat 账号；页面 /setup 有逐步说明。"),
    "SettingsError": ("设置缺少或有误。", "请改正设置，然后再检查或重新启动。"),
    "KchatUnreachable": ("连不上 Kchat。", "请检查 KCHAT_SUBDOMAIN 或 KCHAT_BASE_URL，以及网络。"),
    "KchatUnreachable.name": (
        "找不到 Kchat 的域名。",
        "请检查 KCHAT_SUBDOMAIN 的拼写，以及这台机器能否上网。",
    ),
    "KchatUnreachable.tls": (
        "与 Kchat 的加密连接（TLS）没有建立。",
        "请检查地址和这台机器的时间；公司自签的证书请用 REQUESTS_CA_BUNDLE 指定。",
    ),
    "KchatUnreachable.time-out": (
        "Kchat 没有及时回答。",
        "程序会自动重试；若持续如此，请检查网络、防火墙和代理。",
    ),
    "KchatUnreachable.connection": (
        "Kchat 的地址拒绝连接。",
        "请检查 KCHAT_BASE_URL 中的主机和端口。",
    ),
    "KchatUnreachable.proxy": (
        "网络代理没有接通。",
        "请检查环境变量 HTTPS_PROXY、HTTP_PROXY 和 NO_PROXY。",
    ),
    "KchatUnreachable.network": ("这台机器到 Kchat 没有网络。", "请检查这台机器的网络。"),
    "KchatUnreachable.broken": ("与 Kchat 的连接中途断开。", "程序会自动重试。"),
    "KchatUnreachable.address": (
        "Kchat 的地址无效。",
        "请检查 KCHAT_SUBDOMAIN 或 KCHAT_BASE_URL。",
    ),
    "KchatRefused": ("Kchat 拒绝了访问。", "请检查 KCHAT_EMAIL 和 KCHAT_API_TOKEN。"),
    "KchatRefused.401": (
        "Kchat 不接受这个邮箱或令牌（401）。",
        "请核对 KCHAT_EMAIL 和 KCHAT_API_TOKEN（或 KCHAT_PASSWORD），并确认 KF5 已开启 API。",
    ),
    "KchatRefused.403": (
        "这个账号没有读取对话的权限（403）。",
        "KCHAT_EMAIL 须是客服账号：请在 KF5 中授权，或换一个账号。",
    ),
    "KchatNotFound": (
        "Kchat 没有这个地址（404）。",
        "请检查 KCHAT_SUBDOMAIN 和 KCHAT_CHATS_PATH。",
    ),
    "KchatBusy": ("Kchat 正忙。", "程序会自动重试，无需处理。"),
    "KchatBusy.pause": ("Kchat 要求暂停请求。", "程序到时会自动继续，无需处理。"),
    "KchatBadAnswer": (
        "Kchat 的回答与它的 API 不符。",
        "程序会自动重试；若持续如此，请看技术细节。",
    ),
    "KchatBadAnswer.page": (
        "这个地址回答的是网页，不是 Kchat 的 API。",
        "请检查 KCHAT_SUBDOMAIN 或 KCHAT_BASE_URL：可能没有这个子域名。",
    ),
    "KchatBadAnswer.redirect": (
        "Kchat 把请求转到了别的地址；为保护令牌，程序没有跟去。",
        "请把 KCHAT_SUBDOMAIN 或 KCHAT_BASE_URL 改为账号自己的地址。",
    ),
    "ArchiveError": ("归档无法读写。", "请检查归档文件及其权限。"),
    "ArchiveFull": ("归档所在的磁盘已满。", "请腾出空间；之后程序会自动继续。"),
    "IndexDamaged": ("索引已损坏。", "请运行 kchat-search reindex 重建；归档不受影响。"),
    "IndexUnwritable": ("索引无法写入。", "请检查权限和磁盘空间。"),
    "EngineUnreachable": (
        "索引服务器没有回答。",
        "请检查 KCHAT_OPENSEARCH_HOSTS；程序会自动重试。",
    ),
    "ChatsRefused": (
        "个别对话太大，索引服务器不接收；其他对话都能搜到。",
        "这些对话在归档中完好，会继续重试：请给索引服务器更多内存；是哪些对话，见技术细节。",
    ),
    "IndexerBusy": ("另一个进程正在同步或重建索引。", "请等它结束，或将它停止。"),
    "IndexerDeposed": ("与数据库的连接中断，同步已停下。", "程序会自动重试，无需处理。"),
    "damage": ("", "请停止 kchat-search 后运行 kchat-search repair，或恢复备份。"),
    "missing": ("最近没有获取新的对话。", "请启动 kchat-search serve 或 kchat-search worker。"),
    "slow": ("", "请调高 KCHAT_SCRUB_CPU_PERCENT 或 KCHAT_SCRUB_DAYS。"),
    "signal": ("进程被系统终止，可能是内存不足。", "程序会自动重新启动它；若反复如此，请看日志。"),
    "exit": ("进程自行结束。", "程序会自动重新启动它；若反复如此，请看日志。"),
}
_EN: dict[str, tuple[str, str]] = {
    "NoAccount": ("", "Put the account into .env or the environment; the page /setup leads there."),
    "SettingsError": (
        "A setting is missing or wrong.",
        "Correct it, then check again or restart.",
    ),
    "KchatUnreachable": (
        "Kchat can't be reached.",
        "Check KCHAT_SUBDOMAIN or KCHAT_BASE_URL, and the network.",
    ),
    "KchatUnreachable.name": (
        "The name of the Kchat account can't be found.",
        "Check how KCHAT_SUBDOMAIN is written, and that this machine is online.",
    ),
    "KchatUnreachable.tls": (
        "The encrypted connection (TLS) to Kchat did not come about.",
        (
            "Check the address and this machine's clock; for a company's own certificates, set "
            "REQUESTS_CA_BUNDLE."
        ),
    ),
    "KchatUnreachable.time-out": (
        "Kchat did not answer in time.",
        "It is tried again; if it stays so, check network, firewall and proxy.",
    ),
    "KchatUnreachable.connection": (
        "The address of Kchat refuses connections.",
        "Check host and port in KCHAT_BASE_URL.",
    ),
    "KchatUnreachable.proxy": (
        "The network's proxy failed.",
        "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment.",
    ),
    "KchatUnreachable.network": (
        "There is no way from this machine to Kchat.",
        "Check this machine's network.",
    ),
    "KchatUnreachable.broken": ("The connection to Kchat broke off.", "It is tried again."),
    "KchatUnreachable.address": (
        "The address of Kchat is not valid.",
        "Check KCHAT_SUBDOMAIN or KCHAT_BASE_URL.",
    ),
    "KchatRefused": ("Kchat refused access.", "Check KCHAT_EMAIL and KCHAT_API_TOKEN."),
    "KchatRefused.401": (
        "Kchat does not accept this e-mail or token (401).",
        (
            "Check KCHAT_EMAIL and KCHAT_API_TOKEN (or KCHAT_PASSWORD), and that KF5 has the API "
            "switched on."
        ),
    ),
    "KchatRefused.403": (
        "This account may not read the chats (403).",
        "KCHAT_EMAIL must be an agent: give it the permission in KF5, or use another account.",
    ),
    "KchatNotFound": (
        "Kchat has no such address (404).",
        "Check KCHAT_SUBDOMAIN and KCHAT_CHATS_PATH.",
    ),
    "KchatBusy": ("Kchat is busy.", "It is tried again; there is nothing to do."),
    "KchatBusy.pause": (
        "Kchat asked for a pause.",
        "It goes on by itself; there is nothing to do.",
    ),
    "KchatBadAnswer": (
        "Kchat's answer is not what its API describes.",
        "It is tried again; if it stays so, see the details.",
    ),
    "KchatBadAnswer.page": (
        "This address answers with a web page, not with the Kchat API.",
        "Check KCHAT_SUBDOMAIN or KCHAT_BASE_URL: there may be no such subdomain.",
    ),
    "KchatBadAnswer.redirect": (
        "Kchat redirects to another address; to protect the token, that was not followed.",
        "Set KCHAT_SUBDOMAIN or KCHAT_BASE_URL to the account's own address.",
    ),
    "ArchiveError": (
        "The archive can't be read or written.",
        "Check the archive's file and its permissions.",
    ),
    "ArchiveFull": ("The disk of the archive is full.", "Make room; then it goes on by itself."),
    "IndexDamaged": (
        "The index is damaged.",
        "Build it again with kchat-search reindex; the archive is not affected.",
    ),
    "IndexUnwritable": (
        "The index can't be written.",
        "Check its permissions and the room on its disk.",
    ),
    "EngineUnreachable": (
        "The servers of the index do not answer.",
        "Check those of KCHAT_OPENSEARCH_HOSTS; it is tried again by itself.",
    ),
    "ChatsRefused": (
        "Some chats are too large for the servers of the index; all others can be found.",
        "The archive has them and tries them again: give those servers more memory.",
    ),
    "IndexerBusy": (
        "Another process syncs or builds the index.",
        "Wait until it is done, or stop it.",
    ),
    "IndexerDeposed": (
        "The connection to the database was lost, so the sync stopped.",
        "It is tried again by itself.",
    ),
    "damage": ("", "Stop kchat-search and run kchat-search repair, or put back a backup."),
    "missing": (
        "Nothing new has been fetched lately.",
        "Start kchat-search serve or kchat-search worker.",
    ),
    "slow": ("", "Raise KCHAT_SCRUB_CPU_PERCENT or KCHAT_SCRUB_DAYS."),
    "signal": (
        "The system ended the process, perhaps for lack of memory.",
        "It is started again; if that happens again and again, see the log.",
    ),
    "exit": (
        "The process ended by itself.",
        "It is started again; if that happens again and again, see the log.",
    ),
}
_OTHER: dict[Language, tuple[str, str]] = {
    "zh": ("程序出错。", "详情见日志；请报告这个错误。"),
    "en": ("A fault of the program.", "Its log has the details: please report it."),
}
_WORDS: dict[Language, dict[str, tuple[str, str]]] = {"zh": _ZH, "en": _EN}


_ADDRESS = re.compile(r"https?://[A-Za-z0-9.\[\]-]{1,253}(?::[0-9]{1,5})?")
_HAS_ADDRESS = "KchatUnreachable"
"""Of such errors, the text names the address that did not answer."""


def reason_words(kind: str | None, language: Language, text: str | None = None) -> ReasonWords:
    """The words for a kind of error; for one that has none, those of the kind that it is of.
    `text`: the error's own, from which comes the address that could not be reached."""
    words = _WORDS[language]
    name = kind or ""
    what, todo = words.get(name) or words.get(name.partition(".")[0]) or _OTHER[language]
    address = _ADDRESS.search(text or "") if name.startswith(_HAS_ADDRESS) else None
    if address:
        named = f"（{address[0]}）。" if language == "zh" else f" ({address[0]})."
        what = what.rstrip("。.") + named
    return ReasonWords(what, todo)
