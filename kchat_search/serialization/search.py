"""A page of hits as JSON: the answer of `GET /api/v1/search`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from zoneinfo import ZoneInfo

from kchat_search import processor_time
from kchat_search.models.damage import DamagedRow
from kchat_search.models.search import (
    FacetValue,
    Hit,
    QueryReading,
    RelatedChat,
    SaidInstead,
    SearchPage,
    SearchRequest,
    SimilarPage,
    Snippet,
)
from kchat_search.serialization import search_schemas as schemas
from kchat_search.serialization.chats import links_json, participants_json
from kchat_search.serialization.links import Links, next_request, previous_request
from kchat_search.serialization.notes import Language, note_text
from kchat_search.serialization.status import coverage_json
from kchat_search.serialization.times import rfc3339


def search_json(
    request: SearchRequest,
    page: SearchPage,
    zone: ZoneInfo,
    links: Links,
    language: Language = "en",
) -> schemas.SearchJson:
    """The answer of `GET /api/v1/search`. `zone` is that of the times, `language` that of the
    notes."""
    following = next_request(request, has_next=page.has_next, cursor=page.cursor)
    before = previous_request(request)
    answer: schemas.SearchJson = {
        "query": _query(page.query, language),
        "total": page.total,
        "page": page.page,
        "per_page": page.per_page,
        "next": links.search(following) if following else None,
        "previous": links.search(before) if before else None,
        "cursor": page.cursor,
        "hits": [_hit(hit, zone, links, request.q) for hit in page.hits],
        "damaged": _damaged(page.damaged),
        "related": [_related(one, zone, links, request.q) for one in page.related],
        "related_total": page.related_total,
        "former": page.former,
        "facets": _facets(page),
        "coverage": coverage_json(page.coverage, zone),
    }
    if page.took_ms is not None:
        answer["took_ms"] = round(page.took_ms, 3)
    return answer


def related_json(
    request: SearchRequest,
    page: SearchPage,
    zone: ZoneInfo,
    links: Links,
    language: Language = "en",
) -> schemas.RelatedJson:
    """The answer of `GET /api/v1/related`, from the answer of the same search."""
    answer: schemas.RelatedJson = {
        "query": _query(page.query, language),
        "total": page.total,
        "related": [_related(one, zone, links, request.q) for one in page.related],
        "related_total": page.related_total,
        "damaged": _damaged(page.damaged),
        "coverage": coverage_json(page.coverage, zone),
    }
    if page.took_ms is not None:
        answer["took_ms"] = round(page.took_ms, 3)
    return answer


def similar_json(
    chat_id: int, found: SimilarPage, zone: ZoneInfo, links: Links
) -> schemas.SimilarJson:
    """The answer of `GET /api/v1/chats/{id}/similar`. `zone` is that of the times."""
    return {
        "id": chat_id,
        "similar": [_hit(hit, zone, links, "") for hit in found.hits],
        "damaged": _damaged(found.damaged),
    }


def _query(reading: QueryReading, language: Language) -> schemas.QueryJson:
    said = reading.said_instead
    return {
        "q": reading.q,
        "understood": reading.understood,
        "sort": reading.sort,
        "notes": [
            {"code": note.code, "text": note_text(note, language), "instead": note.instead}
            for note in reading.notes
        ],
        "parts": [{"text": part.text, "count": part.count} for part in reading.parts],
        "suggestions": [{"q": near.q, "total": near.total} for near in reading.suggestions],
        "cuts": [
            {"parameter": cut.parameter, "part": cut.part, "q": cut.q, "total": cut.total}
            for cut in reading.cuts
        ],
        "said_instead": None if said is None else _said_instead(said),
        "without_filters": reading.without_filters,
    }


def _said_instead(said: SaidInstead) -> schemas.SaidInsteadJson:
    return {
        "q": said.q,
        "said_start": said.said_start,
        "said_end": said.said_end,
        "total": said.total,
        "more": said.more,
    }


def _hit(hit: Hit, zone: ZoneInfo, links: Links, q: str) -> schemas.HitJson:
    processor_time.check()
    addresses = links_json(hit.chat.id, links, q)
    if hit.snippets and (version := hit.snippets[0].former) is not None:
        addresses["html"] = links.version_page(hit.chat.id, version)
    return {
        "chat": _summary(hit, zone),
        "score": hit.score,
        "snippets": [_snippet(snippet, zone) for snippet in hit.snippets],
        "links": addresses,
    }


def _related(
    one: RelatedChat, zone: ZoneInfo, links: Links, q: str
) -> schemas.RelatedHitJson | schemas.MeantHitJson:
    hit = _hit(one.hit, zone, links, q)
    if one.why == "meaning":
        return {**hit, "why": "meaning"}
    return {**hit, "why": "words", "has": list(one.has), "lacks": list(one.lacks)}


def _damaged(rows: Sequence[DamagedRow]) -> list[schemas.DamagedHitJson]:
    return [{"id": row.chat_id or 0, "problem": str(row)} for row in rows]


def _summary(hit: Hit, zone: ZoneInfo) -> schemas.ChatSummaryJson:
    chat = hit.chat
    return {
        "id": chat.id,
        "type": chat.type,
        "started_by": chat.started_by,
        "status": chat.status,
        "agent_id": chat.agent_id,
        "agent_name": hit.agent_name,
        "participants": participants_json(hit.participants),
        "rating": chat.rating,
        "visitor_id": chat.visitor_id,
        "visitor_name": hit.visitor_name,
        "user_id": chat.user_id,
        "created_at": rfc3339(chat.created_at, zone),
        "assigned_at": rfc3339(chat.assigned_at, zone),
        "end_at": rfc3339(chat.end_at, zone),
        "message_count": len(chat.messages),
        "gone_at": rfc3339(hit.gone_at, zone),
    }


def _snippet(snippet: Snippet, zone: ZoneInfo) -> schemas.SnippetJson:
    return {
        "message_id": snippet.message_id,
        "position": snippet.position,
        "name": snippet.name,
        "from": snippet.speaker,
        "created_at": rfc3339(snippet.created_at, zone),
        "text": snippet.text,
        "highlights": list(snippet.highlights),
        "start": snippet.start,
        "cut": snippet.cut,
        "reply": snippet.reply,
        "former": snippet.former is not None,
        "version": snippet.former,
    }


def _facets(page: SearchPage) -> schemas.FacetsJson:
    facets: dict[str, Any] = {}
    for name, values in page.facets.items():
        if name in ("created_month", "created_day"):
            facets[name] = [{"value": value.value, "count": value.count} for value in values]
        else:
            facets[name] = [_facet(value) for value in values]
    return cast("schemas.FacetsJson", facets)


def _facet(value: FacetValue) -> schemas.FacetJson:
    return {"value": value.value, "label": value.label, "count": value.count}
