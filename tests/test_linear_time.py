"""What meets data of strangers takes linear time, whatever the data is.

Each row of `CALLS` is a way that data goes: it is given chats whose every text is filled with
copies of something nasty, twice as many each time. See `tests/growth.py` for what counts as linear.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from werkzeug.datastructures import LanguageAccept, MultiDict
from werkzeug.http import parse_accept_header, parse_cookie

from kchat_search.access import names, passwords, sign_ins
from kchat_search.access.secret_text import hash_of
from kchat_search.chats.former import differing, former_messages
from kchat_search.chats.history import History, Reading
from kchat_search.chats.masked_sent import masked_sent
from kchat_search.chats.masked_transcript import CoveredTranscript, MaskedTranscript
from kchat_search.chats.masking import shown
from kchat_search.chats.reader import ChatReader
from kchat_search.chats.speakers import NO_AGENTS, speakers_of
from kchat_search.chats.visible_text import visible_text
from kchat_search.cli import terminal
from kchat_search.engines.whoosh.hidden_spans import in_clear, in_whole
from kchat_search.errors import BadRequest, KchatSearchError
from kchat_search.hosts import is_loopback
from kchat_search.kchat.json_codec import decode, decode_text, encode, excerpt
from kchat_search.kchat.message_order import sorted_places
from kchat_search.kchat.parse import ChatParser, parse_agents_page
from kchat_search.kchat.same_content import SameContent
from kchat_search.kchat.throttle import retry_after
from kchat_search.kchat.upload_tokens import (
    chat_without_upload_tokens,
    content_digest,
    stable_content,
    without_upload_tokens,
)
from kchat_search.models.chats import FetchedChat, Message, StoredVersion
from kchat_search.models.plan import (
    HIDDEN_DIGIT,
    HIDDEN_LETTER,
    WHOLE_BEGINS,
    Contains,
    HasWord,
    Messages,
    Near,
)
from kchat_search.models.search import ChatView, SearchRequest
from kchat_search.search import cursor as cursors
from kchat_search.search.marks import highlights, needles_of
from kchat_search.search.plan import Context, ranking, to_node
from kchat_search.search.snippets import snippets
from kchat_search.search.syntax import parse
from kchat_search.search.unit_words import unit_spans, without_unit_blanks
from kchat_search.search.whole_numbers import with_whole_numbers
from kchat_search.serialization.chats import chat_json
from kchat_search.serialization.export_about import Tally, about_lines
from kchat_search.serialization.export_formats import pieces
from kchat_search.serialization.history import versions_json
from kchat_search.serialization.json_text import json_text
from kchat_search.serialization.links import Links
from kchat_search.serialization.safe_text import printable, safe_link
from kchat_search.serialization.sheet_cells import parts
from kchat_search.text.fold import fold, fold_many, fold_with_map
from kchat_search.text.grams import grams, required_grams
from kchat_search.text.joined import joined, joined_query, number_spans
from kchat_search.text.pinyin import sound_slices
from kchat_search.text.scripts import letter_runs, runs, strip_punctuation
from kchat_search.text.segmentation import Segmenter
from kchat_search.text.variants import forms, variants
from kchat_search.web.http.parameters import read_chat_id, read_search
from kchat_search.web.pages import formatting, transcript
from kchat_search.web.pages.history import pieces as text_pieces
from tests.growth import seconds, superlinear
from tests.serialization.export_files import about

NASTY = (
    "138 0013 8845", "@a.com", "%31", "一三八", "①", "+86-", "6222 ",
    "&", "?", "#", "&amp;", ";", "=", "%", "<", ">", '"', "'", "\\", " ", "\n", "\r\n", "\u3000",
    "\u0301", "\u0315\u0300\u05ae", "\ud800", "\udfff\ud800", "\u200b", "\u2028", "0", "9.", "1e",
    ".", "/", "//", "@", "[", "(", "{", "}", "“", "”", "（", "，", "-", "－", "+", ",", ":", "：",
    "😀\u200d", "👍🏽", "漢", "乾", "ﬃ", "Ǆ", "ß", "각", "ᄀ", "ก", "a", "ab", "A1", "\x00",
    "\x1b[",
    "?token=", "&token=a", '"token":"', '"token"', '\\"', "token=&amp;", "<b>", "&#", "http://",
    "_x0041_",
    "\u202e", "=1", "\t", "访客", "访客 ", " 1", "的", "退款", "OR ", "NOT ", "-(", "from:", "a*",
    "<p>", "<a href=http://h>", "<b a='", "<!--", "<script>", "</td>", "<div hidden>", "&lt;", "{{",
    "[{",     '{"a":', '["', "<b a=\"<b a='\" b='<b ",
)  # fmt: skip
SIZES = (512, 4_096)
_FLOOR = 0.025
"""Seconds. Quadratic time of Python's own steps is above it at the larger of `SIZES`, even where
only each eighth character begins one."""
_QUERY_SECONDS = 0.5
"""Processor time to read and plan the longest query: a bound, not a measurement."""
ZONE = ZoneInfo("Asia/Shanghai")
MORNING = datetime(2015, 4, 25, tzinfo=UTC)
PARSER = ChatParser(ZONE)
SAME = SameContent(PARSER)
READER = ChatReader(PARSER.parse_archived)
READING = Reading(
    PARSER.sent_messages, PARSER.parse_messages, without_upload_tokens, stable_content
)
LINKS = Links("http://localhost/")
NEEDLES = (
    Contains("退款"), Contains("a"), Contains("aa"), HasWord("a"), HasWord("ab", prefix=True),
    Contains("的", Messages("visitor")), Contains("0"), Contains("=="),
    Contains("13811112222", joined=True), Contains("11", joined=True), Near(("的", "0"), 8),
)  # fmt: skip
SEGMENTER = Segmenter()


def with_hidden(text: str) -> str:
    """The text with two of three characters hidden."""
    return "".join(HIDDEN_LETTER if n % 3 else one for n, one in enumerate(text))


def filled(text: str) -> dict[str, Any]:
    """A chat where each field is this text."""
    upload = dict.fromkeys(("name", "type", "url", "thumb_url", "token", text[:50]), text)
    said: dict[str, Any] = dict.fromkeys(("type", "name", "msg", "role", "created_at"), text)
    join = {"type": "chat.memberjoin", "name": text, "id": text, "page_url": text}
    chat = dict.fromkeys(("type", "started_by", "status", "rating", "page_url", "x"), text)
    return {
        "id": 290,
        **chat,
        "user_id": text[:255],
        "messages": [join, said | {"upload": upload, "upload_id": text}, said | {"upload": text}],
    }


def many(text: str) -> dict[str, Any]:
    """A chat with a message for every 32 characters of this text, all from different people."""
    names = [text[start : start + 32] for start in range(0, len(text), 32)]
    joined = [
        {"id": n, "type": "chat.memberjoin", "name": f"{name}{n}"} for n, name in enumerate(names)
    ]
    said = [{"id": n, "name": f"{name}{n}", "msg": name} for n, name in enumerate(names)]
    return {"id": 290, "agent_id": 1, "messages": joined + said}


def archived(text: str, make: Callable[[str], dict[str, Any]] = filled) -> str:
    return encode(make(text))


def view(text: str) -> ChatView:
    raw = archived(text)
    read = READER.read(raw, {})
    return ChatView(
        read.chat, chat_without_upload_tokens(raw), read.speakers, highlights(read, NEEDLES),
        read.agent_name, read.participants, read.visitor_name, 1, MORNING, MORNING, MORNING, None,
        "0",
    )  # fmt: skip


def rows(of: ChatView) -> object:
    """What the page shows of a chat."""
    names = transcript.anchors(of.chat.messages)
    return transcript.rows(of, names, ZONE, slice(None), ())


def masked_chat(raw: str) -> object:
    """A chat masked in both ways, marked."""
    read = READER.read(raw, {})
    masked, covered = MaskedTranscript.of(read), CoveredTranscript.of(read)
    fragments = [masked.fragments(n) for n in range(len(read.chat.messages))]
    return highlights(masked, NEEDLES), highlights(covered, NEEDLES), fragments


def history(text: str, make: Callable[[str], dict[str, Any]]) -> History:
    """Two versions, where each message differs, and their order."""
    before, after = make(text), make(text[len(text) // 3 :] + "x")
    after["messages"].reverse()
    stored = [
        StoredVersion(290, n, encode(one), str(n), MORNING)
        for n, one in enumerate((before, after), 1)
    ]
    return History(stored, READING)


def said_before(text: str) -> object:
    """Two versions without a text in common: every message differs."""
    before, after = many(text), many("x" + text)
    for one, ending in ((before, "a"), (after, "b")):
        for each in one["messages"]:
            each["msg"] = each.get("msg", "") + ending
    present = encode(after)
    earlier = [StoredVersion(290, 1, encode(before), "1", MORNING)]
    found = differing(present, earlier)
    return former_messages(READER.read(present, {}), found, READER, {})


def plan(text: str) -> object:
    today = date(2015, 4, 25)
    tree = parse(text[:1_000], SEGMENTER.segment_han, today).tree
    ranking(tree, SEGMENTER.tokens)
    return str(tree), needles_of(to_node(tree, Context({"1": text[:99]}, today, ZONE)))


def who_spoke(text: str) -> object:
    """Who spoke in a chat where half as many people joined as the text has characters."""
    names = [f"{number}{text[0]}" for number in range(len(text) // 2)]
    messages = [
        Message(None, position, kind, name, text[:9], None, None)
        for position, (kind, name) in enumerate(
            (kind, name) for kind in ("chat.memberjoin", "chat.msg") for name in names
        )
    ]
    chat = PARSER.parse_archived(encode({"id": 1, "agent_id": 2}))
    return speakers_of(replace(chat, messages=tuple(messages)), NO_AGENTS)


def refused(call: Callable[[], object]) -> None:
    """The call, which may refuse what it is given, with words."""
    with suppress(KchatSearchError, ValueError):
        call()


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def says_the_same(make: Callable[[str], dict[str, Any]], text: str) -> None:
    fetched = PARSER.parse_chat(make(text))
    assert isinstance(fetched, FetchedChat)
    SAME(fetched, encode(make(f"{text} ")))


def read(text: str) -> object:
    return READER.read(archived(text), {"1": text})


CALLS: dict[str, Callable[[str], object]] = {
    "parse a chat": lambda text: PARSER.parse_chat(filled(text)),
    "parse a chat of many": lambda text: PARSER.parse_chat(many(text)),
    "parse a page": lambda text: PARSER.parse_list_page(
        {"chats": [text, {text: text}], "next_page": text, "count": text}, 1, 100
    ),
    "parse agents": lambda text: parse_agents_page(
        {"users": [{"id": 1, "name": text, "agent_display_name": text}], "next_page": text}, 1
    ),
    "decode": lambda text: refused(lambda: decode_text(text)),
    "decode notices": lambda text: refused(
        lambda: decode(encoded("Notice: " + "\nNotice: ".join(text) + "\n{}"))
    ),
    "the same content": lambda text: says_the_same(filled, text),
    "the same content of many": lambda text: says_the_same(many, text),
    "order of messages": lambda text: sorted_places(
        [(MORNING.replace(minute=ord(each) % 60), ord(each)) for each in text]
    ),
    "decode a text": lambda text: decode_text(json.dumps({"a": text})),
    "decode numbers": lambda text: refused(lambda: decode_text(f"[{text}]")),
    "excerpt": excerpt,
    "user name": lambda text: refused(lambda: names.checked(text, [text, "anna"])),
    "user name that is typed": names.folded,
    "password": lambda text: refused(lambda: passwords.checked(text, text)),
    "token": hash_of,
    "address of a log-in": sign_ins._network,
    "digest": lambda text: content_digest(filled(text)),
    "without tokens": lambda text: without_upload_tokens(filled(text)),
    "retry after": lambda text: retry_after(text, MORNING),
    "read": read,
    "who spoke": who_spoke,
    "said before": said_before,
    "read many": lambda text: READER.read(archived(text, many), {"1": text[:16]}),
    "visible text": visible_text,
    "visible text of JSON": lambda text: visible_text(f'["{text}"]'),
    "visible text of a JSON object": lambda text: visible_text(json.dumps({text: [text, text]})),
    "visible text of HTML": lambda text: visible_text(f"<p>{text}</p>"),
    "visible text of a link": lambda text: visible_text(f'<a href="{text}">{text}</a>'),
    "fold": fold,
    "fold many": lambda text: fold_many([text, text]),
    "fold with map": fold_with_map,
    "masking": lambda text: (
        shown(text),
        shown(text.replace(text[-2:], " 138-0013-8845@x.com %40")),
    ),
    "masking of runs": lambda text: (shown(f"1 3{text}8"), shown("1 3 8-0 @a." * (len(text) // 8))),
    "masked chat": lambda text: masked_chat(archived(text[: len(text) // 4])),
    "masked chat of many": lambda text: masked_chat(archived(text, many)),
    "sent, masked": lambda text: masked_sent(filled(text[: len(text) // 4])),
    "whole numbers": lambda text: with_whole_numbers(Contains(fold(text))),
    "joined": lambda text: (joined(fold(text), text), joined_query(fold(text)), number_spans(text)),
    "units": lambda text: (unit_spans(f"{text} "), without_unit_blanks(fold(text))),
    "variants": lambda text: (variants(fold(text)), forms(fold(text), SEGMENTER.segment_han)),
    "grams": lambda text: (grams([text]), required_grams(text)),
    "runs": lambda text: (runs(text), list(letter_runs(text)), strip_punctuation(text)),
    "runs of which some is hidden": lambda text: (
        runs(with_hidden(text)),
        list(letter_runs(with_hidden(text))),
        SEGMENTER.tokens([with_hidden(text), f"1{HIDDEN_DIGIT}" * (len(text) // 8)]),
    ),
    "what is hidden": lambda text: (
        list(in_clear(with_hidden(text), text)),
        list(in_clear(f"{text}{HIDDEN_LETTER}", text)),
        list(in_whole(text, f"{WHOLE_BEGINS}{text}" * 9)),
    ),
    "tokens": lambda text: SEGMENTER.tokens([text]),
    "syllables": lambda text: list(sound_slices(text)),
    "snippets": lambda text: snippets(
        READER.read(archived(text), {}), NEEDLES, phrases=("退款的",), limit=3
    ),
    "highlights": lambda text: highlights(READER.read(archived(text), {}), NEEDLES),
    "history": lambda text: list(history(text, filled).walk()),
    "history of many": lambda text: list(history(text, many).walk()),
    "versions": lambda text: json_text(versions_json(290, history(text, many), ZONE, LINKS)),
    "pieces": lambda text: text_pieces(text, text[len(text) // 3 :]),
    "chat as JSON": lambda text: json_text(chat_json(view(text), ZONE, LINKS)),
    "JSON Lines": lambda text: list(pieces([view(text)], "jsonl", about())),
    "CSV": lambda text: list(pieces([view(text)], "csv", about())),
    "workbook": lambda text: list(pieces([view(text)], "xlsx", about())),
    "about a workbook": lambda text: list(
        about_lines(about(request=SearchRequest(q=text, filters={"status": (text,)})), Tally())
    ),
    "parts of a cell": lambda text: parts(text * 9),
    "printable": printable,
    "safe link": lambda text: (
        safe_link(text),
        safe_link(f"http://h/{text}"),
        safe_link(f"http://{text}"),
    ),
    "label": formatting.label,
    "marked": lambda text: formatting.marked(text, [(n, n + 2) for n in range(0, len(text), 3)]),
    "linked": lambda text: (
        formatting.linked(text, [(n, n + 2) for n in range(0, len(text), 3)]),
        formatting.linked(f"https://{text}", ()),
        formatting.linked(f"https://a.com/{text}", ()),
        formatting.linked("https://" + text.replace(" ", " https://"), ()),
    ),
    "readable JSON": formatting.readable_json,
    "rows": lambda text: rows(view(text)),
    "clean": terminal.clean,
    "host": is_loopback,
    "parameters": lambda text: refused(
        lambda: read_search(MultiDict([("q", text), ("agent_id", text[:200]), ("agent_id", "1")]))
    ),
    "many parameters": lambda text: refused(
        lambda: read_search(MultiDict([("q", one) for one in text]))
    ),
    "chat id": lambda text: refused(lambda: read_chat_id(text)),
    "cursor": lambda text: refused(lambda: cursors.decode(SearchRequest(), text, "")),
    "accepted languages": lambda text: list(parse_accept_header(text, LanguageAccept)),
    "cookies": lambda text: parse_cookie(
        text.encode("utf-8", "surrogatepass").decode("latin-1").encode().decode("latin-1")
    ),
}
"""By name: what is done with a text of a stranger."""


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_the_time_grows_with_the_data_and_no_faster(name: str) -> None:
    call = CALLS[name]
    slow = {
        nasty: found
        for nasty in NASTY
        if (found := superlinear(call, repeated(nasty), SIZES, floor=_FLOOR)) is not None
    }
    assert slow == {}


def repeated(nasty: str) -> Callable[[int], str]:
    """Makes texts of about so many characters: copies of this, between what a parser looks for."""
    return lambda size: "访客5 退款?a=1&token=b" + nasty * (size // len(nasty)) + "x"


@pytest.mark.slow
def test_the_longest_queries_are_planned_at_once() -> None:
    """A query has at most 1,000 characters, so the time is bounded however it grows."""
    for nasty in NASTY:
        for text in (nasty * 1_000, f"{nasty}退" * 1_000, f'{nasty} "a{nasty}" ' * 1_000):
            spent = min(seconds(lambda: refused(lambda: plan(text))) for _ in range(2))  # noqa: B023
            assert spent < _QUERY_SECONDS, f"{nasty!r}: {spent:.2f} s"


def test_a_slow_function_would_be_noticed() -> None:
    def equal_pairs(text: str) -> int:
        return sum(one == other for one in text[::8] for other in text)

    assert superlinear(equal_pairs, repeated("ab"), SIZES, _FLOOR)


@pytest.mark.parametrize("digits", [5_000, 100_000])
def test_long_numbers_are_texts_or_refused(digits: int) -> None:
    number = "9" * digits
    assert decode_text(f"[{number}]") == [number]
    assert retry_after(number, MORNING) is None
    for given in (number, f"0{number}"):
        with pytest.raises(BadRequest):
            read_chat_id(given)
