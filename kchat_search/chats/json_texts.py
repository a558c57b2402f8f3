"""The texts for people in a message that is JSON: cards, documents, answers of a robot.

Which these are is known of the vendor's apps: `CardConstant.java` (img_url, title, price,
link_title, link_url), `KFContentLabelHelp.m` (content, documents and questions with titles and
addresses, the invitation to a video call). Of other objects, all is shown but what only programs
read: a text that is shown needlessly can be passed over, one that is missing can't be found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from html import unescape

from kchat_search import processor_time
from kchat_search.chats.addresses import url_without_tokens
from kchat_search.chats.html_markup import named

_MAX_DEPTH = 64
"""How many objects and lists may be nested. Known messages have three levels."""
_MAX_ESCAPED = 3
"""How often JSON may be in a string of JSON."""
_CHECK_EVERY = 1_000

_BRACKETS = re.compile(r'"(?>(?:[^"\\]++|\\.|\\\Z)*)"?|[\[\]{}]', re.DOTALL)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^\x00-\x7f]+")
_ADDRESS = re.compile(r"(?:https?:)?//\S+", re.IGNORECASE)
_MEDIA = re.compile(
    r"\.(?:png|jpe?g|gif|webp|bmp|svg|ico|heic|avif|mp4|mov|mp3|amr|wav)(?:[?#!@]|$)", re.IGNORECASE
)
_DIGEST = re.compile(r"(?=[0-9-]*[a-f])[0-9a-f-]{32,}", re.IGNORECASE)
_SIZE = re.compile(r"[0-9.,]+\s*(?:[KMGT]?i?B|bytes|px)?|[0-9]+\s*[x*×]\s*[0-9]+", re.IGNORECASE)

_NEVER = named(
    "token tokens secret signature nonce csrf md5 sha sha1 sha256 hash checksum etag "
    "credential credentials"
)
_IDS = frozenset(("id", "ids", "uuid", "guid"))
_GLUED_IDS = named(
    "appid agentid chatid docid fileid goodsid imageid itemid mediaid messageid msgid openid "
    "orderid postid productid questionid sessionid shopid skuid spuid unionid userid "
    "visitorid pid uid gid cid sid tid mid"
)
_FOR_PROGRAMS = named(
    "type mime mimetype format ext extension encoding charset lang locale class style css "
    "path pagepath"
)
_SIZES = named("size filesize width height length duration bytes w h")
_TIMES = named("time timestamp ts at created updated date expire expires expired")
_PICTURES = named(
    "img imgs image images pic pics picture pictures thumb thumbnail icon avatar logo cover "
    "photo photos poster headimg headimgurl imgurl picurl banner src background bg video "
    "audio voice media"
)
_NOT_SEEN = frozenset(("visitor_url", "agent_url", "callback_url", "notify_url"))
"""Addresses behind a button. An invitation to a video call has one for each side."""

_ESCAPED_QUOTE = re.compile(r'[\[{][\s\[{]*\\"')
_QUOTE_ENTITY = re.compile(r"[\[{][\s\[{]*&(?:quot|#34|#x22);")


class _Number(str):
    __slots__ = ()


class _Object(list[tuple[str, object]]):
    """The members of an object, those with the same key too."""


_DECODER = json.JSONDecoder(
    object_pairs_hook=_Object,
    parse_int=_Number,
    parse_float=_Number,
    parse_constant=_Number,
    strict=False,
)


def json_texts(body: str, shown: Callable[[str], str]) -> list[str] | None:
    """The texts for people, in order, of a message that is an object or a list as a whole, be it
    escaped once more. None for any other: one that can't be read, or a list of numbers, which
    people type too. `shown`: what people see of one text."""
    value = _container(body.strip("\ufeff \t\r\n"))
    if not isinstance(value, list) or not _has_texts(value):
        return None
    collector = _Collector(shown)
    collector.take(value, "", 0)
    return collector.texts


def _container(text: str) -> object:
    """The object or list that the whole text is; None where it is none."""
    if text[:1] == '"':
        inner = _decoded(text)
        text = inner.strip() if isinstance(inner, str) else ""
    elif _ESCAPED_QUOTE.match(text):
        inner = _decoded(f'"{text}"')
        text = inner if isinstance(inner, str) else ""
    elif _QUOTE_ENTITY.match(text):
        text = unescape(text)
    if text[:1] + text[-1:] not in ("{}", "[]"):
        return None
    return _decoded(text)


def _decoded(text: str) -> object:
    """The value; None where it can't be read. Depth is counted first: how deep Python can read
    depends on who calls."""
    depth = 0
    for found in _BRACKETS.finditer(text):
        mark = text[found.start()]
        if mark in "[{":
            depth += 1
            if depth > _MAX_DEPTH:
                return None
        elif mark in "]}":
            depth -= 1
    try:
        return _DECODER.decode(text)
    except ValueError:
        return None


def _has_texts(value: list[object]) -> bool:
    if isinstance(value, _Object):
        return bool(value)
    return any(_has_texts(item) if isinstance(item, list) else type(item) is str for item in value)


class _Collector:
    def __init__(self, shown: Callable[[str], str]) -> None:
        self.texts: list[str] = []
        self._shown = shown
        self._taken = 0

    def take(self, value: object, kind: str, escaped: int) -> None:
        """Take the texts in a value. `kind`: see `_kind`. `escaped`: in how many strings it is."""
        self._taken += 1
        if not self._taken % _CHECK_EVERY:
            processor_time.check()
        if isinstance(value, _Object):
            for key, item in value:
                own = _kind(key) if len(key) <= 64 else ""
                if own != "never":
                    self.take(item, own or (kind if kind == "picture" else ""), escaped)
        elif isinstance(value, list):
            for item in value:
                self.take(item, kind, escaped)
        elif isinstance(value, str):
            self._take_text(value, kind, escaped)

    def _take_text(self, text: str, kind: str, escaped: int) -> None:
        if escaped < _MAX_ESCAPED and text.lstrip()[:1] in ('"', "{", "["):
            inner = _container(text.strip())
            if isinstance(inner, list) and _has_texts(inner):
                self.take(inner, kind, escaped + 1)
                return
        if not _is_for_programs(text.strip(), kind):
            address = _ADDRESS.fullmatch(text.strip())
            text = (url_without_tokens(text) if address else self._shown(text)).strip()
            if text:
                self.texts.append(text)


@lru_cache(4_096)
def _kind(key: str) -> str:
    """What a key says about its value: «never», «id», «program», «size», «time», «picture», «»."""
    words = [word.lower() for word in _WORDS.findall(key)]
    last = words[-1] if words else ""
    if not _NEVER.isdisjoint(words):
        return "never"
    if key.lower() in _NOT_SEEN or not _PICTURES.isdisjoint(words):
        return "picture"
    if last in _IDS or last in _GLUED_IDS:
        return "id"
    if last in _FOR_PROGRAMS:
        return "program"
    if last in _SIZES:
        return "size"
    return "time" if last in _TIMES else ""


def _is_for_programs(text: str, kind: str) -> bool:
    """Is this value, under a key of this kind, nothing that people see?"""
    if not text or text[:5].lower() == "data:" or _DIGEST.fullmatch(text):
        return True
    if kind == "picture":
        return "/" in text and " " not in text and text.isascii()
    if _ADDRESS.fullmatch(text):
        return _MEDIA.search(text) is not None
    if kind in ("id", "program"):
        return text.isascii()
    if kind == "size":
        return _SIZE.fullmatch(text) is not None
    return kind == "time" and text.isdecimal() and len(text) >= len("1262304000")
