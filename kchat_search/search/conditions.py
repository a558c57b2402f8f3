"""What the values of conditions mean: `status:进行中`, `agent:李雷`, `from:客服`, `said:昨天`.

A value may be a code, or any word that a page shows for it, in Chinese or English and in any case.
A value that no chat has and no page shows is no condition but pasted text («status:200», «Type:C»).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from zoneinfo import ZoneInfo

from kchat_search import fields
from kchat_search.chats.masking import shown
from kchat_search.models.chats import Speaker
from kchat_search.models.plan import FieldIs, Messages
from kchat_search.models.search import NoteCode
from kchat_search.search.dates import ImpossibleDay, Span, is_range, named_days, span
from kchat_search.text.fold import fold

IsKnown = Callable[[FieldIs], bool]
"""Does any chat have one of these values?"""

TIMES = ("date", "after", "before", "said")
"""The operators whose value is a date."""
_OPEN = ("status", "rating", "started", "type", "id", "user")
"""The operators whose values are few, or codes, so that one which no chat has is text."""
_ID = re.compile(r"[0-9]{1,19}")
_SENT_A_FILE = ("upload", "uploads", "file", "files", "附件", "文件")
_HISTORY = ("history", "历史")
_GONE = ("gone", "已不存在")
_YEAR_ONE = -62_135_596_800


def folded(value: str) -> str:
    """A value in the form in which values are compared."""
    return fold(value).strip()


def typed_forms(value: str) -> tuple[str, ...]:
    """A typed name in the forms in which it is compared: as it is, and masked as a page shows it to
    some. So a name that has a private number is found by the whole of it."""
    return tuple(dict.fromkeys((folded(value), folded(shown(value)))))


def wrong_value(
    name: str, value: str, today: date, is_known: IsKnown, *, is_quoted: bool
) -> NoteCode | None:
    """Why a condition cannot have this value; None where it can. `is_quoted`: who quotes a value
    means the condition, even where no chat has such a value."""
    typed = folded(value)
    if not typed:
        return "no_value"
    if name in TIMES:
        return _wrong_date(name, typed, today)
    if name == "id" and not _ID.fullmatch(typed):
        return "not_an_id"
    if name == "has" and has_upload(value) is None:
        return "not_upload"
    if name == "is" and typed not in (*_GONE, *_labels("gone")):
        return "not_gone"
    if name == "in" and typed not in _HISTORY:
        return "not_history"
    if not is_quoted and needs_quotes(name, value, is_known):
        return "no_such_value"
    return None


def is_date(value: str, today: date) -> bool:
    """May `said:` and `date:` have this value?"""
    return _wrong_date("said", folded(value), today) is None


def is_reversed(value: str, today: date) -> bool:
    """Was a range of days typed with its end first?"""
    days = named_days(folded(value), today)
    return days is not None and days.is_reversed


def needs_quotes(name: str, value: str, is_known: IsKnown) -> bool:
    """Would it be text without quotes?"""
    if name == "file":
        return folded(value).startswith("//")  # an address: file:///C:/x.txt
    return name in _OPEN and not _fits(name, value, is_known)


def values(name: str, value: str, agents: Mapping[str, str]) -> tuple[str | None, ...]:
    """The values of the index that a condition on a field asks for; None stands for no value.
    `agents`: the agents' names by id."""
    field = fields.BY_OPERATOR[name]
    typed = folded(value)
    if typed in (fields.NONE, *map(folded, field.none_label)):
        return (None,)
    if name == "id":
        return (str(int(typed)),)
    labelled = [code for code, label in field.labels.items() if typed in map(folded, label)]
    if labelled:
        return tuple(labelled)
    forms = dict.fromkeys(field.canonical(form.strip()) for form in (value, typed))
    if field.agent:  # names of agents are masked in the index
        forms |= dict.fromkeys(form and shown(form) for form in list(forms))
    named = agents_called(value, agents) if name in ("agent", "assigned") else []
    return tuple(dict.fromkeys([*forms, *named]))


def agents_called(value: str, agents: Mapping[str, str]) -> list[str]:
    """The ids of the agents with this whole name; else that of the only one whose name has this in
    it."""
    typed, forms = folded(value), typed_forms(value)
    names = {key: folded(name) for key, name in agents.items()}
    whole = [key for key, name in names.items() if name in forms]
    if whole or typed in agents:
        return whole
    having = [key for key, name in names.items() if typed in name]
    return having if len({names[key] for key in having}) == 1 else []


def speaker(value: str) -> Speaker | None:
    """The side that `from:` names by its code or by a word of the pages; None for anything else."""
    typed = folded(value)
    for side, label in fields.SPEAKER_LABELS.items():
        if typed in (side, *map(folded, label)):
            return side
    return None


def messages_from(value: str, agents: Mapping[str, str]) -> Messages:
    """The messages that `from:` names: of a side, or of a person by name, or by an agent's id."""
    side = speaker(value)
    if side is not None:
        return Messages(side)
    typed = folded(value)
    forms = typed_forms(value)
    ids = [key for key, name in agents.items() if typed == key or folded(name) in forms]
    return Messages(senders=tuple(dict.fromkeys([typed, *(f"#{key}" for key in ids)])))


def messages_said(value: str, today: date, zone: ZoneInfo) -> Messages:
    """The messages that `said:` names."""
    return messages_between(*moments(value, today, zone))


def messages_between(start: int | None, end: int | None) -> Messages:
    """The messages that were said in `[start, end)`, in seconds since 1970 UTC."""
    # A time that is open at both ends is still one: a message without a time is not in it.
    return Messages(start=_YEAR_ONE if start is end is None else start, end=end)


def moments(value: str, today: date, zone: ZoneInfo) -> Span:
    """The span of a value that `wrong_value` lets through."""
    found = span(folded(value), today, zone)
    assert found is not None, "the parser lets no other value through"
    return found


def has_upload(value: str) -> bool | None:
    """What `has:` asks for: chats with files, or without; None where it is neither."""
    typed = folded(value)
    with_files, without = _labels("has_upload")[:2], _labels("has_upload")[2:]
    if typed in (*_SENT_A_FILE, *with_files):
        return True
    return False if typed in without else None


def all_of(*messages: Messages) -> Messages | None:
    """The messages that are among all of these; None where there are none."""
    rest: Messages | None = Messages()
    for each in messages:
        rest = rest and both(rest, each)
    return rest


def both(one: Messages, other: Messages) -> Messages | None:
    """The messages that are among both; None where there are none."""
    if one.speaker and other.speaker and one.speaker != other.speaker:
        return None
    senders = one.senders or other.senders
    if one.senders and other.senders:
        senders = tuple(sender for sender in one.senders if sender in other.senders)
        if not senders:
            return None
    starts = [start for start in (one.start, other.start) if start is not None]
    ends = [end for end in (one.end, other.end) if end is not None]
    start, end = max(starts, default=None), min(ends, default=None)
    if start is not None and end is not None and start >= end:
        return None
    return Messages(one.speaker or other.speaker, senders, start, end)


def _fits(name: str, value: str, is_known: IsKnown) -> bool:
    field = fields.BY_OPERATOR[name]
    found = values(name, value, {})
    if found == (None,) or any(code in field.labels for code in found):
        return True
    return is_known(FieldIs(field.name, found))


def _labels(name: str) -> tuple[str, ...]:
    """All words of the pages for a flag."""
    field = fields.BY_NAME[name]
    labels = [*field.labels.values()] or [field.title]
    return tuple(folded(word) for label in labels for word in label)


def _wrong_date(name: str, typed: str, today: date) -> NoteCode | None:
    try:
        days = named_days(typed, today)
    except ImpossibleDay:
        return "impossible_day"
    is_one_end = name in ("after", "before")
    return "not_a_date" if days is None or (is_one_end and is_range(typed, today)) else None
