"""Records as JSON text.

Invariant: the text is valid JSON and valid UTF-8, whatever the chats contain.
"""

from __future__ import annotations

import json
import math
from typing import Any

from kchat_search.text.fold import without_surrogates


def json_text(content: Any) -> str:
    """JSON text. A number that JSON does not have (NaN, which some servers send) becomes null."""
    try:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        text = json.dumps(_finite(content), ensure_ascii=False, separators=(",", ":"))
    return without_surrogates(text)


def _finite(content: Any) -> Any:
    if isinstance(content, float) and not math.isfinite(content):
        return None
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return content
