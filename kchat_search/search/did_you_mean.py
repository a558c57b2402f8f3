"""«Did you mean»: a query with its strange words replaced by near ones that the index has.

Strange is what no chat has: a word, or characters side by side that jieba could make no word of
(«退宽» is two of them). Only what is asked for is looked at, not what is excluded; numbers never.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice, product, takewhile

from kchat_search.models.plan import Contains, HasWord
from kchat_search.search.plan import positive_leaves
from kchat_search.search.tree import And, Or, Phrase, Text, Tree
from kchat_search.text.scripts import Kind, runs

_LONGEST = 8
_TOGETHER = 4
"""So many characters side by side may be one strange word."""
_MOST_LOOKS = 64
_MOST_STRANGE = 4
_NEAR = 4
"""Near words that are tried for a strange one."""
_MOST_QUERIES = 12

Replacement = tuple[Text | Phrase, str, str]
"""(where, the strange word there, a near one)."""


def suggested_queries(
    tree: Tree | None,
    split: Callable[[str], list[str]],
    nowhere: Callable[[Contains | HasWord], bool],
    similar: Callable[[str, int], Iterable[str]],
) -> Iterator[str]:
    """Queries to try instead, the likeliest first; at most a dozen.

    `split` cuts Han text into words, `nowhere` says whether no chat has it, and `similar` gives
    words of the index near one.
    """
    looks = count()

    def is_nowhere(each: Contains | HasWord) -> bool:
        return next(looks) < _MOST_LOOKS and nowhere(each)

    def near_ones() -> Iterator[list[Replacement]]:
        for leaf in dict.fromkeys(positive_leaves(tree)):
            if isinstance(leaf, Phrase) or str(leaf) == leaf.whole:
                for strange in _strange(_typed(leaf), split, is_nowhere):
                    yield [(leaf, strange, other) for other in similar(strange, _NEAR)]

    # No more strange words are asked about than are replaced.
    choices = list(islice(filter(None, near_ones()), _MOST_STRANGE))
    if tree is None or not choices:
        return
    ways = sorted(product(*map(range, map(len, choices))), key=lambda way: (sum(way), way))
    for way in ways[:_MOST_QUERIES]:
        tried = tree
        for choice, place in zip(choices, way, strict=True):
            tried = _replaced(tried, choice[place])
        yield str(tried)


def _typed(leaf: Text | Phrase) -> str:
    return leaf.text if isinstance(leaf, Phrase) else leaf.whole


def _strange(
    typed: str, split: Callable[[str], list[str]], nowhere: Callable[[Contains | HasWord], bool]
) -> Iterator[str]:
    """The strange words of a text, from left to right."""
    for run in runs(typed):
        if run.kind is Kind.LETTERS and nowhere(HasWord(run.text)):
            yield run.text
        if run.kind is not Kind.HAN:
            continue
        words = split(run.text)
        place = 0
        while place < len(words):
            word = _strange_at(words[place:], nowhere)
            if word:
                yield word
            place += 1 if word is None or len(words[place]) > 1 else len(word)


def _strange_at(words: list[str], nowhere: Callable[[Contains | HasWord], bool]) -> str | None:
    """The shortest strange word with which these words begin."""
    if len(words[0]) > 1:
        short = len(words[0]) <= _LONGEST
        return words[0] if short and nowhere(Contains(words[0])) else None
    alone = list(islice(takewhile(lambda word: len(word) == 1, words), _TOGETHER))
    for number in range(2, len(alone) + 1):
        joined = "".join(alone[:number])
        if nowhere(Contains(joined)):
            return joined
    return None


def _replaced(tree: Tree, replacement: Replacement) -> Tree:
    leaf, strange, other = replacement
    match tree:
        case And(parts) | Or(parts):
            changed = tuple(_replaced(part, replacement) for part in parts)
            return And(changed) if isinstance(tree, And) else Or(changed)
        case Phrase(text) if isinstance(leaf, Phrase) and text == leaf.text:
            return Phrase(text.replace(strange, other))
        case Text(whole) if isinstance(leaf, Text) and whole == leaf.whole:
            return dataclasses.replace(tree, whole=whole.replace(strange, other))
        case _:
            return tree
