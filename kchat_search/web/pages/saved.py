"""The page of saved searches: each with its chats, and how many of them are new since it was seen.

Everything that changes is a form of its own, so it works without JavaScript. A link to a search is
its address: who gets it sees what they may see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.access.own_searches import OwnSearches
from kchat_search.errors import INDEX_SILENT, BadRequest, Forbidden, RequestTooExpensive
from kchat_search.models.saved import LONGEST_NAME, MOST_SEEN, NewHits, SavedSearch
from kchat_search.serialization import links
from kchat_search.web.http import current, typed_forms
from kchat_search.web.http.language import without_choice
from kchat_search.web.http.parameters import only, read_search_query
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import page
from kchat_search.web.pages.access_forms import errors_of

pages = Blueprint("saved", __name__)


@dataclass(frozen=True, slots=True)
class Row:
    """A saved search, as the page shows it."""

    saved: SavedSearch
    url: str
    new_url: str
    hits: NewHits | None
    """None where it can't be asked any more, or not in time."""


@pages.get("/saved")
@needs("own_searches")
def saved() -> BaseResponse:
    """The list; with `search`, also a form that gives this search a name."""
    given = only(without_choice(request.args), "search")["search"]
    if not given:
        return _page()
    asked = read_search_query(given)
    return _page({"search": links.search_query(asked), "name": asked.q[:LONGEST_NAME]})


@pages.post("/saved")
@needs("own_searches")
def save() -> BaseResponse:
    """Save the search whose query string is in the form."""
    query = request.form.get("search", "")
    try:
        asked = links.changed(read_search_query(query), unseen=None)
        kept = own().save(request.form.get("name", ""), links.search_query(asked), asked)
    except BadRequest as error:
        return _page(request.form, errors_of(error))
    flash(_("已保存「%(name)s」。", name=kept.name))
    return redirect("/saved", 303)


@pages.post("/saved/<int:number>/rename")
@needs("own_searches")
def rename(number: int) -> BaseResponse:
    """Give one another name."""
    try:
        own().rename(number, request.form.get("name", ""))
    except BadRequest as error:
        return _page(errors={f"name-{number}": errors_of(error)["name"]})
    flash(_("名称已修改。"))
    return redirect("/saved", 303)


@pages.post("/saved/<int:number>/seen")
@needs("own_searches")
def mark_seen(number: int) -> BaseResponse:
    """All that it finds now is seen."""
    mine = own()
    mine.mark_seen(number, read_search_query(mine.one(number).query))
    flash(_("已标为看过。"))
    return redirect("/saved", 303)


@pages.post("/saved/<int:number>/remove")
@needs("own_searches")
def remove(number: int) -> BaseResponse:
    """Remove one."""
    mine = own()
    name = mine.one(number).name
    mine.remove(number)
    flash(_("已删除「%(name)s」。", name=name))
    return redirect("/saved", 303)


def own() -> OwnSearches:
    """The saved searches of whoever asks."""
    return OwnSearches(current.access(), current.program(), current.principal(), current.recorder())


def _rows(mine: OwnSearches) -> list[Row]:
    """All of them. An index that says nothing may take long to do so, and is asked once."""
    rows: list[Row] = []
    silent = False
    for kept in mine.everything():
        try:
            rows.append(_row_without_hits(kept) if silent else _row(mine, kept))
        except INDEX_SILENT:
            silent = True
            rows.append(_row_without_hits(kept))
    return rows


def _row_without_hits(kept: SavedSearch) -> Row:
    return Row(kept, f"/?{kept.query}", "", None)


def _row(mine: OwnSearches, kept: SavedSearch) -> Row:
    try:
        asked = read_search_query(kept.query)
        hits = mine.new_hits(kept, asked)
        new_url = links.search_url(links.changed(asked, unseen=kept.id, sort="newest"))
    except (BadRequest, Forbidden, RequestTooExpensive):
        # Of a search that is no longer allowed or understood, the words and the address remain.
        return _row_without_hits(kept)
    return Row(kept, f"/?{kept.query}", new_url, hits)


def _page(
    typed: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> BaseResponse:
    mine = own()
    form = typed or typed_forms.take() or {}
    answer = page(
        "saved.html",
        rows=_rows(mine),
        typed_name=form.get("name", ""),
        typed_search=form.get("search", ""),
        errors=errors or {},
        LONGEST_NAME=LONGEST_NAME,
        MOST_SEEN=MOST_SEEN,
    )
    if errors:
        answer.status_code = 400
    return answer
