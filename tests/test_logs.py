"""Both forms of the log: one line a record, whatever it contains, and no private text."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from kchat_search import logs

HOSTILE = 'a\nb\r\x1b[31m\u2028\u0085\x00\ud800"\\'

Written = Callable[[], str]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """What is written to standard error. Afterwards, the loggers are as they were before."""
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
    """The error with a traceback."""
    try:
        raise error
    except type(error) as caught:
        return caught


def test_a_record_is_an_object_with_its_extra_values(written: Written) -> None:
    logs.setup("INFO", "json")
    extra = {"kind": "tick", "chats": 3, "seconds": 0.5, "whole": True, "none": None, "ids": [1, 2]}
    logging.getLogger("kchat_search.sync").info("%d of %s", 3, "四", extra=extra)
    (logged,) = lines(written)
    time = datetime.fromisoformat(logged.pop("time"))
    assert time.utcoffset() == timedelta(0)
    assert isinstance(logged.pop("process"), int)
    known = {"level": "INFO", "logger": "kchat_search.sync", "message": "3 of 四"}
    assert logged == known | extra


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {1, 2}, object(), {("a",): 1}],
    ids=["nan", "infinity", "a set", "an object", "a tuple as key"],
)
def test_an_extra_value_that_json_cannot_express_is_written_as_its_text(
    written: Written, value: object
) -> None:
    logs.setup("INFO", "json")
    logging.getLogger("x").info("m", extra={"odd": value})
    assert lines(written)[0]["odd"] == str(value)


def test_an_extra_value_never_replaces_a_field_of_every_record(written: Written) -> None:
    logs.setup("INFO", "json")
    logging.getLogger("x").info("m", extra={"level": "none", "time": 7})
    (logged,) = lines(written)
    assert (logged["level"], logged["extra_level"], logged["extra_time"]) == ("INFO", "none", 7)


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_character_of_a_record_breaks_its_line(written: Written, form: logs.Form) -> None:
    logs.setup("INFO", form)
    logging.getLogger("x").info("%s", HOSTILE, extra={"odd": HOSTILE})
    text = written()
    text.encode("utf-8")
    assert text.endswith("\n")
    assert text[:-1].isprintable()
    assert len(text.splitlines()) == 1
    if form == "json":
        logged = json.loads(text)
        assert logged["message"] == logged["odd"] == HOSTILE


def test_in_json_an_exception_is_text_in_a_field(written: Written) -> None:
    logs.setup("INFO", "json")
    error = raised(ZeroDivisionError("by " + HOSTILE))
    logging.getLogger("x").error("failed", exc_info=error, stack_info=True)
    (logged,) = lines(written)
    assert logged["exception"].startswith("Traceback (most recent call last):\n")
    assert logged["exception"].endswith("ZeroDivisionError: by " + HOSTILE)
    assert logged["stack"].startswith("Stack (most recent call last):\n")


def test_in_text_a_traceback_follows_below_its_line(written: Written) -> None:
    logs.setup("INFO")
    logging.getLogger("x").error("failed", exc_info=raised(ZeroDivisionError("by \x1b[31m")))
    logged = written().splitlines()
    assert logged[0].endswith("ERROR x: failed")
    assert logged[1] == "Traceback (most recent call last):"
    assert logged[-1] == r"ZeroDivisionError: by \x1b[31m"


@pytest.mark.parametrize(
    ("value", "shown"),
    [("tick", "tick"), (3, "3"), (None, "None"), ("a b", '"a b"'), ("", '""'), ("a=b", '"a=b"')],
)
def test_in_text_an_extra_value_is_one_word_after_the_message(
    written: Written, value: object, shown: str
) -> None:
    logs.setup("INFO")
    logging.getLogger("x").info("done", extra={"kind": value, "n": 1})
    assert written().endswith(f" INFO x: done kind={shown} n=1\n")


def test_a_second_setup_changes_form_and_level_and_keeps_the_handlers_of_others(
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
def test_loggers_of_libraries_write_in_our_form(written: Written, name: str) -> None:
    logs.setup("INFO", "json")
    logging.getLogger(name).info("%s", "much")
    logging.getLogger(name).error("%s", "little")
    chatty = not name.startswith("waitress")
    assert [line["message"] for line in lines(written)] == ["much", "little"][chatty:]
