"""Segmentation: Han text into words, by jieba. The only place that imports jieba.

jieba ranks and splits queries; it never decides what matches. So a wrong cut costs a place in
the list, never a chat.
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
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import jieba

from kchat_search.text.fold import fingerprint as fold_fingerprint
from kchat_search.text.fold import fold
from kchat_search.text.scripts import Kind, runs

# Its only error is a cache that it can't write, with a traceback; that costs a second each start.
jieba.setLogLevel(logging.CRITICAL)

_CACHE = "jieba.cache"

MAX_WORD = 256
"""Longer runs of letters are indexed by their first so many characters and an ellipsis, which no
run of letters contains: they are found by their beginning, and never taken for another word."""


_HUGE_FREQUENCY = re.compile(r"\s\d{19,}")  # jieba would fail at the first search, not at the start

_MAX_RUN = 256
"""Longer Han runs are cut here first: jieba's Viterbi copies its paths, so its time grows with the
square of a run: `jieba.lcut("很长" * 50_000)` takes about a minute. No sentence is as long without
a comma."""


class Segmenter:
    """jieba with one dictionary. Safe to share between threads."""

    def __init__(self, user_dict: Path | None = None, cache_dir: Path | None = None) -> None:
        """`user_dict` is a file in jieba's form («word [frequency] [tag]» a line, UTF-8); raises
        ValueError where it is not in UTF-8, or a frequency is no number to count with.

        `cache_dir` (made if missing) holds jieba's compiled dictionary; without one, or where it
        can't be written, it is compiled each time. It must be ours: jieba's default is a file in
        the world-writable temporary folder, which anybody could have left there, and which it
        loads unchecked.
        """
        self._tokenizer = jieba.Tokenizer()
        self._user_words = "" if user_dict is None else user_dict.read_text(encoding="utf-8-sig")
        if _HUGE_FREQUENCY.search(self._user_words):
            raise ValueError("a frequency has more than 18 digits")
        self._cache_dir = cache_dir
        self._lock = threading.Lock()
        self._ready = False
        self.fingerprint = self._fingerprint()

    def load(self) -> None:
        """Load the dictionary now (some 0.3 to 1 s) rather than at the first word."""
        with self._lock:
            if self._ready:
                return
            with TemporaryDirectory() as folder:
                self._initialize(Path(folder))
            # Its words are compared with folded text, so they are folded too.
            self._tokenizer.load_userdict([fold(line) for line in self._user_words.splitlines()])
            self._ready = True

    def split(self, han: str) -> list[str]:
        """A Han run cut into words, end to end: what a query asks for."""
        return self._cut(self._tokenizer.lcut, han)

    def words(self, texts: Iterable[str]) -> list[str]:
        """The words of folded messages for ranking, with repetitions: jieba's search mode on the
        Han runs (long words and the words inside them), and every run of letters and of digits.
        Nothing is dropped."""
        found: list[str] = []
        for text in texts:
            for run in runs(text):
                if run.kind is Kind.HAN:
                    found.extend(self._cut(self._tokenizer.lcut_for_search, run.text))
                elif run.kind is not Kind.OTHER:
                    found.append(indexed_word(run.text))
        return found

    def _initialize(self, folder: Path) -> None:
        """In a folder of its own, since jieba leaves half a cache behind on a full disk."""
        cache = folder / _CACHE
        kept = None if self._cache_dir is None else self._cache_dir / _CACHE
        if kept is not None:
            with suppress(OSError):
                shutil.copyfile(kept, cache)
        before = cache.stat().st_ino if cache.exists() else None
        self._tokenizer.tmp_dir = str(folder)
        self._tokenizer.initialize()
        if kept is not None and cache.exists() and cache.stat().st_ino != before:
            _keep(cache, kept)

    def _cut(self, cut: Callable[[str], list[str]], han: str) -> list[str]:
        self.load()
        pieces = (han[start : start + _MAX_RUN] for start in range(0, len(han), _MAX_RUN))
        return [word for piece in pieces for word in cut(piece) if word]

    def _fingerprint(self) -> str:
        """Names what the words depend on; another one means that the index must be built anew."""
        user = hashlib.sha256(self._user_words.encode()).hexdigest()[:16]
        return f"{fold_fingerprint()} jieba {version('jieba')} user-dict {user}"


def _keep(cache: Path, kept: Path) -> None:
    """Put a new compiled dictionary where the next start finds it, if that can be written."""
    new = kept.with_name(f"{_CACHE}.{os.getpid()}")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(cache, new)
        new.replace(kept)
    except OSError:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def indexed_word(word: str) -> str:
    """The form in which a run of letters stands in the index."""
    return word if len(word) <= MAX_WORD else word[:MAX_WORD] + "…"
