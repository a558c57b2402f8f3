"""How this browser wants the results to look: dense or roomy, with or without the preview.

A script sets the cookie (`static/choices.js`); the server writes the look into the page, so nothing
moves when the page is painted.
"""

from __future__ import annotations

from flask import Flask, request

COOKIE = "look"
"""The choices that are not the usual ones, with dots between them: `roomy`, `alone` (no
preview)."""


def install(app: Flask) -> None:
    """Give templates `look()`, classes of `<body>`."""
    app.jinja_env.globals["look"] = _classes


def _classes() -> str:
    chosen = request.cookies.get(COOKIE, "").split(".")
    density = ["roomy"] if "roomy" in chosen else []
    return " ".join(density + ([] if "alone" in chosen else ["previewing"]))
