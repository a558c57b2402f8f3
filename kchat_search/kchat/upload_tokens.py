"""Removes what Kchat renews at will from a chat that it sent: upload tokens and signatures of
links.

Upload tokens must never be shown. Tokens and signatures also differ in each answer for the same
chat, so the digest of a chat leaves them out.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from kchat_search.chats.addresses import (
    TOKENS,
    parameter_pattern,
    url_without_tokens,
    without_parameters,
)
from kchat_search.kchat.json_codec import MAX_DEPTH, NotUnderstood, decode_text, encode

_TOKEN_KEYS = frozenset({"token", "oss_token"})
# Links to object stores are signed again for each request: the same file has another address.
_SIGNATURES = (
    r"ossaccesskeyid|awsaccesskeyid|expires|signature"
    r"|x-(?:oss|amz)-(?:signature|credential|date|expires|signature-version|algorithm)"
)
_RENEWED_PARAMETERS = parameter_pattern(f"{TOKENS}|{_SIGNATURES}")


def content_digest(value: object) -> str:
    """The SHA-256 (hex) of a sent chat's content. Equal digests mean that the chat did not change.

    The order of keys makes no difference. Neither does what Kchat renews at will: within an
    `upload`, the keys `token` and `oss_token`, and in the addresses there the parameters that are
    tokens or signatures. Anything else makes a difference.

    Raises ValueError where `value` is nested deeper than `MAX_DEPTH`.
    """
    return sha256(encode(stable_content(value), sort_keys=True).encode()).hexdigest()


def stable_content(value: object) -> object:
    """A copy of a JSON value without what Kchat renews at will. `content_digest` is computed from
    it.

    Raises ValueError where `value` is nested deeper than `MAX_DEPTH`.
    """
    return _cleaned(value, _without_renewed_parameters, all_levels=False, in_upload=False, depth=0)


def chat_without_upload_tokens(sent: str | dict[str, object]) -> dict[str, object]:
    """A copy of a sent chat that may be shown. `sent` is the chat as JSON text or as an object.

    The keys `token` and `oss_token` are removed at every depth. Addresses lose their token
    parameters. An address is a text within an `upload`, or under a key that ends in «url».
    Addresses keep their signatures, because a link to an object store does not work without one.
    The texts of messages stay letter for letter.

    Raises ValueError where `sent` is no JSON object or is nested deeper than `MAX_DEPTH`.
    """
    value = decode_text(sent) if isinstance(sent, str) else sent
    cleaned = without_upload_tokens(value)
    if not isinstance(cleaned, dict):
        raise NotUnderstood("not a JSON object")
    return cleaned


def without_upload_tokens(value: object) -> object:
    """`chat_without_upload_tokens` for any JSON value."""
    return _cleaned(value, url_without_tokens, all_levels=True, in_upload=False, depth=0)


def _without_renewed_parameters(url: str) -> str:
    return without_parameters(url, _RENEWED_PARAMETERS)


def _cleaned(
    value: object, clean_url: Callable[[str], str], *, all_levels: bool, in_upload: bool, depth: int
) -> object:
    """`in_upload`: this value is within an upload. `all_levels`: token keys are removed outside
    uploads too. `clean_url` cleans an address."""
    if depth > MAX_DEPTH:
        raise NotUnderstood(f"nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, str):
        return clean_url(value) if in_upload else value
    if isinstance(value, list):
        return [
            _cleaned(item, clean_url, all_levels=all_levels, in_upload=in_upload, depth=depth + 1)
            for item in value
        ]
    if isinstance(value, dict):
        return {
            key: _cleaned(
                item,
                clean_url,
                all_levels=all_levels,
                in_upload=in_upload
                or key == "upload"
                or (all_levels and key.lower().endswith("url")),
                depth=depth + 1,
            )
            for key, item in value.items()
            if not ((in_upload or all_levels) and key.lower() in _TOKEN_KEYS)
        }
    return value
