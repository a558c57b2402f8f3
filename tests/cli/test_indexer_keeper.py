"""`serve` keeps an indexer running: pauses, reasons, and what the web server is told."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from kchat_search.cli.parent import LineReader
from kchat_search.cli.serve import IndexerKeeper, heed_interrupt, restart_pause, why_it_ended
from kchat_search.models.reports import Alert, Reason

NOW = datetime(2016, 3, 20, 4, tzinfo=UTC)
NO_FOLDER = {"text": "The folder can't be written.", "kind": "IndexUnwritable"}


class Life:
    """A process that says its lines, runs so many seconds and ends with a code."""

    def __init__(self, keeping: Keeping, seconds: float, code: int, *said: object) -> None:
        self._keeping, self._seconds, self._code = keeping, seconds, code
        out, into = os.pipe()
        with os.fdopen(into, "w") as pipe:
            pipe.writelines(json.dumps(each) + "\n" for each in said)
        self._out = out
        self.ended = False

    def lines(self) -> LineReader:
        return LineReader(self._out)

    def wait(self) -> int:
        self._keeping.seconds += self._seconds
        return self._code

    def end(self) -> None:
        self.ended = True

    def close(self) -> None:
        os.close(self._out)


class Keeping:
    """A keeper over these lives, in a time that passes by itself."""

    def __init__(
        self, *lives: tuple[float, int, list[object]], interrupted: threading.Event | None = None
    ) -> None:
        self.seconds = 0.0
        self.pauses: list[float] = []
        self.told: list[Alert | None] = []
        self._lives: Iterator[tuple[float, int, list[object]]] = iter(lives)
        self.keeper = IndexerKeeper(
            self._start,
            self.told.append,
            interrupted=interrupted,
            now=self.now,
            clock=lambda: self.seconds,
            pause=self._pause,
        )
        self.keeper.keep()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def _start(self) -> Life:
        life = next(self._lives, None)
        if life is None:
            self.keeper.stop()
            return Life(self, 0, 0)
        seconds, code, said = life
        if code == 999:
            raise OSError(12, "Cannot allocate memory")
        return Life(self, seconds, code, *said)

    def _pause(self, stopping: threading.Event, seconds: float) -> None:
        assert not stopping.is_set()
        self.pauses.append(seconds)
        self.seconds += seconds


def test_the_pauses_grow_to_five_minutes_and_begin_again_after_a_long_life() -> None:
    short: tuple[float, int, list[object]] = (1.0, 75, [])
    long: tuple[float, int, list[object]] = (301.0, 75, [])
    assert Keeping(*[short] * 9).pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert Keeping(short, short, short, long, short).pauses == [5, 10, 20, 5, 10]
    assert restart_pause(10**9) == 300


def test_the_web_server_is_told_how_often_why_and_when_the_next_try_is() -> None:
    kept = Keeping((1.0, 75, [{"ended": NO_FOLDER}]), (2.0, 75, [{"ended": NO_FOLDER}]))
    reason = Reason(**NO_FOLDER)
    since, second = NOW + timedelta(seconds=1), NOW + timedelta(seconds=8)
    assert kept.told == [
        Alert("indexer_ended", reason, since, 1, since + timedelta(seconds=5)),
        Alert("indexer_ended", reason, since, 1),  # it runs
        Alert("indexer_ended", reason, since, 2, second + timedelta(seconds=10)),
        Alert("indexer_ended", reason, since, 2),
    ]


@pytest.fixture
def _interrupts_as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interrupts_as_before")
def test_an_interrupt_is_known_before_it_is_let_through() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupted = heed_interrupt()
    assert not interrupted.is_set()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert interrupted.is_set()


@pytest.mark.usefixtures("_interrupts_as_before")
def test_who_was_started_to_ignore_interrupts_still_does() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupted = heed_interrupt()
    signal.raise_signal(signal.SIGINT)
    assert not interrupted.is_set()


def test_an_indexer_that_ends_because_all_of_serve_was_interrupted_has_not_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    interrupted = threading.Event()
    interrupted.set()
    kept = Keeping((1.0, -2, []), (1.0, -2, []), interrupted=interrupted)
    assert (kept.told, kept.pauses, caplog.text) == ([], [], "")


def test_what_an_indexer_says_while_it_runs_is_passed_on() -> None:
    failed = Alert("tick_failed", Reason("later", "KchatBusy"), NOW, 3, NOW)
    kept = Keeping((400.0, 75, [{"alert": failed.to_json()}, {"alert": None}]))
    assert kept.told[:2] == [failed, None]


def test_an_indexer_that_cannot_be_started_is_tried_again() -> None:
    kept = Keeping((0.0, 999, []), (0.0, 999, []))
    assert kept.pauses == [5, 10]
    assert kept.told[-1] is not None
    assert "Cannot allocate memory" in kept.told[-1].reason.text


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (-9, "SIGKILL ended it. If nobody sent it, the machine had no memory left"),
        (-11, "SIGSEGV ended it. Its files may be damaged: run kchat-search verify"),
        (-250, "signal 250"),
        (1, "exited with 1"),
    ],
)
def test_an_end_without_a_word_has_a_reason_all_the_same(code: int, says: str) -> None:
    assert says in why_it_ended(code).text


def test_lines_are_read_as_they_come() -> None:
    out, into = os.pipe()
    os.write(into, b"one\ntw")
    reader = LineReader(out)
    assert reader.line() == b"one"
    os.write(into, b"o\n\nrest")
    assert [reader.line(), reader.line()] == [b"two", b""]
    os.close(into)
    assert reader.line() is None
    os.close(out)
    assert LineReader(out).line() is None, "there is no such descriptor"
