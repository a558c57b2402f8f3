"""What a page of another site may ask: nothing but that the browser opens one of our pages.

Such a page can't read an answer, but it can time one. A search for a word that many chats have
takes longer, so the time tells what is in the archive. Browsers say where a request comes from
(https://www.w3.org/TR/fetch-metadata/), so a request of another site is refused before anything is
looked up. Tools such as curl send no such headers, and are answered.

A link on another site may still open a page. But whoever opens it by `window.open` sees when it has
come: our `Cross-Origin-Opener-Policy` then cuts its handle, and the handle is closed. So the first
answer to such a visit is always the same small page, which costs no look-up. That page opens the
address again. Now the request comes from our own page, and nobody else has a handle on the window.

Measured with Chromium 156: the times of two searches that differ by 300 ms differed by 300 ms for a
page that watches its handle. Prefetching by speculation rules is sent as `Sec-Fetch-Site: none`,
although another site asks for it. So speculative requests are refused, whoever they come from: the
browser asks again when somebody really opens the page.
"""

from __future__ import annotations

from flask import Request, Response
from flask_babel import gettext as _

from kchat_search.errors import RequestRefused
from kchat_search.web.http.api_paths import is_api_request
from kchat_search.web.http.rendering import page

_OWN = frozenset({"same-origin", "none"})
"""`none`: no page asked, but a person (an address typed, a bookmark)."""
_SPECULATION = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
DEPENDS_ON = (
    "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Purpose", "Origin", "Referer",
)  # fmt: skip
"""The headers of a request that decide here; every answer names them in `Vary`. Those that only
browsers before 2023 send are left out: what they decide is refused, and no refusal is stored."""


def check(request: Request) -> Response | None:
    """None if the request may be answered; the small page for a visit that another site began.

    Raises `RequestRefused` for every other request of another site, and for speculative ones.
    """
    headers = request.headers
    if any(name in headers for name in _SPECULATION):
        raise RequestRefused(_("本服务不回答预取的请求：打开页面时会重新请求。"))
    if not _is_foreign(request):
        return None
    if _opens_a_page(request):
        return page("opening.html")
    raise RequestRefused(
        _("另一个网站的页面请求了这个地址。别的网站只能用链接打开本服务的网页；请直接打开它。")
    )


def _is_foreign(request: Request) -> bool:
    """Did a page of another site ask for this?

    A browser that is too old for `Sec-Fetch-Site` may still say it by `Origin` or `Referer`. An
    unknown value counts as another site.
    """
    headers = request.headers
    own = f"{request.scheme}://{request.host}".lower()  # the host is without the default port
    origin, referer = headers.get("Origin"), headers.get("Referer")
    return (
        headers.get("Sec-Fetch-Site", "none") not in _OWN
        or (origin is not None and origin.lower() != own)
        or (bool(referer) and not f"{referer}/".lower().startswith(f"{own}/"))
    )


def _opens_a_page(request: Request) -> bool:
    """Is it a visit: a page, not a file of the API, that shall fill a tab, not a frame?

    A browser that is too old to say so is taken at its word that it wants HTML first.
    """
    headers = request.headers
    if request.method != "GET" or request.endpoint == "static" or is_api_request():
        return False
    if "Upgrade" in headers:  # a WebSocket has none of the headers but `Origin`
        return False
    if "Sec-Fetch-Site" in headers:
        visit = headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest")
        return visit == ("navigate", "document")
    return "Origin" not in headers and headers.get("Accept", "").startswith("text/html")
