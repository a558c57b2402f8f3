"""What is shown of a file: its kind, its link, and whether a click may show it as an image."""

from __future__ import annotations

import pytest

from kchat_search.models.chats import Upload
from kchat_search.web.pages.uploads import shown_upload

ORIGINS = ("https://cdn.example", "https://img.example:8443", "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("kind", "name", "message_type", "expected"),
    [
        ("jpg", "a", "chat.upload", ("image", "jpg")),
        ("JPEG", "a", "", ("image", "jpeg")),
        (".png", "a", "", ("image", "png")),
        ("image/webp", "a", "", ("image", "webp")),
        ("", "a.gif", "", ("image", "gif")),
        ("", "a", "chat.image", ("image", "")),
        ("", "jpg", "", ("file", "")),
        ("svg", "a.png", "", ("file", "svg")),
        ("pdf", "a.png", "", ("file", "pdf")),
        ("amr", "a", "", ("voice", "amr")),
        ("", "", "chat.voice", ("voice", "")),
        ("mp4", "", "chat.upload", ("video", "mp4")),
        ("video/quicktime", "", "chat.video", ("video", "quic")),
        ("<b>", "", "", ("file", "")),
    ],
)
def test_the_kind_of_a_file(
    kind: str, name: str, message_type: str, expected: tuple[str, str]
) -> None:
    shown = shown_upload(Upload("1", name, None, kind, None), message_type, ())
    assert (shown.kind, shown.extension) == expected


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://cdn.example/a", True),
        ("https://CDN.example:443/a", True),
        ("https://img.example:8443/a.png?x=1", True),
        ("http://127.0.0.1:9/a", True),
        ("http://cdn.example/a", False),
        ("https://cdn.example:444/a", False),
        ("https://img.example/a", False),
        ("https://cdn.example.evil/a", False),
        ("https://cdn.example@evil.example/a", False),
        ("https://evil.example@cdn.example/a", False),
        ("https://cdn.example\\.evil.example/a", False),
        ("https://evil.example/?https://cdn.example/a", False),
        ("//cdn.example/a", False),
        ("javascript:https://cdn.example/a", False),
        (None, False),
    ],
)
def test_only_an_image_of_an_allowed_origin_may_be_shown(url: str | None, *, may: bool) -> None:
    image = Upload("1", "a.png", None, "png", url)
    assert shown_upload(image, "", ORIGINS).is_shown == may
    assert not shown_upload(image, "", ()).is_shown
    assert not shown_upload(Upload("1", "a.pdf", None, "pdf", url), "", ORIGINS).is_shown
