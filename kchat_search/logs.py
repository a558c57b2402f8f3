"""How this process writes its log: to standard error, one record a line, as text or as JSON.

All loggers write through one handler, so records of waitress and APScheduler look like ours.

Invariants:

- A record is one line, whatever it contains: line ends, escape sequences, lone surrogates, numbers
  that JSON does not have. Only a traceback in the text form takes more lines.
- The values of `extra=` are in the record.
- Chats are private: no message, query or secret is ever logged.
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
"""The attributes of every log record. All others came with `extra=`. `taskName` is new in Python
3.12."""
_CHATTY = ("apscheduler", "alembic")
_ESCAPED = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_ESCAPED |= {code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0xD800, 0xE000))}


def setup(level: str, form: Form = "text") -> None:
    """Log records of this level and above, in this form.

    `level` is a name of the `logging` module, such as INFO. A second call replaces both. Handlers
    of others, such as a WSGI server's, stay.
    """
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
    # It warns of each status that we ask for; what fails is raised, and told by who catches it.
    logging.getLogger("opensearch").setLevel(logging.ERROR)


class TextLines(logging.Formatter):
    """A line for a person: time, level, logger, message, then ` key=value` for each extra value.

    A traceback follows below the line.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the traceback if there is one."""
        own = copy(record)
        own.exc_text = None  # another handler may have cached it there without escapes
        return super().format(own)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """The line without a traceback."""
        extras = "".join(f" {name}={_word(value)}" for name, value in _extras(record).items())
        return (super().formatMessage(record) + extras).translate(_ESCAPED)

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's name
        """A traceback, with each of its lines escaped."""
        lines = super().formatException(ei).split("\n")
        return "\n".join(line.translate(_ESCAPED) for line in lines)


class JsonLines(logging.Formatter):
    """One JSON object a line, in ASCII.

    Its fields are `time` (RFC 3339, UTC), `level`, `logger`, `message`, `process` (the process id),
    each extra value under its name, and `exception` and `stack` as text where there are any. An
    extra value with the name of another field gets the prefix `extra_`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The object as JSON."""
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
    """The value if JSON can express it, else its text."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return str(value)
    return value


def _word(value: object) -> str:
    """The value as one word: in quotes if it has blanks, quotes or «=», or is empty."""
    text = str(value)
    return text if text and text.isprintable() and not set(text) & set(' "=') else json.dumps(text)
