"""Random queries, as text and as what they mean. Written from the contract's table alone.

A query is a small tree of our own: a `Leaf`, `Both` (AND), `Either` (OR), `But` (NOT). `typed`
writes it as people do, with ASCII or full-width punctuation. `holds` says whether one chat matches,
by looking at everything that was said in it. Of the program itself only the fold is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from hypothesis import strategies as st

from kchat_search.text.fold import fold

Scope = Sequence[Sequence[str | None]]
"""Who must have said a text: for each group of speakers, one of them. None: anybody."""
ANYBODY: Scope = [[None]]


@dataclass(frozen=True)
class Seen:
    """A chat as the oracle sees it."""

    raw: dict[str, Any]
    said: tuple[tuple[frozenset[str], str], ...]
    """(who said it: the side and the name, the folded text) of each message with text, and of the
    name of each file. Nobody said the names of the visitor."""
    spoke: frozenset[str]
    files: tuple[str, ...]
    day: date | None
    moment: datetime | None
    agent_name: str | None
    """Of the agent in charge."""
    participants: frozenset[str]
    """Ids, or names of those whose id is not known."""


@dataclass(frozen=True)
class Leaf:
    """A word, a quoted string or a field, as typed.

    `texts`: tests of a message; each group of speakers must have a message that passes each test.
    `fact`: for a field, whether a chat has it. `speaker`: for `from:`, whom it names.
    """

    typed: str
    texts: tuple[Callable[[str], bool], ...] = field(default=(), repr=False)
    fact: Callable[[Seen], bool] | None = field(default=None, repr=False)
    speaker: str | None = None
    words: tuple[str, ...] = ()
    """The words that `texts` look for, if it was not quoted."""
    exact: bool = False
    """It was quoted, so it is never relaxed."""


@dataclass(frozen=True)
class Both:
    parts: tuple[Query, ...]


@dataclass(frozen=True)
class Either:
    parts: tuple[Query, ...]


@dataclass(frozen=True)
class But:
    part: Query
    sign: str


Query = Leaf | Both | Either | But


def holds(query: Query, seen: Seen, scope: Scope = ANYBODY) -> bool:
    """Does this chat match?"""
    match query:
        case Both(parts):
            inner = _speakers(parts) or scope
            return all(holds(part, seen, inner) for part in parts)
        case Either(parts):
            return any(holds(part, seen, scope) for part in parts)
        case But(part):
            return not holds(part, seen, scope)
        case Leaf():
            if query.fact is not None:
                return query.fact(seen)
            return all(said(text, seen, group) for group in scope for text in query.texts)


def relaxed(query: Query, seen: Seen) -> bool | None:
    """Does this chat have some of the words, and everything that is never relaxed? None where the
    query has fewer than two words."""
    parts = flat(query)
    scope = _speakers(parts) or ANYBODY
    plain = [p for p in parts if isinstance(p, Leaf) and p.fact is None and not p.exact]
    words = {w: t for p in plain for w, t in zip(p.words, p.texts, strict=True)}
    if len(words) < 2:
        return None
    some = any(all(said(text, seen, group) for group in scope) for text in words.values())
    return some and all(holds(part, seen, scope) for part in parts if part not in plain)


def flat(query: Query) -> list[Query]:
    """The parts of a query that are joined by AND. Groups that only join are dissolved, except
    those that `from:` holds together."""
    if isinstance(query, But) and isinstance(query.part, But):
        return flat(query.part.part)
    if not isinstance(query, Both):
        return [query]
    parts: list[Query] = []
    for part in query.parts:
        inner = flat(part)
        scoped = any(map(_names_speakers, inner))
        parts += [part] if scoped and isinstance(part, Both) else inner
    return parts


def _names_speakers(query: Query) -> bool:
    if isinstance(query, Either):
        return all(map(_names_speakers, query.parts))
    return isinstance(query, Leaf) and query.speaker is not None


def _speakers(parts: Sequence[Query]) -> Scope:
    """Whom the parts of a group name. `from:visitor` is a group of one speaker, `(from:visitor OR
    from:agent)` a group of two."""
    return [_named(part) for part in parts if _names_speakers(part)]


def _named(part: Query) -> list[str | None]:
    if isinstance(part, Either):
        return [speaker for alternative in part.parts for speaker in _named(alternative)]
    return [part.speaker] if isinstance(part, Leaf) else []


def said(test: Callable[[str], bool], seen: Seen, group: Sequence[str | None]) -> bool:
    return any(test(text) for who, text in seen.said if None in group or who & {*group})


def typed(query: Query) -> str:
    """The query in ASCII punctuation."""
    match query:
        case Leaf(typed=text):
            return text
        case Both(parts):
            return _side_by_side([bracketed(part, Both, Either) for part in parts])
        case Either(parts):
            return " OR ".join(bracketed(part, Either) for part in parts)
        case But(part, sign):
            text = bracketed(part, Both, Either, But)
            return ("NOT " if text[0].isdigit() else sign) + text  # «-5» is a number


def _side_by_side(parts: list[str]) -> str:
    text = parts[0]
    for part in parts[1:]:
        # «ok 56» is one name; a number beside a number may be one.
        text += " AND " if text[-1].isalnum() and part[0].isdigit() else " "
        text += part
    return text


def bracketed(query: Query, *kinds: type) -> str:
    return f"({typed(query)})" if isinstance(query, kinds) else typed(query)


# -- leaves ----------------------------------------------------------------------------------

WORDS = ("退款", "发票", "流程", "订单", "手机", "的", "快递")
"""Words that jieba knows, so it leaves them whole."""
LETTERS = ("iphone", "ok", "iph", "b")
RUNS = (
    "20%",
    "5月1日",
    "c#",
    "5678",
    "13800135678",
    "3.6.0",
    "a@b.com",
    "56",
    "6",
    "a1",
    "iphone6",
)
PIECES = (*WORDS, *LETTERS, *RUNS, "退", "款流", "?", "😀", " ", "。", "，", "👍🏽", "票", "x", "é")
"""Messages and quoted strings are made of these."""
TRADITIONAL = {"发票": "發票", "订单": "訂單", "手机": "手機", "快递": "快遞", "流程": "流程"}
AGENTS = {"1": "李雷", "2": "韩 梅梅", "3": "李雷"}


def contains(literal: str) -> Callable[[str], bool]:
    wanted = fold(literal)
    return lambda text: wanted in text


_JOINTS = re.compile(
    r"(?<=[一-鿿ぁ-ヿ]) (?=\w)|(?<=\w) (?=[一-鿿ぁ-ヿ])|(?<=\d) (?=[a-zé])|(?<=[a-zé]) (?=\d)"
)


def unquoted(literal: str) -> Callable[[str], bool]:
    """Blanks that other people do not write do not count."""
    wanted = fold(literal)
    return lambda text: wanted in text or wanted in _JOINTS.sub("", text)


def word(letters: str) -> Callable[[str], bool]:
    """A whole run of letters: no letter stands beside it."""
    return lambda text: letters in re.findall(r"[a-zé]+", text)


def prefix(letters: str) -> Callable[[str], bool]:
    return lambda text: any(each.startswith(letters) for each in re.findall(r"[a-zé]+", text))


def quoted(string: str) -> Leaf:
    return Leaf(f'"{string}"', (contains(string.strip() or string),), exact=True)


def _raw(name: str, value: str | None) -> Callable[[Seen], bool]:
    def fact(seen: Seen) -> bool:
        found = seen.raw[name]
        return (None if found in (None, "") else str(found)) == value

    return fact


def _file(name: str) -> Callable[[Seen], bool]:
    return lambda seen: any(fold(name) in each for each in seen.files)


def _days(first: date | None, last: date | None) -> Callable[[Seen], bool]:
    """Created in these days, both included."""

    def fact(seen: Seen) -> bool:
        return seen.day is not None and (first or date.min) <= seen.day <= (last or date.max)

    return fact


_DATES = {
    "2016": (date(2016, 1, 1), date(2016, 12, 31)),
    "2016-02": (date(2016, 2, 1), date(2016, 2, 29)),
    "2016-3": (date(2016, 3, 1), date(2016, 3, 31)),
    "2016-03-01": (date(2016, 3, 1), date(2016, 3, 1)),
    "2016-02-28..2016-03-01": (date(2016, 2, 28), date(2016, 3, 1)),
    "2016-02..2016-03": (date(2016, 2, 1), date(2016, 3, 31)),
    "..2016-02-29": (None, date(2016, 2, 29)),
    "2016-03-02..": (date(2016, 3, 2), None),
    "7d": (date(2016, 3, 14), date(2016, 3, 20)),
    "2w": (date(2016, 3, 7), date(2016, 3, 20)),
}
"""Today is 20 March 2016."""


def _took_part(*anyone: str) -> Callable[[Seen], bool]:
    return lambda s: not s.participants.isdisjoint(anyone)


def fields() -> list[Leaf]:
    """Every field, each with values that some chats have, and values that none has."""
    found = [
        *(Leaf(f"{name}:{value}", fact=_raw(raw, value)) for name, raw, value in (
            ("assigned", "agent_id", "1"), ("assigned", "agent_id", "9"),
            ("visitor", "visitor_id", "2"),
            ("user", "user_id", "45190"), ("id", "id", "7"),
            ("status", "status", "close"), ("status", "status", "open"), ("type", "type", "chat"),
            ("started", "started_by", "visitor"), ("started", "started_by", "agent"),
        )),
        Leaf("assigned:none", fact=_raw("agent_id", None)),
        *(Leaf(f"agent:{v}", fact=_took_part(v)) for v in ("1", "9", "x")),
        Leaf("agent:none", fact=lambda s: not s.participants),
        Leaf("agent:李雷", fact=_took_part("1", "3", "李雷")),
        Leaf('agent:"韩 梅梅"', fact=_took_part("2")),
        Leaf("user:none", fact=_raw("user_id", None)),
        Leaf("rating:none", fact=_raw("rating", None)),
        *(Leaf(f"rating:{v}", fact=lambda s: str(s.raw["rating"]) in ("1", "满意"))
          for v in ("1", "满意", "滿意")),
        Leaf("assigned:李雷", fact=lambda s: s.agent_name == "李雷"),
        Leaf('assigned:"韩 梅梅"', fact=lambda s: s.agent_name == "韩 梅梅"),
        Leaf("has:upload", fact=lambda s: bool(s.files)),
        Leaf("file:发票.pdf", fact=_file("发票.pdf")),
        Leaf("file:.PDF", fact=_file(".pdf")),
        Leaf("file:发票，终", fact=_file("发票，终")),
    ]  # fmt: skip
    for text, (first, last) in _DATES.items():
        found.append(Leaf(f"date:{text}", fact=_days(first, last)))
        if ".." not in text:
            found.append(Leaf(f"after:{text}", fact=_days(first, None)))
            found.append(Leaf(f"before:{text}", fact=_days(None, last)))
    return found


def from_speaker(speaker: str) -> Leaf:
    return Leaf(f"from:{speaker}", fact=lambda seen: speaker in seen.spoke, speaker=speaker)


def _text(typed_: str, test: Callable[[str], bool], word_: str | None = None) -> Leaf:
    return Leaf(typed_, (test,), words=(word_ or typed_,))


_strings = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join)
_texts = st.one_of(
    st.sampled_from(WORDS).map(lambda w: _text(w, unquoted(w))),
    st.sampled_from(sorted(TRADITIONAL)).map(lambda w: _text(TRADITIONAL[w], unquoted(w), w)),
    st.lists(st.sampled_from(WORDS[:5]), min_size=2, max_size=2, unique=True).map(
        lambda pair: Leaf("".join(pair), tuple(map(unquoted, pair)), words=tuple(pair))
    ),
    st.sampled_from(LETTERS).map(lambda w: _text(w[0] + w[1:].upper(), word(w), w)),
    st.sampled_from(("iph*", "o*", "ok*")).map(lambda w: _text(w, prefix(w[:-1]))),
    st.sampled_from(RUNS).map(lambda run: _text(run, unquoted(run))),
)
leaves = st.one_of(_texts, _texts, _strings.map(quoted), st.sampled_from(fields()))


def _groups(inner: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    speakers = st.lists(
        st.sampled_from(("visitor", "agent", "robot", "李雷", "x")).map(from_speaker),
        min_size=1,
        max_size=2,
    )
    scoped = st.tuples(speakers.map(lambda s: s[0] if len(s) == 1 else Either(tuple(s))), inner)
    return st.one_of(
        parts.map(Both),
        scoped.map(Both),
        parts.map(Either),
        st.builds(But, inner, st.sampled_from(("-", "NOT "))),
    )


queries: st.SearchStrategy[Query] = st.recursive(leaves, _groups, max_leaves=6)
"""Random trees of the whole language."""


def fullwidth(text: str) -> str:
    """A query with the punctuation of a Chinese keyboard."""
    # punctuation is text inside a quoted string, and a minus is a part of a date
    parts = re.split(r'("[^"]*")', text)
    for place, part in enumerate(parts):
        if place % 2:
            parts[place] = f"“{part[1:-1]}”"
        else:
            signs = re.sub(r"(?<![\w.:-])-", "－", part)
            parts[place] = signs.translate(str.maketrans("():", "（）："))
    return "".join(parts)
