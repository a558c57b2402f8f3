"""From an `IndexDocument` to what is sent to the server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kchat_search.engines.nearness import may_be_near
from kchat_search.engines.opensearch import openings
from kchat_search.engines.opensearch.columns import encoded, shown
from kchat_search.engines.opensearch.mapping import COLUMNS, SEPARATOR, Json
from kchat_search.engines.terms import FILTERS, filter_term
from kchat_search.meaning.table import Table
from kchat_search.models.plan import NO_TIME, IndexDocument, Passage
from kchat_search.text.scripts import HIDDEN_LETTER, letter_runs

LONGEST_TERM = 8_000
"""Characters of a term. Lucene takes 32,766 bytes."""
_FARTHEST = 2**62

NEXT_PASSAGE = "\n"
NEXT_FRAGMENT = "\x1e"
"""What stands in `said` between passages, between the parts of one (`SEPARATOR`), and between its
joined fragments. No folded text has any of these."""
NOBODY = "-"


def run_term(run: str) -> str:
    """The term of a run of letters. A longer one than any query has is found by its beginning."""
    return run if len(run) <= LONGEST_TERM else run[:LONGEST_TERM] + "…"


def beginning(field: str, character: str) -> str:
    """The term for a field some value of which begins with this character."""
    return f"{field}{SEPARATOR}{character}"


def backwards(word: str) -> str:
    """The term of `vocabulary` for a word from its end to its beginning: so words of which the
    first character is not known are found without a look at all words."""
    return SEPARATOR + word[::-1]


def clipped(seconds: int) -> int:
    """A time that a column can hold."""
    return max(-_FARTHEST + 1, min(_FARTHEST, seconds))


def sender_term(sender: str) -> str:
    """A sender without what divides the parts of `said`; of one that is too long for the server,
    the beginning and a digest."""
    for mark in (NEXT_PASSAGE, NEXT_FRAGMENT, SEPARATOR):
        sender = sender.replace(mark, " ")
    if len(sender) <= LONGEST_TERM:
        return sender
    return f"{sender[:LONGEST_TERM]}…{hashlib.sha256(sender.encode()).hexdigest()}"


def arranged(passages: Sequence[Passage]) -> list[Passage]:
    """Passages with those that nobody said behind the others: so the place of a message among all
    is its place in the chat."""
    return sorted(passages, key=lambda passage: passage.speaker is None)


def sources(documents: Sequence[IndexDocument], table: Table | None) -> Iterator[Json]:
    """The documents as they are sent. Raises what a document of a wrong form raises."""
    return map(_source, documents, openings.vectors(documents, table))


def _source(document: IndexDocument, vectors: openings.Vectors | None) -> Json:
    near = {word for word in document.words if may_be_near(word)}
    made: Json = {
        "id": document.id,
        "revision": document.revision,
        "time": NO_TIME if document.created is None else clipped(document.created),
        "length": len(document.words),
        "created_month": filter_term(document.month),
        "words": SEPARATOR.join(document.words),
        "vocabulary": sorted({t for w in near for t in (w, backwards(w))}),
        "files": list(document.files),
        "hidden_files": [*document.hidden_files, *document.whole_files],
        "has_former": bool(document.former),
        "said": encoded(said(document).encode()),
        "passages": [_passage(p) for p in document.passages],
        "former": [_former(p) for p in document.former],
    }
    beginnings: set[str] = set()
    for name in FILTERS:
        values = dict.fromkeys(document.fields[name])
        made[name] = list(map(filter_term, values))
        beginnings |= {beginning(name, value[0]) for value in values if value}
    made["beginnings"] = sorted(beginnings)
    made |= openings.columns(document, vectors, made["passages"])
    made["seal"] = seal(made)
    return made


def seal(made: Mapping[str, Any]) -> str:
    """The SHA-256 of all that a check can read again."""
    left_out = ("seal", "vocabulary", "beginnings", "guess")
    kept = {
        name: shown(value) if name in COLUMNS else value
        for name, value in made.items()
        if name not in left_out
    }
    return hashlib.sha256(canonical(kept)).hexdigest()


def canonical(content: Mapping[str, Any]) -> bytes:
    """The same bytes for the same content."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def said(document: IndexDocument) -> str:
    """All passages as one string: a line each, its parts divided by `SEPARATOR`: the side that
    said it (its letter, or `NOBODY`), «h» where it hides something, «f» where it is former; when;
    the sender; the text; its joined fragments; in clear; with whole numbers."""
    current = map(_line, arranged(document.passages))
    former = (_line(passage, former=True) for passage in document.former)
    return NEXT_PASSAGE.join((*current, *former))


def _line(passage: Passage, *, former: bool = False) -> str:
    hidden = passage.hidden
    head = passage.speaker[0] if passage.speaker else NOBODY
    head += ("h" if hidden else "") + ("f" if former else "")
    return SEPARATOR.join(
        (
            head,
            "" if passage.said is None or passage.speaker is None else str(clipped(passage.said)),
            sender_term(passage.sender),
            passage.text,
            NEXT_FRAGMENT.join(passage.joined),
            hidden.clear if hidden else "",
            hidden.whole if hidden else "",
            "",  # so that what splits it drops no part that is empty
        )
    )


def _passage(passage: Passage) -> Json:
    hidden = passage.hidden
    made = _who(passage)
    made["text"] = passage.text
    if passage.joined:
        made["masked_joined" if hidden else "joined"] = list(passage.joined)
    if hidden:
        made["clear"] = hidden.clear
        if hidden.joined:
            made["clear_joined"] = list(hidden.joined)
        if hidden.whole:
            made["whole"] = hidden.whole
        if runs := list(_runs(hidden.clear)):
            made["clear_runs"] = runs
    return made


def _former(passage: Passage) -> Json:
    made = _who(passage)
    made["text"] = passage.text
    if passage.joined:
        made["joined"] = list(passage.joined)
    return made


def _who(passage: Passage) -> Json:
    made: Json = {}
    if passage.speaker is not None:
        made |= {"speaker": passage.speaker, "sender": sender_term(passage.sender)}
        if passage.said is not None:
            made["said"] = clipped(passage.said)
    if runs := list(_runs(passage.text)):
        made["runs"] = runs
    return made


def _runs(text: str) -> Iterator[str]:
    """The runs of letters, each once. One in which letters are hidden is none."""
    runs = dict.fromkeys(run for _, run in letter_runs(text) if HIDDEN_LETTER not in run)
    return map(run_term, runs)
