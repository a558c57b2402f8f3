"""From a query string to a request to the program.

Invariant: no parameter is ignored. A parameter that is unknown, empty, out of range, or given twice
where one is meant is a `BadRequest` that names it. If a filter were ignored, the answer would have
more chats than the client asked for, and nobody would notice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl

from flask_babel import gettext as _
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
)
from pydantic_core import PydanticCustomError
from werkzeug.datastructures import MultiDict

from kchat_search import fields
from kchat_search.errors import BadRequest, LimitExceeded
from kchat_search.models.hot import DEFAULT_PERIOD, LONGEST_ID, Period
from kchat_search.models.plan import Sort
from kchat_search.models.search import (
    MAX_HITS_BY_PAGE,
    MAX_PER_PAGE,
    MAX_QUERY_CHARACTERS,
    MAX_RELATED,
    MAX_SIMILAR,
    MAX_SNIPPETS,
    SIMILAR,
    SearchRequest,
)
from kchat_search.serialization.export_formats import Format

MAX_ID = 2**63 - 1
MAX_VALUE_LENGTH = 200

_DIGITS = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?)"
    r"([Zz]|[ +-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)


def _whole_number(value: object) -> object:
    if isinstance(value, str):
        # pydantic alone would also accept «1.0», « 1» and «1_0»
        if not _DIGITS.fullmatch(value):
            raise PydanticCustomError("int_parsing", "not a whole number")
        return int(value)
    return value


def _flag(value: object) -> object:
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise PydanticCustomError("flag", "neither true nor false")
        return value == "true"
    return value


def _id_in_range(value: object) -> object:
    if isinstance(value, str) and value.isascii() and value.isdigit() and not _fits(value):
        raise PydanticCustomError("id_range", "id too large")
    return value


def _moment(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        if _DAY.fullmatch(value):
            date.fromisoformat(value)
            return value
        match = _TIME.fullmatch(value)
        if match:
            day, clock, zone = match.groups()
            # a «+» that is not escaped in the address arrives as a space
            text = f"{day}T{clock}{zone.replace(' ', '+').upper()}"
            datetime.fromisoformat(text)
            return text
    except ValueError:
        pass
    raise PydanticCustomError("moment", "neither a day nor a time")


def _comma_separated(value: object) -> object:
    if isinstance(value, list):
        return [part.strip() for item in value for part in item.split(",")]
    return value


def _fits(digits: str) -> bool:
    return len(digits.lstrip("0")) <= 19 and int(digits.lstrip("0") or "0") <= MAX_ID


if TYPE_CHECKING:
    _Facet = str
else:
    _Facet = Literal[(*fields.FACETS, "none")]
Number = BeforeValidator(_whole_number)
Flag = Annotated[bool, BeforeValidator(_flag)]
Value = Annotated[str, Field(min_length=1, max_length=MAX_VALUE_LENGTH)]
PersonId = Annotated[Value, BeforeValidator(_id_in_range)]
Moment = Annotated[
    str,
    BeforeValidator(_moment),
    Field(json_schema_extra={"examples": ["2016-01-01", "2016-01-01T08:00:00+08:00"]}),
]


_DEFAULTS = SearchRequest()


class _Words(BaseModel):
    """The words to search for."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    q: str = ""
    """What to look for, in the query language; at most 1,000 characters. Empty: every chat."""


def _filter(field: fields.Field) -> tuple[Any, Any]:
    """(type of the filter's parameter, its default and description), as pydantic wants them."""
    kind: Any = PersonId if field.person else Value
    if field.closed:
        kind = Literal[(*field.labels, fields.NONE)]
    if field.flag:
        kind = Flag
    if field.repeatable:
        return list[kind], Field(default_factory=list, description=field.description)
    return kind | None, Field(default=None, description=field.description)


if TYPE_CHECKING:
    _Filtered = _Words
else:
    _Filtered = create_model(
        "_Filtered",
        __base__=_Words,
        **{name: _filter(field) for name, field in fields.PARAMETERS.items()},
    )


class WhichChats(_Filtered):
    """The parameters that say which chats: the words, one parameter for each row of
    `kchat_search.fields`, and the time."""

    start: Moment | None = None
    """Created at or after this day, or RFC 3339 time."""
    end: Moment | None = None
    """Created on or before this day (it is included), or RFC 3339 time."""
    said_start: Moment | None = None
    """Some message that fulfils the query was said at or after this day, or RFC 3339 time."""
    said_end: Moment | None = None
    """Some message that fulfils the query was said on or before this day (it is included), or
    RFC 3339 time: the same message."""
    history: Flag = False
    """`true`: earlier versions and recalled messages are looked into too."""
    hot: Annotated[str, Field(min_length=1, max_length=LONGEST_ID)] | None = None
    """The `id` of a question of `/api/v1/hot`: only its chats."""
    unseen: Annotated[int, Field(ge=1), Number] | None = None
    """The number of a saved search of yours: only chats that it did not find when you saw it last.
    For people; a token has none."""


class SearchParameters(WhichChats):
    """The parameters of a search."""

    sort: Sort = "relevance"
    """`newest` and `oldest` order by the time of creation."""
    page: Annotated[int, Field(ge=1), Number] = 1
    """From 1. Pages reach 10,000 hits; use `cursor` to go further."""
    per_page: Annotated[int, Field(ge=1, le=MAX_PER_PAGE), Number] = _DEFAULTS.per_page
    """Hits on a page."""
    cursor: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    """The `cursor` of the last answer; the hits after it follow. Not together with `page`."""
    facets: Annotated[list[_Facet], BeforeValidator(_comma_separated)] | None = None
    """Which facets to count, separated by commas, or `none`. All, if not given. `created_day` is
    counted only if the hits lie within 92 days."""
    snippets: Annotated[int, Field(ge=0, le=MAX_SNIPPETS), Number] = _DEFAULTS.snippets
    """Matching messages for each hit."""
    related: Annotated[int, Field(ge=0, le=MAX_RELATED), Number] = _DEFAULTS.related
    """Chats with only some of the words, at most so many. They follow by relevance, where fewer
    than 20 chats have all of it; not behind a cursor."""


class RelatedParameters(WhichChats):
    """The parameters of the related chats alone."""

    snippets: Annotated[int, Field(ge=0, le=MAX_SNIPPETS), Number] = _DEFAULTS.snippets
    """Matching messages for each chat: one, unless it is 0."""
    related: Annotated[int, Field(ge=1, le=MAX_RELATED), Number] = _DEFAULTS.related
    """So many chats, at most."""


class ExportParameters(WhichChats):
    """The parameters of an export. An export has all the chats, so there are no pages."""

    sort: Literal["oldest", "newest"] = "oldest"
    """By the time of creation. Chats without one come before all others."""
    format: Format = "jsonl"
    """`jsonl`: one line for each chat, as `/api/v1/chats/{id}` answers. `csv`: one row for each
    message. `xlsx`: the same rows as an Excel workbook, with a sheet about the export."""


class HotParameters(BaseModel):
    """The parameters of the hot questions."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    period: Period = DEFAULT_PERIOD
    """The last 7, 30 or 90 days, today included, in the configured zone."""


class SuggestParameters(BaseModel):
    """The parameters of what may be typed at the cursor of a query."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    q: Annotated[str, Field(max_length=MAX_QUERY_CHARACTERS)]
    """The query, as far as it is typed."""
    at: Annotated[int, Field(ge=0, le=MAX_QUERY_CHARACTERS), Number]
    """The characters before the cursor."""


class SimilarParameters(BaseModel):
    """The parameters of the chats that are like one."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    limit: Annotated[int, Field(ge=1, le=MAX_SIMILAR), Number] = SIMILAR
    """So many chats, at most."""


class RejectParameters(BaseModel):
    """The parameters of the list of rejects."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    page: Annotated[int, Field(ge=1, le=1_000_000), Number] = 1
    """From 1."""
    per_page: Annotated[int, Field(ge=1, le=MAX_PER_PAGE), Number] = _DEFAULTS.per_page
    """Rejects on a page."""


class VersionsParameters(BaseModel):
    """The parameters of the versions of a chat."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    version: Annotated[int, Field(ge=0, le=999_999_999), Number] | None = None
    """Only this version. Not together with `page` or `per_page`."""
    page: Annotated[int, Field(ge=1, le=1_000_000), Number] = 1
    """From 1; the oldest versions first."""
    per_page: Annotated[int, Field(ge=1, le=MAX_PER_PAGE), Number] = _DEFAULTS.per_page
    """Versions on a page. Of a chat with thousands of messages, ask for few."""
    full: Flag = True
    """`false` leaves out `chat`. The whole chats of a page must not be longer than 8,388,608
    characters together, as Kchat sent them."""


REPEATABLE = frozenset({"facets", "action", *(f.name for f in fields.FIELDS if f.repeatable)})
Parameters = TypeVar("Parameters", bound=BaseModel)


def read_search_query(query: str) -> SearchRequest:
    """The search of a query string that stands somewhere else than in the address. Raises as
    `read_search` does."""
    return read_search(MultiDict(parse_qsl(query, keep_blank_values=True)))


def read_search(args: MultiDict[str, str]) -> SearchRequest:
    """The search that a query string asks for. Raises `BadRequest` and `LimitExceeded`."""
    parameters = read(args, SearchParameters)
    facets = None
    if parameters.facets is not None:
        facets = tuple(dict.fromkeys(name for name in parameters.facets if name != "none"))
        if facets and "none" in parameters.facets:
            raise BadRequest(_("facets 的 none 不能与其他值同时使用。"), "facets")
    if parameters.cursor is not None and "page" in args:
        raise BadRequest(_("cursor 与 page 不能同时使用。"), "cursor")
    if parameters.page * parameters.per_page > MAX_HITS_BY_PAGE:
        raise LimitExceeded(
            _(
                "page × per_page 最多到第 %(limit)s 个结果；要继续往后，请用 cursor。",
                limit=MAX_HITS_BY_PAGE,
            ),
            "page",
            MAX_HITS_BY_PAGE,
        )
    return _request(parameters, facets=facets)


def read_related(args: MultiDict[str, str]) -> SearchRequest:
    """The search whose related chats are asked for. Raises `BadRequest`."""
    return _request(read(args, RelatedParameters), per_page=1, facets=())


def read_which_chats(args: MultiDict[str, str]) -> SearchRequest:
    """The search whose chats by meaning are asked for. Raises `BadRequest`."""
    return _request(read(args, WhichChats))


def read_export(args: MultiDict[str, str]) -> tuple[SearchRequest, Format]:
    """(the search whose hits are exported, the format). Raises `BadRequest`."""
    parameters = read(args, ExportParameters)
    return _request(parameters), parameters.format


def read_hot(args: MultiDict[str, str]) -> Period:
    """The period whose hot questions are asked for. Raises `BadRequest`."""
    return read(args, HotParameters).period


def read_similar(args: MultiDict[str, str]) -> int:
    """So many chats that are like one, at most. Raises `BadRequest`."""
    return read(args, SimilarParameters).limit


def read_suggest(args: MultiDict[str, str]) -> tuple[str, int]:
    """(a query, the characters before the cursor in it). Raises `BadRequest`."""
    given = read(args, SuggestParameters)
    return given.q, min(given.at, len(given.q))


def read_rejects(args: MultiDict[str, str]) -> tuple[int, int]:
    """(the page of the rejects, from 1; rejects a page). Raises `BadRequest`."""
    parameters = read(args, RejectParameters)
    return parameters.page, parameters.per_page


def read(args: MultiDict[str, str], model: type[Parameters]) -> Parameters:
    """The parameters as a checked `model`. Raises `BadRequest` for the first that is wrong."""
    raw: dict[str, Any] = {}
    for name, values in args.lists():
        if name in REPEATABLE:
            raw[name] = values
        elif len(values) > 1 and name in model.model_fields:
            raise BadRequest(_("参数 %(name)s 只能出现一次。", name=name), name)
        else:
            raw[name] = values[0]
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise _refusal(error.errors(include_url=False)[0]) from None


def _request(parameters: WhichChats, **values: Any) -> SearchRequest:
    """The search of these parameters. `values` replace some of them. A value that is given twice
    counts once."""
    given = parameters.model_dump(exclude={"format", "facets"})
    filters = fields.chosen_filters({name: given.pop(name) for name in fields.PARAMETERS})
    return SearchRequest(**{**given, "filters": filters, **values})


def only(args: MultiDict[str, str], *names: str) -> dict[str, str]:
    """The values of the parameters `names`, by name; "" for one that is not given.

    Raises `BadRequest` for a parameter with another name, and for one that is given twice.
    """
    for name, values in args.lists():
        if name not in names:
            raise _unknown(name)
        if len(values) > 1:
            raise BadRequest(_("参数 %(name)s 只能出现一次。", name=name), name)
    return {name: args.get(name, "") for name in names}


def read_chat_id(text: str) -> int:
    """The id of a chat in a path. Raises `BadRequest` if it is no whole number, or too large."""
    if not (text.isascii() and text.isdigit() and _fits(text)):
        raise BadRequest(_("对话编号是 0 到 %(limit)s 的整数。", limit=MAX_ID), "id")
    return int(text.lstrip("0") or "0")


def read_offset(text: str, name: str = "offset") -> int:
    """How many rows of a list to skip; "" is 0. Raises `BadRequest` for the parameter `name`."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise BadRequest(_("%(name)s 必须是整数。", name=name), name)
    return int(text)


def read_versions(args: MultiDict[str, str]) -> tuple[int | None, bool, tuple[int, int]]:
    """(the version of a chat, None for a page of them; whether with the whole chat; (the page, from
    1; versions a page)). Raises `BadRequest`."""
    parameters = read(args, VersionsParameters)
    for name in ("page", "per_page"):
        if parameters.version is not None and name in args:
            raise BadRequest(_("version 与 page、per_page 不能同时使用。"), name)
    return parameters.version, parameters.full, (parameters.page, parameters.per_page)


def _unknown(name: str) -> BadRequest:
    return BadRequest(_("没有名为 %(name)s 的参数。", name=name[:100]), name[:100])


def _refusal(error: Mapping[str, Any]) -> BadRequest:
    """An error of pydantic, as a `BadRequest` in the language of the request."""
    name = str(error["loc"][0])
    context: Mapping[str, Any] = error.get("ctx", {})
    if error["type"] == "extra_forbidden":
        return _unknown(name)
    texts: dict[str, Callable[[], str]] = {
        "int_parsing": lambda: _("%(name)s 必须是整数。", name=name),
        "flag": lambda: _("%(name)s 只能是 true 或 false。", name=name),
        "moment": lambda: _(
            "%(name)s 必须是日期（如 2016-01-01）或 RFC 3339 时间"
            "（如 2016-01-01T08:00:00+08:00）。",
            name=name,
        ),
        "id_range": lambda: _("%(name)s 最大为 %(limit)s。", name=name, limit=MAX_ID),
        "greater_than_equal": lambda: _(
            "%(name)s 最小为 %(limit)s。", name=name, limit=context["ge"]
        ),
        "less_than_equal": lambda: _("%(name)s 最大为 %(limit)s。", name=name, limit=context["le"]),
        "string_too_short": lambda: _("%(name)s 不能为空；不需要就不要写。", name=name),
        "string_too_long": lambda: _(
            "%(name)s 最多 %(limit)s 个字符。", name=name, limit=context["max_length"]
        ),
        "literal_error": lambda: _(
            "%(name)s 只能是 %(choices)s。",
            name=name,
            choices=str(context["expected"]).replace("'", "").replace(" or ", ", "),
        ),
    }
    text = texts.get(error["type"])
    return BadRequest(text() if text else _("%(name)s 的值不对。", name=name), name)
