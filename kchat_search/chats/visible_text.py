"""What of a message's body people saw: the one function that answers it.

Search, snippets, marks, pages and CSV use the visible text. The raw form stays in the archive, in
the API's chat and in the JSON Lines export.
"""

from __future__ import annotations

import re

from kchat_search.chats.html_text import html_text
from kchat_search.chats.json_texts import json_texts

# The vendor's apps show «转人工» for `{{转人工}}`, as a link (KF5SDK-Andriod2.0, `CustomTextView`,
# patternGetAgent; KF5SDK-iOS2.0, `KFContentLabelHelp`, regexBracket).
_BRACES = re.compile(r"\{\{([^{}\n]+)\}\}")


def visible_text(body: str) -> str:
    """What people saw of a message whose API field `msg` is `body`.

    - HTML: see `html_text`. A text that only looks like it stays as typed.
    - JSON, where the whole body is an object or a list: its texts for people, a line each. See
      `json_texts`. They may be HTML.
    - `{{…}}`, the vendor's own: what is inside.
    - Anything else, and what can't be parsed, as it is.

    Pure. The time grows with the length and no faster. Raises nothing, but `RequestTooExpensive`
    where a request may not take so long. Most messages cost 0.1 µs: they have none of the marks.
    """
    # One check for all of it, since nearly every message ends here.
    if "<" not in body and "&" not in body and "{" not in body and body.lstrip()[:1] not in _BEGIN:
        return body
    texts = json_texts(body, _shown) if body.lstrip()[:1] in _JSON else None
    return _shown(body) if texts is None else "\n".join(texts)


_JSON = ("{", "[", '"', "\ufeff")
_BEGIN = ("[", '"', "\ufeff")


def _shown(text: str) -> str:
    """What people saw of a text that is no JSON."""
    text = html_text(text)
    return _BRACES.sub(r"\1", text) if "{{" in text else text
