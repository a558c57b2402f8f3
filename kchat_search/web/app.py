"""create_app: puts the parts of the web together behind one gate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from flask import Flask
from flask_babel import Babel
from werkzeug.routing import IntegerConverter

from kchat_search import processor_time
from kchat_search.models.reports import Presentation
from kchat_search.models.search import MAX_HITS_BY_PAGE, MAX_QUERY_CHARACTERS
from kchat_search.ports import Clock
from kchat_search.serialization.alerts import alert_text
from kchat_search.serialization.links import chats_of_url, visitor_chats_url
from kchat_search.serialization.notes import note_text
from kchat_search.serialization.times import rfc3339
from kchat_search.web.api import metrics, openapi
from kchat_search.web.api import routes as api
from kchat_search.web.http import (
    compression,
    cookies,
    csrf,
    current,
    guard,
    language,
    permissions,
    problems,
    recording,
)
from kchat_search.web.http.forwarding import forwarded
from kchat_search.web.http.parameters import MAX_ID
from kchat_search.web.pages import (
    account,
    assets,
    audit,
    box,
    chat_page,
    elsewhere,
    formatting,
    header,
    hot,
    look,
    meant,
    people,
    saved,
    setup,
    sign_in,
    sign_in_code,
    similar,
    status,
    status_words,
    suggest,
    tokens,
    visitor,
)
from kchat_search.web.pages import routes as pages
from kchat_search.web.pages.uploads import shown_upload
from kchat_search.web.program import Gate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from werkzeug.routing import Map


def _utc_now() -> datetime:
    return datetime.now(UTC)


class _RowNumber(IntegerConverter):
    """`<int:number>` in a route: no database takes a larger one, so there is no such page."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=MAX_ID)


def create_app(gate: Gate, clock: Clock = _utc_now) -> Flask:
    """The WSGI application behind `gate`.

    `clock` tells the present time: it decides which days «the last 7 days» are. Raises
    `SettingsError` if the folder for the metrics of several processes can't be used, and
    `LookupError` for a route that does not say which permission it needs.
    """
    presentation = gate.presentation
    app = Flask(__name__)
    app.url_map.converters["int"] = _RowNumber
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    Babel(app, default_locale=language.DEFAULT, locale_selector=language.current)
    compression.install(app)  # added first, so it comes after all the others
    current.install(app, gate)
    cookies.install(app, gate)
    csrf.install(app)
    metrics.install(app)
    guard.install(app)
    problems.install(app)
    language.install(app)
    app.after_request(recording.settle)  # added last, so it comes before all the others
    _add_template_helpers(app, presentation)
    assets.install(app)
    look.install(app)
    header.install(app)
    box.install(app)
    every = timedelta(seconds=presentation.sync_interval_seconds)
    app.jinja_env.globals["stale"] = lambda coverage: status_words.stale(coverage, clock(), every)
    app.register_blueprint(api.blueprint(presentation, clock))
    app.register_blueprint(openapi.blueprint())
    app.register_blueprint(pages.blueprint(presentation, clock))
    app.register_blueprint(chat_page.pages)
    app.register_blueprint(hot.pages)
    app.register_blueprint(meant.pages)
    app.register_blueprint(saved.pages)
    app.register_blueprint(similar.pages)
    app.register_blueprint(visitor.pages)
    app.register_blueprint(setup.pages)
    app.register_blueprint(status.blueprint(clock))
    app.register_blueprint(suggest.pages)
    app.register_blueprint(sign_in.pages)
    app.register_blueprint(elsewhere.blueprint(clock))
    app.register_blueprint(sign_in_code.blueprint(clock))
    app.register_blueprint(account.blueprint(clock))
    app.register_blueprint(people.pages)
    app.register_blueprint(tokens.blueprint(clock))
    app.register_blueprint(audit.blueprint(presentation, clock))
    permissions.check_declared(app)
    answer = forwarded(app.wsgi_app, presentation.entrance)
    answer = _limited(answer, presentation.request_processor_seconds)
    app.wsgi_app = answer  # type: ignore[assignment,method-assign]  # Flask's way
    return app


def _limited(app: WSGIApplication, seconds: float) -> WSGIApplication:
    """`app`, where no request uses more processor time. The time of an export, which is made while
    it is sent, does not count."""

    def limited(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with processor_time.limited(seconds):
            return app(environ, start_response)

    return limited


def _add_template_helpers(app: Flask, presentation: Presentation) -> None:
    zone = presentation.zone
    app.jinja_env.filters.update(
        label=formatting.label,
        worded=formatting.worded,
        note_text=lambda note: note_text(note, language.current()),
        alert_text=lambda alert: alert_text(alert, language.current(), zone),
        marked=formatting.marked,
        linked=formatting.linked,
        shown_upload=lambda upload, message_type: shown_upload(
            upload, message_type, presentation.image_origins
        ),
        number=formatting.number,
        written_date=formatting.written_date,
        short_number=formatting.short_number,
        size=formatting.size,
        day=formatting.day,
        duration=formatting.duration,
        moment=lambda when: formatting.moment(when, zone),
        to_the_second=lambda when: formatting.to_the_second(when, zone),
        clock=lambda when: formatting.clock(when, zone),
        readable_json=formatting.readable_json,
        rfc3339=lambda when: rfc3339(when, zone),
    )
    app.jinja_env.globals.update(
        ngettext=formatting.with_written_numbers(app.jinja_env),
        chats_of=chats_of_url,
        visitor_chats_url=visitor_chats_url,
        LINK_REL=formatting.LINK_REL,
        MAX_HITS_BY_PAGE=MAX_HITS_BY_PAGE,
        MAX_QUERY_CHARACTERS=MAX_QUERY_CHARACTERS,
        demo=presentation.demo,
        timezone=zone.key,
    )
