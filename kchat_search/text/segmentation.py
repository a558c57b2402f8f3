"""Segmentation: Han text into words, by jieba. The only place that imports jieba, or rjieba.

jieba ranks and splits queries; it never decides what matches. So a wrong cut costs a place in
the list, never a chat.

rjieba, where it is installed, does the larger part of the work. The words are the same, in the
same order, so an index built with it serves without it and the other way round.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

import jieba
from jieba import finalseg

if TYPE_CHECKING:
    import rjieba

from kchat_search.text.fold import fingerprint as fold_fingerprint
from kchat_search.text.fold import fold
from kchat_search.text.scripts import indexable_runs

# Its only error is a cache that it can't write, with a traceback; that costs a second each start.
jieba.setLogLevel(logging.CRITICAL)

_CACHE_NAME = "jieba.cache"

MAX_TOKEN_LENGTH = 256
"""Longer runs of letters are indexed by their first so many characters and an ellipsis, which no
run of letters contains: they are found by their beginning, and never taken for another word."""


_HUGE_FREQUENCY = re.compile(r"\s\d{19,}")  # jieba would fail at the first search, not at the start

_SETTLED_SECONDS = 2
"""A file that was changed less than so long ago may be half written."""

_MAX_RUN = 256
"""Longer Han runs are cut here first: jieba's Viterbi copies its paths, so its time grows with the
square of a run: `jieba.lcut("很长" * 50_000)` takes about a minute. No sentence is as long without
a comma."""


_CACHED_ENTRIES = 16_384
_MAX_CACHED_RUN = 8
"""People say the same again: the words of so many Han runs of up to so many characters are kept
(14 MB with all that is kept below). Half of the Han runs of 1,000 dialogues are among them, and
with jieba a chat takes a third less time. Longer runs seldom return."""


_JIEBA_BLOCKS = re.compile("[\u4e00-\u9fd5]+|.")
"""jieba has words of these characters alone; any other stands for itself."""
_NOT_JIEBA_HAN = re.compile("[^\u4e00-\u9fd5]")
_TWO_SINGLES = b"\1\1"
"""In the lengths of words: two characters side by side that no dictionary word joins."""


_State = tuple[str, Path | None, bool]
"""A segmenter as it travels to another process: (the user's words, where the cache is, fast)."""


class _Cutter(Protocol):
    """What cuts at most `_MAX_RUN` characters of Han: a jieba.Tokenizer, or `_RjiebaCutter`."""

    def lcut(self, han: str) -> list[str]: ...
    def lcut_for_search(self, han: str) -> list[str]: ...


class Segmenter:
    """jieba with one dictionary. Safe to share between threads."""

    def __init__(
        self,
        user_dict: Path | None = None,
        cache_dir: Path | None = None,
        *,
        use_rjieba: bool = True,
    ) -> None:
        """`user_dict` is a file in jieba's form («word [frequency] [tag]» a line, UTF-8); raises
        ValueError where it is not in UTF-8, or a frequency is no number to count with.

        `cache_dir` (made if missing) holds jieba's compiled dictionary; without one, or where it
        can't be written, it is compiled each time. It must be ours: jieba's default is a file in
        the world-writable temporary folder, which anybody could have left there, and which it
        loads unchecked.

        `use_rjieba` says whether rjieba may serve where it is installed. It does without a user
        dictionary only: it reckons missing frequencies and the sum of all otherwise than jieba,
        and with 300 words added, some ten of 20,000 runs that had them came out otherwise.
        """
        self._user_dict = user_dict
        self._stamp = _file_stamp(user_dict)
        self._rjieba_allowed = use_rjieba
        words = "" if user_dict is None else _read_user_words(user_dict)
        self.__setstate__((words, cache_dir, use_rjieba and not words.strip()))

    def __getstate__(self) -> _State:
        return self._user_words, self._cache_dir, self._may_use_rjieba

    def __setstate__(self, state: _State) -> None:
        """Another process loads the dictionary anew, with the same words as here."""
        self._user_words, self._cache_dir, self._may_use_rjieba = state
        self._cutter: _Cutter | None = None
        self._lock = threading.Lock()
        self._reloading = threading.Lock()
        self._cached_search_words = lru_cache(_CACHED_ENTRIES)(self._search_words)
        self.fingerprint = self._make_fingerprint()

    def user_dictionary_changed(self, now: float) -> bool:
        """Is the user's file another than the one that was read, and was left alone for the last
        seconds? Cost: one look at the file's entry. `now`: seconds since 1970."""
        stamp = _file_stamp(self._user_dict)
        if stamp is None or stamp == self._stamp:
            return False
        return not 0 <= now - stamp[0] / 1e9 < _SETTLED_SECONDS

    def reload_user_dictionary(self, now: float) -> bool:
        """Take the user's words from their file again where `user_dictionary_changed`; are they
        others now? Until the new dictionary is loaded, the old one serves.

        Raises ValueError and OSError as when it was made; then the words stay as they were, and
        the same file is not tried again.
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
            new.__setstate__((words, self._cache_dir, self._rjieba_allowed and not words.strip()))
            new.load()
            with self._lock:  # the first load may go on, and would bring the old words back
                self._user_words, self._cache_dir, self._may_use_rjieba = new.__getstate__()
                # In this order: what the new cache keeps is of the new dictionary.
                self._cutter = new._cutter  # noqa: SLF001  # one of us
                self._cached_search_words = lru_cache(_CACHED_ENTRIES)(self._search_words)
                self.fingerprint = new.fingerprint
            return True
        finally:
            self._reloading.release()

    def load(self) -> None:
        """Load the dictionary now (some 0.3 to 1 s, 0.15 s with rjieba) rather than at the first
        word."""
        self._loaded_cutter()

    def segment_han(self, han: str) -> list[str]:
        """A Han run cut into words, end to end: what a query asks for."""
        return _cut_long_run(self._loaded_cutter().lcut, han)

    def tokens(self, texts: Iterable[str]) -> list[str]:
        """The words of folded messages for ranking, with repetitions: jieba's search mode on the
        Han runs (long words and the words inside them), and every run of letters and of digits.
        Nothing is dropped.

        A chat of 17 messages (CrossWOZ) takes 0.8 ms with jieba and 0.23 ms with rjieba when it
        is new, and 0.6 and 0.11 ms once what people say often is kept. It was 1.2 ms.
        """
        found: list[str] = []
        for text in texts:
            for han, other in indexable_runs(text):
                if other:
                    found.append(index_token(other))
                elif len(han) <= _MAX_CACHED_RUN:
                    found += self._cached_search_words(han)
                else:
                    found += self._search_words(han)
        return found

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
        with TemporaryDirectory() as folder:
            self._initialize_tokenizer(tokenizer, Path(folder))
        # Its words are compared with folded text, so they are folded too.
        tokenizer.load_userdict([fold(line) for line in self._user_words.splitlines()])
        cutter: _Cutter = tokenizer
        return cutter

    def _initialize_tokenizer(self, tokenizer: jieba.Tokenizer, folder: Path) -> None:
        """In a folder of its own, since jieba leaves half a cache behind on a full disk."""
        cache = folder / _CACHE_NAME
        kept = None if self._cache_dir is None else self._cache_dir / _CACHE_NAME
        if kept is not None:
            with suppress(OSError):
                shutil.copyfile(kept, cache)
        before = cache.stat().st_ino if cache.exists() else None
        tokenizer.tmp_dir = str(folder)
        tokenizer.initialize()
        if kept is not None and cache.exists() and cache.stat().st_ino != before:
            _save_cache(cache, kept)

    def _make_fingerprint(self) -> str:
        """Names what the words depend on; another one means that the index must be built anew."""
        user = hashlib.sha256(self._user_words.encode()).hexdigest()[:16]
        return f"{fold_fingerprint()} jieba {version('jieba')} user-dict {user}"


def _file_stamp(file: Path | None) -> tuple[int, int, int] | None:
    """What tells a changed file: (when it was changed, in ns; its size; its number)."""
    if file is None:
        return None
    try:
        found = file.stat()
    except OSError:
        return None  # an editor may be replacing it; until it is back, the words stay
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read_user_words(file: Path) -> str:
    words = file.read_text(encoding="utf-8-sig")
    if _HUGE_FREQUENCY.search(words):
        raise ValueError("a frequency has more than 18 digits")
    return words


class _RjiebaCutter:
    """jieba's words, by rjieba for what it does as jieba does it and by jieba for the rest.

    Three things keep rjieba 0.2.2 alone from giving jieba 0.42.1's words, so each is done here:

    - Its model for the characters that no dictionary word joins is rounded to six decimals. Where
      several cuts weigh the same, which only rounding then decides, it takes another one: for
      812 of 43,500 runs of one character (伏伏伏伏伏 and the like). So that part is jieba's own
      `finalseg`, whose dictionary-free code needs no loading.
    - Its dictionary is jieba's, except that it has the line «B超 3 n» once and jieba twice. That
      makes the sum of all frequencies, from which every weight is reckoned, less by three.
    - It joins neighbouring rare ideographs, which for jieba each stand for themselves.

    What remains is the best way through the dictionary, and the same arithmetic in the same order
    finds it: no difference in 1,376,067 runs of twenty kinds, ties included.
    """

    def __init__(self, words: rjieba.Jieba) -> None:
        words.add_word("B超", 6, None)  # no Han run has it
        self._cut_by_dictionary = words.cut
        self._search_by_dictionary = words.cut_for_search
        self._in_dictionary = words.has_word
        self._cached_unjoined = lru_cache(_CACHED_ENTRIES)(self._cut_unjoined)
        self._cached_inner = lru_cache(_CACHED_ENTRIES)(self._inner_words)

    def lcut(self, han: str) -> list[str]:
        """Like jieba.Tokenizer.lcut."""
        found: list[str] = []
        for block in _JIEBA_BLOCKS.findall(han):
            unjoined = ""
            for word in self._cut_by_dictionary(block, False):
                if len(word) == 1:
                    unjoined += word
                else:
                    if unjoined:
                        found += self._unjoined_words(unjoined)
                        unjoined = ""
                    found.append(word)
            found += self._unjoined_words(unjoined)
        return found

    def lcut_for_search(self, han: str) -> list[str]:
        """Like jieba.Tokenizer.lcut_for_search."""
        if _NOT_JIEBA_HAN.search(han):
            return self._with_inner_words(self.lcut(han))
        found = self._search_by_dictionary(han, False)
        lengths = bytes(map(len, found))
        start = lengths.find(_TWO_SINGLES)
        if start < 0:  # nothing for the model to join
            return found
        out: list[str] = []
        done = 0
        while start >= 0:
            end = start + 2
            while end < len(found) and lengths[end] == 1:
                end += 1
            out += found[done:start]
            out += self._with_inner_words(self._unjoined_words("".join(found[start:end])))
            done = end
            start = lengths.find(_TWO_SINGLES, done)
        return out + found[done:]

    def _with_inner_words(self, words: Iterable[str]) -> list[str]:
        """Words, before each the words within it."""
        found: list[str] = []
        for word in words:
            if len(word) > 2:
                found += self._cached_inner(word)
            found.append(word)
        return found

    def _unjoined_words(self, unjoined: str) -> Iterable[str]:
        """The words in characters that no dictionary word joins."""
        if len(unjoined) < 2:
            return unjoined
        return (self._cached_unjoined if len(unjoined) <= _MAX_CACHED_RUN else self._cut_unjoined)(
            unjoined
        )

    def _cut_unjoined(self, unjoined: str) -> tuple[str, ...]:
        # A word that lost against its own characters is not to be found again by the model.
        return tuple(unjoined if self._in_dictionary(unjoined) else finalseg.cut(unjoined))

    def _inner_words(self, word: str) -> tuple[str, ...]:
        pairs = [word[i : i + 2] for i in range(len(word) - 1)]
        triples = [word[i : i + 3] for i in range(len(word) - 2)] if len(word) > 3 else []
        return tuple(filter(self._in_dictionary, pairs + triples))


def _rjieba_cutter() -> _RjiebaCutter | None:
    """None where rjieba is missing, or where it or jieba is not of a version that was compared."""
    try:
        compared = version("jieba") == "0.42.1" and version("rjieba").startswith("0.2.")
        if not compared:
            return None
        import rjieba  # noqa: PLC0415  # 0.1 s, and not everybody has it
    except (ImportError, PackageNotFoundError):
        return None
    return _RjiebaCutter(rjieba.Jieba())


def _cut_long_run(cut: Callable[[str], list[str]], han: str) -> list[str]:
    if len(han) <= _MAX_RUN:
        return cut(han)
    pieces = (han[start : start + _MAX_RUN] for start in range(0, len(han), _MAX_RUN))
    return [word for piece in pieces for word in cut(piece)]


def _save_cache(cache: Path, kept: Path) -> None:
    """Put a new compiled dictionary where the next start finds it, if that can be written."""
    new = kept.with_name(f"{_CACHE_NAME}.{os.getpid()}")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(cache, new)
        new.replace(kept)
    except OSError:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def index_token(word: str) -> str:
    """The form in which a run of letters stands in the index."""
    return word if len(word) <= MAX_TOKEN_LENGTH else word[:MAX_TOKEN_LENGTH] + "…"
