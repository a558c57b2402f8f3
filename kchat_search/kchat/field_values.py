"""Parse the values of single fields: ids, numbers, texts, flags, uploads.

Only `normalize_person_id` refuses values of a wrong kind. The others make None, "" or JSON text of
them. Values that are nested deeper than `MAX_DEPTH` raise ValueError.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from kchat_search.chats.addresses import url_without_tokens
from kchat_search.kchat.json_codec import NotUnderstood, decode_text, encode, excerpt
from kchat_search.kchat.php_values import as_list, is_nothing
from kchat_search.kchat.upload_tokens import without_upload_tokens
from kchat_search.models.chats import Upload
from kchat_search.text.fold import without_surrogates

_MAX_ID = 2**63 - 1
_MAX_ID_LENGTH = 255
"""Characters."""
_MAX_EXACT_FLOAT = 2**53
"""Beyond this, a double no longer says which whole number was sent."""
_WHOLE_NUMBER = re.compile(r"([0-9]{1,25})(?:\.0+)?")
_SECONDS = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,9})?")
_DAY = 86_400
_JSON_BEGINS = ("{", "[")
_MAX_CACHED_TEXT = 32
"""Characters. Longer texts are seldom names."""


def normalize_person_id(value: object, field: str) -> str | None:
    """The one text form of the id of an agent, a visitor or a user.

    `290`, `290.0`, `"290"` and `"290.0"` all become «290». Other text is kept without the blanks
    around it. The answer is None for PHP's forms of nothing (`php_values`), 0 and "0": in the API,
    an id of 0 means «nobody», and the visitors 0 of different chats must not look like one person.

    Raises ValueError, which names `field`, for true, objects, lists, and more than 255 characters.
    """
    if is_nothing(value):
        return None
    if isinstance(value, bool | dict | list):
        raise NotUnderstood(f"{field} must be a number or a text, not {excerpt(encode(value))}")
    text = clean_text(integer_if_whole(value)).strip()
    if len(text) > _MAX_ID_LENGTH:
        raise NotUnderstood(f"{field} is longer than {_MAX_ID_LENGTH} characters")
    whole = _WHOLE_NUMBER.fullmatch(text)
    text = whole[1] if whole else text
    return text if text.strip("0") else None


def person_id_or_none(value: object) -> str | None:
    """`normalize_person_id`, but None for what cannot be an id."""
    try:
        return normalize_person_id(value, "id")
    except ValueError:
        return None


def parse_whole_id(value: object) -> int | None:
    """The id of a chat or a message, from 1 to 2**63-1. None for anything else."""
    if type(value) is int and 0 < value <= _MAX_ID:
        return value
    number: int | None = None
    if isinstance(value, str):
        whole = _WHOLE_NUMBER.fullmatch(value.strip())
        number = int(whole[1]) if whole else None
    elif isinstance(value, float):
        number = int(value) if value.is_integer() and abs(value) <= _MAX_EXACT_FLOAT else None
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    return number if number is not None and 1 <= number <= _MAX_ID else None


def parse_size(value: object) -> int | None:
    """A count, or a number of bytes or pixels, from 0 to 2**63-1. None for anything else."""
    zero = not isinstance(value, bool) and value in (0, "0")
    return 0 if zero else parse_whole_id(value)


def parse_seconds(value: object) -> float | None:
    """A duration in seconds, as a number or a text, up to a day. None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _SECONDS.fullmatch(value.strip()):
        return None
    seconds = float(value) if isinstance(value, str) or abs(value) < _DAY else -1.0
    return seconds if 0 <= seconds < _DAY else None


def integer_if_whole(value: object) -> object:
    """A float that is a whole number, as an integer. Any other value unchanged."""
    exact = isinstance(value, float) and value.is_integer() and abs(value) <= _MAX_EXACT_FLOAT
    return int(value) if exact and isinstance(value, float) else value


def parse_text(value: object) -> str:
    """The text as it was sent; PHP's forms of nothing as "". Other values as readable JSON without
    upload tokens."""
    if isinstance(value, str):
        return value
    if is_nothing(value):
        return ""
    return json.dumps(without_upload_tokens(value), ensure_ascii=False, separators=(",", ":"))


def clean_text(value: object) -> str:
    """`parse_text` for what is compared, counted and shown, not searched. Lone surrogates, which
    UTF-8 refuses, are replaced."""
    if type(value) is str:
        if value.isascii():
            return value
        if len(value) <= _MAX_CACHED_TEXT:
            return _cached_clean(value)
    return without_surrogates(parse_text(value))


_cached_clean = lru_cache(4096)(without_surrogates)
"""Names occur in every message, so their cleaned form is cached."""


def parse_flag(value: object) -> bool:
    """A boolean. As text, "", "0", "false", "no" and "null" are false."""
    if isinstance(value, str):
        return value.strip().lower() not in ("", "0", "false", "no", "null")
    return bool(value)


def parse_upload(value: object, upload_id: object) -> Upload | None:
    """The file of a message, or None.

    If a list is sent, the upload is its first object, with the names of all objects, so that a
    search for any of the names finds the chat. If only `upload_id` is sent, the upload has nothing
    but an id. Some PHP backends send the object or the list as a text that is its JSON.
    """
    if isinstance(value, str) and value.lstrip()[:1] in _JSON_BEGINS:
        try:
            value = decode_text(value)
        except ValueError:
            return None
    if not is_nothing(value) and not isinstance(value, dict | list):
        return None
    sent = as_list(value)
    sent = [value] if sent is None else sent
    objects: list[dict[str, Any]] = [item for item in sent if isinstance(item, dict) and item]
    own_id = person_id_or_none(upload_id)
    if not objects:
        return Upload(own_id, "", None, "", None) if own_id else None
    first = objects[0]
    names = [name for item in objects if (name := clean_text(item.get("name")))]
    url = first.get("url")
    return Upload(
        id=person_id_or_none(first.get("id")) or own_id,
        name=", ".join(names),
        size=parse_size(first.get("size")),
        type=clean_text(first.get("type")),
        url=clean_text(url_without_tokens(url)) if isinstance(url, str) and url.strip() else None,
        width=parse_size(first.get("width")),
        height=parse_size(first.get("height")),
        duration=parse_seconds(first.get("duration")),
    )
