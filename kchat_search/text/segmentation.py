"""Segment Han text into words with jieba. Only this file imports jieba and rjieba.

The words serve ranking and the splitting of queries. They never decide what matches. So a wrong
word boundary can move a chat down in the list of results, but never remove it.

Where rjieba is installed, it does most of the work. It gives the same words in the same order, so
an index that was built with it can be used without it, and the other way round.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

import jieba
from jieba import finalseg

if TYPE_CHECKING:
    import rjieba

from kchat_search.text.fold import fingerprint as fold_fingerprint
from kchat_search.text.fold import fold
from kchat_search.text.scripts import indexable_runs

MAX_TOKEN_LENGTH = 256
"""Characters. A longer run of letters is indexed as its first `MAX_TOKEN_LENGTH` characters and an
ellipsis. No run of letters contains an ellipsis. So a long run is found by its beginning, and is
never taken for another word."""


# jieba accepts such a frequency when it starts, and fails at the first search.
_HUGE_FREQUENCY = re.compile(r"\s\d{19,}")

_SETTLED_SECONDS = 2
"""A file that changed less than this many seconds ago may be half written."""

_DICTIONARY_BYTES = 1 << 20
"""How much of jieba's dictionary is read at a time. As a whole, it would take 100 MB."""

_MAX_RUN = 256
"""Longer Han runs are first cut into pieces of this many characters. jieba's Viterbi copies its
paths, so its time grows with the square of the length: `jieba.lcut("很长" * 50_000)` takes about a
minute. No sentence is so long without a comma."""


_CACHED_ENTRIES = 16_384
"""How many Han runs each cache holds, with their words."""
_MAX_CACHED_RUN = 8
"""Only Han runs of at most this many characters are cached, because longer runs seldom occur again.
Measured: half of the Han runs of 1,000 dialogues are in the cache; with jieba, a chat takes a third
less time; all caches of this file together take 14 MB."""


_JIEBA_BLOCKS = re.compile("[\u4e00-\u9fd5]+|.")
"""jieba knows words of these characters only. Each other character is a word of its own."""
_NOT_JIEBA_HAN = re.compile("[^\u4e00-\u9fd5]")
_TWO_SINGLES = b"\1\1"
"""In the lengths of words: two characters side by side that no dictionary word joins."""


_State = tuple[str, bool]
"""A segmenter as it is sent to another process: (the user's words, may rjieba be used)."""


class _Cutter(Protocol):
    """Cuts at most `_MAX_RUN` Han characters into words: a jieba.Tokenizer, or `_RjiebaCutter`."""

    def lcut(self, han: str) -> list[str]: ...
    def lcut_for_search(self, han: str) -> list[str]: ...


class Segmenter:
    """jieba with one dictionary. Safe to share between threads."""

    def __init__(self, user_dict: Path | None = None, *, use_rjieba: bool = True) -> None:
        """Read the user's dictionary. jieba's own is loaded by `load`, or when it is first needed.

        `user_dict` is a file in jieba's format: «word [frequency] [tag]» a line, UTF-8.

        `use_rjieba` says whether rjieba may be used where it is installed. With a user dictionary
        it is never used, because it computes missing frequencies, and the sum of all frequencies,
        in another way than jieba. Measured with 300 words added: about ten of 20,000 runs with
        these words were cut differently.

        Raises ValueError if `user_dict` is not UTF-8 or has a frequency of more than 18 digits, and
        OSError if it cannot be read.
        """
        self._user_dict = user_dict
        self._stamp = _file_stamp(user_dict)
        self._rjieba_allowed = use_rjieba
        words = "" if user_dict is None else _read_user_words(user_dict)
        self.__setstate__((words, use_rjieba and not words.strip()))

    def __getstate__(self) -> _State:
        return self._user_words, self._may_use_rjieba

    def __setstate__(self, state: _State) -> None:
        """Another process loads the dictionary again, with the same words as in this process."""
        self._user_words, self._may_use_rjieba = state
        self._cutter: _Cutter | None = None
        self._lock = threading.Lock()
        self._reloading = threading.Lock()
        self._cached_search_words = lru_cache(_CACHED_ENTRIES)(self._search_words)
        self.fingerprint = self._make_fingerprint()

    @property
    def user_dictionary(self) -> Path | None:
        """The file of the user's words, if there is one."""
        return self._user_dict

    def user_dictionary_changed(self, now: float) -> bool:
        """Has the user's file changed since it was read, and been left alone for the last two
        seconds?

        `now` is in seconds since 1970. The cost is one `stat` of the file.
        """
        stamp = _file_stamp(self._user_dict)
        if stamp is None or stamp == self._stamp:
            return False
        return not 0 <= now - stamp[0] / 1e9 < _SETTLED_SECONDS

    def reload_user_dictionary(self, now: float) -> bool:
        """Read the user's words again if `user_dictionary_changed`. Answers whether the words
        differ from those before. The old dictionary is used until the new one is loaded.

        `now` is in seconds since 1970. Raises ValueError and OSError as the constructor does. Then
        the words stay as they were, and the same file is not tried again.
        """
        if not self._reloading.acquire(blocking=False):
            return False
        try:
            if self._user_dict is None or not self.user_dictionary_changed(now):
                return False
            self._stamp = _file_stamp(self._user_dict)
            words = _read_user_words(self._user_dict)
            if words == self._user_words:
                return False
            new = Segmenter.__new__(Segmenter)
            new.__setstate__((words, self._rjieba_allowed and not words.strip()))
            new.load()
            with self._lock:  # a first load that still runs would bring the old words back
                self._user_words, self._may_use_rjieba = new.__getstate__()
                # The cutter first: the new cache must hold words of the new dictionary only.
                self._cutter = new._cutter  # noqa: SLF001  # of the same class
                self._cached_search_words = lru_cache(_CACHED_ENTRIES)(self._search_words)
                self.fingerprint = new.fingerprint
            return True
        finally:
            self._reloading.release()

    def load(self) -> None:
        """Load the dictionary now and not at the first word. It takes 0.7 s with jieba, 0.15 s with
        rjieba."""
        self._loaded_cutter()

    def segment_han(self, han: str) -> list[str]:
        """Cut a Han run into words that, joined, are the run again. Used for queries."""
        return _cut_long_run(self._loaded_cutter().lcut, han)

    def tokens(self, texts: Iterable[str]) -> list[str]:
        """The tokens of folded messages for ranking, in order and with repetitions.

        They are the words of jieba's search mode for the Han runs (long words and the words inside
        them), and every run of letters or digits (see `index_token`). Nothing is dropped.

        Measured for a chat of 17 messages (CrossWOZ): 0.8 ms with jieba and 0.23 ms with rjieba at
        first, 0.6 and 0.11 ms when the caches are filled. An earlier version took 1.2 ms.
        """
        tokens: list[str] = []
        cached, cut = self._cached_search_words, self._loaded_cutter().lcut_for_search
        for text in texts:
            for han, other in indexable_runs(text):
                if other:
                    tokens.append(index_token(other))
                elif len(han) <= _MAX_CACHED_RUN:
                    tokens += cached(han)
                else:
                    tokens += cut(han) if len(han) <= _MAX_RUN else _cut_long_run(cut, han)
        return tokens

    def _search_words(self, han: str) -> list[str]:
        return _cut_long_run(self._loaded_cutter().lcut_for_search, han)

    def _loaded_cutter(self) -> _Cutter:
        if self._cutter is None:
            with self._lock:
                if self._cutter is None:
                    self._cutter = (
                        _rjieba_cutter() if self._may_use_rjieba else None
                    ) or self._load_jieba()
        return self._cutter

    def _load_jieba(self) -> _Cutter:
        tokenizer = jieba.Tokenizer()
        tokenizer.FREQ, tokenizer.total = _word_frequencies(tokenizer.get_dict_file())
        tokenizer.initialized = True  # so that jieba neither reads nor writes a cache
        # The user's words are compared with folded text, so they are folded too.
        tokenizer.load_userdict([fold(line) for line in self._user_words.splitlines()])
        cutter: _Cutter = tokenizer
        return cutter

    def _make_fingerprint(self) -> str:
        """What the words depend on. If it differs, the index must be built again."""
        user = hashlib.sha256(self._user_words.encode()).hexdigest()[:16]
        return f"{fold_fingerprint()} jieba {version('jieba')} user-dict {user}"


def _file_stamp(file: Path | None) -> tuple[int, int, int] | None:
    """What shows that a file changed: (time of change in ns, size in bytes, inode). None where
    there is no file."""
    if file is None:
        return None
    try:
        status = file.stat()
    except OSError:
        return None  # an editor may be replacing it; until the file is back, the words stay
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read_user_words(file: Path) -> str:
    words = file.read_text(encoding="utf-8-sig")
    if _HUGE_FREQUENCY.search(words):
        raise ValueError("a frequency has more than 18 digits")
    return words


def _word_frequencies(dictionary: BinaryIO) -> tuple[dict[str, int], int]:
    """(the frequency of each word of jieba's dictionary, and 0 for each beginning of a word; the
    sum of all), as `jieba.Tokenizer.gen_pfdict` makes them. `dictionary`: lines of «word frequency
    tag».

    jieba keeps the result in a file and loads that unchecked, so whoever can change the file
    changes the words. This reads only the package's own dictionary, and takes no longer: 0.9 of the
    time that jieba takes with either.
    """
    frequencies: dict[str, int] = {}
    total = 0
    with dictionary:
        while lines := dictionary.readlines(_DICTIONARY_BYTES):
            columns = b"".join(lines).decode().split()
            of_words = list(map(int, columns[1::3]))
            frequencies.update(zip(columns[::3], of_words, strict=True))
            total += sum(of_words)
    longer: Iterable[str] = frequencies
    while longer:
        beginnings = {word[:-1] for word in longer} - {""}
        longer = [beginning for beginning in beginnings if beginning not in frequencies]
        frequencies.update(dict.fromkeys(longer, 0))
    return frequencies, total


class _RjiebaCutter:
    """jieba's words, computed by rjieba where it does as jieba does, and by jieba for the rest.

    rjieba 0.2.2 alone does not give the words of jieba 0.42.1, for three reasons. Each is corrected
    here:

    - Its model for characters that no dictionary word joins is rounded to six decimals. Where
      several cuts have the same weight, rounding decides, and it takes another cut: for 812 of
      43,500 runs of one repeated character (伏伏伏伏伏 and the like). So jieba's own `finalseg`
      does that part. It needs no dictionary and no loading.
    - Its dictionary has the line «B超 3 n» once, jieba's has it twice. That makes the sum of all
      frequencies, from which every weight is computed, three less.
    - It joins neighbouring rare ideographs. In jieba, each of them is a word of its own.

    The rest is the best path through the dictionary, and rjieba finds it with the same arithmetic
    in the same order. Measured: no difference in 1,376,067 runs of twenty kinds, ties included.
    """

    def __init__(self, words: rjieba.Jieba) -> None:
        words.add_word("B超", 6, None)  # corrects the sum; no Han run contains this word
        self._cut_by_dictionary = words.cut
        self._search_by_dictionary = words.cut_for_search
        self._in_dictionary = words.has_word
        self._cached_unjoined = lru_cache(_CACHED_ENTRIES)(self._cut_unjoined)
        self._cached_inner = lru_cache(_CACHED_ENTRIES)(self._inner_words)

    def lcut(self, han: str) -> list[str]:
        """Like jieba.Tokenizer.lcut."""
        words: list[str] = []
        for block in _JIEBA_BLOCKS.findall(han):
            unjoined = ""
            for word in self._cut_by_dictionary(block, False):
                if len(word) == 1:
                    unjoined += word
                else:
                    if unjoined:
                        words += self._unjoined_words(unjoined)
                        unjoined = ""
                    words.append(word)
            words += self._unjoined_words(unjoined)
        return words

    def lcut_for_search(self, han: str) -> list[str]:
        """Like jieba.Tokenizer.lcut_for_search."""
        if _NOT_JIEBA_HAN.search(han):
            return self._with_inner_words(self.lcut(han))
        words = self._search_by_dictionary(han, False)
        lengths = bytes(map(len, words))
        start = lengths.find(_TWO_SINGLES)
        if start < 0:  # nothing for the model to join
            return words
        out: list[str] = []
        done = 0
        while start >= 0:
            end = start + 2
            while end < len(words) and lengths[end] == 1:
                end += 1
            out += words[done:start]
            out += self._with_inner_words(self._unjoined_words("".join(words[start:end])))
            done = end
            start = lengths.find(_TWO_SINGLES, done)
        return out + words[done:]

    def _with_inner_words(self, words: Iterable[str]) -> list[str]:
        """The words, and before each of them the dictionary words inside it."""
        expanded: list[str] = []
        for word in words:
            if len(word) > 2:
                expanded += self._cached_inner(word)
            expanded.append(word)
        return expanded

    def _unjoined_words(self, unjoined: str) -> Iterable[str]:
        """The words of characters that no dictionary word joins."""
        if len(unjoined) < 2:
            return unjoined
        return (self._cached_unjoined if len(unjoined) <= _MAX_CACHED_RUN else self._cut_unjoined)(
            unjoined
        )

    def _cut_unjoined(self, unjoined: str) -> tuple[str, ...]:
        # The dictionary word lost against its single characters. The model must not find it again.
        return tuple(unjoined if self._in_dictionary(unjoined) else finalseg.cut(unjoined))

    def _inner_words(self, word: str) -> tuple[str, ...]:
        pairs = [word[i : i + 2] for i in range(len(word) - 1)]
        triples = [word[i : i + 3] for i in range(len(word) - 2)] if len(word) > 3 else []
        return tuple(filter(self._in_dictionary, pairs + triples))


def _rjieba_cutter() -> _RjiebaCutter | None:
    """None where rjieba is missing, or where rjieba or jieba has a version that was not
    compared."""
    try:
        compared = version("jieba") == "0.42.1" and version("rjieba").startswith("0.2.")
        if not compared:
            return None
        import rjieba  # noqa: PLC0415  # takes 0.1 s, and is optional
    except (ImportError, PackageNotFoundError):
        return None
    return _RjiebaCutter(rjieba.Jieba())


def _cut_long_run(cut: Callable[[str], list[str]], han: str) -> list[str]:
    if len(han) <= _MAX_RUN:
        return cut(han)
    pieces = (han[start : start + _MAX_RUN] for start in range(0, len(han), _MAX_RUN))
    return [word for piece in pieces for word in cut(piece)]


def index_token(word: str) -> str:
    """The form that a run of letters has in the index (see `MAX_TOKEN_LENGTH`)."""
    return word if len(word) <= MAX_TOKEN_LENGTH else word[:MAX_TOKEN_LENGTH] + "…"
