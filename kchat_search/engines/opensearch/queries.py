"""From a `Node` to a query of OpenSearch. It only filters: what ranks is in `scoring.py`.

Who looks decides which texts are looked into, as in every engine: everybody sees the `text`; what
is found there letter for letter is in the clear passage too. Who sees all looks into `clear` as
well, who sees masked into `whole` for whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kchat_search.engines.opensearch import scripts
from kchat_search.engines.opensearch.documents import clipped, run_term, sender_term
from kchat_search.engines.opensearch.mapping import Json
from kchat_search.engines.terms import asked_ids, asked_terms, has_whole_numbers
from kchat_search.models.plan import (
    EVERYTHING_SEEN,
    EVERYWHERE,
    NO_TIME,
    AllOf,
    AnyOf,
    Contains,
    CreatedIn,
    Everything,
    FieldIs,
    FileNamed,
    HasWord,
    Messages,
    Near,
    Node,
    NoneOf,
    Said,
    Sight,
)
from kchat_search.text.scripts import RunKind, runs

NOTHING: Json = {"match_none": {}}
EVERY: Json = {"match_all": {}}
_FARTHEST = 2**31 - 1
_MOST_IN_ORDER = 100
"""Characters of texts of which a query says in which order they stand. With more of them than that,
it takes longer, and finds hardly less."""


def every(queries: Iterable[Json]) -> Json:
    """What fulfils all of these."""
    some = [query for query in queries if query != EVERY]
    if not some:
        return EVERY
    if NOTHING in some:
        return NOTHING
    return some[0] if len(some) == 1 else {"bool": {"filter": some}}


def some(queries: Iterable[Json]) -> Json:
    """What fulfils any of these."""
    found = [query for query in queries if query != NOTHING]
    if not found:
        return NOTHING
    if EVERY in found:
        return EVERY
    return found[0] if len(found) == 1 else {"bool": {"should": found, "minimum_should_match": 1}}


def none(query: Json) -> Json:
    """What does not fulfil this."""
    if query == NOTHING:
        return EVERY
    return NOTHING if query == EVERY else {"bool": {"must_not": [query]}}


def literal(field: str, text: str) -> Json:
    """What has this text, letter for letter, in one value of a field."""
    if not text:
        return NOTHING
    if len(text) == 1:
        return {"term": {f"{field}.one": text}}
    if len(text) == 2:
        return {"term": {field: text}}
    return {"match_phrase": {field: text}}


@dataclass(frozen=True)
class Compiler:
    """Makes queries for one who looks: `masked` as in `Sight`; `history`: former passages are
    looked into too, which nobody does who sees masked."""

    masked: bool = False
    history: bool = False

    def query(self, node: Node) -> Json:  # noqa: C901, PLR0911  # one a kind
        """The query for a node."""
        match node:
            case Everything():
                return EVERY
            case Contains(text, messages, joined):
                return self._in_passages(self._texts(text, joined=joined), text, messages)
            case HasWord():
                return self._with_word(node)
            case Near():
                return self._near(node)
            case Said(messages):
                return some(nested(path, said(messages, path)) for path in self._paths)
            case FileNamed(text):
                return self._file(text)
            case FieldIs():
                return self._field(node)
            case CreatedIn(start, end):
                return _range("time", NO_TIME + 1 if start is None else start, end)
            case AllOf(parts):
                return every(map(self.query, parts))
            case AnyOf(parts):
                return some(map(self.query, parts))
            case NoneOf(part):
                return none(self.query(part))

    @property
    def _paths(self) -> tuple[str, ...]:
        return ("passages", "former") if self.history and not self.masked else ("passages",)

    def _texts(self, text: str, *, joined: bool) -> list[str]:
        """The fields in which a literal is looked for."""
        if self.masked:
            if has_whole_numbers(text):
                return ["passages.whole"]
            names = ["text", "joined", "masked_joined"] if joined else ["text"]
            return [f"passages.{name}" for name in names]
        names = ["text", "clear", "joined", "clear_joined"] if joined else ["text", "clear"]
        fields = [f"passages.{name}" for name in names]
        if "former" in self._paths:
            fields += ["former.text", "former.joined"] if joined else ["former.text"]
        return fields

    def _in_passages(self, fields: Sequence[str], text: str, messages: Messages) -> Json:
        """What has a literal in one of these fields, in one of these messages."""
        return _in_messages([literal(field, text) for field in fields], fields, messages)

    def _with_word(self, node: HasWord) -> Json:
        if not node.text or runs(node.text)[0].kind is not RunKind.LETTERS:
            return NOTHING
        fields = ["passages.runs"] if self.masked else ["passages.runs", "passages.clear_runs"]
        if "former" in self._paths:
            fields.append("former.runs")
        kind = "prefix" if node.prefix else "term"
        value = run_term(node.text)
        return _in_messages([{kind: {field: value}} for field in fields], fields, node.messages)

    def _near(self, node: Near) -> Json:
        """Candidates have all texts in one form of one passage; a script decides, because no query
        of Lucene knows chains of texts in any order."""
        if self.masked:
            name = "whole" if any(map(has_whole_numbers, node.texts)) else "text"
            names = [f"passages.{name}"]
        else:
            name, names = "clear", ["passages.text", "passages.clear"]
        if not all(node.texts):
            return NOTHING
        paths = [("passages", names)]
        if "former" in self._paths:
            paths.append(("former", ["former.text"]))
        candidates = [
            nested(
                path,
                every(
                    [
                        some(_in_some_order(f, node) for f in fields),
                        EVERY if node.messages == EVERYWHERE else said(node.messages, path),
                    ]
                ),
            )
            for path, fields in paths
        ]
        decides = scripts.near(node, name, history="former" in self._paths)
        return every([some(candidates), decides])

    def _file(self, text: str) -> Json:
        if self.masked:
            return literal("hidden_files" if has_whole_numbers(text) else "files", text)
        return some(literal(field, text) for field in ("files", "hidden_files"))

    def _field(self, node: FieldIs) -> Json:
        if node.field == "id":
            wanted = asked_ids(node.values)
            return {"terms": {"id": wanted}} if wanted else NOTHING
        asked = sorted(asked_terms(node.field, node.values, masked=self.masked))
        return {"terms": {node.field: asked}} if asked else NOTHING


def _in_some_order(field: str, node: Near) -> Json:
    """What has all texts of a node in one value of a field; where the server can tell, within so
    many characters as the texts need together. None that stands near is lost: of all places of
    the texts, an interval of Lucene is one with the fewest characters between them."""
    lengths = [len(text) for text in node.texts]
    if min(lengths) < 2 or sum(lengths) > _MOST_IN_ORDER:
        return every(literal(field, text) for text in node.texts)
    between = (node.distance + 2) * (len(node.texts) - 1)
    phrases = [{"match": {"query": text, "max_gaps": 0, "ordered": True}} for text in node.texts]
    apart = {"max_gaps": min(between, _FARTHEST), "intervals": phrases}
    return {"intervals": {field: {"all_of": apart}}}


def restriction(sight: Sight) -> Json:
    """What somebody sees. The restriction looks at all that there is."""
    return EVERY if sight == EVERYTHING_SEEN else Compiler().query(sight.restriction)


def nested(path: str, query: Json) -> Json:
    """What has a passage that fulfils this."""
    if query == NOTHING:
        return NOTHING
    return {"nested": {"path": path, "query": query, "score_mode": "none"}}


def _in_messages(conditions: Sequence[Json], fields: Sequence[str], messages: Messages) -> Json:
    """What fulfils one of these conditions (each on one of these fields) in one of these messages.
    Everywhere, the chat's own document has all passages."""
    if messages == EVERYWHERE:
        return some(conditions)
    found = []
    for path in ("passages", "former"):
        of_path = [c for c, f in zip(conditions, fields, strict=True) if f.startswith(path)]
        found.append(nested(path, every([some(of_path), said(messages, path)])))
    return some(found)


def said(messages: Messages, path: str = "passages") -> Json:
    """Which passages of a path are among these messages."""
    conditions: list[Json] = []
    if messages.speaker is not None:
        conditions.append({"term": {f"{path}.speaker": messages.speaker}})
    if messages.senders:
        conditions.append({"terms": {f"{path}.sender": sorted(map(sender_term, messages.senders))}})
    elif messages.speaker is None:
        conditions.append({"exists": {"field": f"{path}.speaker"}})
    if messages.start is not None or messages.end is not None:
        start = NO_TIME + 1 if messages.start is None else messages.start
        conditions.append(_range(f"{path}.said", start, messages.end))
    return every(conditions)


def _range(field: str, start: int, end: int | None) -> Json:
    """`[start, end)`; every time that is known lies above `NO_TIME`."""
    limits: Json = {"gte": clipped(start)}
    if end is not None:
        limits["lt"] = clipped(end)
    return {"range": {field: limits}}
