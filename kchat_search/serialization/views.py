"""From records to the JSON of the API. Pure but for the addresses, which depend on the request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from kchat_search.config import Settings
from kchat_search.models.chats import StoredReject
from kchat_search.models.reports import Coverage, Status, SyncReport
from kchat_search.models.search import (
    ChatView,
    FacetValue,
    Hit,
    QueryReading,
    SearchPage,
    SearchRequest,
    Snippet,
)
from kchat_search.serialization import schemas, status_schemas
from kchat_search.serialization.links import (
    api_url,
    chat_api_url,
    chat_page_url,
    next_request,
    previous_request,
    rejects_api_url,
)
from kchat_search.serialization.notes import Language, note_text
from kchat_search.serialization.times import rfc3339

Ranges = Iterable[tuple[int, int]]


def search_json(
    request: SearchRequest, page: SearchPage, settings: Settings, language: Language = "en"
) -> schemas.SearchJson:
    """The answer of `GET /api/v1/search`. `language` is that of the notes."""
    following = next_request(request, has_next=page.has_next, cursor=page.cursor)
    before = previous_request(request)
    return {
        "query": _query(page.query, language),
        "total": page.total,
        "page": page.page,
        "per_page": page.per_page,
        "next": api_url(following) if following else None,
        "previous": api_url(before) if before else None,
        "cursor": page.cursor,
        "hits": [_hit(hit, settings, request.q) for hit in page.hits],
        "facets": _facets(page),
        "coverage": coverage_json(page.coverage, settings),
        "took_ms": round(page.took_ms, 3),
    }


def _query(reading: QueryReading, language: Language) -> schemas.QueryJson:
    return {
        "q": reading.q,
        "understood": reading.understood,
        "match": reading.match,
        "all": reading.all,
        "sort": reading.sort,
        "notes": [{"code": note.code, "text": note_text(note, language)} for note in reading.notes],
        "parts": [{"text": part.text, "count": part.count} for part in reading.parts],
        "suggestions": [{"q": each.q, "total": each.total} for each in reading.suggestions],
        "cuts": [
            {"parameter": cut.parameter, "part": cut.part, "q": cut.q, "total": cut.total}
            for cut in reading.cuts
        ],
        "without_filters": reading.without_filters,
    }


def _hit(hit: Hit, settings: Settings, q: str) -> schemas.HitJson:
    return {
        "chat": _summary(hit, settings),
        "score": hit.score,
        "snippets": [_snippet(snippet, settings) for snippet in hit.snippets],
        "links": _links(hit.chat.id, settings, q),
    }


def _summary(hit: Hit, settings: Settings) -> schemas.ChatSummaryJson:
    chat = hit.chat
    return {
        "id": chat.id,
        "type": chat.type,
        "started_by": chat.started_by,
        "status": chat.status,
        "agent_id": chat.agent_id,
        "agent_name": hit.agent_name,
        "rating": chat.rating,
        "visitor_id": chat.visitor_id,
        "visitor_name": hit.visitor_name,
        "user_id": chat.user_id,
        "created_at": rfc3339(chat.created_at, settings.zone),
        "assigned_at": rfc3339(chat.assigned_at, settings.zone),
        "end_at": rfc3339(chat.end_at, settings.zone),
        "message_count": len(chat.messages),
        "gone_at": rfc3339(hit.gone_at, settings.zone),
    }


def _snippet(snippet: Snippet, settings: Settings) -> schemas.SnippetJson:
    return {
        "message_id": snippet.message_id,
        "position": snippet.position,
        "name": snippet.name,
        "from": snippet.speaker,
        "created_at": rfc3339(snippet.created_at, settings.zone),
        "text": snippet.text,
        "highlights": list(snippet.highlights),
        "start": snippet.start,
        "cut": snippet.cut,
    }


def _links(chat_id: int, settings: Settings, q: str, base: str | None = None) -> schemas.LinksJson:
    return {
        "self": chat_api_url(chat_id, q, base),
        "html": chat_page_url(chat_id, q, base),
        "kchat": settings.chat_link(chat_id),
    }


def _facets(page: SearchPage) -> schemas.FacetsJson:
    found: dict[str, Any] = {}
    for name, values in page.facets.items():
        if name in ("created_month", "created_day"):
            found[name] = [{"value": value.value, "count": value.count} for value in values]
        else:
            found[name] = [_facet(value) for value in values]
    return cast("schemas.FacetsJson", found)


def _facet(value: FacetValue) -> schemas.FacetJson:
    return {"value": value.value, "label": value.label, "count": value.count}


def coverage_json(coverage: Coverage, settings: Settings) -> schemas.CoverageJson:
    """Can the answer be trusted to be of everything?"""
    return {
        "complete": coverage.complete,
        "chats": coverage.chats,
        "pending": coverage.pending,
        "rejected": coverage.rejected,
        "synced_at": rfc3339(coverage.synced_at, settings.zone),
    }


def chat_json(
    view: ChatView, settings: Settings, q: str, base: str | None = None
) -> schemas.ChatJson:
    """The answer of `GET /api/v1/chats/{id}`. `base`: `http://host/`, outside of a request."""
    zone = settings.zone
    return {
        "chat": dict(view.sent),
        "messages": [
            {
                "position": message.position,
                "message_id": message.id,
                "from": speaker,
                "created_at": rfc3339(message.created_at, zone),
                "highlights": list(view.highlights.get(message.position, ())),
            }
            for message, speaker in zip(view.chat.messages, view.speakers, strict=True)
        ],
        "agent_name": view.agent_name,
        "visitor_name": view.visitor_name,
        "version": view.version,
        "digest": view.digest,
        "first_seen_at": _time(view.first_seen_at, settings),
        "changed_at": _time(view.changed_at, settings),
        "gone_at": rfc3339(view.gone_at, zone),
        "links": _links(view.chat.id, settings, q, base),
    }


def agents_json(names: Mapping[str, str]) -> schemas.AgentsJson:
    """The answer of `GET /api/v1/agents`."""
    return {"agents": [{"id": key, "name": names[key]} for key in sorted(names)]}


def status_json(
    status: Status,
    reports: Iterable[SyncReport],
    rejects: Iterable[StoredReject],
    settings: Settings,
) -> status_schemas.StatusJson:
    """The answer of `GET /api/v1/status`, with these of the reports and rejects."""
    return {
        "archive": {
            "chats": status.counts.chats,
            "gone": status.counts.gone,
            "pending": status.counts.pending,
            "rejected": status.counts.rejected,
            "versions": status.counts.versions,
        },
        "index": {
            "engine": status.engine.engine,
            "generation": status.engine.generation,
            "documents": status.engine.documents,
            "size_bytes": status.engine.size_bytes,
            "segments": status.engine.segments,
            "current": status.index_current,
        },
        "coverage": coverage_json(status.coverage, settings),
        "last_sync": None if status.last_report is None else _report(status.last_report, settings),
        "reports": [_report(report, settings) for report in reports],
        "rejects": [_reject(stored, settings) for stored in rejects],
        "indexer": status.indexer,
        "timezone": status.timezone,
        "demo": status.demo,
        "months": dict(status.months),
    }


def _report(report: SyncReport, settings: Settings) -> status_schemas.ReportJson:
    return {
        "kind": report.kind,
        "started_at": _time(report.started_at, settings),
        "finished_at": _time(report.finished_at, settings),
        "seconds": round(report.seconds, 3),
        "seen": report.seen,
        "new": report.new,
        "changed": report.changed,
        "vanished": report.vanished,
        "rejected": report.rejected,
        "indexed": report.indexed,
        "retries": report.retries,
        "complete": report.complete,
        "notes": list(report.notes),
        "error": report.error,
    }


def rejects_json(
    page: int, per_page: int, total: int, found: Sequence[StoredReject], settings: Settings
) -> status_schemas.RejectsJson:
    """The answer of `GET /api/v1/rejects`. `found`: the page, and one more if there is one."""
    return {
        "total": total,
        "page": page,
        "per_page": per_page,
        "next": rejects_api_url(page + 1, per_page) if len(found) > per_page else None,
        "previous": rejects_api_url(page - 1, per_page) if page > 1 else None,
        "rejects": [
            {**_reject(stored, settings), "raw": stored.reject.raw or None}
            for stored in found[:per_page]
        ],
    }


def _reject(stored: StoredReject, settings: Settings) -> status_schemas.RejectJson:
    return {
        "chat_id": stored.reject.chat_id,
        "key": stored.reject.key,
        "reason": stored.reject.reason,
        "first_seen_at": _time(stored.first_seen_at, settings),
        "last_seen_at": _time(stored.last_seen_at, settings),
        "times": stored.times,
        "gone_at": rfc3339(stored.gone_at, settings.zone),
    }


def _time(moment: datetime, settings: Settings) -> str:
    text = rfc3339(moment, settings.zone)
    assert text is not None
    return text
