"""The fixed set of query kinds, with ten real queries of each.

Queries are drawn from a sample of the corpus, by the share of the chats that have a word. The same
number of chats gives the same queries. Invariant: a query means the same for every engine.
`request` has it in our query language, the other fields have its parts.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from benchmarks import corpus
from kchat_search.models.search import SearchRequest
from kchat_search.text.fold import fold
from kchat_search.text.scripts import RunKind, runs
from kchat_search.text.segmentation import Segmenter

KINDS = {
    "rare": "rare word (< 0.1 % of the chats)",
    "middling": "middling word (1 to 5 %)",
    "common": "common word (> 30 %)",
    "two": "two words",
    "three": "three words",
    "quoted3": "quoted, 3 characters",
    "quoted6": "quoted, 6 characters",
    "quoted12": "quoted, 12 characters",
    "tail": "a phone number's last 4 digits",
    "character": "one character",
    "month": "word + month",
    "agent": "word + agent",
    "newest": "common word, newest first",
    "facets": "common word, all facets",
    "not": "word, NOT another",
    "nothing": "nothing found, a word",
    "nothing_quoted": "nothing found, quoted",
}
LITERAL = frozenset({"quoted3", "quoted6", "quoted12", "tail", "character", "nothing_quoted"})
"""Kinds that ask for a string, which may begin or end within a word."""

_EACH = 10
_SAMPLE = 5_000
_QUOTABLE = str.maketrans("", "", '"\\“”「」『』 ')


@dataclass(frozen=True, slots=True)
class Query:
    """One query, for kchat-search and for its rivals."""

    kind: str
    request: SearchRequest
    words: tuple[str, ...] = ()
    """A chat must have all of them. Each is folded, and is one word for jieba."""
    excluded: tuple[str, ...] = ()
    literal: str | None = None
    """Folded. One message must have it."""
    month: str | None = None
    """`2015-04`."""
    agent: str | None = None
    newest: bool = False
    facets: bool = False


def draw(count: int, segmenter: Segmenter, seed: int = 7) -> list[Query]:
    """The queries for a corpus of `count` chats, ten of each kind."""
    return list(_Drawing(count, segmenter, seed).queries())


def save(queries: Sequence[Query], path: Path) -> None:
    """Keep queries for another process."""
    path.write_text(json.dumps([dataclasses.asdict(query) for query in queries]), "utf-8")


def load(path: Path) -> list[Query]:
    """The queries that `save` kept."""

    def tuples(values: dict[str, Any]) -> dict[str, Any]:
        return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}

    found = []
    for values in json.loads(path.read_text("utf-8")):
        request = SearchRequest(**tuples(values.pop("request")))
        found.append(Query(request=request, **tuples(values)))
    return found


@dataclass(frozen=True, slots=True)
class _Sampled:
    """What queries need of a chat of the sample."""

    texts: tuple[str, ...]
    words: tuple[str, ...]
    """Distinct and in order. Each has two to four Han characters and is one word for jieba."""


@dataclass
class _Drawing:
    count: int
    segmenter: Segmenter
    seed: int
    rng: Random = field(init=False)
    sample: list[_Sampled] = field(init=False)
    share: dict[str, float] = field(init=False)
    """For each word, the share of the sample's chats that have it."""

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)
        self._plain: dict[str, bool] = {}
        made = corpus.Corpus(self.count, self.seed)
        step = max(1, self.count // _SAMPLE)
        numbers = range(0, self.count, step)
        self.sample = [self._sampled(made.chat(number)) for number in numbers]
        times = Counter(word for each in self.sample for word in each.words)
        self.share = {word: n / len(self.sample) for word, n in times.items()}

    def queries(self) -> Iterator[Query]:
        for kind in KINDS:
            make: Callable[[str], Iterator[Query]] = getattr(self, f"_{kind}", self._quoted)
            yield from make(kind)

    def _sampled(self, chat: dict[str, Any]) -> _Sampled:
        texts = tuple(fold(m["msg"]) for m in chat["messages"] if m["msg"])
        words = dict.fromkeys(self.segmenter.tokens(texts))
        return _Sampled(texts, tuple(word for word in words if self._is_plain(word)))

    def _is_plain(self, word: str) -> bool:
        if word not in self._plain:
            self._plain[word] = (
                2 <= len(word) <= 4
                and [run.kind for run in runs(word)] == [RunKind.HAN]
                and self.segmenter.segment_han(word) == [word]
                and self.segmenter.tokens([word]) == [word]
            )
        return self._plain[word]

    # -- words -------------------------------------------------------------------------------

    def _between(self, least: float, most: float, number: int = _EACH) -> list[str]:
        """Words in this share of the chats. If there are too few, the nearest ones."""
        middle = (least * most) ** 0.5
        fitting = sorted(word for word, s in self.share.items() if least <= s <= most)
        if len(fitting) >= number:
            return self.rng.sample(fitting, number)
        near = sorted(self.share, key=lambda word: (abs(self.share[word] - middle), word))
        return near[:number]

    def _common_words(self, number: int = _EACH) -> list[str]:
        """Words in more than 30 % of the chats, or the nearest ones in this corpus."""
        ordered = sorted(self.share, key=lambda word: (-self.share[word], word))
        return ordered[:number]

    def _rare(self, kind: str) -> Iterator[Query]:
        for word in self._between(2 / len(self.sample), 0.001):
            yield self._of(kind, word)

    def _middling(self, kind: str) -> Iterator[Query]:
        for word in self._between(0.01, 0.05):
            yield self._of(kind, word)

    def _common(self, kind: str) -> Iterator[Query]:
        for word in self._common_words():
            yield self._of(kind, word)

    def _two(self, kind: str) -> Iterator[Query]:
        for _ in range(_EACH):
            yield self._of(kind, *self._together(2))

    def _three(self, kind: str) -> Iterator[Query]:
        for _ in range(_EACH):
            yield self._of(kind, *self._together(3))

    def _together(self, number: int) -> list[str]:
        """Words that occur together in a chat. Each is in at least half a percent of all chats."""
        while True:
            each = self.rng.choice(self.sample)
            fitting = [word for word in each.words if self.share[word] >= 0.005]
            if len(fitting) >= number:
                return self.rng.sample(fitting, number)

    # -- strings -----------------------------------------------------------------------------

    def _quoted(self, kind: str) -> Iterator[Query]:
        length = int(kind.removeprefix("quoted"))
        for _ in range(_EACH):
            yield self._literally(kind, self._string(length))

    def _string(self, length: int) -> str:
        """A random part of a random message, without characters that would have to be escaped."""
        while True:
            text = self.rng.choice(self.rng.choice(self.sample).texts)
            begin = self.rng.randrange(max(1, len(text) - length + 1))
            found = text[begin : begin + length]
            if len(found) == length and found == found.translate(_QUOTABLE):
                return found

    def _tail(self, kind: str) -> Iterator[Query]:
        numbers = [
            run.text
            for each in self.sample
            for text in each.texts
            for run in runs(text)
            if run.kind is RunKind.DIGITS
        ]
        tails = [number[-4:] for number in numbers if len(number) == 11 and number[:3] == "199"]
        for tail in self.rng.sample(tails, _EACH):
            yield Query(kind, SearchRequest(q=tail, facets=()), literal=tail)

    def _character(self, kind: str) -> Iterator[Query]:
        """From the commonest character to rare ones."""
        times = Counter(c for each in self.sample for c in set("".join(each.texts)))
        han = [c for c, _ in times.most_common() if [r.kind for r in runs(c)] == [RunKind.HAN]]
        for i in range(_EACH):
            one = han[min(len(han) - 1, 3 ** (i + 1) // 4)]
            yield Query(kind, SearchRequest(q=one, facets=()), literal=one)

    # -- words and more ------------------------------------------------------------------------

    def _month(self, kind: str) -> Iterator[Query]:
        for word in self._between(0.05, 0.5):
            number = self.rng.randrange(self.count)
            month = str(corpus.Corpus(self.count, self.seed).chat(number)["created_at"])[:7]
            query = self._of(kind, word, more=f"date:{month}")
            yield dataclasses.replace(query, month=month)

    def _agent(self, kind: str) -> Iterator[Query]:
        for word in self._between(0.05, 0.5):
            agent = str(self.rng.choice(corpus.agents())["id"])
            query = self._of(kind, word, more=f"agent:{agent}")
            yield dataclasses.replace(query, agent=agent)

    def _newest(self, kind: str) -> Iterator[Query]:
        for word in self._common_words():
            query = self._of(kind, word)
            request = dataclasses.replace(query.request, sort="newest")
            yield dataclasses.replace(query, request=request, newest=True)

    def _facets(self, kind: str) -> Iterator[Query]:
        for word in self._common_words():
            query = self._of(kind, word)
            request = dataclasses.replace(query.request, facets=None)
            yield dataclasses.replace(query, request=request, facets=True)

    def _not(self, kind: str) -> Iterator[Query]:
        common, middling = self._common_words(), self._between(0.01, 0.05)
        for word, other in zip(common, middling, strict=True):
            query = self._of(kind, word, more=f"-{other}")
            yield dataclasses.replace(query, excluded=(other,))

    # -- nothing -------------------------------------------------------------------------------

    def _nothing(self, kind: str) -> Iterator[Query]:
        for _ in range(_EACH):
            yield self._of(kind, "".join(self.rng.sample("qxzjvkw", 6)))

    def _nothing_quoted(self, kind: str) -> Iterator[Query]:
        """Strings that occur nowhere, though each of their pairs of characters occurs somewhere."""
        texts = [fold(text) for text in corpus.messages().texts]
        whole = "\n".join(texts)
        after: dict[str, set[str]] = {}
        for text in texts:
            for one, other in pairwise(text):
                after.setdefault(one, set()).add(other)
        made = 0
        while made < _EACH:
            chain = self._string(2)
            for _ in range(4):
                chain += self.rng.choice(sorted(after.get(chain[-1], {"的"})))
            if chain == chain.translate(_QUOTABLE) and chain not in whole:
                made += 1
                yield self._literally(kind, chain)

    def _of(self, kind: str, *words: str, more: str = "") -> Query:
        q = " ".join([*words, more]).strip()
        return Query(kind, SearchRequest(q=q, facets=()), words=tuple(words))

    def _literally(self, kind: str, text: str) -> Query:
        return Query(kind, SearchRequest(q=f'"{text}"', facets=()), literal=text)
