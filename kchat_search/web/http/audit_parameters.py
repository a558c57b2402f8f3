"""From a query string to what is asked of the audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field
from werkzeug.datastructures import MultiDict

from kchat_search.models.audit import Action, AuditFilter
from kchat_search.models.search import MAX_PER_PAGE
from kchat_search.serialization.audit import FileFormat, moments
from kchat_search.web.http.parameters import Flag, Moment, Number, Value, read

ROWS_A_PAGE = 50


class AuditParameters(BaseModel):
    """The parameters of the audit."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    since: Moment | None = None
    """On or after this day, or RFC 3339 time."""
    until: Moment | None = None
    """On or before this day (it is included), or RFC 3339 time."""
    who: Value | None = None
    """A user name, whatever its capitals; or a principal: `person:12`, `token:3`, `owner`."""
    action: list[Action] = Field(default_factory=list)
    """What was done. Repeat it for any of several."""
    object: Value | None = None
    """What it was done to: `chat:290`, `person:12`."""
    numbers: Flag = False
    """`true`: only rows of who looked up whole private numbers that they see masked."""
    cursor: Annotated[int, Field(ge=1), Number] | None = None
    """The `cursor` of the last answer; the rows after it follow."""
    per_page: Annotated[int, Field(ge=1, le=MAX_PER_PAGE), Number] = ROWS_A_PAGE
    """Rows on a page."""
    format: Literal["json", "jsonl", "csv"] = "json"
    """`jsonl` and `csv`: all rows, as a file."""


@dataclass(frozen=True, slots=True)
class AskedAudit:
    """What is asked of the audit."""

    wanted: AuditFilter
    before: int | None
    per_page: int
    file: FileFormat | None
    """None: a page, and no file."""


def read_audit(args: MultiDict[str, str], zone: ZoneInfo) -> AskedAudit:
    """What a query string asks for. Raises `BadRequest`."""
    given = read(args, AuditParameters)
    since, until = moments(given.since, given.until, zone)
    return AskedAudit(
        wanted=AuditFilter(
            since=since,
            until=until,
            who=given.who,
            actions=tuple(dict.fromkeys(given.action)),
            object=given.object,
            numbers=given.numbers,
        ),
        before=given.cursor,
        per_page=given.per_page,
        file=None if given.format == "json" else given.format,
    )
