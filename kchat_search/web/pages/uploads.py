"""What the chat page shows of a file: its kind, where its link leads, and whether a click may show
it as an image.

Pure. Invariant: an image may be shown only if its address has an origin that a setting allows. The
page has that address as a link and nothing else, so the browser loads nothing before the click.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from kchat_search.models.chats import Upload
from kchat_search.web.pages.text_links import whole_link

Kind = Literal["image", "voice", "video", "file"]

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("png", "jpg", "jpeg", "gif", "webp", "bmp", "avif"), "image"),
    **dict.fromkeys(("mp3", "amr", "wav", "m4a", "aac", "ogg", "opus", "silk"), "voice"),
    **dict.fromkeys(("mp4", "mov", "webm", "avi", "mkv", "3gp"), "video"),
}
"""By file extension. SVG is not an image here: it is a document."""
_BY_MESSAGE: dict[str, Kind] = {"chat.image": "image", "chat.voice": "voice", "chat.video": "video"}
_EXTENSION = re.compile(r"[A-Za-z0-9]{1,12}")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class ShownUpload:
    """A file of a message, ready to be shown."""

    kind: Kind
    extension: str
    """What its type is called, at most four characters; "" where nobody says it."""
    link: str | None
    """None where it has no address that may be a link."""
    host: str | None
    """Where the link leads."""
    is_shown: bool
    """May a click show it as an image?"""


def shown_upload(upload: Upload, message_type: str, origins: Collection[str]) -> ShownUpload:
    """What is shown of a file. `message_type`: the type of its message, which says what a file is
    that has no type. `origins`: those whose images a page may show."""
    extension = _extension(upload)
    kind = _KINDS.get(extension) or _BY_MESSAGE.get(message_type, "file")
    link, host = whole_link(upload.url) or (None, None)
    return ShownUpload(
        kind=kind,
        extension=extension[:4],
        link=link,
        host=host,
        is_shown=kind == "image" and link is not None and _origin(link) in origins,
    )


def _extension(upload: Upload) -> str:
    """The type of a file as an extension, in small letters: Kchat says «jpg», perhaps «.jpg» or
    «image/jpeg». If it says nothing, the name may."""
    of_name = upload.name.rpartition(".")[2] if "." in upload.name else ""
    said = (upload.type.rpartition("/")[2] or of_name).removeprefix(".").lower()
    return said if _EXTENSION.fullmatch(said) else ""


def _origin(link: str) -> str | None:
    """The origin of a link, without a default port; None for one that names a user."""
    parts = urlsplit(link)
    if "@" in parts.netloc:
        return None
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}"
