"""Under which names people reach the program, once there are people: `KCHAT_PUBLIC_URL`.

Links and redirects name the host that a request names. So a `Host` of somebody else's would lead
people away, and is refused: where the setting is there, only its host is answered. `/healthz` and
`/readyz` are asked by machines, under any name, and say nothing.
"""

from __future__ import annotations

from flask import request
from flask_babel import gettext as _

from kchat_search.errors import RequestRefused
from kchat_search.models.people import Entrance
from kchat_search.web.http import this_machine
from kchat_search.web.http.forwarding import same_host

HEALTH = ("/healthz", "/readyz")
HSTS = f"max-age={2 * 365 * 24 * 3600}"
"""For two years, this host and no other: whether its sub-domains have https, we can't know."""


def check(entrance: Entrance) -> None:
    """Raises `HostMalformed` or `RequestRefused` for a host that is not ours."""
    host = str(request.environ.get("HTTP_HOST") or "")
    this_machine.check_form(request.environ)
    if entrance.public_url is None or request.path in HEALTH:
        return
    if not same_host(host, entrance.public_url):
        raise RequestRefused(
            _(
                "本服务的地址是 %(url)s（KCHAT_PUBLIC_URL），而这个请求的 Host 是「%(host)s」。"
                "请用前者打开；代理须把 Host 原样传来。",
                url=entrance.public_url,
                host=host[:100],
            )
        )
