"""The files that a page loads.

Each script and style sheet of `static/` is small and has one purpose. A page would ask for fifteen
of them, so it loads two bundles: one script, one style sheet, made of them when the program starts.
A bundle has no comments and no blanks, which are a third of it. `BUNDLES` is the table of them.
"""

from __future__ import annotations

import hashlib
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from flask import Flask, Response, send_file
from rcssmin import cssmin
from rjsmin import jsmin

STATIC = Path(__file__).parents[1] / "static"
_YEAR_IN_SECONDS = 31_536_000
_FIRST_STYLES = ("base", "box")
_FIRST_SCRIPTS = ("load", "keys")
_LAST_SCRIPTS = ("app", "box")


class Bundle(NamedTuple):
    """What a kind of page loads beside that which all pages load, in this order."""

    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()


BUNDLES = {
    "plain": Bundle(("status",)),
    "home": Bundle(("search",)),
    "search": Bundle(
        ("search", "live"),
        ("hits", "results", "later", "choices", "sheet", "bars", "preview", "images"),
    ),
    "meant": Bundle(("search",), ("hits",)),
    "chat": Bundle(("chat", "messages"), ("later", "long", "find", "chat", "images")),
    "visitor": Bundle(("chat", "messages")),
    "versions": Bundle(("versions",)),
    "hot": Bundle(("status", "hot")),
    "saved": Bundle(("status", "access", "saved")),
    "status": Bundle(("status",), ("refresh",)),
    "access": Bundle(("status", "access")),
}
"""By the name that a template gives to `bundle`."""


def install(app: Flask) -> None:
    """Serve the bundles beside the files of `static/`, for ever: one that changed has another
    address. Templates get `asset(NAME)`, the address of a file, and `bundle(NAME, "css" or
    "js")`."""
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = _YEAR_IN_SECONDS
    bundles = _bundles()
    files = {path.name: path.read_bytes() for path in STATIC.iterdir()} | bundles
    digests = {name: hashlib.sha256(content).hexdigest()[:12] for name, content in files.items()}

    def static(filename: str) -> Response:
        if filename not in bundles:
            return app.send_static_file(filename)
        content = BytesIO(bundles[filename])
        return send_file(content, download_name=filename, etag=digests[filename])

    def asset(name: str) -> str:
        # Not by `url_for`: where `Host` can't be routed, it fails, and the refusal would be a 500.
        return f"{app.static_url_path}/{name}?v={digests[name]}"

    app.view_functions["static"] = static
    app.jinja_env.globals.update(asset=asset, bundle=lambda name, kind: asset(_file(name, kind)))


def _file(name: str, kind: str) -> str:
    return f"page-{name}.{kind}"


@cache
def _bundles() -> dict[str, bytes]:
    """The bundles, by their names as files. They are the same for all applications of a process."""
    made = {}
    for name, bundle in BUNDLES.items():
        scripts = (*_FIRST_SCRIPTS, *bundle.scripts, *_LAST_SCRIPTS)
        styles = (*_FIRST_STYLES, *bundle.styles)
        made[_file(name, "css")] = cssmin(_together(styles, "css")).encode()
        made[_file(name, "js")] = jsmin(_together(scripts, "js")).encode()
    return made


def _together(names: tuple[str, ...], kind: str) -> str:
    return "\n".join((STATIC / f"{name}.{kind}").read_text("utf-8") for name in names)
