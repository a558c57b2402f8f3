"""The oracle: which documents a node matches, found by looking at every document.

It is written from the meaning of the nodes (`kchat_search.models.plan`). It uses nothing that an
engine uses: no grams, no postings, no arrays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import permutations, product

from kchat_search.models.plan import (
    EVERYWHERE,
    HIDDEN_LETTER,
    WHOLE_BEGINS,
    WHOLE_ENDS,
    AllOf,
    AnyOf,
    Contains,
    CreatedIn,
    Everything,
    FieldIs,
    FileNamed,
    HasWord,
    IndexDocument,
    Messages,
    Near,
    Node,
    NoneOf,
    Passage,
    Said,
)
from kchat_search.text.scripts import RunKind, runs


def matches(  # noqa: C901, PLR0911  # one for each kind
    document: IndexDocument, node: Node, *, history: bool = False, masked: bool = False
) -> bool:
    """Does the document match the node? `history`: former passages are looked into too. `masked`:
    see `Sight.masked`."""
    history = history and not masked
    match node:
        case Everything():
            return True
        case Contains(text, messages, joined):
            return any(
                text in form
                for passage in looked_into(document, messages, history)
                for form in forms(passage, text, joined=joined, masked=masked)
            )
        case HasWord(text, prefix, messages):
            said = [seen(p, masked) for p in looked_into(document, messages, history)]
            words = [r.text for s in said for r in runs(s) if r.kind is RunKind.LETTERS]
            words = [word for word in words if HIDDEN_LETTER not in word]
            return any(w.startswith(text) if prefix else w == text for w in words)
        case Near(texts, distance, messages):
            said = [seen(p, masked) for p in looked_into(document, messages, history)]
            return any(near(text, texts, distance) for text in said)
        case Said(messages):
            return bool(looked_into(document, messages, history))
        case FileNamed(text):
            return any(re.search(re.escape(text), n) for n in names(document, text, masked))
        case FieldIs(field, values):
            return any(value in values for value in document.fields[field])
        case CreatedIn(start, end):
            created = document.created
            return created is not None and (
                (start is None or created >= start) and (end is None or created < end)
            )
        case AllOf(parts):
            return all(matches(document, p, history=history, masked=masked) for p in parts)
        case AnyOf(parts):
            return any(matches(document, p, history=history, masked=masked) for p in parts)
        case NoneOf(part):
            return not matches(document, part, history=history, masked=masked)


def seen(passage: Passage, masked: bool) -> str:
    """The passage, as it is seen."""
    return passage.text if masked or passage.hidden is None else passage.hidden.clear


def forms(passage: Passage, literal: str, *, joined: bool, masked: bool) -> tuple[str, ...]:
    """The forms of a passage in which a literal is looked for."""
    hidden = passage.hidden
    if not masked:
        own = passage.joined if hidden is None else hidden.joined
        return (seen(passage, masked), *(own if joined else ()))
    if not has_marks(literal):
        return (passage.text, *(passage.joined if joined else ()))
    return (hidden.whole,) if hidden is not None and has_whole_numbers(literal) else ()


def names(document: IndexDocument, literal: str, masked: bool) -> tuple[str, ...]:
    """The names of files in which a literal is looked for."""
    if not masked:
        return document.files + document.hidden_files
    if not has_marks(literal):
        return document.files
    return document.whole_files if has_whole_numbers(literal) else ()


def has_marks(literal: str) -> bool:
    """Has it any mark of a whole number?"""
    return re.search(f"[{WHOLE_BEGINS}{WHOLE_ENDS}]", literal) is not None


def has_whole_numbers(literal: str) -> bool:
    """Has it numbers in marks, all of them whole?"""
    other = f"[^{WHOLE_BEGINS}{WHOLE_ENDS}]*"
    whole_numbers = f"({other}{WHOLE_BEGINS}{other}{WHOLE_ENDS})+{other}"
    return re.fullmatch(whole_numbers, literal) is not None


def looked_into(document: IndexDocument, messages: Messages, history: bool) -> list[Passage]:
    """The passages of a document that are looked into."""
    passages = document.passages + (document.former if history else ())
    return [passage for passage in passages if messages == EVERYWHERE or _is_one(passage, messages)]


def _is_one(passage: Passage, messages: Messages) -> bool:
    if passage.speaker is None or messages.speaker not in (None, passage.speaker):
        return False
    if messages.senders and passage.sender not in messages.senders:
        return False
    if messages.start is None and messages.end is None:
        return True
    said = passage.said
    return said is not None and (
        (messages.start is None or said >= messages.start)
        and (messages.end is None or said < messages.end)
    )


def near(text: str, texts: Sequence[str], distance: int) -> bool:
    """Do these stand in the text, in some order and none over another, with at most `distance`
    characters between one and the next?"""
    places = [[m.start() for m in re.finditer(f"(?={re.escape(each)})", text)] for each in texts]
    for chosen in product(*places):
        for order in permutations(range(len(texts))):
            ends = [chosen[n] + len(texts[n]) for n in order]
            gaps = [chosen[n] - end for n, end in zip(order[1:], ends, strict=False)]
            if all(0 <= gap <= distance for gap in gaps):
                return True
    return False
