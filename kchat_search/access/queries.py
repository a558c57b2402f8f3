"""A search as the audit records it: the query string that asks for it."""

from __future__ import annotations

import dataclasses

from kchat_search.models.search import SearchRequest
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


def _escaped(value: str) -> str:
    for character in "%&+":
        value = value.replace(character, f"%{ord(character):02X}")
    return without_surrogates(value)
