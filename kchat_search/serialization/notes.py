"""The words of the notes of a search: one table, in Chinese and in English.

The search says by a code what it did not take as it was typed (`models.search.Note`). The words
come here, at the edge, in one language: that of the page, that which a client of the API prefers,
or English on the command line.
"""

from __future__ import annotations

from typing import Literal

from kchat_search.models.search import Note, NoteCode

Language = Literal["zh", "en"]

_TAKEN_AS_TEXT = "「{}」按文字查找"

_WORDS: dict[NoteCode, dict[Language, str]] = {
    "taken_as_text": {"zh": "按文字查找", "en": "taken as text"},
    "stray_quote": {"zh": "多余的引号已忽略", "en": "a stray quote was ignored"},
    "stray_parenthesis": {"zh": "多余的括号已忽略", "en": "a stray ) was ignored"},
    "unclosed_parenthesis": {"zh": "括号没有闭合", "en": "a ( was not closed"},
    "operator_without_condition": {
        "zh": "{} 缺少条件，已忽略",
        "en": "{} without a condition was ignored",
    },
    "unknown_field": {"zh": "没有 {} 这个条件，按文字查找", "en": "no field {}: text"},
    "no_value": {"zh": _TAKEN_AS_TEXT, "en": "{} was taken as text: it has no value"},
    "not_an_id": {"zh": _TAKEN_AS_TEXT, "en": "{} was taken as text: an id is a number"},
    "not_upload": {"zh": _TAKEN_AS_TEXT, "en": "{} was taken as text: has knows only upload"},
    "not_gone": {"zh": _TAKEN_AS_TEXT, "en": "{} was taken as text: is knows only gone"},
    "not_history": {"zh": _TAKEN_AS_TEXT, "en": "{} was taken as text: in knows only history"},
    "impossible_day": {
        "zh": "「{}」里没有这一天，按文字查找",
        "en": "{} was taken as text: the calendar has no such day",
    },
    "reversed_dates": {
        "zh": "「{}」的起止日期颠倒了",
        "en": "the dates of {} are reversed: the end comes first",
    },
    "no_such_value": {
        "zh": "没有对话符合「{}」，按文字查找",
        "en": "{} was taken as text: no chat has this value",
    },
    "not_near": {
        "zh": "「{}」不能按距离查找：需要 2 至 8 个词，距离不超过 1000",
        "en": "{} was taken as a quoted string: near each other may be 2 to 8 words, at most 1000 "
        "characters apart",
    },
    "minus_as_text": {
        "zh": "「{}」的减号按文字查找，没有排除",
        "en": "{}: a minus before a digit was taken as text, nothing is excluded",
    },
    "operators_as_text": {
        "zh": "{} 按文字查找，没有当作运算符",
        "en": "{} was taken as text, not as an operator",
    },
    "operators_taken": {
        "zh": "{} 当作运算符，没有按文字查找",
        "en": "{} was taken as an operator, not as text",
    },
    "not_a_date": {
        "zh": _TAKEN_AS_TEXT,
        "en": "{} was taken as text: it is no date; one is 2015-04 or 2015-04-01..2015-04-30 or "
        "7d or yesterday",
    },
    "no_agent_id": {
        "zh": "您的账号还没有对应的客服编号，所以看不到任何对话；请管理员设置",
        "en": "your account has no Kchat agent id yet, so it sees no chat: ask an administrator "
        "to set it",
    },
}
"""Each `{}` stands for one of the note's values, in their order."""


def note_text(note: Note, language: Language) -> str:
    """The words of a note, in one language."""
    return _WORDS[note.code][language].format(*note.values)
