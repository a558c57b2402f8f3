"""create_app: the parts of the web put together over one service."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, url_for
from flask_babel import Babel

from kchat_search.ports import Clock
from kchat_search.serialization.notes import note_text
from kchat_search.serialization.safe_text import safe_link
from kchat_search.serialization.times import rfc3339
from kchat_search.web.api import metrics, openapi
from kchat_search.web.api import routes as api
from kchat_search.web.http import guard, language, problems
from kchat_search.web.pages import formatting
from kchat_search.web.pages import routes as pages

if TYPE_CHECKING:
    from kchat_search.service import Service

STATIC = Path(__file__).parent / "static"
_A_YEAR_IN_SECONDS = 31_536_000


def _present() -> datetime:
    return datetime.now(UTC)


def create_app(service: Service, clock: Clock = _present) -> Flask:
    """The WSGI application over `service`. `clock` tells what «the last 7 days» are."""
    app = Flask(__name__)
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = _A_YEAR_IN_SECONDS  # addresses carry a digest
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    Babel(app, default_locale=language.DEFAULT, locale_selector=language.current)
    metrics.install(app, service)
    guard.install(app)
    problems.install(app)
    language.install(app)
    _teach_templates(app, service)
    app.register_blueprint(api.blueprint(service, clock))
    app.register_blueprint(openapi.blueprint())
    app.register_blueprint(pages.blueprint(service, clock))
    return app


def _teach_templates(app: Flask, service: Service) -> None:
    zone = service.settings.zone
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in STATIC.iterdir()
    }
    app.jinja_env.filters.update(
        label=formatting.label,
        note_text=lambda note: note_text(note, language.current()),
        marked=formatting.marked,
        number=formatting.number,
        size=formatting.size,
        day=formatting.day,
        duration=formatting.duration,
        moment=lambda when: formatting.moment(when, zone),
        clock=lambda when: formatting.clock(when, zone),
        readable_json=formatting.readable_json,
        rfc3339=lambda when: rfc3339(when, zone),
        safe_link=safe_link,
    )
    app.jinja_env.globals.update(
        asset=lambda name: url_for("static", filename=name, v=digests[name]),
        demo=service.settings.demo,
        timezone=service.settings.timezone,
    )
