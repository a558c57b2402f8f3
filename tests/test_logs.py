"""The log in both forms: a line a record, whatever it carries, and nobody's words in it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from kchat_search import logs
from kchat_search.demo import DEMO_API_TOKEN
from kchat_search.demo.server import DemoServer
from tests.programs import SECONDS, environment, started
from tests.world import chat

HOSTILE = 'a\nb\r\x1b[31m\u2028\u0085\x00\ud800"\\'

Written = Callable[[], str]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """What goes to standard error; the loggers are as before afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    chatty = {name: logging.getLogger(name).level for name in ("apscheduler", "alembic")}
    yield lambda: capsys.readouterr().err
    root.handlers[:] = before
    root.setLevel(level)
    for name, known in chatty.items():
        logging.getLogger(name).setLevel(known)


def lines(written: Written) -> list[Any]:
    return [json.loads(line) for line in written().splitlines()]


def raised(error: Exception) -> Exception:
    """The error with the traceback of having been raised."""
    try:
        raise error
    except type(error) as caught:
        return caught


def test_a_record_is_an_object_with_its_extras(written: Written) -> None:
    logs.setup("INFO", "json")
    extra = {"kind": "tick", "chats": 3, "seconds": 0.5, "whole": True, "none": None, "ids": [1, 2]}
    logging.getLogger("kchat_search.sync").info("%d of %s", 3, "四", extra=extra)
    (found,) = lines(written)
    time = datetime.fromisoformat(found.pop("time"))
    assert time.utcoffset() == timedelta(0)
    assert isinstance(found.pop("process"), int)
    known = {"level": "INFO", "logger": "kchat_search.sync", "message": "3 of 四"}
    assert found == known | extra


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), {1, 2}, object(), {("a",): 1}], ids=str
)
def test_an_extra_that_json_does_not_have_is_its_text(written: Written, value: object) -> None:
    logs.setup("INFO", "json")
    logging.getLogger("x").info("m", extra={"odd": value})
    assert lines(written)[0]["odd"] == str(value)


def test_an_extra_never_hides_what_every_record_has(written: Written) -> None:
    logs.setup("INFO", "json")
    logging.getLogger("x").info("m", extra={"level": "none", "time": 7})
    (found,) = lines(written)
    assert (found["level"], found["extra_level"], found["extra_time"]) == ("INFO", "none", 7)


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_in_a_record_breaks_its_line(written: Written, form: logs.Form) -> None:
    logs.setup("INFO", form)
    logging.getLogger("x").info("%s", HOSTILE, extra={"odd": HOSTILE})
    text = written()
    text.encode("utf-8")
    assert text.endswith("\n")
    assert text[:-1].isprintable()
    assert len(text.splitlines()) == 1
    if form == "json":
        found = json.loads(text)
        assert found["message"] == found["odd"] == HOSTILE


def test_an_exception_is_text_in_a_field(written: Written) -> None:
    logs.setup("INFO", "json")
    error = raised(ZeroDivisionError("by " + HOSTILE))
    logging.getLogger("x").error("failed", exc_info=error, stack_info=True)
    (found,) = lines(written)
    assert found["exception"].startswith("Traceback (most recent call last):\n")
    assert found["exception"].endswith("ZeroDivisionError: by " + HOSTILE)
    assert found["stack"].startswith("Stack (most recent call last):\n")


def test_a_traceback_in_text_stands_below_its_line(written: Written) -> None:
    logs.setup("INFO")
    logging.getLogger("x").error("failed", exc_info=raised(ZeroDivisionError("by \x1b[31m")))
    found = written().splitlines()
    assert found[0].endswith("ERROR x: failed")
    assert found[1] == "Traceback (most recent call last):"
    assert found[-1] == r"ZeroDivisionError: by \x1b[31m"


@pytest.mark.parametrize(
    ("value", "shown"),
    [("tick", "tick"), (3, "3"), (None, "None"), ("a b", '"a b"'), ("", '""'), ("a=b", '"a=b"')],
)
def test_an_extra_in_text_is_one_word_after_the_message(
    written: Written, value: object, shown: str
) -> None:
    logs.setup("INFO")
    logging.getLogger("x").info("done", extra={"kind": value, "n": 1})
    assert written().endswith(f" INFO x: done kind={shown} n=1\n")


def test_setting_up_again_changes_form_and_level_and_nobody_elses_handler(
    written: Written,
) -> None:
    other = logging.NullHandler()
    logging.getLogger().addHandler(other)
    logs.setup("DEBUG", "text")
    logs.setup("WARNING", "json")
    logging.getLogger("x").info("unheard")
    logging.getLogger("x").warning("heard")
    assert [line["message"] for line in lines(written)] == ["heard"]
    assert other in logging.getLogger().handlers


@pytest.mark.parametrize("name", ["waitress", "waitress.queue", "apscheduler.scheduler", "alembic"])
def test_loggers_of_others_write_as_ours_do(written: Written, name: str) -> None:
    logs.setup("INFO", "json")
    logging.getLogger(name).info("%s", "much")
    logging.getLogger(name).error("%s", "little")
    chatty = not name.startswith("waitress")
    assert [line["message"] for line in lines(written)] == ["much", "little"][chatty:]


def ask(url: str) -> int:
    try:
        with urlopen(url, timeout=SECONDS) as answer:  # noqa: S310  # our own address
            answer.read()
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_server_and_indexer_log_alike_and_neither_logs_anybodys_words(
    kchat: DemoServer, tmp_path: Path, dictionary_cache: Path
) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "jieba.cache").write_bytes(dictionary_cache.read_bytes())
    private = ("秘密口令", quote("秘密"), "\\u79d8", "nobodys-query", DEMO_API_TOKEN)
    kchat.put(chat(126, "秘密口令在此", created_at="2016-03-20 11:00:00"))
    kchat.put(chat(127, "秘密口令在此", created_at="2016-03-20 soon"))  # becomes a reject
    settings = {"KCHAT_LOG_LEVEL": "DEBUG", "KCHAT_LOG_FORMAT": "json"}
    with started("serve", "--port", "0", kchat=kchat, folder=tmp_path, **settings) as running:
        address = running.wait_for("Open http").split()[1]
        running.wait_for("/apiv2/chats")  # the indexer asks Kchat, and its library says so
        for path in ("api/v1/search?q=", "?q=", "api/v1/export?q=", "chats/126?q=", "status?x="):
            for q in ("秘密口令", "nobodys-query", "nobodys-query " * 100):
                ask(address + path + quote(q))
        ask(address + "status")
        running.process.terminate()
        running.process.wait(SECONDS)
        running.end()
        found = [json.loads(line) for line in running.lines if not line.startswith("Open http")]
    assert len({line["process"] for line in found}) == 2
    for line in found:
        assert set(line) >= {"time", "level", "logger", "message", "process"}
        assert not [word for word in private if word in str(line)], line


def test_any_wsgi_server_has_its_log_in_the_form_that_is_set(
    tmp_path: Path, dictionary_cache: Path
) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "jieba.cache").write_bytes(dictionary_cache.read_bytes())
    ended = subprocess.run(
        [sys.executable, "-c", "import wsgi, logging; logging.getLogger('waitress').error('full')"],
        cwd=tmp_path,
        env=environment(None, KCHAT_LOG_FORMAT="json", PYTHONPATH=str(Path(__file__).parents[1])),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    (found,) = map(json.loads, ended.stderr.splitlines())
    assert (found["logger"], found["message"]) == ("waitress", "full")
