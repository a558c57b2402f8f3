"""Cursors: where a walk through the hits goes on, as a text that clients send back unchanged.

By date, a cursor names the last hit by its time and id. So the walk is complete and without
duplicates, even while chats are added. By relevance, a cursor is an offset. A cursor belongs to one
search by one principal: with another query, filter or sort, and for who sees other chats, it is
refused, because it would be misread.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from typing import Annotated

from pydantic import Field, TypeAdapter

from kchat_search.errors import BadRequest
from kchat_search.models.search import SearchRequest

After = tuple[int, int]
_Number = Annotated[int, Field(ge=-(2**63), lt=2**63, strict=True)]
_Offset = Annotated[int, Field(ge=0, lt=2**63, strict=True)]
_CONTENT: TypeAdapter[tuple[str, int | After]] = TypeAdapter(
    tuple[str, _Offset | tuple[_Number, _Number]]
)


def encode(request: SearchRequest, position: int | After, bound_to: str) -> str:
    """The cursor for what follows `position`: an offset, or (created, id) of the last hit, where
    `created` is in seconds since 1970 UTC. `bound_to`: who asks, and what they see."""
    content = [_identity(request, bound_to), position]
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def decode(request: SearchRequest, cursor: str, bound_to: str) -> int | After:
    """The position that a cursor names, see `encode`.

    Raises `BadRequest` for a text that is no cursor, and for the cursor of another search, or of
    somebody else.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        content = base64.b64decode(padded, altchars=b"-_", validate=True)
        identity, position = _CONTENT.validate_json(content)
    except ValueError as error:  # not ASCII, not base64, not JSON, not of that form
        raise BadRequest("cursor is not one that a search gave", "cursor") from error
    by_date = request.sort != "relevance"
    if identity != _identity(request, bound_to) or by_date != isinstance(position, tuple):
        raise BadRequest(
            "cursor belongs to another search, or to another account: begin without it", "cursor"
        )
    return position


def _identity(request: SearchRequest, bound_to: str) -> str:
    asked = dataclasses.replace(
        request, page=1, per_page=1, cursor=None, facets=None, snippets=0, related=0
    )
    text = json.dumps([dataclasses.asdict(asked), bound_to], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
