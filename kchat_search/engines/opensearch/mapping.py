"""The form of an index: its settings and its mapping, strict.

One document a chat. What its passages say stands in nested documents, one a passage, with who said
it and when: so «this text, said by them, then» is one condition on one passage. The same texts are
part of the chat's own document too (`include_in_root`), passages apart by a gap of positions: where
it does not matter who said it, that is what is searched, because there are fewer and shorter lists.

A text is cut into pairs of neighbouring characters, each with its position. So a literal is a
phrase of its pairs: exactly, without a look at the text. Single characters are a field of their
own. Folding and words are done on our side, so that all engines agree by construction.

    passages.text            as everybody sees it
    passages.joined          its joined fragments, of a passage that hides nothing
    passages.masked_joined   those of one that hides something
    passages.clear           a passage that hides something, in clear; and its joined fragments
    passages.clear_joined
    passages.whole           the same with whole numbers in marks
    former.text, .joined     of the former passages
    files, hidden_files      the names of the uploads, as `engines.whoosh.schema` has them
    words                    for BM25: a term's score is how often the document has it
    vocabulary               those of the words that may be near others, and each backwards
    beginnings               of each value to filter by: its field and first character
    said                     all passages as one value, for what only a look at the text decides
    openings                 the vectors of what the visitor asked first
    guess                    the signs of these, and what each counts
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from kchat_search.engines.terms import FILTERS

VERSION = 2
"""The version of the form. An index with another version is rebuilt."""
SEPARATOR = "\x1f"
"""Stands between words. No folded text has it."""
MOST_OPENINGS = 3

Json = dict[str, Any]

_TEXT: Json = {
    "type": "text",
    "analyzer": "pairs",
    "norms": False,
    "similarity": "boolean",
    "fields": {
        "one": {
            "type": "text",
            "analyzer": "characters",
            "norms": False,
            "similarity": "boolean",
            "index_options": "docs",
        }
    },
}
_TERM: Json = {"type": "keyword"}
_ONLY_TERM: Json = {"type": "keyword", "doc_values": False}
_BYTES: Json = {"type": "binary", "doc_values": True, "store": False}
PASSAGE_TEXTS = ("text", "joined", "masked_joined", "clear", "clear_joined", "whole")
FORMER_TEXTS = ("text", "joined")
_WHO: Json = {
    "speaker": _ONLY_TERM,
    "sender": _ONLY_TERM,
    "said": {"type": "long", "doc_values": False},
}


def _passages(texts: tuple[str, ...]) -> Json:
    fields = {**_WHO, "runs": _ONLY_TERM, **dict.fromkeys(texts, _TEXT)}
    return {"type": "nested", "include_in_root": True, "properties": fields}


PROPERTIES: Json = {
    "id": {"type": "long"},
    "revision": {"type": "long", "index": False},
    "time": {"type": "long"},
    "length": {"type": "integer", "index": False},
    "seal": {"type": "keyword", "index": False},
    "created_month": _TERM,
    **dict.fromkeys(FILTERS, _TERM),
    "beginnings": _TERM,
    "words": {
        "type": "text",
        "analyzer": "words",
        "norms": False,
        "similarity": "frequency",
        "index_options": "freqs",
    },
    "vocabulary": _TERM,
    "files": _TEXT,
    "hidden_files": _TEXT,
    "has_former": {"type": "boolean"},
    "said": _BYTES,
    "openings": _BYTES,
    "guess": _BYTES,
    "passages": _passages(PASSAGE_TEXTS),
    "former": _passages(FORMER_TEXTS),
}
PROPERTIES["passages"]["properties"] |= {
    "clear_runs": _ONLY_TERM,
    "opening": {"type": "byte", "doc_values": False},
}

COLUMNS = ("said", "openings")
"""Fields of bytes; see `columns`."""
NOT_IN_SOURCE = (*COLUMNS, "vocabulary", "beginnings", "guess")
"""What a document's source need not keep a second time."""

MAPPING: Json = {
    "dynamic": "strict",
    "_source": {"excludes": list(NOT_IN_SOURCE)},
    "properties": PROPERTIES,
}

ANALYSIS: Json = {
    "tokenizer": {
        "pairs": {"type": "ngram", "min_gram": 2, "max_gram": 2},
        "characters": {"type": "ngram", "min_gram": 1, "max_gram": 1},
        # The one for white space would cut a word after 255 characters.
        "words": {"type": "pattern", "pattern": SEPARATOR},
    },
    "analyzer": {
        name: {"type": "custom", "tokenizer": name} for name in ("pairs", "characters", "words")
    },
}
MOST_HITS = 10_000
"""So many hits of one request, at most."""
_LONGEST_PATTERN = 20_000
_UNLIMITED = 10_000_000
_REMEMBERED = "10m"
"""So long a removed document is known to be removed; see `fence`."""


def settings(shards: int) -> Json:
    """The settings of a new index, as it is filled: without replicas, and nothing is seen before
    it is refreshed by us."""
    return {
        "number_of_shards": shards,
        "number_of_replicas": 0,
        "refresh_interval": "-1",
        "codec": "best_compression",
        "max_result_window": MOST_HITS,
        "max_regex_length": _LONGEST_PATTERN,
        "max_terms_count": _UNLIMITED,
        "gc_deletes": _REMEMBERED,
        "mapping.nested_objects.limit": _UNLIMITED,
        "similarity": {
            "frequency": {
                "type": "scripted",
                "script": {"source": "return query.boost * doc.freq;"},
            }
        },
        "analysis": ANALYSIS,
    }


def digest() -> str:
    """What differs where the form does."""
    form = json.dumps([VERSION, MAPPING, settings(1)], sort_keys=True)
    return hashlib.sha256(form.encode()).hexdigest()


def changed(shown: Json) -> str | None:
    """The first thing in which an index that a server shows (with flat settings) is not as it was
    made; None if there is none. How many copies it has is up to who runs the servers, and so is
    what has no part in what is found."""
    wrong = _differing(MAPPING, {n: v for n, v in shown["mappings"].items() if n != "_meta"})
    if wrong is not None:
        return f"mapping of {wrong}"
    ours, theirs = _flat(settings(1), "index"), shown["settings"]
    for name in sorted(ours.keys() - _MAY_DIFFER):
        if _plain(theirs.get(name)) != _plain(ours[name]):
            return f"setting {name}"
    added = [name for name in theirs.keys() - ours.keys() if name.startswith(_OURS_ALONE)]
    return f"setting {min(added)}" if added else None


_MAY_DIFFER = {"index.number_of_shards", "index.number_of_replicas"}
_OURS_ALONE = tuple(
    f"index.{name}"
    for name in (
        "analysis.", "default_pipeline", "final_pipeline", "mapping.", "max_", "query.",
        "refresh_interval", "search.default_pipeline", "similarity.", "sort.",
    )
)  # fmt: skip
"""Settings that decide what is found, or what is kept of a document."""
_ALWAYS_SHOWN = ("type", "analyzer", "similarity", "dynamic")


def _differing(ours: Json, theirs: Json, at: str = "") -> str | None:
    """The first thing in which a mapping is not ours. A server leaves out what is its default."""
    for name in sorted(ours.keys() | theirs.keys()):
        here = f"{at}.{name}".lstrip(".").replace("properties.", "")
        if name not in theirs:
            if name in _ALWAYS_SHOWN or isinstance(ours[name], dict):
                return here
        elif name not in ours:
            return here
        elif isinstance(ours[name], dict) and isinstance(theirs[name], dict):
            wrong = _differing(ours[name], theirs[name], here)
            if wrong is not None:
                return wrong
        elif _plain(theirs[name]) != _plain(ours[name]):
            return here
    return None


def _flat(value: Json, at: str) -> Json:
    found: Json = {}
    for name, its in value.items():
        found |= _flat(its, f"{at}.{name}") if isinstance(its, dict) else {f"{at}.{name}": its}
    return found


def _plain(value: object) -> object:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return str(value).lower()
