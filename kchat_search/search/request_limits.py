"""What a search may ask for: nothing that is not there, and not too much at once."""

from __future__ import annotations

from kchat_search.errors import BadRequest, LimitExceeded
from kchat_search.fields import FACETS, PARAMETERS
from kchat_search.models.search import (
    MAX_HITS_BY_PAGE,
    MAX_PER_PAGE,
    MAX_RELATED,
    MAX_SNIPPETS,
    SearchRequest,
)


def check_request(request: SearchRequest) -> None:
    """Raises `BadRequest` or `LimitExceeded`, which name the parameter."""
    if request.page < 1:
        raise BadRequest("page counts from 1", "page")
    if not 1 <= request.per_page <= MAX_PER_PAGE:
        text = f"per_page must be from 1 to {MAX_PER_PAGE}"
        raise LimitExceeded(text, "per_page", MAX_PER_PAGE)
    if not 0 <= request.snippets <= MAX_SNIPPETS:
        text = f"snippets must be from 0 to {MAX_SNIPPETS}"
        raise LimitExceeded(text, "snippets", MAX_SNIPPETS)
    if not 0 <= request.related <= MAX_RELATED:
        text = f"related must be from 0 to {MAX_RELATED}"
        raise LimitExceeded(text, "related", MAX_RELATED)
    if request.cursor is None and request.page * request.per_page > MAX_HITS_BY_PAGE:
        raise LimitExceeded(
            f"page reaches the first {MAX_HITS_BY_PAGE:,} hits; walk further with cursor",
            "page",
            MAX_HITS_BY_PAGE,
        )
    for name in request.filters:
        if name not in PARAMETERS:
            raise BadRequest(
                f"there is no filter {name!r}; there are {', '.join(PARAMETERS)}", name
            )
    for name in request.facets or ():
        if name not in FACETS:
            raise BadRequest(f"there is no facet {name!r}; there are {', '.join(FACETS)}", "facets")
