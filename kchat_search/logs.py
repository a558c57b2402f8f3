"""How this process writes its log: on standard error, as text or as a JSON object a line.

Every logger's records go through one handler, so those of waitress and APScheduler look as ours do.
Invariants: whatever a record carries (line ends, escape sequences, lone surrogates, numbers that
JSON does not have), it is one line, but for a traceback in the text form; and what is given as
`extra=` is in it. Chats are private: no message, no query and no secret is ever logged.
"""

from __future__ import annotations

import json
import logging
import sys
from copy import copy
from datetime import UTC, datetime
from typing import Any, Literal

Form = Literal["text", "json"]

_OWN = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
"""What every record has; all else came by `extra=`. `taskName` is new in Python 3.12."""
_CHATTY = ("apscheduler", "alembic")
_ESCAPED = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_ESCAPED |= {code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0xD800, 0xE000))}


def setup(level: str, form: Form = "text") -> None:
    """Log from this level on, in this form. A second call changes both; handlers of others, such
    as a WSGI server's, stay."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    root = logging.getLogger()
    for before in root.handlers[:]:
        if isinstance(before.formatter, JsonLines | TextLines):
            root.removeHandler(before)
    root.addHandler(handler)
    root.setLevel(level)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)


class TextLines(logging.Formatter):
    """A line for a person: time, level, logger, message, then ` key=value` for each extra; a
    traceback below it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the traceback if there is one."""
        own = copy(record)
        own.exc_text = None  # another handler may have left it there, unescaped
        return super().format(own)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """The line, without a traceback."""
        extras = "".join(f" {name}={_word(value)}" for name, value in _extras(record).items())
        return (super().formatMessage(record) + extras).translate(_ESCAPED)

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's name
        """A traceback, line by line."""
        lines = super().formatException(ei).split("\n")
        return "\n".join(line.translate(_ESCAPED) for line in lines)


class JsonLines(logging.Formatter):
    """An object a line, in ASCII: `time` (RFC 3339, UTC), `level`, `logger`, `message`, `process`,
    each extra under its name, and `exception` and `stack` as text where there are any."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        known: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if record.exc_info:
            known["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            known["stack"] = record.stack_info
        for name, value in _extras(record).items():
            known[f"extra_{name}" if name in known else str(name)] = _json(value)
        return json.dumps(known)


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def _json(value: object) -> object:
    """The value, if JSON has it; else its text."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return str(value)
    return value


def _word(value: object) -> str:
    """The value in one word, in quotes if it would be several or none."""
    text = str(value)
    return text if text and text.isprintable() and not set(text) & set(' "=') else json.dumps(text)
