"""The hot questions as JSON: the answer of `GET /api/v1/hot`."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from kchat_search.models.hot import Days, HotPage, HotQuestion, TypicalMessage
from kchat_search.models.search import SearchRequest
from kchat_search.serialization import hot_schemas as schemas
from kchat_search.serialization.links import Links
from kchat_search.serialization.times import rfc3339


def hot_json(page: HotPage, zone: ZoneInfo, links: Links) -> schemas.HotJson:
    """The answer of `GET /api/v1/hot`. `zone`: of its times."""
    return {
        "state": page.state,
        "period": page.period,
        "start": page.days.start.isoformat(),
        "end": page.days.end.isoformat(),
        "before_start": page.days.before_start.isoformat(),
        "before_end": page.days.before_end.isoformat(),
        "made_at": rfc3339(page.made_at, zone),
        "total": page.total,
        "covered": page.covered,
        "questions": [_question(question, page.days, zone, links) for question in page.questions],
    }


def hot_search(question: HotQuestion, days: Days) -> SearchRequest:
    """The search that finds the question's chats of the period."""
    start, end = days.start.isoformat(), days.end.isoformat()
    return SearchRequest(hot=str(question.id), start=start, end=end, sort="newest")


def hot_search_before(question: HotQuestion, days: Days) -> SearchRequest:
    """The same for the period before."""
    start, end = days.before_start.isoformat(), days.before_end.isoformat()
    return SearchRequest(hot=str(question.id), start=start, end=end, sort="newest")


def _question(
    question: HotQuestion, days: Days, zone: ZoneInfo, links: Links
) -> schemas.HotQuestionJson:
    now, before = hot_search(question, days), hot_search_before(question, days)
    return {
        "id": str(question.id),
        "total": question.total,
        "before": question.before,
        "change": question.change,
        "words": list(question.words),
        "messages": [_message(message, zone, links) for message in question.messages],
        "links": {
            "self": links.search(now),
            "html": links.search_page(now),
            "before": links.search(before),
            "before_html": links.search_page(before),
        },
    }


def _message(message: TypicalMessage, zone: ZoneInfo, links: Links) -> schemas.TypicalMessageJson:
    snippet = message.snippet
    return {
        "chat_id": message.chat_id,
        "message_id": snippet.message_id,
        "position": snippet.position,
        "created_at": rfc3339(snippet.created_at, zone),
        "text": snippet.text,
        "html": links.message_page(message.chat_id, snippet),
    }
