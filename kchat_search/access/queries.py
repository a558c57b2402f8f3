"""A search as the audit records it: the query string that asks for it."""

from __future__ import annotations

import dataclasses

from kchat_search.models.search import SearchRequest, Within
from kchat_search.text.fold import without_surrogates

_PLAIN = SearchRequest()
_SHOWN_ONLY = ("filters", "facets", "snippets", "related")
"""What changes how much is shown, and not what is found; and the filters, which come apart."""


def query_string(request: SearchRequest) -> str:
    """What was asked, in the API's names, each value as it was typed: `q=退款&agent_id=2192`. So an
    auditor reads it, and finds it by its words; of all characters only `%`, `&` and `+` are escaped
    in values. What was not given is left out, but for `q`."""
    pairs = [("q", request.q)]
    pairs += [(name, value) for name, values in request.filters.items() for value in values]
    for field in dataclasses.fields(request):
        value = getattr(request, field.name)
        if field.name not in ("q", *_SHOWN_ONLY) and value != getattr(_PLAIN, field.name):
            pairs.append((field.name, str(value).lower() if value is True else str(value)))
    return "&".join(f"{name}={_escaped(value)}" for name, value in pairs)


def read_from(q: str, find: str, within: Within | None) -> str:
    """From where a chat was read: the search among whose hits it was opened, else the query that is
    marked in it; and what was looked for in it. "" where there is none of these."""
    if within is not None:
        asked = query_string(
            dataclasses.replace(within.request, page=1, per_page=_PLAIN.per_page, cursor=None)
        )
    else:
        asked = query_string(SearchRequest(q=q)) if q else ""
    return "&".join(filter(None, (asked, find and f"find={_escaped(find)}")))


def _escaped(value: str) -> str:
    for character in "%&+":
        value = value.replace(character, f"%{ord(character):02X}")
    return without_surrogates(value)
