"""The shapes of the audit's answers. See `schemas`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from kchat_search.models.audit import Action
from kchat_search.serialization.schemas import Url

Moment = Annotated[str, Field(description="RFC 3339, with microseconds.", examples=[
    "2026-03-02T17:00:00.000000+08:00"])]  # fmt: skip


class AuditRowJson(TypedDict):
    """What somebody did."""

    number: Annotated[int, Field(description="From 1, without gaps.")]
    at: Annotated[Moment, Field(description="When it was written. It never goes back.")]
    clock: Annotated[
        Moment | None,
        Field(description="What the clock said, where it had been set back; else null."),
    ]
    principal: Annotated[
        str, Field(description="Who, for ever: `person:12`, `token:3`, `owner`; «»: nobody known.")
    ]
    name: Annotated[str, Field(description="Their name then; of a failed log-in, what was typed.")]
    address: Annotated[str, Field(description="From where; «» at the command line.")]
    action: Action
    object: Annotated[str, Field(description="What it was done to: `chat:290`, `person:12`.")]
    query: Annotated[str, Field(description="As it was asked.")]
    count: Annotated[int | None, Field(description="How many chats it found, or rows it gave.")]
    numbers: Annotated[
        int,
        Field(description="Whole private numbers that were looked up, by who sees them masked."),
    ]
    erased: Annotated[
        list[Literal["name", "query"]],
        Field(description="Texts that were erased by law; they are «»."),
    ]
    hash: Annotated[str, Field(description="SHA-256 over the row and the hash before it.")]


class AuditJson(TypedDict):
    """Rows of the audit, the newest first."""

    total: int
    rows: list[AuditRowJson]
    cursor: Annotated[str | None, Field(description="For the rows after these; null at the end.")]
    next: Url | None


class AuditProblemJson(TypedDict):
    """A row that is not what was recorded."""

    number: Annotated[int | None, Field(description="The row; null: no row can be named.")]
    text: str


class AuditCheckJson(TypedDict):
    """What a check of the audit found."""

    ok: bool
    rows: int
    head: Annotated[str, Field(description="The hash of the last row: write it down elsewhere.")]
    problems: list[AuditProblemJson]
