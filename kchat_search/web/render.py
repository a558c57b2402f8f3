"""The last step to the wire: templates to pages, dictionaries to JSON.

Invariant: every answer is valid UTF-8 and valid JSON or HTML, whatever the chats contain.
"""

from __future__ import annotations

import json
import math
from typing import Any

from flask import Response, current_app, render_template

from kchat_search.text.fold import without_surrogates
from kchat_search.web.shown import printable


def page(template: str, **values: Any) -> Response:
    """A page made from a template."""
    html = printable(render_template(template, **values))
    return current_app.response_class(html, content_type="text/html; charset=utf-8")


def json_text(content: Any) -> str:
    """JSON text. A number that JSON does not have (NaN, which some servers send) becomes null."""
    try:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        text = json.dumps(_finite(content), ensure_ascii=False, separators=(",", ":"))
    return without_surrogates(text)


def json_answer(content: Any) -> Response:
    """An answer in JSON."""
    return current_app.response_class(json_text(content), content_type="application/json")


def _finite(content: Any) -> Any:
    if isinstance(content, float) and not math.isfinite(content):
        return None
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return content
