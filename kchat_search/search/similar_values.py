"""«Did you mean», for conditions: `agent:林` where several agents have that in their names, and
`status:进行时` where no chat has such a status. What there is takes the place of the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from kchat_search import fields
from kchat_search.models.search import Note
from kchat_search.search.conditions import agents_called, folded, speaker, typed_forms
from kchat_search.search.tree import And, FieldCondition, Tree
from kchat_search.text.fold import fold
from kchat_search.text.pinyin import begins, merge_similar_sounds, readings

_MOST = 5
"""Values that are tried for one condition, at most."""
_MOST_COMPARED = 10_000
"""Names and values that are compared with the typed one, at most."""
_LONGEST = 64
"""Characters of a typed value, at most. No name is longer."""
_RETROFLEX = re.compile("([zcs])h")
_NASAL = re.compile("(?<=[aei])ng(?![aeiou])")
_OF_AGENTS = ("agent", "assigned", "from")

InUse = Callable[[str], Iterable[str | None]]
"""The values of a field that chats have, those of the most chats first. None: no value."""


def queries_with_similar_values(
    q: str, tree: Tree | None, notes: Sequence[Note], agents: Mapping[str, str], in_use: InUse
) -> Iterator[str]:
    """Queries to try in place of `q`, the likeliest first.

    `tree` and `notes`: how it was read. `agents`: the agents' names by id.
    """
    for note in notes:
        if note.code == "no_such_value":
            yield from _with_other_value(q, note.values[0], in_use)
    parts = tree.parts if isinstance(tree, And) else (tree,)
    for part in parts:
        if isinstance(part, FieldCondition) and part.name in _OF_AGENTS:
            for name in _similar_agents(part, agents, in_use):
                other = FieldCondition(part.name, name)
                changed = tuple(other if each is part else each for each in parts)
                yield str(other if tree is part else And(tuple(filter(None, changed))))


def _with_other_value(q: str, as_typed: str, in_use: InUse) -> Iterator[str]:
    """`as_typed`: a condition, which stands in `q` so."""
    name, _, value = fold(as_typed).partition(":")
    field = fields.BY_OPERATOR.get(name.strip())
    if field is None or not field.facet or not 0 < len(value) <= _LONGEST or as_typed not in q:
        return
    language = "en" if value.isascii() else "zh"
    words = {
        code: (code, field.label(code, "zh") or code, field.label(code, "en") or code)
        for code in islice(filter(None, in_use(field.name)), _MOST_COMPARED)
    }
    ranked = sorted(words, key=lambda code: distance(value, words[code]))
    for code in ranked[:_MOST]:
        written = code if language == "en" else field.label(code, language) or code
        yield q.replace(as_typed, str(FieldCondition(field.operator or name, written)), 1)


def _similar_agents(
    condition: FieldCondition, agents: Mapping[str, str], in_use: InUse
) -> list[str]:
    """The names of agents that are similar to the condition's value; of the busiest agents where
    none is. An agent whose name others have too is named by id. Nothing where the condition finds
    an agent."""
    typed = folded(condition.value)
    known = dict(islice(agents.items(), _MOST_COMPARED))
    if not typed or len(typed) > _LONGEST or _finds_agents(condition, agents):
        return []
    distances = {key: distance(typed, (folded(name),)) for key, name in known.items()}
    near = sorted((key for key in known if distances[key] < FAR), key=lambda key: distances[key])
    busiest = (key for key in in_use("participant") if key in known)
    found = near[:_MOST] or list(islice(busiest, _MOST))
    names = [folded(name) for name in known.values()]
    return [known[key] if names.count(folded(known[key])) == 1 else key for key in found]


def _finds_agents(condition: FieldCondition, agents: Mapping[str, str]) -> bool:
    """`from:` takes a side, or a whole name: part of one may be another person's."""
    typed = folded(condition.value)
    if condition.name == "from":
        is_whole = typed in agents or any(
            folded(name) in typed_forms(condition.value) for name in agents.values()
        )
        return is_whole or speaker(condition.value) is not None
    return typed in agents or bool(agents_called(condition.value, agents))


FAR = 5


def distance(typed: str, words: Iterable[str]) -> int:
    """How far what was typed is from the nearest of these words: the less, the likelier; `FAR`
    where nothing is similar."""
    return min((_distance_to(typed, folded(word)) for word in words), default=FAR)


def _distance_to(typed: str, word: str) -> int:
    if word.startswith(typed) or typed.startswith(word):
        return 0
    if begins_by_sound(typed, word):
        return 1
    if typed in word or word in typed:
        return 2
    if _sounds(word) == _sounds(typed):
        return 3
    if len(typed) > 1 and _one_apart(typed, word):
        return 4
    return FAR


def begins_by_sound(typed: str, word: str) -> bool:
    """Do the typed letters begin a word in pinyin?"""
    letters = _as_syllables(typed)
    return letters.isascii() and letters.isalnum() and begins(word[:_LONGEST], letters)


def _sounds(text: str) -> str:
    """A text in pinyin; what is no Han stays."""
    return "".join(
        merge_similar_sounds(readings(character)[0]) if readings(character) else character
        for character in text[:_LONGEST]
        if character != " "
    )


def _as_syllables(letters: str) -> str:
    """Letters of pinyin in the form of `_sounds`."""
    return _NASAL.sub("n", _RETROFLEX.sub(r"\1", letters.replace(" ", "")))


def _one_apart(one: str, other: str) -> bool:
    """Does one text become the other by one character: changed, left out or put in?"""
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1:
        return False
    start = 0
    while start < len(one) and one[start] == other[start]:
        start += 1
    rest = one[start + 1 :] if len(one) == len(other) else one[start:]
    return rest == other[start + 1 :]
