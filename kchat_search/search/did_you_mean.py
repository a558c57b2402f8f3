"""«Did you mean»: the query with its strange words replaced by similar words that the index has.

A word is strange if no chat has it. Several characters side by side are strange too, if jieba could
make no word of them and no chat has them: «退宽» is cut into two single characters. Only the texts
that a query asks for are looked at, never what it excludes, and never numbers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice, product, takewhile

from kchat_search.models.plan import Contains, HasWord
from kchat_search.search.plan import positive_leaves
from kchat_search.search.tree import And, Or, Phrase, Text, Tree
from kchat_search.text.scripts import RunKind, runs

_LONGEST = 8
"""Characters of a strange word of Han, at most."""
_TOGETHER = 4
"""Single characters side by side that may be one strange word, at most."""
_MOST_QUESTIONS = 64
"""How often the index is asked whether no chat has a text, at most."""
_MOST_STRANGE = 4
"""Strange words that are replaced, at most."""
_SIMILAR = 4
"""Similar words that are tried for each strange word."""
_MOST_QUERIES = 12

Replacement = tuple[Text | Phrase, str, str]
"""(the text of the query, a strange word in it, a similar word)."""


def suggested_queries(
    tree: Tree | None,
    split: Callable[[str], list[str]],
    is_nowhere: Callable[[Contains | HasWord], bool],
    similar: Callable[[str, int], Iterable[str]],
) -> Iterator[str]:
    """Queries to try instead, the likeliest first, at most twelve.

    `split` cuts Han text into words. `is_nowhere` says whether no chat has a text. `similar(word,
    limit)` gives at most `limit` words of the index that are similar to a word, the most similar
    first.
    """
    questions = count()

    def is_strange(needle: Contains | HasWord) -> bool:
        return next(questions) < _MOST_QUESTIONS and is_nowhere(needle)

    def replacements() -> Iterator[list[Replacement]]:
        for leaf in dict.fromkeys(positive_leaves(tree)):
            if isinstance(leaf, Phrase) or (isinstance(leaf, Text) and str(leaf) == leaf.whole):
                for strange in _strange_words(_typed(leaf), split, is_strange):
                    yield [(leaf, strange, other) for other in similar(strange, _SIMILAR)]

    # The iterator is lazy, so the index is not asked about more words than are replaced.
    choices = list(islice(filter(None, replacements()), _MOST_STRANGE))
    if tree is None or not choices:
        return
    # A combination has, for each strange word, the rank of the similar word that is taken.
    combinations = sorted(product(*map(range, map(len, choices))), key=lambda c: (sum(c), c))
    for combination in combinations[:_MOST_QUERIES]:
        suggestion = tree
        for choice, rank in zip(choices, combination, strict=True):
            suggestion = _replaced(suggestion, choice[rank])
        yield str(suggestion)


def _typed(leaf: Text | Phrase) -> str:
    return leaf.text if isinstance(leaf, Phrase) else leaf.whole


def _strange_words(
    typed: str, split: Callable[[str], list[str]], is_strange: Callable[[Contains | HasWord], bool]
) -> Iterator[str]:
    """The strange words of a text, from left to right."""
    for run in runs(typed):
        if run.kind is RunKind.LETTERS and is_strange(HasWord(run.text)):
            yield run.text
        if run.kind is not RunKind.HAN:
            continue
        words = split(run.text)
        index = 0
        while index < len(words):
            strange = _strange_beginning(words[index:], is_strange)
            if strange:
                yield strange
            index += 1 if strange is None or len(words[index]) > 1 else len(strange)


def _strange_beginning(
    words: list[str], is_strange: Callable[[Contains | HasWord], bool]
) -> str | None:
    """The shortest strange word with which these words begin; None if there is none."""
    first = words[0]
    if len(first) > 1:
        return first if len(first) <= _LONGEST and is_strange(Contains(first)) else None
    singles = list(islice(takewhile(lambda word: len(word) == 1, words), _TOGETHER))
    for length in range(2, len(singles) + 1):
        joined = "".join(singles[:length])
        if is_strange(Contains(joined)):
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
