"""The last step of an answer: from a template to a page, from a dictionary to JSON.

Invariant: every answer is valid UTF-8, and valid JSON or HTML, whatever the chats contain.
"""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, render_template, request

from kchat_search.serialization.json_text import json_text
from kchat_search.serialization.links import Links
from kchat_search.serialization.safe_text import printable
from kchat_search.web.http import current


def page(template: str, **values: Any) -> Response:
    """The page that a template makes of these values."""
    html = printable(render_template(template, **values))
    return current_app.response_class(html, content_type="text/html; charset=utf-8")


def json_answer(content: Any) -> Response:
    """The answer with this content as JSON."""
    return current_app.response_class(json_text(content), content_type="application/json")


def absolute_links() -> Links:
    """Absolute addresses with the scheme and the host of the present request."""
    return Links(request.host_url, current.program().kchat_chat_url())
