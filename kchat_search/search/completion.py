"""What may be typed at the cursor of a query: operators, then the values of the one that was typed.

Invariants: what is suggested is read from the index as the viewer sees it, and named as the viewer
may see it. A suggested condition finds as many chats as the number beside it says, and at least
one. So a suggestion tells nothing that a search does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from kchat_search import fields
from kchat_search.chats.masking import shown
from kchat_search.chats.participants import folded_name
from kchat_search.models.plan import Everything, Plan
from kchat_search.models.search import Completion, Completions, InUse, Note, SearchRequest
from kchat_search.search import conditions, dates
from kchat_search.search.plan import Context, whole
from kchat_search.search.searcher import Agents, Searcher
from kchat_search.search.similar_values import FAR, begins_by_sound, distance
from kchat_search.search.tokens import Token, tokens
from kchat_search.search.tree import FieldCondition
from kchat_search.text.fold import fold

MOST = 8
"""Suggestions, at most."""
_MOST_COUNTED = 24
"""Conditions that are counted to find those that find a chat, at most."""
_MOST_COMPARED = 2_000
"""Values that are compared with what was typed, at most: those of the most chats."""
_HAS_IT = 2
"""`similar_values.distance` of a value that has what was typed, or begins so in pinyin."""
_LONGEST = 64
"""Characters of a typed value. No name is longer."""
_COLON = re.compile("[:：]")
_QUOTES = '"＂“”„‟'
_OF_PERSONS = ("visitor", "user")
_ONE_VALUE = {"has": "upload", "is": "gone", "in": "history"}


class Place(NamedTuple):
    """Where the cursor is."""

    start: int
    end: int
    """What a suggestion takes the place of."""
    operator: str
    """The operator whose value is typed; «» where it is a word."""
    typed: str
    """What stands before the cursor, without operator and quote."""

    @property
    def is_about_persons(self) -> bool:
        """Are visitors suggested, by name or by number?"""
        return self.operator in _OF_PERSONS


class _Candidate(NamedTuple):
    """A value that may be suggested."""

    value: str
    """As it is written behind the operator."""
    label: str
    hint: str = ""
    also: tuple[str, ...] = ()
    """Other forms that people type."""


def place(query: str, at: int) -> Place | None:
    """What is typed at a cursor, `at` code points into the query; None inside a quoted text."""
    opened: Token | None = None
    for token in tokens(query, _ignore):
        if token.start >= at:
            break
        if token.end >= at and token.kind in ("word", "phrase", "near"):
            return _place(query, at, token, opened)
        if opened is None and _opens_a_quote(query, token):
            opened = token
    return Place(at, at, "", "") if opened is None else _in_quote(query, at, at, opened)


def _place(query: str, at: int, token: Token, opened: Token | None) -> Place | None:
    if opened is not None:
        return _in_quote(query, at, token.end, opened)
    if token.field:
        colon = _COLON.search(query, token.start)
        begin = token.end if colon is None else colon.end()
        if at < begin:
            return Place(token.start, token.end, "", query[token.start : at])
        return Place(token.start, token.end, token.field, query[begin:at].strip(_QUOTES))
    if token.kind != "word":
        return None
    return Place(token.start, token.end, "", query[token.start : at])


def _opens_a_quote(query: str, token: Token) -> bool:
    """Is it «visitor:» before a quote that nothing closes yet?"""
    edge = query[token.end - 1 : token.end + 1]
    is_edge = len(edge) == len(':"') and bool(_COLON.match(edge)) and edge[1] in _QUOTES
    return bool(token.field) and token.kind == "word" and is_edge


def _in_quote(query: str, at: int, end: int, opened: Token) -> Place:
    return Place(opened.start, end, opened.field, query[opened.end + 1 : at])


def _ignore(_: Note) -> None:
    """Nobody reads the notes of a query that is being typed."""


def operators(typed: str, language: str, *, history: bool) -> Iterator[Completion]:
    """The operators whose names begin with what was typed, or whose titles have it. `history`: with
    that for earlier versions."""
    wanted = fold(typed).strip()
    is_han = not wanted.isascii()
    for name, title in fields.OPERATOR_TITLES.items():
        forms = (name, *map(fold, title))
        is_meant = any(each.startswith(wanted) or (is_han and wanted in each) for each in forms)
        if is_meant and (name != "in" or history):
            yield Completion(f"{name}:", f"{name}:", title.in_language(language))


def completions(searcher: Searcher, q: str, at: int, language: str) -> tuple[Completions, bool]:
    """(what may be typed at a cursor, whether visitors are named in it). `at`: code points before
    the cursor. `language`: «zh» or «en».

    Raises `IndexDamaged` or `ArchiveError` where the index or the archive can't be read, and
    `RequestTooExpensive` where a request may not take so long.
    """
    here = place(q, at)
    if here is None or len(here.typed) > _LONGEST:
        return Completions(at, at), False
    if here.operator:
        found = tuple(_Values(searcher, here, language).found())
    else:
        found = tuple(operators(here.typed, language, history=searcher.viewer.versions))
    return Completions(here.start, here.end, found), here.is_about_persons


def in_use(searcher: Searcher) -> InUse:
    """Values that chats have which the viewer sees. Raises as `completions` does."""
    facets = _facets(searcher, "participant", "rating", "status", "created_month")
    first = {
        name: next((value for value, _ in rows if value is not None), None)
        for name, rows in facets.items()
    }
    months = [value for value, _ in facets["created_month"] if value is not None]
    names = searcher.shown_agents(searcher.known_agents(searcher.archive.agents()))
    agents = (names.get(value or "") for value, _ in facets["participant"])
    return InUse(
        agent=next(filter(None, agents), None),
        rating=first["rating"],
        status=first["status"],
        month=months[-1] if months else None,
    )


def _facets(searcher: Searcher, *names: str) -> Mapping[str, tuple[tuple[str | None, int], ...]]:
    zone = searcher.zone.key
    plan = Plan(Everything(), sort="newest", limit=0, facets=names, zone=zone)
    return searcher.index.search(plan).facets


@dataclass(frozen=True)
class _Values:
    """The values of the operator that is typed."""

    searcher: Searcher
    here: Place
    language: str

    def found(self) -> list[Completion]:
        """The likeliest, each with the number of chats that have it."""
        found: list[Completion] = []
        name = self.here.operator
        for candidate in islice(self._candidates(), _MOST_COUNTED):
            condition = FieldCondition(name, candidate.value)
            count = self.searcher.index.count(whole(condition, self._context))
            if count:
                found.append(Completion(str(condition), candidate.label, candidate.hint, count))
            if len(found) == MOST:
                break
        return found

    @cached_property
    def _context(self) -> Context:
        return self.searcher.context(self._agents, SearchRequest())

    @cached_property
    def _agents(self) -> Agents:
        """Only those whom the viewer may know: else a name could tell that there are others."""
        return self.searcher.known_agents(self.searcher.archive.agents())

    def _candidates(self) -> Iterable[_Candidate]:
        name = self.here.operator
        if name in conditions.TIMES:
            return self._days()
        if name in _OF_PERSONS:
            return self._persons()
        if name == "from":
            return self._ranked([*self._sides(), *self._agents_of("participant")])
        if name in _ONE_VALUE:
            return self._ranked(self._flag(name))
        field = fields.BY_OPERATOR.get(name)
        if field is None or not field.facet:
            return ()
        if field.agent:
            return self._ranked([*self._agents_of(field.name), *self._none(field)])
        return self._ranked(self._labelled(field))

    def _ranked(self, candidates: Iterable[_Candidate]) -> list[_Candidate]:
        """Those that are similar to what was typed, the most similar first."""
        typed = conditions.folded(self.here.typed)
        compared = {
            each: distance(typed, filter(None, (each.value, each.label, each.hint, *each.also)))
            for each in islice(candidates, _MOST_COMPARED)
        }
        # Where something has what was typed, nobody needs what only sounds or looks like it.
        most = max(_HAS_IT, min(compared.values(), default=FAR))
        near = [each for each, far in compared.items() if far <= most < FAR]
        return sorted(near, key=lambda each: compared[each])

    def _agents_of(self, field: str) -> Iterator[_Candidate]:
        """Agents by name; by id where others have the name, or a part of it is hidden."""
        known = self.searcher.shown_agents(self._agents)
        names = [folded_name(name) for name in known.values()]
        for value, _ in _facets(self.searcher, field)[field]:
            if value is None:
                continue
            name = known.get(value)
            if name is None:
                yield _Candidate(value, value)
            elif names.count(folded_name(name)) > 1 or name != self._agents[value]:
                yield _Candidate(value, name, f"#{value}")
            else:
                yield _Candidate(name, name, f"#{value}", (value,))

    def _sides(self) -> Iterator[_Candidate]:
        for side, label in fields.SPEAKER_LABELS.items():
            yield _Candidate(side, label.in_language(self.language), "", tuple(label))

    def _labelled(self, field: fields.Field) -> Iterator[_Candidate]:
        """The values that chats have, in the pages' words."""
        for value, _ in _facets(self.searcher, field.name)[field.name]:
            if value is None:
                yield from self._none(field)
                continue
            words = field.labels.get(value)
            label = value if words is None else words.in_language(self.language)
            yield _Candidate(label, label, "" if label == value else value, tuple(words or ()))

    def _none(self, field: fields.Field) -> Iterator[_Candidate]:
        label = field.none_label
        yield _Candidate(fields.NONE, label.in_language(self.language), "", tuple(label))

    def _flag(self, name: str) -> Iterator[_Candidate]:
        if name != "in" or self.searcher.viewer.versions:
            title = fields.OPERATOR_TITLES[name]
            label = title.in_language(self.language)
            yield _Candidate(_ONE_VALUE[name], label, "", tuple(title))

    def _days(self) -> Iterator[_Candidate]:
        """Words for days, then the months in which chats were created, the last first."""
        typed = conditions.folded(self.here.typed)
        for zh, en in dates.IN_WORDS:
            word = en if self.language == "en" else zh
            if any(each.startswith(typed) for each in (zh, en)):
                yield _Candidate(word, word.replace("-", " ") if word == en else word)
        for value, _ in reversed(_facets(self.searcher, "created_month")["created_month"]):
            if value is not None and value.startswith(typed):
                yield _Candidate(value, value)

    def _persons(self) -> Iterator[_Candidate]:
        """Visitors whose number, or whose name, begins with what was typed, also in pinyin."""
        typed = folded_name(self.here.typed)
        index, field = self.searcher.index, fields.BY_OPERATOR[self.here.operator]
        if typed.isascii() and typed.isalnum():
            for value in index.values(field.name, typed, MOST, _anything):
                yield _Candidate(value, value)
        if self.here.operator == "visitor" and typed:
            for value in index.values("visitor_name", typed, MOST, self._may_show):
                yield _Candidate(value, value)
            for value in self._visitors_by_sound(typed):
                yield _Candidate(value, value)

    def _visitors_by_sound(self, typed: str) -> Iterator[str]:
        """Those whose names begin so, of the first `_MOST_COMPARED` that begin with a character
        which begins so."""
        index, left = self.searcher.index, _MOST_COMPARED
        for character in index.first_characters("visitor_name"):
            if character.isascii() or not begins_by_sound(typed[:1], character):
                continue
            names = index.values("visitor_name", character, left, self._may_show)
            yield from (name for name in names if begins_by_sound(typed, name))
            left -= len(names)
            if left <= 0:
                return

    def _may_show(self, name: str) -> bool:
        """A name with a private number stands in the index as it is, and masked."""
        is_masked = folded_name(shown(name)) == name
        return is_masked or self.searcher.viewer.shows_numbers


def _anything(_: str) -> bool:
    return True
