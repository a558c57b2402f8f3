"""What may be typed at the cursor of the box, as JSON for our own script. Without it, the box works
as it is, and its help stands beside it."""

from __future__ import annotations

from flask import Blueprint, Response, request

from kchat_search.web.http import language, parameters
from kchat_search.web.http.current import program
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import json_answer

pages = Blueprint("suggest", __name__)


@pages.get("/suggest")
@needs("search")
def suggest() -> Response:
    """`start` and `end` are places in the query, in code points."""
    q, at = parameters.read_suggest(language.without_choice(request.args))
    found = program().suggest(q, at, language.current())
    response = json_answer(
        {
            "start": found.start,
            "end": found.end,
            "suggestions": [
                {
                    "insert": each.insert,
                    "label": each.label,
                    "hint": each.hint,
                    "count": each.count,
                }
                for each in found.found
            ],
        }
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response
